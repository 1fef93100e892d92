"""The stage 舞台: what each sentence of a story does, and what it expects."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from officers import signing
from storytelling import payloads
from storytelling.payloads import yuan
from storytelling.people import Cast, Person
from storytelling.script import Line, Story, put
from storytelling.ways import Denied, Way
from tradehall.adapters import sealing as disk
from tradehall.adapters.issuers.sandbox import SandboxIssuer
from tradehall.adapters.pdf.render import Renderer
from tradehall.adapters.pdf.signing import Signatory
from tradehall.desk.filing import signed_record
from tradehall.kernel.money import Currency, Money
from tradehall.kernel.record import Attachment, Digest, SchemaRef
from tradehall.kernel.signing import EdSigner, Signer, bid_signer, sign_detached
from tradehall.rules import bid_package, drawing, sealing
from tradehall_standards import Catalogue, canonical
from tradehall_standards.release import with_approvals
from tradehall_standards.release.dsse import statement
from tradehall_standards.release.private import open_key

AGE_TYPE = "application/vnd.age"
PDF_TYPE = "application/pdf"
JSON_TYPE = "application/json"


class StoryFailed(AssertionError):
    """The platform did not answer as the story tells."""


@dataclass
class Bid:
    """A bid as its bidder keeps it."""

    who: Person
    lot: str
    sealed: sealing.SealedBid
    signer: EdSigner

    @property
    def ident(self) -> dict[str, Any]:
        return {"submission": self.sealed.commitment["submission"], "bid_key": self.sealed.commitment["bid_key"]}

    @property
    def submission(self) -> str:
        return str(self.sealed.commitment["submission"])


@dataclass(frozen=True)
class Act:
    """One act of one actor."""

    who: Person
    line: Line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)


Verb = Callable[..., None]
VERBS: list[tuple[re.Pattern[str], Verb]] = []
CLAIMS: list[tuple[re.Pattern[str], Verb]] = []
_PLACES = {
    "{lot}": r"(?P<lot>L\d+)",
    "{lots}": r"(?P<lots>L\d+(?:, L\d+)*)",
    "{amount}": r"(?P<amount>\d+\.\d\d)",
    "{name}": r"(?P<name>[A-Za-z]\w*)",
    "{names}": r"(?P<names>[A-Za-z]\w*(?:, [A-Za-z]\w*)*)",
    "{who}": r"(?P<who>[a-z]+(?:/[a-z0-9]+)?)",
    "{at}": r"(?P<at>\d{4}-\d\d-\d\dT\S+)",
    "{until}": r"(?P<until>\d{4}-\d\d-\d\dT\S+)",
    "{day}": r"(?P<day>\d{4}-\d\d-\d\d)",
    "{last}": r"(?P<last>\d{4}-\d\d-\d\d)",
    "{number}": r"(?P<number>\d+)",
    "{word}": r"(?P<word>[a-z0-9_]+)",
    "{text}": r"(?P<text>.+)",
    "{case}": r"(?P<case>the tender|the session|the revision|the guarantee of \S+)",
}


def _pattern(text: str) -> re.Pattern[str]:
    for place, regex in _PLACES.items():
        text = text.replace(place, regex)
    return re.compile(text)


def says(text: str) -> Callable[[Verb], Verb]:
    def added(verb: Verb) -> Verb:
        VERBS.append((_pattern(text), verb))
        return verb

    return added


def then(text: str) -> Callable[[Verb], Verb]:
    def added(verb: Verb) -> Verb:
        CLAIMS.append((_pattern(text), verb))
        return verb

    return added


class Stage:
    """One story on one node."""

    def __init__(self, story: Story, way: Way, cast: Cast, catalogue: Catalogue, folder: Path) -> None:
        self.story, self.way, self.cast, self.catalogue, self.folder = story, way, cast, catalogue, folder
        self.headers = story.headers
        self.lots = tuple(story.headers.get("lots", "L1").split())
        self.cases: dict[str, str] = {}
        self.records: dict[str, str] = {}
        self.bids: dict[tuple[str, str], Bid] = {}
        self.named: dict[str, Bid] = {}
        self.letters: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self.custody: dict[str, bytes] = {}
        self.drawn: dict[str, Any] = {}
        self.members: list[str] = []
        self.reserves: dict[str, list[str]] = {}
        self.sheets: dict[tuple[str, str], dict[str, Any]] = {}
        self.last: tuple[Person, dict[str, Any], dict[str, Any]] | None = None
        self.receipts: list[dict[str, Any]] = []
        self.refusal: Denied | None = None
        self.citing: dict[str, SchemaRef] = {}
        self.draft = ""
        self.statement = statement({"predicateType": "a release of the story"})
        self.at = story.start

    def play(self) -> None:
        for line in self.story.lines:
            try:
                if line.at is not None and line.at > self.at:
                    self.at = line.at
                    self.way.advance(line.at)
                self._tell(line)
            except StoryFailed as failed:
                raise StoryFailed(f"{line}\n    {failed}") from failed
            except Exception as error:
                raise StoryFailed(f"{line}\n    {type(error).__name__}: {error}") from error

    def _tell(self, line: Line) -> None:
        if line.kind == "then":
            claim, found = _find(CLAIMS, line.phrase)
            claim(self, **found)
            return
        verb, found = _find(VERBS, line.phrase)
        for handle in line.actors:
            self._one(verb, Act(self.person(handle), line), found)

    def _one(self, verb: Verb, act: Act, found: Mapping[str, Any]) -> None:
        try:
            verb(self, act, **found)
        except Denied as denied:
            self.refusal = denied
            if denied.code != act.refused:
                raise StoryFailed(f"{act.who.handle}: expected {act.refused or 'acceptance'}, got {denied}") from denied
            if act.saying not in denied.said:
                raise StoryFailed(f"{act.saying!r} is not in {denied.said!r}") from denied
            return
        if act.refused:
            raise StoryFailed(f"{act.who.handle}: expected {act.refused}, but it was accepted")

    # --- people, cases, records -------------------------------------------------------------------------------

    def person(self, handle: str) -> Person:
        if handle.startswith("member/"):
            return self.cast.of_party(self.members[int(handle.removeprefix("member/")) - 1])
        return self.cast[handle]

    def case(self, name: str, who: Person | None = None, procedure: str = "") -> str:
        if name not in self.cases:
            if who is None:
                raise StoryFailed(f"there is no {name} yet")
            self.cases[name] = self.way.new_case(who, procedure)
        return self.cases[name]

    @property
    def tender(self) -> str:
        return self.case("the tender")

    @property
    def session(self) -> str:
        return self.case("the session")

    @property
    def revision(self) -> str:
        return self.case("the revision")

    def file(
        self,
        act: Act,
        case: str,
        family: str,
        payload: Mapping[str, Any],
        *,
        attachments: tuple[Attachment, ...] = (),
        bid: Bid | None = None,
        changed: bool = True,
    ) -> str:
        """Sign a record and file it; return its digest."""
        signer: Signer = bid.signer if bid else act.who.signer
        record = signed_record(
            signer=signer,
            author=bid.signer.kid if bid else act.who.party,
            schema=self.citing.get(family) or self.way.schema(act.who, case, family),
            case=case,
            nonce=secrets.token_bytes(16),
            payload=put(dict(payload), act.changes) if changed else payload,
            attachments=attachments,
        )
        return self.send(act.who, record, act.key, act.line.name)

    def send(self, who: Person, record: dict[str, Any], key: str, name: str) -> str:
        self.last = (who, record, {})
        receipt = self.way.file(who, record, key)
        self.last = (who, record, receipt)
        self.receipts.append(receipt)
        digest = str(receipt["receipt"]["record"])
        if name:
            self.records[name] = digest
        return digest

    def digest(self, name: str) -> str:
        """Return the digest of a named record; of something that was never filed for a name nobody gave."""
        return self.records.get(name, "sha256:" + sha256(name.encode()).hexdigest())

    def payloads(self, family: str, case: str = "") -> list[Mapping[str, Any]]:
        return self.way.payloads(case or self.tender, family)

    def bid(self, act: Act, lot: str = "") -> Bid:
        found = [b for (who, of), b in self.bids.items() if who == act.who.handle and lot in ("", of)]
        if not found:
            raise StoryFailed(f"{act.who.handle} has no bid")
        return found[-1]

    def bid_of(self, handle: str) -> Bid:
        return next(b for (who, _), b in reversed(self.bids.items()) if who == handle)

    def disclosed(self, handle: str) -> Mapping[str, Any]:
        ids = {b.submission for (who, _), b in self.bids.items() if who == handle}
        ids |= {b.submission for b in self.named.values() if b.who.handle == handle}
        found = [p for p in self.payloads("bid_disclosure") if p["submission"] in ids]
        if not found:
            raise StoryFailed(f"nothing was disclosed of {handle}")
        return found[-1]

    def last_of(self, family: str, **members: Any) -> Mapping[str, Any]:
        found = [p for p in self.payloads(family) if all(p.get(k) == v for k, v in members.items())]
        if not found:
            raise StoryFailed(f"no {family} with {members}")
        return found[-1]

    # --- 招 announcing ----------------------------------------------------------------------------------------

    @says(r"registers the project")
    def registers(self, act: Act) -> None:
        case = self.case("the tender", act.who, "open_tender")
        self.file(act, case, "project", payloads.project(self.cast, self.headers, self.lots))

    @says(r"files the tender document")
    def files_document(self, act: Act) -> None:
        self.records["the document"] = self.file(act, self.tender, "tender_document", payloads.document())

    @says(r"announces the tender with deadline {at}")
    def announces(self, act: Act, at: str) -> None:
        quiet = Act(act.who, replace(act.line, changes={}, name="", key=""))
        if "the tender" not in self.cases:
            self.registers(quiet)
        if "the document" not in self.records:
            self.files_document(quiet)
        payload = payloads.notice(
            self.headers,
            self.lots,
            document=self.records["the document"],
            custodians=[self._custodian(*c) for c in CUSTODIANS],
            at=self.at,
            deadline=datetime.fromisoformat(at),
        )
        self.file(act, self.tender, "tender_notice", payload)

    def _custodian(self, handle: str, role: str) -> dict[str, Any]:
        secret = self.custody.setdefault(handle, sealing.new_secret(secrets.token_bytes))
        return {
            "party": self.cast[handle].organisation,
            "role": role,
            "recipient": sealing.recipient_of_secret(secret),
        }

    @says(r"asks a question")
    def asks(self, act: Act) -> None:
        self.file(act, self.tender, "question", {"text": ["夜间施工是否受限？"]})

    @says(r"clarifies(?: answering {names})?(?P<changing>, changing the terms)?(?: and moves the deadline to {at})?")
    def clarifies(self, act: Act, names: str | None, changing: str | None, at: str | None) -> None:
        payload: dict[str, Any] = {
            "number": 1 + len(self.payloads("clarification")),
            "answers": [self.digest(n) for n in names.split(", ")] if names else [],
            "text": ["夜间 22 时至次日 6 时不得进行产生噪声的施工。"],
            "affects_preparation": changing is not None,
            "invalidates_bids": changing is not None,
        }
        if at:
            payload["changes"] = {"bid_deadline": payloads.written(datetime.fromisoformat(at))}
        self.file(act, self.tender, "clarification", payload)

    @says(r"proposes to {word}(?: {lots})?")
    def proposes(self, act: Act, word: str, lots: str | None) -> None:
        named = lots.split(", ") if lots else []
        self.file(act, self.tender, "proposal", {"act": word, "lots": named, "explanation": "拟办事项，请复核。"})

    @says(r"moves the deadline to {at}(?: for the outage {name})?(?: on the proposal (?P<proposal>\w+))?")
    def moves_deadline(self, act: Act, at: str, name: str | None, proposal: str | None) -> None:
        payload: dict[str, Any] = {
            "lots": list(self.lots),
            "bid_deadline": payloads.written(datetime.fromisoformat(at)),
            "reason": "延长投标截止时间",
        }
        if name:
            payload["outage"] = self.digest(name)
        if proposal:
            payload["approval"] = self.digest(proposal)
        self.file(act, self.tender, "deadline_extension", payload)

    @says(r"cancels {lots}(?: on the proposal {name})?")
    def cancels(self, act: Act, lots: str, name: str | None) -> None:
        payload: dict[str, Any] = {
            "lots": lots.split(", "),
            "reason": "plan_changed",
            "explanation": ["项目计划调整。"],
            "approved_by": act.who.party,
        }
        if name:
            payload["approval"] = self.digest(name)
        self.file(act, self.tender, "cancellation", payload)

    @says(r"records an outage from {at} to {until}(?: with policy {word})?")
    def records_outage(self, act: Act, at: str, until: str, word: str | None) -> None:
        payload = {
            "from": payloads.written(datetime.fromisoformat(at)),
            "to": payloads.written(datetime.fromisoformat(until)),
            "systems": "受理服务",
            "policy": word or "postpone_2h",
            "explanation": "机房断电。",
        }
        self.file(act, self.tender, "outage_record", payload)

    @says(r"objects to the {word}(?: of {lot})?")
    def objects(self, act: Act, word: str, lot: str | None) -> None:
        payload: dict[str, Any] = {
            "about": word,
            "grounds": ["认为不符合规定。"],
            "evidence": ["公开信息截图。"],
            "request": ["请求复核。"],
        }
        self.file(act, self.tender, "objection", payload | ({"lot": lot} if lot else {}))

    @says(r"(?P<how>rejects|upholds) the objection {name}(?P<again> and orders a re-evaluation)?")
    def replies(self, act: Act, how: str, name: str, again: str | None) -> None:
        payload = {
            "objection": self.digest(name),
            "decision": {"rejects": "rejected", "upholds": "upheld"}[how],
            "reasons": ["经核对原件。"],
            "action": "re_evaluate" if again else "none",
        }
        self.file(act, self.tender, "objection_reply", payload)

    @says(r"complains about the {word}(?: of {lot})?(?: after the objection {name})?")
    def complains(self, act: Act, word: str, lot: str | None, name: str | None) -> None:
        payload: dict[str, Any] = {"about": word, "grounds": ["对答复不服。"], "request": ["请求处理。"]}
        payload |= {"lot": lot} if lot else {}
        payload |= {"objection": self.digest(name)} if name else {}
        self.file(act, self.tender, "complaint", payload)

    @says(r"(?P<how>accepts|declines|upholds|rejects) the complaint {name}")
    def decides_complaint(self, act: Act, how: str, name: str) -> None:
        payload: dict[str, Any] = {
            "complaint": self.digest(name),
            "accepted": how != "declines",
            "reasons": ["依法处理。"],
        }
        payload |= (
            {"decision": {"upholds": "upheld", "rejects": "rejected"}[how]} if how in ("upholds", "rejects") else {}
        )
        self.file(act, self.tender, "complaint_decision", payload)

    # --- 投 bidding -------------------------------------------------------------------------------------------

    def seal(self, act: Act, lot: str, amount: str, replaces: Bid | None = None) -> Bid:
        """Seal a bid on the bidder's own device."""
        _, head = self.way.look(self.tender)
        custodians = tuple(sealing.Custodian(c["party"], c["recipient"]) for c in head["custodians"])
        terms = sealing.SealingTerms(custodians, head["threshold"], head["policy"])
        letter = self.letters.get(act.who.handle)
        path = self.folder / f"{secrets.token_hex(6)}.pdf"
        if letter:
            path.write_bytes(letter[0])
        offer = bid_package.Offer(
            bidder=bid_package.Bidder(act.who.party, act.who.name, act.who.certificate.der),
            price=Money(Decimal(amount), Currency("CNY")),
            small_or_micro=False,
            domestic_product=True,
            files=(bid_package.SourceFile("technical.txt", lambda: iter([b"method statement"])),),
            guarantee=_claim(letter[1]) if letter else None,
            letter=bid_package.SourceFile("letter.pdf", disk.file_chunks(path)) if letter else None,
        )
        sealed = disk.seal(
            offer,
            bid_package.Target(self.tender, lot, head["answers"], replaces.submission if replaces else None),
            terms,
            sign=lambda manifest: sign_detached(manifest, act.who.signer),
            out=self.folder / f"{secrets.token_hex(6)}.age",
            rng=secrets.token_bytes,
            bid_key=replaces.sealed.bid_key if replaces else None,
        )
        return Bid(act.who, lot, sealed, bid_signer(Ed25519PrivateKey.from_private_bytes(sealed.bid_key)))

    def commit(self, act: Act, bid: Bid) -> None:
        self.file(act, self.tender, "bid_commitment", bid.sealed.commitment, bid=bid)

    def deliver(self, act: Act, bid: Bid, data: bytes | None = None) -> None:
        data = Path(bid.sealed.ciphertext).read_bytes() if data is None else data
        self.way.upload(act.who, data, sealed=True)
        digest = "sha256:" + sha256(data).hexdigest()
        payload = {**bid.ident, "ciphertext": {"sha256": digest, "size": len(data)}}
        attachment = Attachment("bid.age", Digest(digest), len(data), AGE_TYPE)
        self.file(act, self.tender, "sealed_bid", payload, attachments=(attachment,), bid=bid, changed=False)

    def _keep(self, act: Act, bid: Bid) -> None:
        self.bids[act.who.handle, bid.lot] = bid

    @says(r"hands in a bid of {amount} for {lot}")
    def hands_in(self, act: Act, amount: str, lot: str) -> None:
        bid = self.seal(act, lot, amount)
        self.commit(act, bid)
        self._keep(act, bid)
        self.deliver(act, bid)

    @says(r"hands in another bid of {amount} for {lot}")
    def hands_in_another(self, act: Act, amount: str, lot: str) -> None:
        bid = self.seal(act, lot, amount)
        self.commit(act, bid)
        self.named[f"other of {act.who.handle}"] = bid
        self.deliver(act, bid)

    @says(r"commits to a bid of {amount} for {lot}")
    def commits(self, act: Act, amount: str, lot: str) -> None:
        bid = self.seal(act, lot, amount)
        self.commit(act, bid)
        self._keep(act, bid)

    @says(r"delivers the ciphertext(?P<other> with another file)?")
    def delivers(self, act: Act, other: str | None) -> None:
        self.deliver(act, self.bid(act), b"another file" if other else None)

    @says(r"seals a bid of {amount} for {lot}")
    def seals(self, act: Act, amount: str, lot: str) -> None:
        self.named[f"sealed by {act.who.handle}"] = self.seal(act, lot, amount)

    @says(r"hands in the sealed bid")
    def hands_in_sealed(self, act: Act) -> None:
        bid = self.named[f"sealed by {act.who.handle}"]
        self.commit(act, bid)
        self._keep(act, bid)
        self.deliver(act, bid)

    @says(r"replaces the bid for {lot} by {amount}")
    def replaces(self, act: Act, lot: str, amount: str) -> None:
        before = self.bid(act, lot)
        bid = self.seal(act, lot, amount, before)
        self.commit(act, bid)
        self._keep(act, bid)
        self.deliver(act, bid)

    @says(r"replaces the bid of {who} by {amount}")
    def replaces_other(self, act: Act, who: str, amount: str) -> None:
        other = self.bid_of(who)
        bid = self.seal(act, other.lot, amount)
        payload = {**bid.sealed.commitment, "replaces": other.submission}
        self.file(act, self.tender, "bid_commitment", payload, bid=bid)

    @says(r"withdraws the bid(?: for {lot})?")
    def withdraws(self, act: Act, lot: str | None) -> None:
        bid = self.bid(act, lot or "")
        self.file(act, self.tender, "bid_withdrawal", bid.ident, bid=bid)

    @says(r"withdraws the bid of {who}")
    def withdraws_other(self, act: Act, who: str) -> None:
        other, own = self.bid_of(who), self.seal(act, "L1", "1.00")
        payload = {"submission": other.submission, "bid_key": own.ident["bid_key"]}
        self.file(act, self.tender, "bid_withdrawal", payload, bid=own)

    @says(r"confirms the bid(?: for {lot})?")
    def confirms(self, act: Act, lot: str | None) -> None:
        bid = self.bid(act, lot or "")
        answers = self.way.look(self.tender)[1]["answers"]
        self.file(act, self.tender, "bid_confirmation", {**bid.ident, "answers": answers}, bid=bid)

    @says(r"copies the (?P<what>ciphertext|seal) of {who}")
    def copies(self, act: Act, what: str, who: str) -> None:
        source = self.bid_of(who).sealed.commitment
        bid = self.seal(act, str(source["lot"]), "1.00")
        taken = ("ciphertext", "size_class") if what == "ciphertext" else ("recipient", "commitments", "share_boxes")
        payload = {**bid.sealed.commitment, **{k: source[k] for k in taken}}
        self.file(act, self.tender, "bid_commitment", payload, bid=bid)

    # --- 开 opening -------------------------------------------------------------------------------------------

    @says(r"opens the bids")
    def opens(self, act: Act) -> None:
        self.way.act(act.who, self.tender, "start", {})

    @says(r"discloses the bids")
    def discloses(self, act: Act) -> None:
        self.way.act(act.who, self.tender, "disclose", {})

    @says(r"gives up the unopened bids by the fault of (?P<fault>the bidder|others)")
    def gives_up(self, act: Act, fault: str) -> None:
        fault = {"the bidder": "failed_bidder", "others": "failed_other"}[fault]
        self.way.act(act.who, self.tender, "give_up", {"fault": fault})

    @says(r"closes the opening")
    def closes(self, act: Act) -> None:
        self.way.act(act.who, self.tender, "close", {})

    @says(r"releases the key(?: for {lot})?")
    def releases_key(self, act: Act, lot: str | None) -> None:
        bid = self.bid(act, lot or "")
        self.file(act, self.tender, "key_release", {**bid.ident, "secret_key": bid.sealed.secret_key}, bid=bid)

    @says(r"releases (?:another key|the key of {who})")
    def releases_wrong_key(self, act: Act, who: str | None) -> None:
        bid = self.bid(act)
        secret = (
            self.bid_of(who).sealed.secret_key
            if who
            else sealing.encode_secret(sealing.new_secret(secrets.token_bytes))
        )
        self.file(act, self.tender, "key_release", {**bid.ident, "secret_key": secret}, bid=bid)

    @says(r"releases (?P<what>a|another's|a wrong) share for (?P<other>the other bid of )?{who}")
    def releases_share(self, act: Act, what: str, other: str | None, who: str) -> None:
        bid = self.named[f"other of {who}"] if other else self.bid_of(who)
        commitment = sealing.read_commitment(bid.sealed.commitment)
        own = what != "another's" and act.who.handle in self.custody
        holder = act.who.handle if own else next(h for h in self.custody if h != act.who.handle)
        secret = sealing.encode_secret(self.custody[holder])
        share = disk.take_share(commitment, self.cast[holder].party, secret)
        assert not isinstance(share, disk.BoxFault), share
        payload = {
            "submission": bid.submission,
            "custodian": act.who.party,
            "index": share.index,
            "share": secrets.token_hex(31) + "00" if what == "a wrong" else share.share.hex(),
        }
        self.file(act, self.tender, "share_release", payload)

    # --- 评 evaluating ----------------------------------------------------------------------------------------

    @says(r"requests a remote evaluation of {lots}")
    def requests(self, act: Act, lots: str) -> None:
        self.members, self.sheets = [], {}
        self.cases["the session"] = self.way.new_case(act.who, "remote_evaluation")
        payload = payloads.session(self.cast, self.tender, lots.split(", "), self.at)
        self.file(act, self.session, "remote_session", payload)

    @says(r"(?P<how>approves|refuses) the venue")
    def decides_venue(self, act: Act, how: str) -> None:
        venue = {"centre/chengdu": "CD", "centre/deyang": "DY"}[act.who.handle]
        seats = [{"id": seat, "terminal": seat.lower()} for v, seat in payloads.SEATS if v == venue]
        payload: dict[str, Any] = {"venue": venue, "decision": "approve", "seats": seats}
        payload |= {"decision": "refuse", "seats": [], "reason": "检修"} if how == "refuses" else {}
        self.file(act, self.session, "venue_decision", payload)

    @says(r"commits to the draw")
    def commits_draw(self, act: Act) -> None:
        self.drawn["nonces"] = {self.cast[h].party: secrets.token_hex(32) for h in ("centre/chengdu", "supervisor")}
        commitments = {party: drawing.commit(nonce) for party, nonce in self.drawn["nonces"].items()}
        self.way.act(act.who, self.session, "commit", {"commitments": commitments})

    @says(r"draws the experts(?P<other> with other nonces)?")
    def draws(self, act: Act, other: str | None) -> None:
        nonces = self.drawn.get("nonces") or {self.cast["supervisor"].party: secrets.token_hex(32)}
        if other:
            nonces = {party: secrets.token_hex(32) for party in nonces}
        record = self.way.act(act.who, self.session, "draw", {"nonces": nonces})[0]["payload"]
        self.drawn["record"] = record
        self.members = [m for s in record["strata"] for m in s["members"]]
        self.reserves = {s["stratum"]: list(s["reserves"]) for s in record["strata"]}

    @says(r"stands aside(?: for {word})?")
    def stands_aside(self, act: Act, word: str | None) -> None:
        self._recuse(act, act.who, word or "close_relative", "expert")

    @says(r"has {who} stand aside(?: for {word})?")
    def sends_away(self, act: Act, who: str, word: str | None) -> None:
        by = "supervisor" if act.who.handle == "supervisor" else "centre"
        self._recuse(act, self.person(who), word or "unavailable", by)

    def _recuse(self, act: Act, gone: Person, ground: str, by: str) -> None:
        reserves = self.reserves[gone.facts["stratum"]]
        payload: dict[str, Any] = {"expert": gone.party, "ground": ground, "declared_by": by}
        payload |= {"replaced_by": reserves[0]} if reserves else {}
        if act.changes.get("replaced_by") == "second":
            payload["replaced_by"] = act.line.changes["replaced_by"] = reserves[1]
        self.file(act, self.session, "recusal", payload)
        place = self.members.index(gone.party)
        self.members[place : place + 1] = [reserves.pop(0)] if reserves else []

    @says(r"books the seats(?P<twice>, two experts on one)?")
    def books(self, act: Act, twice: str | None) -> None:
        seats = [payloads.SEATS[0], *payloads.SEATS[:4]] if twice else payloads.SEATS
        bookings = [{"expert": m, "venue": v, "seat": s} for m, (v, s) in zip(self.members, seats, strict=False)]
        self.drawn["seats"] = {b["expert"]: (b["venue"], b["seat"]) for b in bookings}
        self.file(act, self.session, "seat_booking", {"bookings": bookings})

    @says(r"checks in(?: at {word})?")
    def checks_in(self, act: Act, word: str | None) -> None:
        venue, seat = self.drawn.get("seats", {}).get(act.who.party, payloads.SEATS[0])
        payload = {
            "expert": act.who.party,
            "venue": venue,
            "seat": word.upper() if word else seat,
            "methods": ["id_card", "certificate"],
            "pledge": True,
            "no_conflict": True,
        }
        self.file(act, self.session, "check_in", payload)

    @says(r"(?P<how>start|suspend|resume|end)s the session")
    def runs(self, act: Act, how: str) -> None:
        venue = {"centre/deyang": "DY"}.get(act.who.handle, "CD")
        payload = {"event": how, "venue": venue}
        self.file(act, self.session, "session_event", payload | ({"reason": "网络中断"} if how == "suspend" else {}))

    def _sheet(self, act: Act, lot: str) -> dict[str, Any]:
        """Return the member's sheet: 20 and 10 points for every opened bid, and what the line says otherwise."""
        known = self.sheets.get((lot, act.who.party))
        if known is not None:
            return known
        bidders = {p["submission"]: self.cast.of_party(p["bidder"]["id"]).handle.removeprefix("bidder/")
                   for p in self.payloads("bid_disclosure") if p["lot"] == lot and p["outcome"] == "opened"}  # fmt: skip
        scores: list[dict[str, Any]] = []
        for submission, bidder in sorted(bidders.items()):
            points = {c: act.changes.get(f"{bidder}.{c}", default) for c, default in (("T1", "20.00"), ("T2", "10.00"))}
            score: dict[str, Any] = {
                "submission": submission,
                "items": [{"criterion": c, "points": p} for c, p in points.items()],
            }
            if ground := act.changes.get(f"{bidder}.reject"):
                score |= {"items": [], "reject": {"ground": ground, "explanation": "不符合招标文件的实质性要求。"}}
            scores.append(score)
        sheet = {"expert": act.who.party, "lot": lot, "salt": secrets.token_hex(32), "scores": scores}
        self.sheets[lot, act.who.party] = sheet
        return sheet

    @says(r"commits the scores for {lot}")
    def commits_scores(self, act: Act, lot: str) -> None:
        digest = canonical.digest(self._sheet(act, lot))
        payload = {"expert": act.who.party, "lot": lot, "digest": digest}
        self.file(act, self.session, "score_commitment", payload, changed=False)

    @says(r"shows the scores for {lot}(?P<other>, but others)?")
    def shows_scores(self, act: Act, lot: str, other: str | None) -> None:
        sheet = self._sheet(act, lot)
        sheet = {**sheet, "salt": secrets.token_hex(32)} if other else sheet
        self.file(act, self.session, "score_sheet", sheet, changed=False)

    @says(r"reports on {lot}")
    def reports(self, act: Act, lot: str) -> None:
        payload = self.way.report(act.who, self.tender, lot, self.cases.get("the session", ""))
        self.records[f"report on {lot}"] = self.file(act, self.tender, "evaluation_report", payload)

    @says(r"(?P<how>signs|dissents from) the report on {lot}")
    def signs(self, act: Act, how: str, lot: str) -> None:
        payload: dict[str, Any] = {"report": self.records[f"report on {lot}"], "position": "agree"}
        if how != "signs":
            payload |= {"position": "dissent", "reasons": ["对第二名的评分偏高。"]}
        self.file(act, self.tender, "report_signature", payload)

    @says(r"draws among the tied bids of {lot}")
    def draws_tie(self, act: Act, lot: str) -> None:
        nonces = {self.cast[h].party: secrets.token_hex(32) for h in ("centre/chengdu", "supervisor")}
        body = {"lot": lot, "nonces": nonces, "session": self.session}
        self.way.act(act.who, self.tender, "tie", body)

    @says(r"declares {lot} failed because {word}")
    def declares_failed(self, act: Act, lot: str, word: str) -> None:
        payload = {"lot": lot, "reason": word, "count": 0, "explanation": ["依法流标。"]}
        self.file(act, self.tender, "failed_tender", payload)

    # --- 定 awarding ------------------------------------------------------------------------------------------

    def candidates(self, lot: str) -> list[Mapping[str, Any]]:
        return list(self.last_of("evaluation_report", lot=lot)["candidates"])

    @says(r"puts the candidates of {lot} on display from {day} to {last}")
    def displays(self, act: Act, lot: str, day: str, last: str) -> None:
        keys = ("rank", "bidder", "price", "total")
        payload = {
            "lot": lot,
            "report": self.records[f"report on {lot}"],
            "candidates": [{k: c[k] for k in keys if k in c} for c in self.candidates(lot)],
            "starts_on": day,
            "ends_on": last,
            "objection_channel": "本平台异议通道",
        }
        self.records[f"publicity of {lot}"] = self.file(act, self.tender, "candidate_publicity", payload)

    @says(r"awards {lot} to rank {number}(?: because {word})?")
    def awards(self, act: Act, lot: str, number: str, word: str | None) -> None:
        chosen = next(c for c in self.candidates(lot) if c["rank"] == int(number))
        payload: dict[str, Any] = {
            "lot": lot,
            "winner": chosen["bidder"],
            "submission": chosen["submission"],
            "price": chosen["price"],
            "rank": int(number),
        }
        payload |= {"reason": word} if word else {}
        payload |= {"publicity": self.records[f"publicity of {lot}"]} if f"publicity of {lot}" in self.records else {}
        self.file(act, self.tender, "award_notice", payload)

    @says(r"files the contract for {lot} signed on {day}")
    def contracts(self, act: Act, lot: str, day: str) -> None:
        award = self.last_of("award_notice", lot=lot)
        payload = {
            "lot": lot,
            "winner": award["winner"],
            "amount": award["price"],
            "signed_on": day,
            "contract": "sha256:" + sha256(b"contract").hexdigest(),
        }
        self.file(act, self.tender, "contract_filing", payload)

    # --- 保函 guarantees --------------------------------------------------------------------------------------

    def guarantee(self, who: str) -> str:
        return self.case(f"the guarantee of {who}")

    @says(r"applies for a guarantee of {amount} for {lot}")
    def applies(self, act: Act, amount: str, lot: str) -> None:
        name = f"the guarantee of {act.who.handle}"
        self.cases[name] = self.way.new_case(act.who, "guarantee_letter")
        payload = {
            "tender": self.tender,
            "lot": lot,
            "applicant": act.who.organisation,
            "guarantor": self.cast["bank"].organisation,
            "beneficiary": self.cast["tenderer"].organisation,
            "amount": yuan(amount),
            "valid_from": self.at.date().isoformat(),
            "valid_until": "2026-06-30",
            "kind": "bid_security",
        }
        self.records[f"application of {act.who.handle}"] = self.file(
            act, self.cases[name], "guarantee_application", payload
        )

    @says(r"(?P<how>approves|refuses) the guarantee of {who}")
    def underwrites(self, act: Act, how: str, who: str) -> None:
        payload: dict[str, Any] = {"decision": "approve", "premium": yuan("975.00")}
        payload = payload if how == "approves" else {"decision": "refuse", "reason": "授信不足"}
        self.file(act, self.guarantee(who), "guarantee_decision", payload)

    @says(r"notes the premium of {who}")
    def notes_premium(self, act: Act, who: str) -> None:
        self.file(act, self.guarantee(who), "guarantee_event", {"event": "premium_paid"})

    @says(r"issues the guarantee of {who}")
    def issues(self, act: Act, who: str) -> None:
        application = dict(self.payloads("guarantee_application", self.guarantee(who))[-1])
        pdf, payload = self._issuer(act).issue(
            application,  # type: ignore[arg-type]
            number=f"DEMO-2026-{secrets.token_hex(5).upper()}",
            project_name="示例大道市政道路改造工程（虚构）",
            nonce=secrets.token_hex(32),
            at=self.at,
        )
        self.way.upload(act.who, pdf, sealed=True)
        attachment = Attachment("letter.pdf", Digest(str(payload["letter"])), len(pdf), PDF_TYPE)
        self.file(act, self.guarantee(who), "guarantee_letter", payload, attachments=(attachment,))
        self.letters[who] = (pdf, payload)

    def _issuer(self, act: Act) -> SandboxIssuer:
        signatory = Signatory(act.who.key, x509.load_der_x509_certificate(act.who.certificate.der))
        return SandboxIssuer(
            act.who.organisation, signatory, RENDERER, "http://stories.tradehall.example/verify?letter="
        )  # type: ignore[arg-type]

    @says(r"forges a guarantee for the amount of {amount} of {lot}")
    def forges(self, act: Act, amount: str, lot: str) -> None:
        """A bidder who signs a letter with the own key, in the bank's name."""
        application = {
            "tender": self.tender, "lot": lot, "applicant": act.who.organisation,
            "beneficiary": self.cast["tenderer"].organisation, "amount": yuan(amount),
            "valid_from": self.at.date().isoformat(), "valid_until": "2026-06-30",
        }  # fmt: skip
        signatory = Signatory(act.who.key, x509.load_der_x509_certificate(act.who.certificate.der))
        forger = SandboxIssuer(self.cast["bank"].organisation, signatory, RENDERER, "http://stories.tradehall.example/")  # type: ignore[arg-type]
        self.letters[act.who.handle] = forger.issue(
            application,
            number="DEMO-FORGED-1",
            project_name="x",
            nonce=secrets.token_hex(32),
            at=self.at,  # type: ignore[arg-type]
        )

    @says(r"(?P<how>claims on|examines|pays|releases|cancels|expires|rejects the claim on) the guarantee of {who}")
    def event_of_guarantee(self, act: Act, how: str, who: str) -> None:
        how = {"claims on": "claim", "rejects the claim on": "reject_claim"}.get(how, how.removesuffix("s"))
        payload: dict[str, Any] = {"event": how}
        if who in self.letters:
            payload["letter"] = self.letters[who][1]["letter"]
        payload |= {"amount": self.letters[who][1]["amount"]} if how in ("claim", "pay") else {}
        payload |= {"reason": "投标人放弃中标。"} if how in ("claim", "reject_claim") else {}
        self.file(act, self.guarantee(who), "guarantee_event", payload)

    @says(r"verifies the guarantee of {who}")
    def verifies(self, act: Act, who: str) -> None:
        self.way.act(act.who, self.guarantee(who), "confirm", {})

    # --- standards --------------------------------------------------------------------------------------------

    @says(r"(?P<how>drafts|submits) a change of {word}")
    def drafts(self, act: Act, how: str, word: str) -> None:
        revision = self.case("the revision", act.who, "standard_revision")
        payload = payloads.draft(word, self.statement.digest if how == "submits" else "")
        self.draft = self.file(act, revision, "standard_draft", payload)

    @says(r"consults on the draft until {day}")
    def consults(self, act: Act, day: str) -> None:
        payload = {"draft": self.draft, "ends_on": day, "place": "标准目录网站", "summary": ["欢迎各方提出意见。"]}
        self.file(act, self.revision, "standard_consultation", payload)

    @says(r"comments on the draft")
    def comments(self, act: Act) -> None:
        payload = {"draft": self.draft, "pointer": "/properties/contact", "text": ["建议必填。"]}
        self.file(act, self.revision, "standard_comment", payload)

    @says(r"replies to the comment {name}")
    def replies_to_comment(self, act: Act, name: str) -> None:
        payload = {"comment": self.digest(name), "decision": "not_accepted", "text": ["选填即可满足需要。"]}
        self.file(act, self.revision, "standard_comment_reply", payload)

    @says(r"(?P<how>approves|sends back) the draft")
    def approves_draft(self, act: Act, how: str) -> None:
        payload: dict[str, Any] = {"draft": self.draft, "decision": "refuse", "reason": "反例未说明影响范围。"}
        if how == "approves":
            pem = signing.pem(signing.OFFICERS[int(act.who.handle[-1]) - 1])
            made = self.statement.signed(*open_key(pem, None)).signatures[0]
            payload = {"draft": self.draft, "decision": "approve", "statement": self.statement.digest}
            payload |= {"key": made.keyid, "signature": b64encode(made.sig).decode()}
        self.file(act, self.revision, "standard_approval", payload)

    @says(r"publishes the standard in release (?P<release>\S+)")
    def publishes_standard(self, act: Act, release: str) -> None:
        envelope = with_approvals(self.statement, self.payloads("standard_approval", self.revision))
        assert len(envelope.signatures) == 2
        data = envelope.to_bytes()
        self.way.upload(act.who, data, sealed=False)
        attachment = Attachment("release.json", Digest("sha256:" + sha256(data).hexdigest()), len(data), JSON_TYPE)
        payload = {"release": release, "statement": envelope.digest, "envelope": attachment.sha256}
        payload |= {"published_on": self.at.date().isoformat(), "in_force_from": "2026-09-01"}
        self.file(act, self.revision, "standard_publication", payload, attachments=(attachment,))

    @says(r"reviews the standard: {word}")
    def reviews(self, act: Act, word: str) -> None:
        self.file(act, self.revision, "standard_review", {"outcome": word, "text": ["实施情况良好。"]})

    @says(r"(?P<how>deprecates|withdraws) the standard from {day}")
    def ends_standard(self, act: Act, how: str, day: str) -> None:
        family = "standard_deprecation" if how == "deprecates" else "standard_withdrawal"
        self.file(act, self.revision, family, {"on": day, "text": ["不再适用。"]})

    # --- anything ---------------------------------------------------------------------------------------------

    @says(r"files (?P<family>[a-z_]+)(?: to {case})?")
    def files(self, act: Act, family: str, case: str | None) -> None:
        payload = _with_names(dict(act.changes), self.digest)
        self.file(act, self.case(case or "the tender"), family, payload, changed=False)

    @says(r"sends the same record again")
    def sends_again(self, act: Act) -> None:
        assert self.last is not None
        _, record, _ = self.last
        self.send(act.who, record, act.key, act.line.name)

    @says(r"sends the last record in the own name")
    def sends_as_own(self, act: Act) -> None:
        assert self.last is not None
        record = self.last[1]
        self.send(
            act.who,
            {
                "envelope": {**record["envelope"], "author": act.who.party, "filed_by": act.who.party},
                "signature": record["signature"],
            },
            "",
            "",
        )

    @says(r"changes one word of the last record")
    def tampers(self, act: Act) -> None:
        assert self.last is not None
        record = self.last[1]
        payload = put(record["envelope"]["payload"], dict(act.changes))
        self.send(act.who, {**record, "envelope": {**record["envelope"], "payload": payload}}, "", "")

    @says(r"cites {word} (?P<version>\d+\.\d+\.\d+)")
    def cites(self, _act: Act, word: str, version: str) -> None:
        found = self.catalogue.version(word, version)
        assert found is not None
        self.citing[word] = SchemaRef(word, version, found.ref.digest)

    @says(r"begins another project")
    def begins_another(self, _act: Act) -> None:
        self.cases, self.records, self.bids = {}, {}, {}

    @says(r"cites what is in force")
    def cites_rightly(self, _act: Act) -> None:
        self.citing = {}

    @says(r"loses the key and has the certificate revoked")
    def is_revoked(self, act: Act) -> None:
        self.way.revoke(act.who)

    # --- expectations -----------------------------------------------------------------------------------------

    @then(r"{lots} (?:is|are) (?P<state>[a-z]+)")
    def lots_are(self, lots: str, state: str) -> None:
        tracks, _ = self.way.look(self.tender)
        _same(dict.fromkeys(lots.split(", "), state), {lot: tracks[lot] for lot in lots.split(", ")})

    @then(r"the (?P<what>session|revision|guarantee of \S+) is (?P<state>[a-z_]+)")
    def case_is(self, what: str, state: str) -> None:
        tracks, _ = self.way.look(self.case(f"the {what}"))
        _same(state, tracks["*"])

    @then(r"the deadline is {at}")
    def deadline_is(self, at: str) -> None:
        _same(datetime.fromisoformat(at), datetime.fromisoformat(self.way.look(self.tender)[1]["deadline"]))

    @then(r"{lot} has {number} bids?")
    def lot_has(self, lot: str, number: str) -> None:
        found = [x["count"] for p in self.payloads("opening_start") for x in p["lots"] if x["lot"] == lot]
        _same([int(number)], found)

    @then(r"{who} was opened at {amount}(?: by the (?P<by>bidder|custodians))?")
    def was_opened(self, who: str, amount: str, by: str | None) -> None:
        found = self.disclosed(who)
        _same(("opened", ""), (found["outcome"], found.get("cause", "")))
        _same(amount, found["price"]["amount"])
        if by:
            _same({"bidder": "bidder_key", "custodians": "custodians"}[by], found["opened_by"])

    @then(r"{who} was not opened: (?P<outcome>[a-z_]+) because (?P<cause>[a-z_]+)")
    def was_not_opened(self, who: str, outcome: str, cause: str) -> None:
        found = self.disclosed(who)
        _same((outcome, cause), (found["outcome"], found.get("cause")))
        assert not {"price", "bidder"} & found.keys()

    @then(r"the security of {who} was (?P<result>[a-z]+)(?: because (?P<reasons>[a-z_, ]+))?")
    def security_was(self, who: str, result: str, reasons: str | None) -> None:
        found = self.disclosed(who)["guarantee"]
        _same((result, reasons.split(", ") if reasons else []), (found["result"], list(found["reasons"])))

    @then(r"rank {number} of {lot} is {who}")
    def rank_is(self, number: str, lot: str, who: str) -> None:
        found = {c["rank"]: c["bidder"]["id"] for c in self.candidates(lot)}
        _same(self.cast[who].party, found.get(int(number)))

    @then(r"{lot} has {number} candidates?")
    def candidates_are(self, lot: str, number: str) -> None:
        _same(int(number), len(self.candidates(lot)))

    @then(r"{who} is rejected in {lot} for (?P<ground>RJ-\S+)")
    def is_rejected(self, who: str, lot: str, ground: str) -> None:
        bids = self.last_of("evaluation_report", lot=lot)["bids"]
        found = {b["bidder"]["id"]: b.get("rejected", {}).get("ground") for b in bids}
        _same(ground, found[self.cast[who].party])

    @then(r"there (?:is|are) {number} {word} records?")
    def count_is(self, number: str, word: str) -> None:
        _same(int(number), len(self.payloads(word)))

    @then(r"the (?P<family>[a-z]+(?:_[a-z]+)*) says (?P<path>[\w.]+) = {text}")
    def record_says(self, family: str, path: str, text: str) -> None:
        case = self.session if family in SESSION_FAMILIES else self.tender
        value: Any = self.payloads(family, case)[-1]
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list | tuple) else value[step]
        _same(text, str(value))

    @then(r"the receipt is the same")
    def receipt_is_same(self) -> None:
        _same(self.receipts[-2]["receipt"]["leaf"], self.receipts[-1]["receipt"]["leaf"])
        _same(self.receipts[-2]["receipt"]["accepted_at"], self.receipts[-1]["receipt"]["accepted_at"])

    @then(r"the receipt says {at}")
    def receipt_says(self, at: str) -> None:
        receipt = self.receipts[-1]
        _same(datetime.fromisoformat(at), datetime.fromisoformat(receipt["receipt"]["accepted_at"]))
        verdict = self.way.verify(receipt)
        assert verdict is None or verdict["valid"] is True, verdict

    @then(r"the refusal is signed")
    def refusal_is_signed(self) -> None:
        assert self.refusal is not None
        assert self.refusal.signed is not None
        _same(self.refusal.code, self.refusal.signed["refusal"]["code"])
        verdict = self.way.verify(self.refusal.signed)
        assert verdict is None or verdict["valid"] is True, verdict

    @then(
        r"(?P<who>anyone|[a-z]+/[a-z0-9]+|[a-z]+) (?P<sees>sees|sees no) (?P<family>[a-z_]+)(?: of the (?P<case>session|guarantee of \S+))?"
    )
    def who_sees(self, who: str, sees: str, family: str, case: str | None) -> None:
        reader = None if who == "anyone" else self.person(who)
        found = self.way.seen(reader, self.case(f"the {case}" if case else "the tender"))
        if found is not None:
            _same(sees == "sees", family in found)

    @then(r"(?P<who>expert/\d+|member/\d) is (?P<negative>not )?on the committee")
    def on_committee(self, who: str, negative: str | None) -> None:
        _same(negative is None, self.person(who).party in self.members)

    @then(r"everybody can repeat the draw")
    def draw_repeats(self) -> None:
        """Recompute the draw with SHA-256 alone, from the record and the pool."""
        record = self.drawn["record"]
        out = {e["expert"] for e in record["excluded"]}
        _same({self.cast["expert/1"].party, self.cast["expert/4"].party}, out)
        for stratum in record["strata"]:
            pool = [p.party for h, p in self.cast.people.items() if h.startswith("expert/") and p.facts["stratum"] == stratum["stratum"] and p.party not in out]  # fmt: skip
            tickets = sorted(
                pool, key=lambda i: sha256(f"{record['seed']},{stratum['stratum']},{i}".encode()).hexdigest()
            )
            _same([*stratum["members"], *stratum["reserves"]], tickets)


