"""
Printed records (文书): opening record, evaluation report, award notice, receipt; and the members' signatures.

Each PDF carries the record's payload as canonical JSON, and its footer the digest of the *record*, so that paper leads
back to the log. The facts a payload does not hold (names, project) are given by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, cast

from pyhanko.sign.timestamps import TimeStamper

from tradehall.adapters.pdf.render import Embedded, Renderer
from tradehall.adapters.pdf.signing import Signatory, add_fields, sign_pdf
from tradehall.adapters.pdf.verify import SignatureVerdict
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards import Json

_CENTRE: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """
    What a page needs beside the payload (案卷要素).

    Attributes:
        publisher: the node's name, printed in the footer.
        made_at: instant of making, aware; a fixed instant gives fixed bytes.
        digest: digest of the record the page shows.
        tenderer: ``{"id", "name"}``.
        url: public address of the record; printed, and as a QR code where the page has one. Empty for none.
        names: names of committee members by person id; only for pages that may show them.
        positions: what a member declared, by person id.
    """

    publisher: str
    made_at: datetime
    digest: str
    case: str = ""
    project_name: str = ""
    project_code: str = ""
    tenderer: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str = ""
    place: str = ""
    bid_deadline: str = ""
    lot_names: Mapping[str, str] = field(default_factory=dict[str, str])
    venues: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    positions: Mapping[str, str] = field(default_factory=dict[str, str])
    family_title: str = ""

    def values(self, lot: str = "") -> dict[str, Any]:
        """Return the facts as the templates take them."""
        return {
            "publisher": self.publisher,
            "made_at": self.made_at.astimezone(_CENTRE).isoformat(timespec="seconds"),
            "digest": self.digest,
            "case": self.case,
            "project_name": self.project_name,
            "project_code": self.project_code,
            "tenderer": dict(self.tenderer),
            "url": self.url,
            "place": self.place,
            "bid_deadline": self.bid_deadline,
            "lot_names": dict(self.lot_names),
            "lot_name": self.lot_names.get(lot, ""),
            "venues": list(self.venues),
            "names": dict(self.names),
            "positions": dict(self.positions),
            "family_title": self.family_title,
        }


def render_opening_record(renderer: Renderer, payload: Mapping[str, Json], facts: CaseFacts) -> bytes:
    """Render an ``opening_record`` (开标记录)."""
    return _render(renderer, "opening_record", payload, facts, {})


def render_award_notice(renderer: Renderer, payload: Mapping[str, Json], facts: CaseFacts) -> bytes:
    """Render an ``award_notice`` as 中标通知书."""
    return _render(renderer, "award_notice", payload, facts, {})


def render_receipt(renderer: Renderer, receipt: Mapping[str, Json], facts: CaseFacts) -> bytes:
    """Render the ``receipt`` member of a signed receipt (受理回执)."""
    accepted = datetime.fromisoformat(str(receipt["accepted_at"])).astimezone(_CENTRE)
    shown = f"{accepted:%Y-%m-%d %H:%M:%S}.{accepted.microsecond // 1000:03d} +08:00"
    return _render(renderer, "receipt", receipt, facts, {"accepted_local": shown})


def render_report(renderer: Renderer, payload: Mapping[str, Json], facts: CaseFacts) -> bytes:
    """
    Render an ``evaluation_report`` (评标报告) with one empty signature field for each member, in committee order.

    Returns:
        PDF/A-3b with the fields appended as a second revision; ``sign_report`` fills them.
    """
    bids = cast("Sequence[Mapping[str, Any]]", payload["bids"])
    pdf = _render(renderer, "evaluation_report", payload, facts, {"ranked": _ranked(bids)})
    members = cast("Sequence[str]", payload["members"])
    return add_fields(pdf, [member_field(n) for n in range(1, len(members) + 1)])


def sign_report(
    pdf: bytes,
    payload: Mapping[str, Json],
    *,
    member: str,
    by: Signatory,
    at: datetime,
    timestamper: TimeStamper | None = None,
) -> bytes:
    """
    Add one member's signature (评委签署) to a rendered report.

    The first signature certifies the file: afterwards only the remaining fields can be filled. Members sign in any
    order; signing twice is an error of pyHanko.

    Raises:
        ValueError: ``member`` is not of the committee.
    """
    number = cast("Sequence[str]", payload["members"]).index(member) + 1
    return sign_pdf(
        pdf,
        by=by,
        at=at,
        field=member_field(number),
        certify=b"/DocMDP" not in pdf,
        timestamper=timestamper,
    )


def member_field(number: int) -> str:
    """Return the name of the signature field of the committee's n-th member, from 1."""
    return f"Member{number}"


def missing_signatures(payload: Mapping[str, Json], verdicts: Sequence[SignatureVerdict]) -> tuple[str, ...]:
    """Return the members without a signature that stands (尚未签署的评委), given the verdicts of the report's file."""
    signed = {v.field for v in verdicts if v.ok and v.later_changes_permitted}
    members = cast("Sequence[str]", payload["members"])
    return tuple(m for n, m in enumerate(members, 1) if member_field(n) not in signed)


def _render(
    renderer: Renderer, template: str, payload: Mapping[str, Json], facts: CaseFacts, more: Mapping[str, Any]
) -> bytes:
    data = {"doc": payload, "facts": {**facts.values(str(payload.get("lot", ""))), **more}}
    name = template.replace("_", "-") + ".json"
    at = facts.made_at.astimezone(UTC)
    embed = Embedded(name, canonical.jcs(dict(payload)), "记录数据 record payload", at)
    return renderer.render(template, data, embed=embed)


def _ranked(bids: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the bids by rank, the rejected last, with members' totals by member."""
    prepared = [{**bid, "by_member": {s["expert"]: s["total"] for s in bid.get("expert_scores", ())}} for bid in bids]
    return sorted(prepared, key=lambda b: (b.get("rank") is None, b.get("rank", 0), b["submission"]))
