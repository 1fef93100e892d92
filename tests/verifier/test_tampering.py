"""No byte, record or number of an evidence file can be changed unseen; the first bad record is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from zlib import crc32

import pytest

from tradehall import verifier
from tradehall.kernel import evidence, notes, receipts
from tradehall.kernel.evidence import canonical_zip
from tradehall.rules import merkle, sealing
from tradehall_standards import canonical
from verifier import making
from verifier.making import TENDER, digest, money


def first(report: verifier.Report) -> tuple[str, str]:
    assert report.findings, "nothing was found"
    return report.findings[0].family, report.findings[0].rule


def rules(report: verifier.Report) -> set[tuple[str, str]]:
    return {(finding.family, finding.rule) for finding in report.findings}


# --- the whole is well, and every kind of check took place ------------------------------------------------------


def test_an_untouched_tender_passes_every_check() -> None:
    hall = making.play()
    report = verifier.verify_bytes(hall.evidence())
    assert report.ok, report.findings
    expected = {name for name in dir(verifier.Verification) if name.startswith("check_")}
    expected -= {"check_tie_draw", "check_signature"}
    assert expected <= set(report.passed)
    assert report.passed["check_record"] == len(hall.filed)
    assert report.facts["witnesses"] == ["deyang.example/witness", "meishan.example/witness"]
    assert not report.notes


def test_the_same_tender_gives_the_same_bytes() -> None:
    assert making.play().evidence() == making.play().evidence()


# --- bytes ----------------------------------------------------------------------------------------------------


def test_every_single_byte_counts() -> None:
    good = making.play_small().evidence()
    assert len(good) < 60_000
    assert verifier.verify_bytes(good).ok
    changed = bytearray(good)
    for place in range(len(good)):
        changed[place] ^= 1 << place % 8
        assert not verifier.verify_bytes(changed).ok, place
        changed[place] = good[place]


def test_a_cut_or_longer_file_is_refused() -> None:
    good = making.play_small().evidence()
    for bad in (b"", good[:21], good[:-1], good[1:], good + b"\0", b"\0" + good, good + good):
        assert first(verifier.verify_bytes(bad)) == ("", "container")


def parts(data: bytes) -> dict[str, bytes]:
    return {name: bytes(content) for name, content in verifier.unzip(data).items()}


def test_the_container_is_the_one_canonical_form() -> None:
    good = making.play_small().evidence()
    assert canonical_zip(parts(good)) == good
    two = canonical_zip({"a": b"1", "b": b"2"})
    twice = two.replace(b"b2PK", b"a2PK").replace(two[-23:-22], b"a")
    assert first(verifier.verify_bytes(twice))[1] == "container"
    with pytest.raises(ValueError, match="plain name"):
        canonical_zip({"../evil": b""})


def resign(files: dict[str, bytes], **index_changes: Any) -> bytes:
    """Write files again with a matching index and signature, as whoever has the receipt key can."""
    index = json.loads(files.pop("evidence.json"))
    files.pop("evidence.sig")
    index["files"] = {name: digest(content) for name, content in files.items()}
    raw = canonical.jcs(index | index_changes)
    key = making.ed25519_key("receipt")
    files["evidence.json"] = raw
    files["evidence.sig"] = canonical.jcs(evidence.sign_detached(raw, key.public_key().public_bytes_raw(), key.sign))
    return canonical_zip(files)


def test_files_added_taken_or_swapped_are_found() -> None:
    good = parts(making.play_small().evidence())
    extra = good | {"more.txt": b"x"}
    assert first(verifier.verify_bytes(canonical_zip(extra)))[1] == "file-digest"
    assert (
        first(verifier.verify_bytes(canonical_zip({k: v for k, v in good.items() if k != "about.txt"})))[1]
        == "file-digest"
    )
    names = sorted(name for name in good if name.startswith("cases/"))
    swapped = good | {names[2]: good[names[3]], names[3]: good[names[2]]}
    assert first(verifier.verify_bytes(canonical_zip(swapped)))[1] == "file-digest"
    assert first(verifier.verify_bytes(resign(dict(swapped))))[1] in {"log-order", "log-inclusion"}
    wrong_name = dict(good) | {"attachments/" + "0" * 64: b"x"}
    assert first(verifier.verify_bytes(resign(wrong_name)))[1] == "file-name"


def test_a_record_taken_away_leaves_a_gap_even_when_all_is_signed_again() -> None:
    good = parts(making.play_small().evidence())
    names = sorted(name for name in good if name.startswith("cases/"))
    for name in names:
        report = verifier.verify_bytes(resign({k: v for k, v in good.items() if k != name}))
        assert ("", "record-numbers") in rules(report)
    last = {k: v for k, v in good.items() if k != names[-1]}
    report = verifier.verify_bytes(resign(last, counts={TENDER: len(names) - 1}))
    assert report.ok  # an honest file of an earlier moment: what was in it still holds


def test_a_record_that_is_not_in_canonical_form_is_found() -> None:
    good = parts(making.play_small().evidence())
    name = next(name for name in good if name.startswith("cases/"))
    for bad in (
        good[name].replace(b'"suite":"TH1"', b'"suite": "TH1"'),
        good[name].replace(b'"suite":"TH1"', b'"suite":"TH1","suite":"TH1"'),
        good[name].replace(b'"edition":1', b'"edition":1.0'),
        good[name].replace(b'"edition":1', b'"edition":9007199254740993'),
        good[name].replace(b'"edition":1', b'"edition":NaN'),
        good[name].replace("招标文件".encode(), b"a\\nb"),
        good[name].replace("招标文件".encode(), b"a\x7fb"),
        b"[" * 5000 + b"]" * 5000,
        b"{}",
        b"\xff",
    ):
        assert bad != good[name]
        report = verifier.verify_bytes(resign(good | {name: bad}))
        assert ("", "record-form") in rules(report), bad[:60]


# --- rows, log, keys --------------------------------------------------------------------------------------------


def altered(change: Callable[[evidence.EvidenceRecord], evidence.EvidenceRecord], number: int = 4) -> bytes:
    hall = making.play_small()
    content = hall.content()
    records = list(content.cases[0].records)
    records[number] = change(records[number])
    return hall.evidence(cases=[replace(content.cases[0], records=records)])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda r: replace(r, salt=bytes(16)), "log-inclusion"),
        (lambda r: replace(r, accepted_at=r.accepted_at + timedelta(milliseconds=1)), "log-inclusion"),
        (lambda r: replace(r, leaf_index=r.leaf_index + 1), "log-inclusion"),
        (lambda r: replace(r, proof=r.proof[:-1]), "log-inclusion"),
        (lambda r: replace(r, proof=[bytes(32), *r.proof[1:]]), "log-inclusion"),
        (lambda r: replace(r, signature={**r.signature, "signature": "A" * 86}), "record-signature"),
        (lambda r: replace(r, body=r.body.replace(b'"1.0.0"', b'"1.0.1"')), "record-signature"),
    ],
)
def test_a_record_changed_by_the_node_itself_is_found(
    change: Callable[[evidence.EvidenceRecord], evidence.EvidenceRecord], rule: str
) -> None:
    assert first(verifier.verify_bytes(altered(change))) == ("opening_start", rule)


def test_a_chain_rebuilt_with_stolen_keys_lacks_its_witnesses() -> None:
    hall = making.play_small()
    good = hall.content()
    hall.leaves[0] = sha256(b"another past").digest()
    nodes = merkle.MemoryNodes(merkle.leaf_hash(leaf) for leaf in hall.leaves)
    rebuilt = making.checkpoint(merkle.root(nodes, len(nodes)), len(nodes), hall.now, cosigned=False)
    assert first(verifier.verify_bytes(hall.evidence(checkpoint=rebuilt)))[1] == "witnesses"
    # The thief also writes down that no witness is needed, or makes up witnesses: whoever brings the keys sees it.
    lowered = hall.evidence(witnesses=[], witnesses_required=0)
    real = verifier.TrustedKeys(witnesses=[str(key) for key in making.WITNESSES])
    assert (
        first(
            verifier.verify_bytes(
                hall.evidence(checkpoint=rebuilt, witnesses=[], witnesses_required=0), trusted_keys=real
            )
        )[1]
        == "witnesses"
    )
    assert ("", "witnesses") in rules(verifier.verify_bytes(lowered, min_witnesses=1))
    stolen = notes.parse_note(good.checkpoint)
    mixed = str(notes.Note(notes.parse_note(rebuilt).text, stolen.signatures))
    assert first(verifier.verify_bytes(hall.evidence(checkpoint=mixed)))[1] == "checkpoint-signature"


def test_the_keys_a_reader_brings_must_be_the_files() -> None:
    hall = making.play_small()
    data = hall.evidence()
    receipt = verifier.parse(verifier.unzip(data)["keys/node.json"])["receipt_key"]
    authority = digest(making.certificate("CA", ca=True))
    for key in (str(making.LOG), receipt, authority):
        assert verifier.verify_bytes(data, trusted_keys=verifier.TrustedKeys([key])).ok
    other = notes.VerifierKey(making.LOG_NAME, 1, bytes(32))
    for key in (str(other), "A" * 43, "sha256:" + "0" * 64):
        assert first(verifier.verify_bytes(data, trusted_keys=verifier.TrustedKeys([key])))[1] == "node-key"
    witness = verifier.TrustedKeys(witnesses=[str(making.WITNESSES[0])])
    assert verifier.verify_bytes(data, trusted_keys=witness).ok
    assert first(verifier.verify_bytes(data, trusted_keys=witness, min_witnesses=2))[1] == "witnesses"
    assert first(verifier.verify_bytes(data, min_witnesses=3))[1] == "witnesses"


def test_certificates_must_be_there_issued_and_of_the_signer() -> None:
    hall = making.play_small()
    buyer = making.certificate(making.BUYER)
    assert rules(verifier.verify_bytes(hall.evidence(certificates=[]))) >= {("tender_document", "certificate-missing")}
    stranger = making.certificate("CA", ca=True, issuer="OTHER CA")
    keys = replace(hall.content().keys, ca_certificates=[stranger])
    assert first(verifier.verify_bytes(hall.evidence(keys=keys))) == ("tender_document", "certificate-chain")
    leaf_as_authority = replace(hall.content().keys, ca_certificates=[buyer])
    assert first(verifier.verify_bytes(hall.evidence(keys=leaf_as_authority)))[1] == "certificate-chain"


def test_a_certificate_that_had_expired_or_names_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = making.certificate

    def short(party: str, **options: Any) -> bytes:
        return real(party, until=making.START) if party == making.BUYER else real(party, **options)

    with monkeypatch.context() as patch:
        patch.setattr(making, "certificate", short)
        assert first(verifier.verify_bytes(making.play_small().evidence())) == (
            "tender_document",
            "certificate-expired",
        )
    real_signer = making.signer_of
    with monkeypatch.context() as patch:
        patch.setattr(making, "signer_of", lambda party: real_signer(making.CENTRE if party == making.BUYER else party))
        hall = making.play_small()
        hall.certificates.add(making.certificate(making.CENTRE))
        assert first(verifier.verify_bytes(hall.evidence())) == ("tender_document", "certificate-party")


def test_schemas_must_be_there_and_stay_the_same() -> None:
    hall = making.play_small()
    assert first(verifier.verify_bytes(hall.evidence(schemas={})))[1] == "schema-missing"
    made = making.bundle
    hall = making.Hall()
    answers = making.publish(hall)
    try:
        making.bundle = lambda family: made(family + " 2")
        making.publish(hall)
        content = hall.content()
    finally:
        making.bundle = made
    schemas = dict(content.schemas or {}) | {sha256(made(f.family)).hexdigest(): made(f.family) for f in hall.filed}
    report = verifier.verify_bytes(hall.evidence(schemas=schemas))
    assert rules(report) == {("tender_document", "schema-pin"), ("tender_notice", "schema-pin")}
    assert report.findings[0].number == 3
    assert answers


def test_a_record_twice_or_stamped_before_the_one_ahead_of_it_is_found() -> None:
    hall = making.play_small()
    content = hall.content()
    records = list(content.cases[0].records)
    twice = [*records[:5], records[4], *records[5:]]
    report = verifier.verify_bytes(hall.evidence(cases=[replace(content.cases[0], records=twice)]))
    assert first(report) == ("opening_start", "log-order")
    hall.file(TENDER, "objection", {"text": ["x"]}, making.BUYER, at=hall.now - timedelta(milliseconds=1))
    assert rules(verifier.verify_bytes(hall.evidence())) == {("objection", "log-order")}


def test_a_wrong_checksum_in_both_headers_is_found() -> None:
    good = canonical_zip({"about.txt": b"text"})
    crc = crc32(b"text").to_bytes(4, "little")
    assert good.count(crc) == 2
    assert "about.txt" in verifier.unzip(good)
    with pytest.raises(ValueError, match="checksum"):
        verifier.unzip(good.replace(crc, b"\1\2\3\4"))


def test_bytes_between_the_files_of_a_container_are_found() -> None:
    good = canonical_zip({"a": b"1"})
    end = bytearray(good[-22:])
    offset = int.from_bytes(end[16:20], "little")
    end[16:20] = (offset + 1).to_bytes(4, "little")
    with pytest.raises(ValueError, match="no file"):
        verifier.unzip(good[:offset] + b"x" + good[offset:-22] + bytes(end))


def test_a_checkpoint_of_another_log_is_found() -> None:
    hall = making.play_small()
    content = hall.content()
    other = replace(content.keys, log=replace(making.LOG, name="other.example/log"))
    assert first(verifier.verify_bytes(hall.evidence(keys=other)))[1] == "checkpoint-form"
    with pytest.raises(ValueError, match="type"):
        verifier.NoteKey.read(str(making.LOG), 4)


# --- insiders: every signature holds, and still it is found --------------------------------------------------------

Payload = dict[str, Any]


def on(family: str, alter: Callable[[Payload], Any], *, nth: int = 0) -> making.Change:
    """Change the payload of the n-th record of a family before it is signed."""
    seen: list[str] = []

    def change(found: str, payload: Payload) -> Payload:
        if found == family:
            seen.append(found)
            if len(seen) == nth + 1:
                alter(payload)
        return payload

    return change


def put(path: str, value: Any) -> Callable[[Payload], None]:
    """Set a member by its path, such as ``lots.0.count``."""

    def alter(payload: Payload) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = payload
        for step in way:
            place = place[step]
        place[last] = value

    return alter


def drop(path: str, index: int) -> Callable[[Payload], None]:
    def alter(payload: Payload) -> None:
        place: Any = payload
        for step in path.split("."):
            place = place[int(step) if step.isdigit() else step]
        place.pop(index)

    return alter


def swap(path: str) -> Callable[[Payload], None]:
    def alter(payload: Payload) -> None:
        place: Any = payload
        for step in path.split("."):
            place = place[int(step) if step.isdigit() else step]
        place[0], place[1] = place[1], place[0]

    return alter


INSIDERS = [
    ("opening_start", put("lots.0.count", 2), "opening-set"),
    ("opening_start", put("lots.0.accepted_root", "0" * 64), "opening-set"),
    ("opening_start", drop("lots.0.submissions", 1), "opening-set"),
    ("opening_start", swap("lots.0.submissions"), "opening-set"),
    ("bid_disclosure", put("price.amount", "900000.00"), "disclosure-differs"),
    ("bid_disclosure", put("bidder.id", "org:OTHER"), "disclosure-differs"),
    ("bid_disclosure", put("attributes.small_or_micro", value=True), "disclosure-differs"),
    ("bid_disclosure", put("files", []), "disclosure-differs"),
    ("bid_disclosure", put("manifest", "sha256:" + "0" * 64), "disclosure-differs"),
    ("bid_disclosure", put("opened_by", "custodians"), "disclosure-differs"),
    ("bid_disclosure", put("outcome", "failed_bidder"), "bid-suppressed"),
    ("bid_disclosure", put("submission", "b-" + "z" * 26), "disclosure-set"),
    ("bid_disclosure", put("lot", "L2"), "disclosure-set"),
    ("bid_disclosure", put("guarantee.result", "absent"), "guarantee-differs"),
    ("bid_disclosure", put("guarantee.amount.amount", "30000.00"), "guarantee-differs"),
    ("bid_disclosure", put("guarantee.letter", "sha256:" + "0" * 64), "guarantee-differs"),
    ("opening_record", put("lots.0.bids.1.price.amount", "1.00"), "opening-bids"),
    ("opening_record", drop("lots.0.bids", 1), "opening-bids"),
    ("opening_record", put("lots.0.ceiling.amount", "2000000.00"), "opening-limits"),
    ("opening_record", put("lots.0.floor", money("1.00")), "opening-limits"),
    ("opening_record", put("lots.0.accepted_root", "0" * 64), "opening-root"),
    ("expert_draw", put("seed", "0" * 64), "draw-seed"),
    ("expert_draw", put("nonces.0.nonce", "ff" * 16), "draw-nonce"),
    ("expert_draw", drop("nonces", 0), "draw-nonce"),
    ("expert_draw", put("beacon.value", "43"), "draw-seed"),
    ("expert_draw", put("beacon.source", "another"), "draw-commitment"),
    ("expert_draw", put("pool_size", 9), "draw-commitment"),
    ("expert_draw", swap("strata.0.members"), "draw-order"),
    ("expert_draw", put("strata.0.seats", 5), "draw-members"),
    ("expert_draw", put("excluded", [{"expert": e, "ground": "employer"} for e in making.EXPERTS]), "draw-members"),
    ("expert_draw", put("excluded.0.expert", "person:" + "z" * 16), "draw-members"),
    ("recusal", put("replaced_by", making.EXPERTS[0]), "recusal-order"),
    ("score_sheet", put("scores.0.items.0.points", "39.00"), "score-commitment"),
    ("score_sheet", put("salt", "11" * 32), "score-commitment"),
    ("evaluation_report", put("bids.0.total", "100.00"), "report-result"),
    ("evaluation_report", put("bids.0.price_score", "60.00"), "report-result"),
    ("evaluation_report", put("bids.1.rank", 1), "report-result"),
    ("evaluation_report", put("bids.0.expert_scores.0.total", "40.00"), "report-result"),
    ("evaluation_report", put("bids.0.adjusted.amount", "1.00"), "report-result"),
    ("evaluation_report", swap("bids"), "report-result"),
    ("evaluation_report", put("price.base", "1.00"), "report-result"),
    ("evaluation_report", swap("candidates"), "report-result"),
    ("evaluation_report", put("method.price.weight_points", "50.00"), "report-method"),
    ("evaluation_report", drop("members", 0), "report-sheets"),
    ("evaluation_report", put("bids.2.rejected", {"ground": "RJ-1", "explanation": "x"}), "report-result"),
    ("evaluation_report", put("tie_draws", [{"submissions": [], "seed": "0" * 64, "order": []}]), "report-ties"),
    ("candidate_publicity", put("report", "sha256:" + "0" * 64), "publicity"),
    ("candidate_publicity", swap("candidates"), "publicity"),
    ("candidate_publicity", put("lot", "L2"), "publicity"),
    ("award_notice", put("winner.id", "org:OTHER"), "award-candidate"),
    ("award_notice", put("price.amount", "1.00"), "award-candidate"),
    ("award_notice", put("rank", 2), "award-candidate"),
    ("award_notice", put("publicity", "sha256:" + "0" * 64), "award-publicity"),
    ("guarantee_letter", put("letter", "sha256:" + "0" * 64), "guarantee-letter"),
    ("guarantee_letter", put("amount.amount", "10000.00"), "guarantee-differs"),
    ("guarantee_letter", put("applicant.id", "org:BETA"), "guarantee-differs"),
    ("guarantee_letter", put("tender", "t-" + "z" * 26), "guarantee-differs"),
    ("key_release", put("secret_key", "AGE-SECRET-KEY-1" + "Q" * 58), "malformed"),
]
# What contradicts an earlier record is found at the later one, the disclosure.
FOUND_AT_DISCLOSURE = {"guarantee-differs", "malformed"}


@pytest.mark.parametrize(
    ("family", "alter", "rule"), INSIDERS, ids=[f"{f}-{r}-{i}" for i, (f, _, r) in enumerate(INSIDERS)]
)
def test_what_an_insider_signs_wrongly_is_found(family: str, alter: Callable[[Payload], None], rule: str) -> None:
    report = verifier.verify_bytes(making.play(on(family, alter)).evidence())
    shown = "bid_disclosure" if rule in FOUND_AT_DISCLOSURE else family
    assert first(report) == (shown, rule), report.findings


def test_an_award_that_passes_over_the_first_needs_a_reason() -> None:
    def second(payload: Payload, *, reason: bool) -> None:
        made = making.play()
        chosen = next(f for f in made.filed if f.family == "evaluation_report").payload["candidates"][1]
        payload.update(winner=chosen["bidder"], submission=chosen["submission"], price=chosen["price"], rank=2)
        payload.update({"reason": "winner_withdrew"} if reason else {})

    silent = verifier.verify_bytes(making.play(on("award_notice", lambda p: second(p, reason=False))).evidence())
    assert rules(silent) == {("award_notice", "award-reason")}
    assert verifier.verify_bytes(making.play(on("award_notice", lambda p: second(p, reason=True))).evidence()).ok


# --- deadlines, opening set, seals ------------------------------------------------------------------------------


def tender(bids: int = 1) -> tuple[making.Hall, list[making.SealedBid], dict[str, str], str]:
    hall = making.Hall()
    answers = making.publish(hall)
    hall.now = making.DEADLINE - timedelta(hours=1)
    sealed = [making.seal(number, answers) for number in range(bids)]
    commitments = {bid.submission: making.hand_in(hall, bid, answers).digest for bid in sealed}
    return hall, sealed, commitments, answers


def test_the_last_millisecond_is_in_time_and_the_deadline_is_not() -> None:
    for late, expected in ((-1, set()), (0, {("bid_withdrawal", "bid-late")})):
        hall, (bid,), _, _ = tender()
        at = making.DEADLINE + timedelta(milliseconds=late)
        hall.file(TENDER, "bid_withdrawal", bid.named(), bid.author, signer=bid.signer, at=at)
        assert rules(verifier.verify_bytes(hall.evidence())) == expected


@pytest.mark.parametrize("family", ["clarification", "deadline_extension", "outage_record"])
def test_a_moved_deadline_counts_from_when_it_was_moved(family: str) -> None:
    later = making.DEADLINE + timedelta(hours=1)
    payloads = {
        "clarification": {
            "number": 1,
            "answers": [],
            "invalidates_bids": False,
            "changes": {"bid_deadline": making.local(later)},
        },
        "deadline_extension": {"lots": ["L1"], "bid_deadline": making.local(later), "reason": "x"},
        "outage_record": {
            "from": making.local(making.DEADLINE - timedelta(hours=1)),
            "to": making.local(making.DEADLINE),
            "policy": "postpone_2h",
        },
    }
    for before in (True, False):
        hall, (bid,), _commitments, _answers = tender()
        hall.now = making.DEADLINE - timedelta(minutes=30)
        if before:
            hall.file(TENDER, family, payloads[family], making.BUYER)
        hall.file(TENDER, "bid_withdrawal", bid.named(), bid.author, signer=bid.signer, at=making.DEADLINE)
        if not before:
            hall.file(TENDER, family, payloads[family], making.BUYER)
        expected = set() if before else {("bid_withdrawal", "bid-late")}
        assert rules(verifier.verify_bytes(hall.evidence())) == expected


def test_grace_is_for_the_ciphertext_alone() -> None:
    hall = making.Hall(on("tender_notice", put("grace_seconds", 60)))
    answers = making.publish(hall)
    bid, late = making.seal(0, answers), making.seal(1, answers)
    at = making.DEADLINE - timedelta(seconds=1)
    made = hall.file(TENDER, "bid_commitment", bid.commitment(answers), bid.author, signer=bid.signer, at=at)
    sealed = bid.named(ciphertext=made.payload["ciphertext"])
    hall.now = making.DEADLINE + timedelta(seconds=58)
    hall.file(TENDER, "sealed_bid", sealed, bid.author, signer=bid.signer)
    assert verifier.verify_bytes(hall.evidence()).ok
    hall.file(TENDER, "sealed_bid", sealed, bid.author, signer=bid.signer)
    hall.file(TENDER, "bid_commitment", late.commitment(answers), late.author, signer=late.signer)
    found = rules(verifier.verify_bytes(hall.evidence()))
    assert found == {("sealed_bid", "bid-late"), ("bid_commitment", "bid-late")}


def test_an_opening_before_its_time_or_a_bid_after_it_is_found() -> None:
    hall, (bid,), commitments, _ = tender()
    start = making.opening_start(commitments)
    hall.file(TENDER, "opening_start", start, making.NODE, at=making.DEADLINE - timedelta(milliseconds=1))
    hall.file(TENDER, "bid_withdrawal", bid.named(), bid.author, signer=bid.signer, at=hall.now)
    found = rules(verifier.verify_bytes(hall.evidence()))
    assert found == {("opening_start", "opening-early"), ("bid_withdrawal", "bid-late")}


def test_a_clarification_that_outdates_bids_asks_for_their_confirmation() -> None:
    for confirmed in (False, True):
        hall, bids, commitments, _ = tender(2)
        payload = {"number": 1, "answers": [], "invalidates_bids": True}
        changed = hall.file(TENDER, "clarification", payload, making.BUYER).digest
        if confirmed:
            for bid in bids:
                named = bid.named(answers=changed)
                hall.file(TENDER, "bid_confirmation", named, bid.author, signer=bid.signer)
        hall.file(TENDER, "opening_start", making.opening_start(commitments), making.NODE, at=making.DEADLINE)
        found = rules(verifier.verify_bytes(hall.evidence()))
        assert found == (set() if confirmed else {("opening_start", "opening-set")})


def test_a_bid_signed_by_another_key_than_its_own_is_found() -> None:
    hall, (bid,), _, _ = tender()
    stranger = making.seal(1, "x")
    hall.file(TENDER, "bid_withdrawal", bid.named(), stranger.author, signer=stranger.signer)
    assert first(verifier.verify_bytes(hall.evidence())) == ("bid_withdrawal", "bid-author")
    hall, (bid,), _, _ = tender()
    hall.file(TENDER, "question", {"text": ["?"], "bid_key": bid.named()["bid_key"]}, bid.author, signer=bid.signer)
    assert first(verifier.verify_bytes(hall.evidence())) == ("question", "bid-author")


def opened(
    bid: making.SealedBid, answers: str, shown: Payload, *, released: str = "key", extra: making.SealedBid | None = None
) -> verifier.Report:
    """Open one bid as told and disclose ``shown`` of it."""
    hall = making.Hall()
    assert making.publish(hall) == answers
    hall.now = making.DEADLINE - timedelta(hours=1)
    commitments = {}
    if extra is not None:
        commitments[extra.submission] = making.hand_in(hall, extra, answers).digest
    commitments[bid.submission] = making.hand_in(hall, bid, answers).digest
    hall.file(TENDER, "opening_start", making.opening_start(commitments), making.NODE, at=making.DEADLINE)
    if released == "key":
        key = bid.named(secret_key=sealing.encode_secret(bid.secret))
        hall.file(TENDER, "key_release", key, bid.author, signer=bid.signer)
    elif released:
        making.release_shares(hall, bid, *map(int, released.split()))
    hall.certificates.add(making.certificate(bid.bidder))
    hall.file(TENDER, "bid_disclosure", shown, making.NODE)
    return verifier.verify_bytes(hall.evidence())


@pytest.fixture(scope="module")
def answers() -> str:
    return making.publish(making.Hall())


def failed(bid: making.SealedBid, cause: str) -> Payload:
    return {"submission": bid.submission, "lot": "L1", "outcome": "failed_bidder", "cause": cause, "files": []}


@pytest.mark.parametrize("released", ["1 2", "1 3", "2 3", "1 2 3"])
def test_any_two_custodians_rebuild_the_key(answers: str, released: str) -> None:
    bid = making.seal(0, answers)
    assert opened(bid, answers, making.disclosure(bid, "custodians"), released=released).ok


@pytest.mark.parametrize("number", range(6))
def test_keys_are_rebuilt_whether_or_not_the_scalar_itself_lifts(number: int, answers: str) -> None:
    bid = making.seal(number, answers)
    shares = {index: int.from_bytes(share, "little") for index, share in bid.shares[1:]}
    assert verifier.combine(shares, bid.recipient) == bid.secret
    # A bidder who deals the negative of the key, which has the same recipient, keeps nobody out.
    negative = {index: -share % verifier.ORDER for index, share in shares.items()}
    assert verifier.combine(negative, bid.recipient) == bid.secret
    assert verifier.combine({1: 1, 2: 2}, bid.recipient) is None


@pytest.mark.parametrize(
    ("options", "extra", "cause"),
    [
        ({"tender": "t-" + "z" * 26}, b"", "wrong_binding"),
        ({"signed_by": "org:OTHER"}, b"", "bad_signature"),
        ({}, b"hidden", "malformed"),
        ({"padding": bytes(99) + b"!"}, b"", "malformed"),
    ],
)
def test_a_bid_that_cannot_count_is_not_passed_off_as_opened(
    answers: str, options: Payload, extra: bytes, cause: str
) -> None:
    bid = making.seal(0, answers, extra=extra, **options)
    assert opened(bid, answers, failed(bid, cause)).ok
    report = opened(bid, answers, making.disclosure(bid, "bidder_key"))
    assert first(report) == ("bid_disclosure", "bid-not-open")
    assert report.findings[0].detail == cause
    other = opened(bid, answers, failed(bid, "bad_key"))
    assert other.ok
    assert cause in other.notes[0][1]


def test_an_unreleased_bid_is_unopened_and_one_share_is_not_enough(answers: str) -> None:
    bid = making.seal(0, answers)
    for released in ("", "2"):
        assert opened(bid, answers, failed(bid, "not_released"), released=released).ok
        report = opened(bid, answers, making.disclosure(bid, "custodians"), released=released)
        assert (first(report), report.findings[0].detail) == (("bid_disclosure", "bid-not-open"), "not_released")
    assert first(opened(bid, answers, failed(bid, "not_released")))[1] == "bid-suppressed"
    assert first(opened(bid, answers, failed(bid, "not_released"), released="1 2"))[1] == "bid-suppressed"


def test_a_letter_inside_that_is_not_the_one_claimed_does_not_count(answers: str) -> None:
    bid = making.seal(0, answers, with_letter=True, letter=b"%PDF another letter")
    shown = making.disclosure(bid, "bidder_key")
    assert first(opened(bid, answers, shown)) == ("bid_disclosure", "guarantee-letter")
    shown["guarantee"] |= {"result": "invalid", "reasons": ["digest"]}
    assert opened(bid, answers, shown).ok


def test_a_key_shown_by_another_than_the_bidder_does_not_open(answers: str) -> None:
    bid, other = making.seal(0, answers), making.seal(1, answers)
    hall, _, commitments, _ = tender(1)
    hall.file(TENDER, "opening_start", making.opening_start(commitments), making.NODE, at=making.DEADLINE)
    key = other.named(secret_key=sealing.encode_secret(bid.secret)) | {"submission": bid.submission}
    hall.file(TENDER, "key_release", key, other.author, signer=other.signer)
    hall.file(TENDER, "bid_disclosure", making.disclosure(bid, "bidder_key"), making.NODE)
    assert first(verifier.verify_bytes(hall.evidence())) == ("bid_disclosure", "bid-not-open")


def test_a_score_shown_before_all_had_committed_is_found() -> None:
    hall = making.Hall()
    first_sheet, second_sheet = (
        {"expert": expert, "lot": "L1", "salt": "00" * 32, "scores": []} for expert in making.EXPERTS[:2]
    )
    for sheet, shown in ((first_sheet, True), (second_sheet, False)):
        locked = {"expert": sheet["expert"], "lot": "L1", "digest": digest(canonical.jcs(sheet))}
        hall.file(TENDER, "score_commitment", locked, sheet["expert"])
        if shown:
            hall.file(TENDER, "score_sheet", sheet, sheet["expert"])
    assert rules(verifier.verify_bytes(hall.evidence())) == {("score_sheet", "score-early")}


def test_a_copied_ciphertext_does_not_count(answers: str) -> None:
    bid = making.seal(0, answers)
    thief = replace(bid, submission="b-" + "y" * 26, key=making.ed25519_key("thief"))
    report = opened(thief, answers, making.disclosure(thief, "bidder_key"), extra=bid)
    assert ("bid_disclosure", "bid-not-open") in rules(report)
    assert "copied" in {finding.detail for finding in report.findings}


def test_a_lost_ciphertext_cannot_be_called_opened(answers: str) -> None:
    bid = making.seal(0, answers)
    hall = making.Hall()
    making.publish(hall)
    hall.now = making.DEADLINE - timedelta(hours=1)
    commitments = {bid.submission: making.hand_in(hall, bid, answers).digest}
    hall.file(TENDER, "opening_start", making.opening_start(commitments), making.NODE, at=making.DEADLINE)
    key = bid.named(secret_key=sealing.encode_secret(bid.secret))
    hall.file(TENDER, "key_release", key, bid.author, signer=bid.signer)
    hall.certificates.add(making.certificate(bid.bidder))
    hall.file(TENDER, "bid_disclosure", making.disclosure(bid, "bidder_key"), making.NODE)
    assert first(verifier.verify_bytes(hall.evidence(attachments={}))) == ("bid_disclosure", "ciphertext-missing")


def test_hostile_payloads_are_findings_and_never_a_crash() -> None:
    families = {f.family for f in making.play().filed} - {"tender_document", "bid_withdrawal"}
    for family in sorted(families):
        report = verifier.verify_bytes(making.play(on(family, empty)).evidence())
        assert not report.ok, family


def test_a_bid_left_out_of_the_disclosures_or_shown_twice_is_found() -> None:
    hall, bids, commitments, _ = tender(2)
    hall.file(TENDER, "opening_start", making.opening_start(commitments), making.NODE, at=making.DEADLINE)
    for bid in bids:
        key = bid.named(secret_key=sealing.encode_secret(bid.secret))
        hall.file(TENDER, "key_release", key, bid.author, signer=bid.signer)
        hall.certificates.add(making.certificate(bid.bidder))
    hall.file(TENDER, "bid_disclosure", making.disclosure(bids[0], "bidder_key"), making.NODE)
    assert verifier.verify_bytes(hall.evidence()).ok
    making.close_opening(hall)
    assert rules(verifier.verify_bytes(hall.evidence())) == {("opening_record", "disclosure-missing")}
    hall.file(TENDER, "bid_disclosure", making.disclosure(bids[0], "bidder_key"), making.NODE)
    assert ("bid_disclosure", "disclosure-missing") in rules(verifier.verify_bytes(hall.evidence()))


def empty(payload: Payload) -> None:
    kept = {k: payload[k] for k in ("bid_key", "submission", "replaces", "report") if k in payload}
    payload.clear()
    payload.update(kept | {"lots": 7})


def hostile_files() -> list[bytes]:
    """Return files whose index, keys and records hold values of other types, signed by whoever made them."""
    good = parts(making.play_small().evidence())
    files = []
    for index in ([], 7, {"files": {}}, None):
        raw, key = canonical.jcs(index), making.ed25519_key("receipt")
        signature = evidence.sign_detached(raw, key.public_key().public_bytes_raw(), key.sign)
        files.append(evidence.canonical_zip(good | {"evidence.json": raw, "evidence.sig": canonical.jcs(signature)}))
    files += [resign(dict(good), counts={making.TENDER: count}) for count in (2**53 - 1, -1, "8")]
    name = next(name for name in good if name.startswith("cases/"))
    record = json.loads(good[name])
    for change in ({"schema": {"id": [], "version": "1", "digest": "x"}}, {"author": 7}, {"filed_by": None}):
        wrong = record | {"envelope": record["envelope"] | change}
        files.append(resign(dict(good) | {name: canonical.jcs(wrong)}))
    files.append(resign(dict(good) | {name: canonical.jcs(record | {"leaf_index": "0"})}))
    foreign = good[name].replace(b'"edition":', '"edition":1,"名":'.encode())
    files.append(resign(dict(good) | {name: foreign}))
    files += [resign(dict(good) | {"keys/node.json": canonical.jcs(keys)}) for keys in ([], {}, {"receipt_key": 7})]
    return files


def test_values_of_another_type_are_findings_and_never_a_crash() -> None:
    for data in hostile_files():
        assert not verifier.verify_bytes(data).ok


def test_true_is_not_one() -> None:
    for family, path in (
        ("award_notice", "rank"),
        ("opening_start", "lots.0.count"),
        ("evaluation_report", "bids.0.rank"),
    ):
        hall = making.play(on(family, put(path, value=True)))
        assert family in {finding.family for finding in verifier.verify_bytes(hall.evidence()).findings}, family


def test_a_record_filed_again_is_found() -> None:
    hall = making.play_small()
    content = hall.content()
    nodes = merkle.MemoryNodes(merkle.leaf_hash(leaf) for leaf in hall.leaves)
    again = content.cases[0].records[3]
    data = receipts.leaf_data(
        record=digest(again.body), case=TENDER, accepted_at=hall.now, salt=again.salt, signature=again.signature
    )
    nodes.append(merkle.leaf_hash(data))
    size = len(nodes)
    records = [*content.cases[0].records, replace(again, accepted_at=hall.now, leaf_index=size - 1)]
    records = [replace(r, proof=merkle.inclusion_proof(nodes, r.leaf_index, size)) for r in records]
    checkpoint = making.checkpoint(merkle.root(nodes, size), size, hall.now)
    report = verifier.verify_bytes(
        hall.evidence(cases=[replace(content.cases[0], records=records)], checkpoint=checkpoint)
    )
    assert [(f.rule, f.number) for f in report.findings if f.rule == "log-order"] == [("log-order", len(records))]