CUSTODIANS = (("tenderer", "tenderer"), ("centre/chengdu", "centre"), ("centre/deyang", "city"))
SESSION_FAMILIES = frozenset(
    {"expert_draw", "recusal", "seat_booking", "session_event", "score_sheet", "score_commitment"}
)
RENDERER = Renderer()


def _find(table: list[tuple[re.Pattern[str], Verb]], phrase: str) -> tuple[Verb, dict[str, Any]]:
    for pattern, verb in table:
        if found := pattern.fullmatch(phrase):
            return verb, found.groupdict()
    raise StoryFailed(f"nobody knows how to: {phrase}")


def _same(expected: object, found: object) -> None:
    if expected != found:
        raise StoryFailed(f"expected {expected!r}, found {found!r}")


def _claim(payload: Mapping[str, Any]) -> bid_package.GuaranteeClaim:
    return bid_package.GuaranteeClaim(
        str(payload["number"]),
        str(payload["issuer"]["id"]),
        Money.from_wire(payload["amount"]),
        date.fromisoformat(str(payload["valid_until"])),
        str(payload["letter"]),
    )


def _with_names(payload: dict[str, Any], digest: Callable[[str], str]) -> dict[str, Any]:
    return {k: digest(v[1:]) if isinstance(v, str) and v.startswith("@") else v for k, v in payload.items()}
