"""
The play (演示剧本): one fictional road project in Chengdu from notice to award, by its separate actors, over the public API.

Names are invented and marked as such. The clock is a sandbox; every deadline is the law's, only waiting is skipped.
Every step says what it expects, and the play stops where the platform answers otherwise: it is a test too.
"""

from __future__ import annotations

import json
import secrets
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.adapters import sealing as disk
from tradehall.adapters.issuers.sandbox import Application, SandboxIssuer
from tradehall.adapters.pdf.render import Renderer
from tradehall.adapters.pdf.report import CaseFacts, render_report, sign_report
from tradehall.adapters.pdf.signing import Signatory
from tradehall.cli.client import Actor, Client, Refused
from tradehall.kernel.money import Currency, Money
from tradehall.kernel.record import Attachment, Digest
from tradehall.kernel.signing import EdSigner, bid_signer, sign_detached
from tradehall.rules import bid_package, drawing, sealing
from tradehall_standards import canonical
from tradehall_standards.identifiers import uscc_check

if TYPE_CHECKING:
    from tradehall_standards import Json

ZONE = timezone(timedelta(hours=8))
PASSWORD = "sunshine-2026"  # noqa: S105  - of fictional accounts on a throw-away node
CNY = Currency("CNY")
BEGIN = "2026-03-02T08:30:00+08:00"
LETTER_TYPE = "application/pdf"
AGE_TYPE = "application/vnd.age"

Say = Callable[[str, str], None]


class PlayStopped(Exception):  # noqa: N818  - says what happened
    """The platform did not answer as the law asks (演示中止)."""


@dataclass(slots=True)
class Bid:
    """A bid as its bidder keeps it on the own device (投标人留存)."""

    actor: Actor
    lot: str
    price: str
    sealed: sealing.SealedBid
    signer: EdSigner

    @property
    def submission(self) -> str:
        """Id of the bid."""
        return str(self.sealed.commitment["submission"])

    @property
    def key_text(self) -> str:
        """Public bid key, as records show it."""
        return str(self.sealed.commitment["bid_key"])


@dataclass(slots=True)
class Cast:
    """Who takes part (演员)."""

    operator: Actor
    tenderer: Actor
    agency: Actor
    supervisor: Actor
    chengdu: Actor
    deyang: Actor
    bank: Actor
    bidders: list[Actor]
    experts: dict[str, Actor]
    bank_key: EllipticCurvePrivateKey


