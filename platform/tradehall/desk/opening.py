"""
The opening (开标): freeze, decrypt, announce, close. Each act is a record of the node and passes the door.

Nothing here decides whether it is time: the door does, inside its transaction. An act that two people or two processes
do at once is done once, and both are told of the records that stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from tradehall.desk.accept import Outcome
from tradehall.desk.filing import CaseView, Desk
from tradehall.desk.journal import Entry, Journal
from tradehall.desk.ports import LetterReading, Letters, Unsealed, Unsealer
from tradehall.kernel.case import Case, legal_date, local_text
from tradehall.kernel.money import Currency, Money
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.kernel.signing import certificate_kid
from tradehall.rules import guarantees, sealing
from tradehall.rules.opening_set import accepted_root

if TYPE_CHECKING:
    from tradehall_standards import Json


@dataclass(frozen=True, slots=True)
class _AtHand:
    """
    What the bids of a tender are opened with (开标所需), found once for all: looking again for each is quadratic.

    Attributes:
        released: submission → its key, the first that was released.
        shares: submission → shares of custodians.
        alike: recipient or digest of a ciphertext → the commitments that have it, in the order of the log.
    """

    released: Mapping[str, Json]
    shares: Mapping[str, Sequence[tuple[str, int, bytes]]]
    alike: Mapping[str, Sequence[Entry]]

    @classmethod
    def of(cls, view: CaseView) -> _AtHand:
        """Sort a case's releases, shares and commitments by bid."""
        released: dict[str, Json] = {}
        for entry in view.of("key_release"):
            released.setdefault(str(entry.record.payload["submission"]), entry.record.payload["secret_key"])
        custodians = [str(c["party"]) for c in rows(view.case.head.get("custodians", ()))]
        shares: dict[str, list[tuple[str, int, bytes]]] = {}
        for name, share in view.facts.all("share"):
            submission, _, index = name.rpartition(":")
            held = (custodians[int(index) - 1], int(index), bytes.fromhex(str(share)))
            shares.setdefault(submission, []).append(held)
        alike: dict[str, list[Entry]] = {}
        for entry in view.of("bid_commitment"):
            for mark in _marks(entry):
                alike.setdefault(mark, []).append(entry)
        return cls(released, shares, alike)

    def like(self, committed: Entry) -> list[Mapping[str, Json]]:
        """Return earlier commitments with the recipient or the ciphertext of this one (在先相同承诺)."""
        found = {e.filed.index: e.record.payload for mark in _marks(committed) for e in self.alike[mark]}
        return [found[index] for index in sorted(found) if index < committed.filed.index]


def _marks(entry: Entry) -> tuple[str, str]:
    payload = entry.record.payload
    return str(payload["recipient"]), str(obj(payload["ciphertext"])["sha256"])


