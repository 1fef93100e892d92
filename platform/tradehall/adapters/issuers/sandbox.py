"""
The sandbox guarantor (沙箱开立人): underwrites, issues and signs letters for demonstrations and tests.

It holds a key of the demonstration CA and owes nobody anything; every letter is marked 演示样本 SPECIMEN. A real bank
or guarantor takes its place behind the same two calls, ``decide`` and ``issue``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, TypedDict

from pyhanko.sign.timestamps import TimeStamper

from tradehall.adapters.pdf.render import Embedded, Renderer
from tradehall.adapters.pdf.signing import Signatory, sign_pdf
from tradehall.adapters.pdf.verify import EMBEDDED_NAME, page_lines
from tradehall.kernel.money import Money
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards import Json

SIGNATURE_FIELD: Final = "Issuer"
PREMIUM_RATE: Final = Decimal("0.0025")
LEAST_PREMIUM: Final = Money(Decimal("200.00"))
_CENTRE: Final = timezone(timedelta(hours=8))

TERMS: Final = (
    (
        "本保函为独立保函：开立人凭受益人提交的、与本保函要求表面相符的单据付款，付款义务独立于基础交易关系和申请法律关系，"
        "不受其效力与履行情况影响。"
    ),
    "付款责任以上列最高金额为限，每次付款后最高金额相应递减。",
    (
        "有下列情形之一的，受益人可以索赔：申请人在投标有效期内撤销或者修改投标文件；中标后无正当理由不与受益人订立合同，或者订立"
        "合同时提出附加条件；中标后不按招标文件要求提交履约担保；招标文件规定不予退还投标保证金的其他情形。"
    ),
    (
        "索赔单据为受益人签字并盖章（或者电子签名）的书面索赔通知，写明本保函编号、索赔金额、所发生的情形和收款账户，并须在有效期内"
        "送达开立人。"
    ),
    "开立人仅就单据与本保函条款是否表面相符进行审查；不相符的，一次性通知全部不符点。",
    "本保函自有效期首日起生效，自开立时起不可撤销；未经受益人同意的修改，对受益人不发生效力。",
    "有效期届满、最高金额付清或者减额至零、受益人出具免除责任的文件的，开立人的付款义务终止。",
    "本保函项下的权利不得转让。",
    "本保函适用中华人民共和国法律及《最高人民法院关于审理独立保函纠纷案件若干问题的规定》。",
)
"""Text of an independent bid guarantee (独立保函规定 3, 4, 6-8, 10, 11; 招标投标法实施条例 35, 74)."""


class Party(TypedDict):
    """An organisation on the wire (主体)."""

    id: str
    name: str


class Application(TypedDict):
    """The payload of ``guarantee_application`` as far as a letter needs it (保函申请)."""

    tender: str
    lot: str
    applicant: Party
    beneficiary: Party
    amount: dict[str, str]
    valid_from: str
    valid_until: str


class CannotIssue(ValueError):  # noqa: N818  - says what happened
    """The application can't be answered with a letter (不能开立)."""


@dataclass(frozen=True, slots=True)
class SandboxIssuer:
    """
    A guarantor for demonstrations (沙箱开立人).

    Attributes:
        signatory: key and certificate; the certificate must name ``party["id"]``, or no verifier accepts the letters.
        renderer: shared layout process.
        verify_url: address of the public check; the letter's number is appended.
        timestamper: makes signatures PAdES B-T; None makes B-B.
        payment_days: days from a conforming demand to payment, 5 to 7 by custom.
    """

    party: Party
    signatory: Signatory
    renderer: Renderer
    verify_url: str
    timestamper: TimeStamper | None = None
    kind: Literal["bank", "insurer", "guarantor", "finance"] = "bank"
    payment_days: int = 5

    def decide(self, application: Application, *, bid_validity_end: date) -> dict[str, Json]:
        """
        Underwrite (核保): the payload of a ``guarantee_decision``.

        Refused when the letter would not cover the bid validity (招标投标法实施条例 26), or the dates are not in order.
        """
        begin, end = _days(application)
        if end < begin:
            return {"decision": "refuse", "reason": f"有效期 {begin} 至 {end} 次序有误"}
        if end < bid_validity_end:
            return {"decision": "refuse", "reason": f"有效期至 {end}，早于投标有效期截止日 {bid_validity_end}"}
        premium = (Money.from_wire(application["amount"]) * PREMIUM_RATE).rounded()
        least = LEAST_PREMIUM if premium.currency == LEAST_PREMIUM.currency else premium
        return {"decision": "approve", "premium": max(premium, least).to_wire()}

    def issue(
        self, application: Application, *, number: str, project_name: str, nonce: str, at: datetime
    ) -> tuple[bytes, dict[str, Json]]:
        """
        Issue one letter (开立保函).

        Args:
            application: payload of the ``guarantee_application``.
            number: unique number of the letter.
            project_name: name of the project, as printed.
            nonce: 32 hexadecimal digits from a secure source; hides the letter until it is revealed at opening.
            at: instant of issue, aware; printed in the centre's civil time and claimed by the signature.

        Returns:
            The signed PDF/A-3b, and the payload of the ``guarantee_letter`` record, whose ``letter`` is its digest. The
            PDF embeds the same payload without ``letter``.

        Raises:
            CannotIssue: the dates are not in order.
            RenderFailed: the page could not be laid out, for instance for want of a glyph.
        """
        data = self._data(application, number=number, project_name=project_name, nonce=nonce)
        content = canonical.jcs(data)
        page_lines(data)  # an unprintable payload must fail here, not at the beneficiary
        facts = {
            "publisher": self.party["name"],
            "made_at": at.astimezone(_CENTRE).isoformat(timespec="seconds"),
            "digest": "sha256:" + canonical.sha256_hex(content),
            "url": self.verify_url + number,
            "specimen": True,
        }
        embedded = Embedded(EMBEDDED_NAME, content, "投标保函数据 guarantee letter data", at.astimezone(UTC))
        page = self.renderer.render("guarantee_letter", {"doc": data, "facts": facts}, embed=embedded)
        pdf = sign_pdf(
            page, by=self.signatory, at=at, field=SIGNATURE_FIELD, certify=True, timestamper=self.timestamper
        )
        return pdf, {**data, "letter": "sha256:" + canonical.sha256_hex(pdf)}

    def _data(self, application: Application, *, number: str, project_name: str, nonce: str) -> dict[str, Json]:
        begin, end = _days(application)
        if end < begin:
            raise CannotIssue(f"valid until {end}, before {begin}")
        return {
            "number": number,
            "issuer": _party(self.party),
            "issuer_kind": self.kind,
            "independent": True,
            "applicant": _party(application["applicant"]),
            "beneficiary": _party(application["beneficiary"]),
            "tender": application["tender"],
            "project_name": project_name,
            "lot": application["lot"],
            "amount": {**application["amount"]},
            "valid_from": begin.isoformat(),
            "valid_until": end.isoformat(),
            "payment_days": self.payment_days,
            "on_demand": True,
            "terms": list(TERMS),
            "nonce": nonce,
        }


def _party(party: Party) -> Json:
    return {"id": party["id"], "name": party["name"]}


def _days(application: Application) -> tuple[date, date]:
    return date.fromisoformat(application["valid_from"]), date.fromisoformat(application["valid_until"])