@dataclass(slots=True)
class Play:
    """
    The play on one node (演示).

    Args:
        connect: makes a client without a token.
        advance: moves the sandbox clock to an instant, as the operator.
        out: where receipts, letters, report and evidence go.
        say: tells one step, in Chinese and English.
    """

    connect: Callable[[], Client]
    operator_password: str
    out: Path
    say: Say
    public_url: str
    bidders: int = 7
    bids: list[Bid] = field(default_factory=list[Bid])
    custody: dict[str, bytes] = field(default_factory=dict[str, bytes])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    expert_keys: dict[str, EllipticCurvePrivateKey] = field(default_factory=dict[str, EllipticCurvePrivateKey])
    renderer: Renderer = field(default_factory=Renderer)

    def run(self) -> dict[str, Any]:
        """Play everything; returns the ids and files that came of it."""
        cast_ = self._gather()
        tender = self._announce(cast_)
        self._guarantees(cast_, tender)
        self._bid(cast_, tender)
        self._open(cast_, tender)
        session = self._evaluate(cast_, tender)
        self._award(cast_, tender)
        self._evidence(cast_, tender, session)
        return self.facts

    # --- gathering --------------------------------------------------------------------------------------------

    def _gather(self) -> Cast:
        operator = Actor("", "operator", self.connect())
        operator.client.login("operator", self.operator_password)
        self.facts["accounts"] = [("operator", "交易中心运维 operator")]

        def org(number: int, name: str, account: str, *roles: str) -> Actor:
            return self._enrol(operator, organisation(number), name, account, roles)

        tenderer = org(1, "示例城市建设投资有限公司", "tenderer")
        agency = org(2, "示例招标代理有限公司", "agency")
        supervisor = org(3, "示例市住房和城乡建设局", "supervisor", "supervisor")
        chengdu = org(4, "成都示例公共资源交易中心", "chengdu")
        deyang = org(5, "德阳示例公共资源交易中心", "deyang")
        bank = org(6, "示例银行股份有限公司", "bank", "guarantor")
        bank_key = bank.certify()
        for actor in (tenderer, agency, supervisor, chengdu, deyang):
            actor.certify()
        bidders = [
            org(20 + n, f"{BIDDER_NAMES[n % len(BIDDER_NAMES)]}有限公司", f"bidder{n + 1}")
            for n in range(self.bidders + 3)
        ]
        for bidder in bidders:
            bidder.certify()
        experts = self._experts(operator)
        self.say(
            f"登记主体：招标人、代理、监督、两地中心、银行、{len(bidders)} 家投标人、{len(experts)} 名专家；各自生成密钥并领取证书",
            f"Registered tenderer, agency, supervisor, two centres, a bank, {len(bidders)} bidders, {len(experts)} experts; each made a key and got a certificate",
        )
        return Cast(operator, tenderer, agency, supervisor, chengdu, deyang, bank, bidders, experts, bank_key)

    def _enrol(
        self, operator: Actor, party: str, name: str, account: str, roles: Sequence[str], facts: Json = None
    ) -> Actor:
        body: dict[str, Json] = {
            "id": party,
            "name": name,
            "roles": list(roles),
            "account": account,
            "password": PASSWORD,
        }
        operator.client.post("/parties", body | ({"facts": facts} if facts else {}))
        actor = Actor(party, name, self.connect())
        actor.client.login(account, PASSWORD)
        self.facts["accounts"].append((account, name))
        return actor

    def _experts(self, operator: Actor) -> dict[str, Actor]:
        found: dict[str, Actor] = {}
        for n in range(16):
            stratum, city = ("TECH", "ECON")[n % 2], ("510100", "510600")[n // 2 % 2]
            party = "person:" + b32encode(sha256(f"expert {n}".encode()).digest()).decode().lower()[:16]
            # Two of them must not sit: one works for the tenderer, one for a bidder.
            employer = {0: organisation(1), 3: organisation(20)}.get(n, organisation(60 + n))
            facts: Json = {"stratum": stratum, "city": city, "employer": employer}
            found[party] = self._enrol(operator, party, f"专家{n + 1:02d}（虚构）", f"expert{n + 1}", ["expert"], facts)
        for party, expert in found.items():
            self.expert_keys[party] = expert.certify()
        return found

    # --- 招 ---------------------------------------------------------------------------------------------------

    def _announce(self, who: Cast) -> str:
        tender = str(who.agency.client.post("/cases", {"procedure": "open_tender"})["id"])
        self.facts["tender"] = tender
        who.agency.file(tender, "project", project_payload(who))
        document = who.agency.file(tender, "tender_document", document_payload())
        self.advance(who, "2026-03-02T09:00:00+08:00")
        for actor in (who.tenderer, who.chengdu, who.deyang):
            self.custody[actor.party] = sealing.new_secret(secrets.token_bytes)
        notice = self.notice_payload(who, document["receipt"]["record"])
        late = {
            **notice,
            "bid_deadline": "2026-03-20T09:30:00.000+08:00",
            "opening": {"at": "2026-03-20T09:30:00.000+08:00", "place": "线上"},
        }
        refused = self.refused(lambda: who.agency.file(tender, "tender_notice", late), "PERIOD-TOO-SHORT")
        self.say(
            f"等标期只有 18 日的公告被拒：{refused.sentence('zh')}",
            f"A notice with a bid period of 18 days is refused: {refused.sentence('en')}",
        )
        receipt = who.agency.file(tender, "tender_notice", notice)
        self.facts["notice"] = receipt["receipt"]["record"]
        self.say(
            "招标公告发布：道路（一标段）与桥梁（二标段），2026-03-25 09:30 截止；钥匙分给招标人、成都、德阳三方中的任意两方",
            "Notice published: road (lot 1) and bridge (lot 2), deadline 2026-03-25 09:30; any two of tenderer, Chengdu and Deyang hold the key",
        )
        self.advance(who, "2026-03-05T10:00:00+08:00")
        question = who.bidders[0].file(tender, "question", {"text": ["一标段夜间施工是否受限？"]})
        answer: dict[str, Json] = {
            "number": 1,
            "answers": [question["receipt"]["record"]],
            "text": ["夜间 22 时至次日 6 时不得进行产生噪声的施工。"],
            "affects_preparation": False,
            "invalidates_bids": False,
        }
        who.agency.file(tender, "clarification", answer)
        self.say("提问与澄清：公开答复，不影响投标文件编制", "A question and its public clarification")
        return tender

    def notice_payload(self, who: Cast, document: str) -> dict[str, Json]:
        """Return the notice, with a fresh custodian key for each custodian of this tender."""
        roles = {who.tenderer.party: "tenderer", who.chengdu.party: "centre", who.deyang.party: "city"}
        custodians: list[Json] = [
            {
                "party": {"id": actor.party, "name": actor.name},
                "role": roles[actor.party],
                "recipient": sealing.recipient_of_secret(self.custody[actor.party]),
            }
            for actor in (who.tenderer, who.chengdu, who.deyang)
        ]
        return notice_payload(document, custodians)

    # --- guarantees -------------------------------------------------------------------------------------------

    def _guarantees(self, who: Cast, tender: str) -> None:
        self.advance(who, "2026-03-16T10:00:00+08:00")
        signatory = Signatory(who.bank_key, x509.load_der_x509_certificate(who.bank.certificate))
        issuer = SandboxIssuer(
            {"id": who.bank.party, "name": who.bank.name}, signatory, self.renderer, f"{self.public_url}/verify?letter="
        )
        folder = self.out / "letters"
        folder.mkdir(parents=True, exist_ok=True)
        self.facts["letters"] = {}
        for n, bidder in enumerate(who.bidders[: self.bidders]):
            # The last of them asks for too small a letter; the opening will find out.
            amount = "390000.00" if n < self.bidders - 1 else "300000.00"
            case = self._letter(who, tender, bidder, issuer, amount, folder)
            self.facts["letters"][bidder.party] = case
        self.say(
            f"{self.bidders} 家投标人各自申请电子保函：银行核保、收费、签发 PDF（PAdES）；保函案卷在开标前对所有人保密",
            f"{self.bidders} bidders apply for guarantee letters; the bank underwrites, is paid, and signs PDFs; nobody else learns of them before the opening",
        )

    def _letter(self, who: Cast, tender: str, bidder: Actor, issuer: SandboxIssuer, amount: str, folder: Path) -> str:
        case = str(bidder.client.post("/cases", {"procedure": "guarantee_letter"})["id"])
        application: dict[str, Any] = {
            "tender": tender,
            "lot": "L1",
            "applicant": {"id": bidder.party, "name": bidder.name},
            "guarantor": {"id": who.bank.party, "name": who.bank.name},
            "beneficiary": {"id": who.tenderer.party, "name": who.tenderer.name},
            "amount": {"amount": amount, "currency": "CNY"},
            "valid_from": "2026-03-16",
            "valid_until": "2026-06-30",
            "kind": "bid_security",
        }
        bidder.file(case, "guarantee_application", application)
        decision = issuer.decide(cast("Application", application), bid_validity_end=date(2026, 6, 23))
        who.bank.file(case, "guarantee_decision", decision)
        who.bank.file(case, "guarantee_event", {"event": "premium_paid"})
        number = f"DEMO-2026-{secrets.token_hex(5).upper()}"
        pdf, payload = issuer.issue(
            cast("Application", application),
            number=number,
            project_name="示例大道市政道路改造工程（虚构）",
            nonce=secrets.token_hex(32),
            at=self.now(who),
        )
        path = folder / f"{number}.pdf"
        path.write_bytes(pdf)
        attachment = who.bank.attach(path, name="letter.pdf", media_type=LETTER_TYPE, sealed=True)
        who.bank.file(case, "guarantee_letter", payload, attachments=[attachment])
        self.facts.setdefault("letter_files", {})[bidder.party] = (str(path), payload)
        return case

    # --- 投 ---------------------------------------------------------------------------------------------------

    def _bid(self, who: Cast, tender: str) -> None:
        self.advance(who, "2026-03-23T15:00:00+08:00")
        refused = self.refused(
            lambda: who.operator.client.post(f"/cases/{tender}/opening", {"act": "start"}), "OPENING-EARLY"
        )
        self.say(
            f"运维人员试图提前开标，被拒：{refused.sentence('zh')}",
            f"The operator tries to open early and is refused: {refused.sentence('en')}",
        )
        for n, bidder in enumerate(who.bidders[: self.bidders]):
            self.bids.append(self.hand_in(tender, bidder, "L1", PRICES[n]))
        for bidder in who.bidders[self.bidders : self.bidders + 2]:
            self.bids.append(self.hand_in(tender, bidder, "L2", "14100000.00"))
        first = self.bids[0]
        replaced = self.hand_in(tender, first.actor, "L1", "18450000.00", replaces=first)
        self.bids[0] = replaced
        gone = self.hand_in(tender, who.bidders[-1], "L1", "17000000.00")
        gone.actor.file(
            tender,
            "bid_withdrawal",
            {"submission": gone.submission, "bid_key": gone.key_text},
            signer=gone.signer,
            author=gone.signer.kid,
        )
        self.say(
            "投标人在自己的设备上封装：先提交承诺，再上传密文；一家替换、一家撤回。平台无人能打开，数据库里看不到是谁、几家",
            "Bidders seal on their own devices: commitment first, ciphertext after; one replaces, one withdraws. Nobody can open them, and the database does not tell who or how many",
        )
        self.advance(who, "2026-03-25T09:30:00+08:00")
        refused = self.refused(lambda: self.hand_in(tender, who.bidders[-1], "L1", "16000000.00"), "BID-LATE")
        self.say(
            f"09:30:00.000 整到达的投标被拒并得到签名的拒收回执：{refused.sentence('zh')}",
            f"A bid at 09:30:00.000 sharp is refused with a signed refusal: {refused.sentence('en')}",
        )

    def hand_in(self, tender: str, actor: Actor, lot: str, price: str, *, replaces: Bid | None = None) -> Bid:
        """Seal a bid and hand it in: commitment, then ciphertext."""
        bid = self.seal(tender, actor, lot, price, replaces=replaces)
        commitment = cast("Mapping[str, Json]", bid.sealed.commitment)
        actor.file(tender, "bid_commitment", commitment, signer=bid.signer, author=bid.signer.kid)
        path = Path(bid.sealed.ciphertext)
        actor.client.upload(disk.file_chunks(path), bid.sealed.sha256, bid.sealed.size, sealed=True)
        attachment = Attachment("bid.age", Digest(bid.sealed.sha256), bid.sealed.size, AGE_TYPE)
        payload: dict[str, Json] = {
            "submission": bid.submission,
            "bid_key": bid.key_text,
            "ciphertext": {"sha256": bid.sealed.sha256, "size": bid.sealed.size},
        }
        actor.file(tender, "sealed_bid", payload, attachments=[attachment], signer=bid.signer, author=bid.signer.kid)
        return bid

    def seal(self, tender: str, actor: Actor, lot: str, price: str, *, replaces: Bid | None = None) -> Bid:
        """Seal a bid on the bidder's device."""
        signer = actor.signer
        if signer is None:
            raise PlayStopped("no certificate")
        head = actor.client.get(f"/cases/{tender}")["head"]
        custodians = tuple(sealing.Custodian(c["party"], c["recipient"]) for c in head["custodians"])
        terms = sealing.SealingTerms(custodians, head["threshold"], head["policy"])
        letter = self.facts.get("letter_files", {}).get(actor.party) if lot == "L1" else None
        offer = bid_package.Offer(
            bidder=bid_package.Bidder(actor.party, actor.name, actor.certificate),
            price=Money(Decimal(price), CNY),
            small_or_micro=False,
            domestic_product=True,
            files=(bid_package.SourceFile("technical.txt", lambda: [f"{actor.name} 施工组织设计（虚构）".encode()]),),
            guarantee=_claim(letter[1]) if letter else None,
            letter=bid_package.SourceFile("letter.pdf", disk.file_chunks(Path(letter[0]))) if letter else None,
        )
        target = bid_package.Target(tender, lot, head["answers"], replaces.submission if replaces else None)
        folder = self.out / "bids"
        folder.mkdir(parents=True, exist_ok=True)
        sealed = disk.seal(
            offer,
            target,
            terms,
            sign=lambda manifest: sign_detached(manifest, signer),
            out=folder / f"{secrets.token_hex(8)}.age",
            rng=secrets.token_bytes,
            bid_key=replaces.sealed.bid_key if replaces else None,
        )
        return Bid(actor, lot, price, sealed, bid_signer(Ed25519PrivateKey.from_private_bytes(sealed.bid_key)))

    # --- 开 ---------------------------------------------------------------------------------------------------

    def _open(self, who: Cast, tender: str) -> None:
        started = who.operator.client.post(f"/cases/{tender}/opening", {"act": "start"})["records"]
        counts = {
            lot["lot"]: lot["count"]
            for r in started
            if r["family"] == "opening_start"
            for lot in r["envelope"]["payload"]["lots"]
        }
        failed = [r["envelope"]["payload"]["lot"] for r in started if r["family"] == "failed_tender"]
        if counts != {"L1": self.bidders} or failed != ["L2"]:
            raise PlayStopped(f"opened {counts}, failed {failed}")
        self.say(
            f"开标：一标段 {counts['L1']} 家，冻结集合根；二标段仅 2 家，依法不开标",
            f"Opening: lot 1 has {counts['L1']} bids, their root is frozen; lot 2 has 2 and is not opened",
        )
        lot_one = [b for b in self.bids if b.lot == "L1"]
        for bid in lot_one[:-1]:
            payload: dict[str, Json] = {
                "submission": bid.submission,
                "bid_key": bid.key_text,
                "secret_key": bid.sealed.secret_key,
            }
            bid.actor.file(tender, "key_release", payload, signer=bid.signer, author=bid.signer.kid)
        absent = lot_one[-1]
        for actor in (who.tenderer, who.deyang):
            self.release_share(actor, tender, absent)
        self.say(
            f"{len(lot_one) - 1} 家远程解密；一家未到场，由招标人与德阳两方份额合成密钥开启",
            f"{len(lot_one) - 1} bidders release their keys; one is absent and is opened by the shares of the tenderer and Deyang",
        )
        disclosed = who.operator.client.post(f"/cases/{tender}/opening", {"act": "disclose"})["records"]
        opened = [r["envelope"]["payload"] for r in disclosed]
        if {p["outcome"] for p in opened} != {"opened"} or len(opened) != self.bidders:
            raise PlayStopped(f"disclosed {[(p['outcome'], p.get('cause')) for p in opened]}")
        bad = [p["guarantee"]["reasons"] for p in opened if p["guarantee"]["result"] != "valid"]
        who.operator.client.post(f"/cases/{tender}/opening", {"act": "close"})
        self.say(
            f"唱标并签署开标记录；一份保函金额不足，被查出：{bad}",
            f"Prices announced, opening record signed; one letter is short and was found: {bad}",
        )

    def release_share(self, actor: Actor, tender: str, bid: Bid) -> None:
        """Release a custodian's share of a bid's key."""
        commitment = sealing.read_commitment(bid.sealed.commitment)
        taken = disk.take_share(commitment, actor.party, sealing.encode_secret(self.custody[actor.party]))
        if isinstance(taken, disk.BoxFault):
            raise PlayStopped(taken.why)
        payload: dict[str, Json] = {
            "submission": bid.submission,
            "custodian": actor.party,
            "index": taken.index,
            "share": taken.share.hex(),
        }
        actor.file(tender, "share_release", payload)

    # --- 评 ---------------------------------------------------------------------------------------------------

    def _evaluate(self, who: Cast, tender: str) -> str:
        self.advance(who, "2026-03-25T13:00:00+08:00")
        session = str(who.agency.client.post("/cases", {"procedure": "remote_evaluation"})["id"])
        self.facts["session"] = session
        who.agency.file(session, "remote_session", session_payload(who, tender))
        remote: dict[str, Json] = {
            "venue": "DY",
            "decision": "approve",
            "seats": [{"id": f"DY-{n}", "terminal": f"dy-{n}"} for n in (1, 2)],
        }
        self.refused(lambda: who.deyang.file(session, "venue_decision", remote), "VENUE-ORDER")
        lead: dict[str, Json] = {
            "venue": "CD",
            "decision": "approve",
            "seats": [{"id": f"CD-{n}", "terminal": f"cd-{n}"} for n in (1, 2, 3)],
        }
        who.chengdu.file(session, "venue_decision", lead)
        who.deyang.file(session, "venue_decision", remote)
        members = self._draw(who, session)
        self._seat(who, session, members)
        self._score(who, tender, session, members)
        return session

    def _draw(self, who: Cast, session: str) -> list[str]:
        nonces = {actor.party: secrets.token_hex(32) for actor in (who.chengdu, who.supervisor, who.deyang)}
        commitments: dict[str, Json] = {party: drawing.commit(nonce) for party, nonce in nonces.items()}
        who.operator.client.post(f"/cases/{session}/draws", {"commitments": commitments})
        drawn = who.operator.client.post(f"/cases/{session}/draws", {"nonces": cast("Json", nonces)})["records"][0]
        payload = drawn["envelope"]["payload"]
        out = {e["expert"]: e["ground"] for e in payload["excluded"]}
        members = [m for s in payload["strata"] for m in s["members"]]
        first = payload["strata"][0]
        line = drawing.shell_line(
            payload["seed"], first["stratum"], [*first["members"], *first["reserves"]], first["seats"]
        )
        self.facts["draw_line"] = line
        self.say(
            f"三方承诺随机数后抽取 5 名专家，{len(out)} 名应回避者先行排除；一行命令即可复算（见 draw.sh）",
            f"Five experts drawn from three committed nonces, {len(out)} had to stand aside; one shell line repeats the draw (draw.sh)",
        )
        (self.out / "draw.sh").write_text(line + "\n", "utf-8")
        gone, reserve = members[0], first["reserves"][0]
        recusal: dict[str, Json] = {
            "expert": gone,
            "ground": "close_relative",
            "declared_by": "expert",
            "replaced_by": reserve,
        }
        who.experts[gone].file(session, "recusal", recusal)
        self.say(
            "一名专家自报亲属关系，主动回避，按抽取次序递补",
            "One expert declares a relative and stands aside; the next in the drawn order takes the seat",
        )
        return [reserve, *members[1:]]

    def _seat(self, who: Cast, session: str, members: Sequence[str]) -> None:
        seats = [("CD", "CD-1"), ("CD", "CD-2"), ("CD", "CD-3"), ("DY", "DY-1"), ("DY", "DY-2")]
        bookings: list[Json] = [{"expert": m, "venue": v, "seat": s} for m, (v, s) in zip(members, seats, strict=True)]
        who.chengdu.file(session, "seat_booking", {"bookings": bookings})
        self.facts["seats"] = dict(zip(members, seats, strict=True))
        self.advance(who, "2026-03-25T14:00:00+08:00")
        self._check_in(who, session, members)
        who.chengdu.file(session, "session_event", {"event": "start", "venue": "CD"})
        self.say(
            "成都 3 席、德阳 2 席，一人一座；五人签到承诺后主场宣布开始",
            "Three seats in Chengdu, two in Deyang, one each; all five check in and the lead venue starts",
        )

    def _check_in(self, who: Cast, session: str, members: Sequence[str]) -> None:
        for member in members:
            venue, seat = self.facts["seats"][member]
            payload: dict[str, Json] = {
                "expert": member,
                "venue": venue,
                "seat": seat,
                "methods": ["id_card", "certificate"],
                "pledge": True,
                "no_conflict": True,
            }
            who.experts[member].file(session, "check_in", payload)

    def _score(self, who: Cast, tender: str, session: str, members: Sequence[str]) -> None:
        submissions = sorted(b.submission for b in self.bids if b.lot == "L1")
        sheets = {m: sheet_payload(m, "L1", submissions, n) for n, m in enumerate(members)}
        for member, sheet in list(sheets.items())[:-1]:
            commitment: dict[str, Json] = {"expert": member, "lot": "L1", "digest": canonical.digest(sheet)}
            who.experts[member].file(session, "score_commitment", commitment)
        first, last = members[0], members[-1]
        self.refused(lambda: who.experts[first].file(session, "score_sheet", sheets[first]), "SCORES-SEALED")
        who.deyang.file(
            session, "session_event", {"event": "suspend", "venue": "DY", "reason": "德阳副场网络中断（演示）"}
        )
        self._check_in(who, session, members)
        who.chengdu.file(session, "session_event", {"event": "resume", "venue": "CD"})
        self.say(
            "四人已锁定评分时德阳断网：锁定的评分保留，任何人都看不到；重新签到后恢复",
            "With four scores locked, Deyang loses its link: locked scores stay locked and unseen; all check in again and the session resumes",
        )
        digest: dict[str, Json] = {"expert": last, "lot": "L1", "digest": canonical.digest(sheets[last])}
        who.experts[last].file(session, "score_commitment", digest)
        for member, sheet in sheets.items():
            who.experts[member].file(session, "score_sheet", sheet)
        who.chengdu.file(session, "session_event", {"event": "end", "venue": "CD"})
        chair = who.experts[first]
        report = chair.client.get(f"/cases/{tender}/report?lot=L1&session={session}")
        receipt = chair.file(tender, "evaluation_report", report)
        self.facts["report"] = receipt["receipt"]["record"]
        self.facts["report_payload"] = report
        self._sign_report(who, tender, report, receipt["receipt"], members)
        names = [c["bidder"]["name"] for c in report["candidates"]]
        self.say(
            f"评分全部公开后自动复算报告：{'、'.join(names)}；一人保留不同意见并书面说明",
            f"All sheets revealed, the report recomputed: {len(names)} candidates; one member dissents in writing",
        )

    def _sign_report(
        self, who: Cast, tender: str, report: dict[str, Json], receipt: Mapping[str, Any], members: Sequence[str]
    ) -> None:
        """Have every member sign the report as PDF and file the signature with it; the last one dissents."""
        facts = CaseFacts(
            publisher="node:chengdu",
            made_at=self.now(who),
            digest=str(receipt["record"]),
            case=tender,
            project_name="示例大道市政道路改造工程（虚构）",
            project_code="E5101000001000001",
            tenderer={"id": who.tenderer.party, "name": who.tenderer.name},
            lot_names={"L1": "一标段：道路工程"},
            venues=(who.chengdu.name, who.deyang.name),
            names={m: who.experts[m].name for m in members},
            positions=dict.fromkeys(members[:-1], "agree") | {members[-1]: "dissent"},
        )
        pdf = render_report(self.renderer, report, facts)
        path = self.out / "evaluation-report.pdf"
        for n, member in enumerate(members):
            expert = who.experts[member]
            by = Signatory(self.expert_keys[member], x509.load_der_x509_certificate(expert.certificate))
            pdf = sign_report(pdf, report, member=member, by=by, at=self.now(who))
            path.write_bytes(pdf)
            attachment = expert.attach(path, name="evaluation-report.pdf", media_type=LETTER_TYPE, sealed=False)
            position: dict[str, Json] = {"report": receipt["record"], "position": "agree"}
            if n == len(members) - 1:
                position |= {"position": "dissent", "reasons": ["对第二名技术方案的评分偏高（演示）。"]}
            expert.file(tender, "report_signature", position, attachments=[attachment])
        self.facts["report_pdf"] = str(path)

    # --- 定 ---------------------------------------------------------------------------------------------------

    def _award(self, who: Cast, tender: str) -> None:
        self.advance(who, "2026-03-26T09:00:00+08:00")
        report = self.facts["report_payload"]
        candidates = [{k: c[k] for k in ("rank", "bidder", "price", "total") if k in c} for c in report["candidates"]]
        short: dict[str, Json] = {
            "lot": "L1",
            "report": self.facts["report"],
            "candidates": candidates,
            "starts_on": "2026-03-26",
            "ends_on": "2026-03-29",
            "objection_channel": "本平台异议通道",
        }
        refused = self.refused(lambda: who.agency.file(tender, "candidate_publicity", short), "PERIOD-TOO-SHORT")
        self.say(
            f"公示末日落在周日，被拒：{refused.sentence('zh')}",
            f"A publicity ending on a Sunday is refused: {refused.sentence('en')}",
        )
        publicity = who.agency.file(tender, "candidate_publicity", {**short, "ends_on": "2026-03-30"})
        self.advance(who, "2026-03-27T10:00:00+08:00")
        grounds: dict[str, Json] = {
            "lot": "L1",
            "about": "result",
            "grounds": ["认为第一名业绩不符（演示）。"],
            "evidence": ["公开信息截图说明（演示）。"],
            "request": ["请求复核。"],
        }
        objection = who.bidders[1].file(tender, "objection", grounds)
        self.advance(who, "2026-03-31T09:00:00+08:00")
        winner = report["candidates"][0]
        award: dict[str, Json] = {
            "lot": "L1",
            "winner": winner["bidder"],
            "submission": winner["submission"],
            "price": winner["price"],
            "rank": 1,
            "publicity": publicity["receipt"]["record"],
        }
        self.refused(lambda: who.tenderer.file(tender, "award_notice", award), "CASE-PAUSED")
        reply: dict[str, Json] = {
            "objection": objection["receipt"]["record"],
            "decision": "rejected",
            "reasons": ["经核对原件，业绩符合招标文件要求。"],
            "action": "none",
        }
        who.agency.file(tender, "objection_reply", reply)
        who.tenderer.file(tender, "award_notice", award)
        self.say(
            f"异议使定标暂停，答复后恢复；中标：{winner['bidder']['name']}，{winner['price']['amount']} 元",
            f"An objection pauses the award until it is answered; awarded at {winner['price']['amount']} yuan",
        )
        self.facts["winner"] = winner
        self.advance(who, "2026-04-08T10:00:00+08:00")
        contract = sha256("合同文本（虚构）".encode()).hexdigest()
        signed: dict[str, Json] = {
            "lot": "L1",
            "winner": winner["bidder"],
            "amount": winner["price"],
            "signed_on": "2026-04-08",
            "contract": f"sha256:{contract}",
        }
        who.tenderer.file(tender, "contract_filing", signed)
        case = self.facts["letters"][winner["bidder"]["id"]]
        letter = self.facts["letter_files"][winner["bidder"]["id"]][1]["letter"]
        who.operator.client.post(f"/cases/{case}/guarantee", {"event": "verified"})
        who.tenderer.file(case, "guarantee_event", {"event": "release", "letter": letter})
        self.say("合同备案，中标人保函解除", "Contract filed, the winner's guarantee released")

    # --- proof ------------------------------------------------------------------------------------------------

    def _evidence(self, who: Cast, tender: str, session: str) -> None:
        winner_case = self.facts["letters"][self.facts["winner"]["bidder"]["id"]]
        path = f"/cases/{tender}/evidence?linked={session}:session&linked={winner_case}:guarantee"
        data = who.operator.client.call("GET", path).content
        file = self.out / "evidence.zip"
        file.write_bytes(data)
        self.facts["evidence"] = str(file)
        receipts = self.out / "receipts"
        receipts.mkdir(exist_ok=True)
        actors = [
            who.tenderer,
            who.agency,
            who.supervisor,
            who.chengdu,
            who.deyang,
            who.bank,
            *who.bidders,
            *who.experts.values(),
        ]
        count = 0
        for actor in actors:
            for n, (record, receipt) in enumerate(actor.receipts):
                name = f"{actor.party.replace(':', '_')}-{n + 1:02d}-{receipt['receipt']['family']}.json"
                text = json.dumps({"record": record, **receipt}, ensure_ascii=False, indent=1)
                (receipts / name).write_text(text, "utf-8")
                count += 1
        self.facts["receipts"] = (str(receipts), count)
        self.say(
            f"导出证据文件（{len(data) / 1e6:.1f} MB）与 {count} 份签名回执",
            f"Evidence file exported ({len(data) / 1e6:.1f} MB) with {count} signed receipts",
        )

    # --- helpers ----------------------------------------------------------------------------------------------

    def advance(self, who: Cast, to: str) -> None:
        """Move the sandbox clock."""
        who.operator.client.post("/sandbox/clock", {"to": to})

    def now(self, who: Cast) -> datetime:
        """Return the node's time."""
        return datetime.fromisoformat(str(who.operator.client.get("/clock")["now"]))

    def refused(self, act: Callable[[], object], code: str) -> Refused:
        """Do what must be refused with a code; stop the play when it is not."""
        try:
            act()
        except Refused as refused:
            if refused.code == code:
                return refused
            raise PlayStopped(f"expected {code}, got {refused}") from refused
        raise PlayStopped(f"expected {code}, but it was accepted")


BIDDER_NAMES = (
    "甲示例路桥",
    "乙示例市政",
    "丙示例建工",
    "丁示例交通",
    "戊示例工程",
    "己示例建设",
    "庚示例道桥",
    "辛示例桥梁",
    "壬示例隧道",
    "癸示例施工",
)
PRICES = ("18600000.00", "18980000.00", "19120000.00", "18730000.00", "19560000.00", "18250000.00", "17900000.00")


def organisation(number: int) -> str:
    """Return the party id of a fictional organisation with a lawful code."""
    body = f"9151010000T{number:05d}0"
    return f"org:{body}{uscc_check(body)}"


def _claim(payload: Mapping[str, Any]) -> bid_package.GuaranteeClaim:
    return bid_package.GuaranteeClaim(
        str(payload["number"]),
        str(payload["issuer"]["id"]),
        Money.from_wire(payload["amount"]),
        date.fromisoformat(str(payload["valid_until"])),
        str(payload["letter"]),
    )


def _yuan(amount: str) -> dict[str, Json]:
    return {"amount": amount, "currency": "CNY"}


def _named(actor: Actor) -> dict[str, Json]:
    return {"id": actor.party, "name": actor.name}


def project_payload(who: Cast) -> dict[str, Json]:
    """Return the project: two lots of a city road."""
    return {
        "project_code": "E5101000001000001",
        "name": "示例大道市政道路改造工程（虚构）",
        "regime": "tender_law",
        "category": "A",
        "sector": "A02",
        "region": "510100",
        "state_funded": True,
        "tenderer": _named(who.tenderer),
        "agency": _named(who.agency),
        "supervisor": _named(who.supervisor),
        "estimate": _yuan("35000000.00"),
        "procurement_kind": "works",
        "lots": [
            {"id": "L1", "name": "一标段：道路工程", "estimate": _yuan("20000000.00")},
            {"id": "L2", "name": "二标段：桥梁工程", "estimate": _yuan("15000000.00")},
        ],
    }


def document_payload() -> dict[str, Json]:
    """Return the tender document: comprehensive evaluation, 60 points for the price, five experts."""
    return {
        "title": "示例大道市政道路改造工程施工招标文件（虚构）",
        "edition": 1,
        "notice_title": "示例大道市政道路改造工程施工招标公告（虚构）",
        "qualification": ["具有市政公用工程施工总承包二级及以上资质。"],
        "substantive": ["工期不超过 240 日历天。", "质量达到国家验收合格标准。"],
        "evaluation": {
            "name": "comprehensive_score",
            "price": {
                "formula": "mean_base",
                "weight_points": "60.00",
                "parameters": {"k": "0.02", "e_hi": "1.0", "e_lo": "0.5", "trim_from": "5"},
                "rounding": {"mode": "half_up", "places": 2},
            },
            "criteria": [
                {"id": "T1", "title": "施工组织设计", "kind": "subjective", "max": "25.00", "min": "0.00"},
                {"id": "T2", "title": "项目管理机构", "kind": "subjective", "max": "15.00", "min": "0.00"},
            ],
            "aggregation": "trimmed_mean",
            "adjustments": {},
            "tie_break": ["price", "draw"],
            "reject_above_ceiling": True,
            "reject_below_floor": False,
        },
        "committee": {
            "size": 5,
            "experts_min": 5,
            "strata": [{"id": "TECH", "name": "市政工程", "seats": 3}, {"id": "ECON", "name": "工程造价", "seats": 2}],
        },
        "bid_validity_days": 90,
        "performance_security_ratio": "0.10",
    }


def notice_payload(document: str, custodians: list[Json]) -> dict[str, Json]:
    """Return the notice over a filed document."""
    return {
        "title": "示例大道市政道路改造工程施工招标公告（虚构）",
        "project_code": "E5101000001000001",
        "document": document,
        "lots": [
            {
                "id": "L1",
                "name": "一标段：道路工程",
                "scope": "示例大道 K0+000 至 K3+200 道路、排水、照明工程。",
                "ceiling": _yuan("19800000.00"),
                "bid_security": {"amount": _yuan("390000.00"), "forms": ["guarantee_letter"]},
            },
            {"id": "L2", "name": "二标段：桥梁工程", "scope": "示例河大桥加固改造。", "ceiling": _yuan("14900000.00")},
        ],
        "document_sale": {"start": "2026-03-02T09:00:00.000+08:00", "end": "2026-03-09T17:00:00.000+08:00"},
        "issued_at": "2026-03-02T09:00:00.000+08:00",
        "bid_deadline": "2026-03-25T09:30:00.000+08:00",
        "opening": {"at": "2026-03-25T09:30:00.000+08:00", "place": "阳光交易大厅（线上）"},
        "bid_validity_days": 90,
        "opening_policy": "bidder_or_custodians",
        "custodians": custodians,
        "threshold": 2,
        "grace_seconds": 0,
        "question_deadline": "2026-03-13T17:00:00.000+08:00",
        "media": ["阳光交易大厅（演示）"],
        "contacts": [{"name": "张示例", "phone": "028-00000000", "email": "tender@tradehall.example"}],
    }


def session_payload(who: Cast, tender: str) -> dict[str, Json]:
    """Return the request for a remote evaluation between Chengdu and Deyang."""
    return {
        "tender": tender,
        "lots": ["L1"],
        "lead_venue": {"id": "CD", "city": "510100", "centre": _named(who.chengdu)},
        "remote_venues": [{"id": "DY", "city": "510600", "centre": _named(who.deyang)}],
        "starts_at": "2026-03-25T14:00:00.000+08:00",
        "ends_at": "2026-03-25T18:00:00.000+08:00",
        "seats_wanted": [{"venue": "CD", "count": 3}, {"venue": "DY", "count": 2}],
        "committee_size": 5,
    }


def sheet_payload(expert: str, lot: str, submissions: Sequence[str], n: int) -> dict[str, Json]:
    """Return an expert's sheet; points differ by expert and bid, but not by chance."""
    scores: list[Json] = []
    for submission in submissions:
        mark = int(sha256(submission.encode()).hexdigest(), 16) % 5
        items: list[Json] = [
            {"criterion": "T1", "points": f"{19 + (mark + n) % 5}.50"},
            {"criterion": "T2", "points": f"{10 + (mark + 2 * n) % 4}.00"},
        ]
        scores.append({"submission": submission, "items": items})
    return {"expert": expert, "lot": lot, "salt": secrets.token_hex(32), "scores": scores}