@dataclass(frozen=True, slots=True)
class Opening:
    """Runs the opening of a tender (开标主持)."""

    desk: Desk
    unsealer: Unsealer
    letters: Letters

    def start(self, case: str) -> list[Outcome]:
        """
        Open every lot that has enough bids and fail those that have too few (开标或流标).

        Returns:
            One outcome for the opening record and for each failed lot, the same ones when it has begun already;
            refusals say why nothing could start yet.
        """
        found = self._standing(case)
        if isinstance(found, Refusal):
            return [found]
        outcomes = self._start(case, found)
        if any(isinstance(o, Refusal) for o in outcomes) and not self._standing(case):
            return self._begun(case) or outcomes
        return outcomes

    def _start(self, case: str, found: Mapping[str, dict[str, str]]) -> list[Outcome]:
        needed = self._bidders_needed(case)
        lots: dict[str, dict[str, str]] = {}
        failed: dict[str, dict[str, str]] = {}
        for lot, bids in found.items():
            (lots if len(bids) >= needed else failed)[lot] = bids
        outcomes = [self._fail(case, lot, len(bids), needed) for lot, bids in failed.items()]
        if lots:
            outcomes.append(self.desk.file(case, "opening_start", _opening_payload(lots, self.desk.door.node.name)))
        return outcomes or [refuse("STEP-CLOSED", lot="*", state="", family="opening_start")]

    def _begun(self, case: str) -> list[Outcome]:
        """Return what an earlier start filed, in the order of the log."""
        view = self.desk.look(case)
        filed = view.of("opening_start", "failed_tender") if view else []
        return self._again(e for e in filed if e.record.payload.get("reason", "too_few_bids") == "too_few_bids")

    def _again(self, entries: Iterable[Entry]) -> list[Outcome]:
        """Return records that stand, as the door would tell them to whoever files them once more."""
        found = (self.desk.door.find(entry.record.digest) for entry in entries)
        return [accepted for accepted in found if accepted is not None]

    def _standing(self, case: str) -> dict[str, dict[str, str]] | Refusal:
        """Return lot → submission → commitment digest of the bids that stand; refuse before the deadline."""
        door = self.desk.door
        with door.store.read() as reading:
            journal = Journal(reading, door.cloak, door.procedures)
            found = journal.case(case)
            if found is None:
                return refuse("CASE-UNKNOWN", case=case)
            deadline = found.instant("deadline")
            if deadline is None or door.store.now() < deadline:
                return refuse("OPENING-EARLY", at=local_text(deadline) if deadline else "")
            bids = {key: obj(value) for key, value in journal.facts(case).all("bid")}
        latest = found.head["answers"]
        return {
            lot: {
                submission: str(bid["commitment"])
                for submission, bid in sorted(bids.items())
                if bid["lot"] == lot and bid["complete"] and not bid["withdrawn"] and bid["answers"] == latest
            }
            for lot, state in found.tracks.items()
            if state == "tendering"
        }

    def _bidders_needed(self, case: str) -> int:
        door = self.desk.door
        with door.store.read() as reading:
            found = Journal(reading, door.cloak, door.procedures).case(case)
        if found is None:
            return 1
        law = door.law(found.procedure, found.regime, found.region)
        return int(law.number("min_bidders", legal_date(door.store.now())) or 1)

    def _fail(self, case: str, lot: str, count: int, needed: int) -> Outcome:
        explanation: list[Json] = [
            f"投标截止时有效递交 {count} 家，少于 {needed} 家。",
            f"{count} bids, {needed} needed.",
        ]
        payload: dict[str, Json] = {"lot": lot, "reason": "too_few_bids", "count": count, "explanation": explanation}
        return self.desk.file(case, "failed_tender", payload)

    def disclose(self, case: str, *, give_up: str = "") -> list[Outcome]:
        """
        Open every frozen bid whose key is at hand and file what it says (解密与公布).

        Args:
            give_up: empty to leave bids without a key waiting; ``failed_bidder`` or ``failed_other`` to file them as
                not opened, by whom the failure lies with (视为撤销 / 视为撤回).
        """
        view = self.desk.look(case)
        if view is None:
            return [refuse("CASE-UNKNOWN", case=case)]
        commitments = {str(e.record.digest): e for e in view.of("bid_commitment")}
        at_hand = _AtHand.of(view)
        outcomes: list[Outcome] = []
        for submission, value in view.facts.all("opening"):
            if view.facts.get("disclosed", submission) is not None:
                continue
            committed = commitments[str(obj(value)["commitment"])]
            key, opened_by = self._key(view, at_hand, submission, committed.record.payload)
            if key is None and not give_up:
                continue
            unsealed = (
                Unsealed(cause="not_released", by_bidder=give_up == "failed_bidder")
                if key is None
                else self.unsealer.unseal(
                    committed.record.payload,
                    key,
                    tender=case,
                    submitted_at=committed.filed.at,
                    earlier=at_hand.like(committed),
                )
            )
            payload = self._disclosure(view.case, submission, str(obj(value)["lot"]), unsealed, opened_by)
            outcomes.append(self._disclosed(case, submission, self.desk.file(case, "bid_disclosure", payload)))
        return outcomes

    def _disclosed(self, case: str, submission: str, outcome: Outcome) -> Outcome:
        """Return the disclosure that stands where somebody else was quicker."""
        view = self.desk.look(case) if isinstance(outcome, Refusal) and outcome.code == "BID-DUPLICATE" else None
        made = view.of("bid_disclosure") if view else []
        return next(iter(self._again(e for e in made if e.record.payload["submission"] == submission)), outcome)

    def _key(self, view: CaseView, at_hand: _AtHand, submission: str, commitment: Obj) -> tuple[str | None, str]:
        released = at_hand.released.get(submission)
        if isinstance(released, str):
            return released, "bidder_key"
        shares = at_hand.shares.get(submission, ())
        if len(shares) < cast("int", view.case.head["threshold"]):
            return None, ""
        return self.unsealer.rebuild(commitment, shares), "custodians"

    def _disclosure(self, case: Case, submission: str, lot: str, unsealed: Unsealed, opened_by: str) -> dict[str, Json]:
        payload: dict[str, Json] = {"submission": submission, "lot": lot, "files": []}
        if unsealed.manifest is None:
            outcome = "failed_bidder" if unsealed.by_bidder else "failed_other"
            return {**payload, "outcome": outcome, "cause": unsealed.cause}
        manifest = unsealed.manifest
        bidder = obj(manifest["bidder"])
        certificate = certificate_kid(sealing.unbase64url(str(bidder["certificate"])))
        payload |= {
            "outcome": "opened",
            "opened_by": opened_by,
            "bidder": {"id": bidder["id"], "name": bidder["name"], "certificate": certificate},
            "price": manifest["price"],
            "attributes": manifest["attributes"],
            "files": manifest["files"],
            "manifest": unsealed.manifest_digest,
        }
        guarantee = self._guarantee(case, lot, manifest, unsealed.letter)
        return payload | ({"guarantee": guarantee} if guarantee else {})

    def _guarantee(
        self, case: Case, lot: str, manifest: Mapping[str, Json], letter: bytes | None
    ) -> dict[str, Json] | None:
        """Judge the security inside a bid where the notice asks for one (开标时核验保函)."""
        needed = case.table("securities").get(lot)
        if needed is None:
            return None
        claim = obj(manifest.get("guarantee"))
        if not claim or letter is None:
            # Where other forms are allowed, money or a cheque may have been given instead of a letter.
            only_letters = texts(case.table("security_forms").get(lot)) == ["guarantee_letter"]
            return (
                {"result": "invalid", "reasons": ["letter_missing"]}
                if only_letters
                else {"result": "absent", "reasons": []}
            )
        reading = self.letters.read(letter)
        reasons = list(reading.reasons) or list(self._flaws(case, lot, manifest, reading, Decimal(str(needed))))
        stated: dict[str, Json] = {k: claim[k] for k in ("number", "issuer", "amount", "valid_until", "letter")}
        return {**stated, "result": "invalid" if reasons else "valid", "reasons": cast("Json", reasons)}

    def _flaws(
        self, case: Case, lot: str, manifest: Mapping[str, Json], reading: LetterReading, needed: Decimal
    ) -> Sequence[str]:
        p = reading.payload or {}
        opened_on = legal_date(self.desk.door.store.now())
        deadline = case.instant("deadline")
        first = legal_date(deadline) if deadline else opened_on
        issuers = self.desk.door.directory.issuers()
        issuer = str(obj(p["issuer"])["id"])
        letter = guarantees.Letter(
            number=str(p["number"]),
            issuer=issuer,
            applicant=str(obj(p["applicant"])["id"]),
            beneficiary=str(obj(p["beneficiary"])["id"]),
            tender=str(p["tender"]),
            lot=str(p["lot"]),
            amount=Money.from_wire(obj(p["amount"])),
            valid_from=date.fromisoformat(str(p["valid_from"])),
            valid_until=date.fromisoformat(str(p["valid_until"])),
            digest=str(obj(manifest["guarantee"])["letter"]),
            independent=p["independent"] is True,
            on_demand=p["on_demand"] is True,
            terms=tuple(texts(p["terms"])),
        )
        required = guarantees.Requirement(
            tender=case.id,
            lot=lot,
            beneficiary=case.parties("tenderer")[0],
            bidder=str(obj(manifest["bidder"])["id"]),
            amount=Money(needed, Currency(case.text("currency"))),
            opened_on=opened_on,
            covers_until=first + timedelta(days=cast("int", case.head["bid_validity_days"])),
        )
        known = guarantees.Issuer(issuer) if issuer in issuers else None
        flaws = guarantees.guarantee_flaws(letter, required, known, presented_digest=letter.digest)
        return guarantees.defect_codes(flaws)

    def close(self, case: str, *, factors: Mapping[str, Mapping[str, str]] | None = None) -> Outcome:
        """File the opening record (开标记录), once; returns the one that stands when the opening is closed already."""
        view = self.desk.look(case)
        if view is None:
            return refuse("CASE-UNKNOWN", case=case)
        outcome = self._close(view, factors)
        after = self.desk.look(case) if isinstance(outcome, Refusal) else None
        if after is None or "opening" in after.case.tracks.values():
            return outcome
        return next(iter(self._again(after.of("opening_record")[-1:])), outcome)

    def _close(self, view: CaseView, factors: Mapping[str, Mapping[str, str]] | None) -> Outcome:
        lots = [
            _record_of_lot(view, lot, (factors or {}).get(lot))
            for lot, s in sorted(view.case.tracks.items())
            if s == "opening"
        ]
        objections: list[Json] = [
            e.record.digest for e in view.of("objection") if e.record.payload["about"] == "opening"
        ]
        payload: dict[str, Json] = {
            "lots": cast("Json", lots),
            "objections": objections,
            "closed_at": local_text(self.desk.door.store.now()),
        }
        return self.desk.file(view.case.id, "opening_record", payload)


def _opening_payload(lots: Mapping[str, Mapping[str, str]], node: str) -> dict[str, Json]:
    stated: list[Json] = [
        {
            "lot": lot,
            "accepted_root": accepted_root(list(bids.values())),
            "count": len(bids),
            "submissions": [{"submission": s, "commitment": c} for s, c in bids.items()],
        }
        for lot, bids in sorted(lots.items())
    ]
    return {"lots": stated, "by": node}


def _record_of_lot(view: CaseView, lot: str, factors: Mapping[str, str] | None) -> dict[str, Json]:
    currency = view.case.text("currency")
    bids: list[Json] = []
    for submission, value in view.facts.all("disclosed"):
        bid = obj(value)
        if bid["lot"] == lot:
            who = {k: obj(bid["bidder"])[k] for k in ("id", "name")} if "bidder" in bid else None
            bids.append(
                {"submission": submission, "outcome": bid["outcome"]}
                | ({"bidder": who} if who else {})
                | {k: bid[k] for k in ("price", "cause") if k in bid}
            )
    stated: dict[str, Json] = {
        "lot": lot,
        "accepted_root": view.case.table("roots")[lot],
        "bids": bids,
        "ceiling": {"amount": view.case.table("ceilings")[lot], "currency": currency},
    }
    if lot in view.case.table("floors"):
        stated["floor"] = {"amount": view.case.table("floors")[lot], "currency": currency}
    return stated | ({"factors": dict(factors)} if factors else {})
