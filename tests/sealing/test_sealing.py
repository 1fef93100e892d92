"""Sealing and opening on disk: every way a bid opens, and every way it must not."""

from __future__ import annotations

import io
import resource
import subprocess
import zipfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealing import bidding, packing
from sealing.chance import repeatable
from sealing.test_age_format import LENIENT, age_command, two_faced
from tradehall.adapters import sealing as adapter
from tradehall.kernel.money import Money
from tradehall.rules import bid_package, sealing
from tradehall.rules.bid_package import OpenedBid, OpeningFailure


@pytest.fixture
def sealed(tmp_path) -> sealing.SealedBid:
    return bidding.seal(tmp_path / "bid.age")


def plaintext(sealed: sealing.SealedBid) -> bytes:
    identity = pyrage.x25519.Identity.from_str(sealed.secret_key)
    return pyrage.decrypt(Path(sealed.ciphertext).read_bytes(), [identity])


def failure(sealed, work, cause: str, *, by_bidder: bool = True, **changes) -> str:
    result = bidding.unseal(sealed, work, **changes)
    assert isinstance(result, OpeningFailure), result
    assert (result.cause, result.by_bidder) == (cause, by_bidder)
    assert not work.exists()
    return result.why


# --- the good path -------------------------------------------------------------------------------------------


def test_a_bid_opens_with_the_bidders_key(sealed, tmp_path):
    opened = bidding.unseal(sealed, tmp_path / "work")
    assert isinstance(opened, OpenedBid)
    assert opened.manifest.price == Money(Decimal("1980000.00"))
    assert {file.name: b"".join(file.chunks()) for file in opened.files} == packing.FILES
    assert b"".join(opened.letter.chunks()) == packing.LETTER
    assert opened.manifest_digest == bid_package.measure([opened.manifest_bytes]).sha256
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["package.zip"]


def test_the_commitment_is_as_the_notice_asks_and_names_nobody(sealed):
    assert sealing.check_commitment(sealed.commitment, bidding.hall().terms) == ()
    text = str(sealed.commitment)
    assert bidding.BIDDER not in text
    assert "1980000" not in text
    assert sealed.secret_key not in repr(sealed)
    assert sealed.bid_key.hex() not in repr(sealed)
    assert repr(sealed.bid_key) not in repr(sealed)


def test_neither_price_nor_name_lies_in_the_ciphertext(sealed):
    data = Path(sealed.ciphertext).read_bytes()
    for planted in (b"1980000", "成都".encode(), bidding.BIDDER.encode(), b"manifest.json"):
        assert planted in plaintext(sealed)
        assert planted not in data


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 3), (3, 5)])
def test_every_subset_of_custodians_opens_and_no_smaller_one_does(tmp_path, threshold, count):
    hall = bidding.hall(threshold, count)
    sealed = bidding.seal(tmp_path / "bid.age", terms=hall.terms)
    commitment = sealing.read_commitment(sealed.commitment)
    shares = hall.release(commitment)
    for subset in combinations(shares, threshold):
        rebuilt = adapter.rebuild_key(commitment, subset)
        assert rebuilt == sealing.RebuiltKey(sealed.secret_key)
    for subset in combinations(shares, threshold - 1):
        assert adapter.rebuild_key(commitment, subset) == sealing.NotRebuilt((), 1, by_bidder=False)
    opened = bidding.unseal(sealed, tmp_path / "work", secret_key=rebuilt.secret_key)
    assert isinstance(opened, OpenedBid)


def test_the_age_command_opens_our_bid(sealed, tmp_path):
    (tmp_path / "key.txt").write_text(sealed.secret_key + "\n")
    command = [age_command(), "-d", "-i", str(tmp_path / "key.txt"), "-o", str(tmp_path / "bid.zip"), sealed.ciphertext]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / "bid.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("files/商务标.pdf") == packing.FILES["商务标.pdf"]


def test_a_bid_sealed_with_the_age_command_opens_here(sealed, tmp_path):
    (tmp_path / "bid.zip").write_bytes(plaintext(sealed))
    recipient = str(sealed.commitment["recipient"])
    command = [age_command(), "-r", recipient, "-o", str(tmp_path / "cli.age"), str(tmp_path / "bid.zip")]
    subprocess.run(command, check=True, capture_output=True)
    data = (tmp_path / "cli.age").read_bytes()
    assert len(data) == sealed.size
    other = bidding.recommit(data, tmp_path / "copy.age", sealed)
    assert sealing.check_commitment(other.commitment, bidding.hall().terms) == ()
    assert isinstance(bidding.unseal(other, tmp_path / "work"), OpenedBid)


def test_bids_of_one_class_have_equal_sizes_whatever_their_price_and_length(tmp_path):
    sizes = set()
    for place, (price, length) in enumerate([("1.00", 0), ("99999999.99", 31), ("1980000.00", 50_000)]):
        files = (bidding.source("标书.pdf", bytes(length)),)
        sealed = bidding.seal(tmp_path / f"{place}.age", seed=str(place), price=Money(Decimal(price)), files=files)
        sizes.add((sealed.size, sealed.commitment["size_class"], len(str(sealed.commitment))))
    assert len(sizes) == 1
    assert sizes.pop()[:2] == (sealing.ciphertext_size(64 * 1024), 64 * 1024)


def test_a_larger_bid_lands_in_a_larger_class(tmp_path):
    data = repeatable("large")(700_000)
    sealed = bidding.seal(tmp_path / "bid.age", files=(bidding.source("标书.pdf", data),))
    assert sealed.commitment["size_class"] == sealing.size_class(702_000)
    opened = bidding.unseal(sealed, tmp_path / "work")
    assert b"".join(opened.files[0].chunks()) == data


def test_what_is_signed_is_what_is_sealed(tmp_path):
    shown = []
    sealed = bidding.seal(tmp_path / "bid.age", signer=lambda raw: shown.append(raw) or bidding.sign(raw))
    opened = bidding.unseal(sealed, tmp_path / "work")
    assert shown == [opened.manifest_bytes]


def test_sealing_never_overwrites_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "there.age").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        bidding.seal(tmp_path / "there.age")
    assert (tmp_path / "there.age").read_bytes() == b"precious"
    answers = iter([[b"first"], [b"second"]])
    changing = bid_package.SourceFile("a.pdf", lambda: next(answers))
    with pytest.raises(bid_package.SourceChangedError):
        bidding.seal(tmp_path / "gone.age", files=(changing,))
    bad_terms = replace(bidding.hall().terms, policy="anyone")
    with pytest.raises(sealing.TermsError, match="policy"):
        bidding.seal(tmp_path / "gone.age", terms=bad_terms, signer=lambda _: pytest.fail("must not sign"))
    assert not (tmp_path / "gone.age").exists()


def test_a_letter_that_the_guarantee_does_not_name_is_not_sealed(tmp_path):
    for changes in ({"letter": bidding.source("letter.pdf", b"other")}, {"guarantee": None}):
        with pytest.raises(bid_package.NotAPackageError, match="letter"):
            bidding.seal(tmp_path / "bid.age", **changes)


# --- shares and blame ----------------------------------------------------------------------------------------


def test_every_tampered_share_is_named_and_the_rest_still_open(tmp_path):
    hall = bidding.hall(3, 5)
    sealed = bidding.seal(tmp_path / "bid.age", terms=hall.terms)
    commitment = sealing.read_commitment(sealed.commitment)
    shares = hall.release(commitment)
    for liars in (subset for size in range(1, 6) for subset in combinations(range(5), size)):
        mixed = [
            replace(share, share=bytes([share.share[0] ^ 1]) + share.share[1:]) if place in liars else share
            for place, share in enumerate(shares)
        ]
        named = tuple(shares[place].custodian for place in liars)
        result = adapter.rebuild_key(commitment, mixed)
        if len(liars) <= 2:
            assert result == sealing.RebuiltKey(sealed.secret_key, named)
        else:
            assert result == sealing.NotRebuilt(named, len(liars) - 2, by_bidder=False)


def test_shares_of_others_under_a_wrong_name_or_twice_do_not_count(tmp_path):
    hall = bidding.hall()
    sealed = bidding.seal(tmp_path / "bid.age", terms=hall.terms)
    commitment = sealing.read_commitment(sealed.commitment)
    first, second, _ = hall.release(commitment)
    swapped = replace(second, custodian=first.custodian)
    stranger = replace(first, custodian="org:stranger")
    assert adapter.rebuild_key(commitment, [first, first]) == sealing.NotRebuilt((), 1, by_bidder=False)
    result = adapter.rebuild_key(commitment, [swapped, stranger, first])
    assert result == sealing.NotRebuilt((first.custodian, "org:stranger"), 1, by_bidder=False)


def reboxed(commitment: sealing.Commitment, hall: bidding.Hall, place: int, share: bytes) -> sealing.Commitment:
    recipient = hall.terms.custodians[place].recipient
    box = b"".join(sealing.age_encrypt([share], recipient, repeatable("rebox")))
    boxes = list(commitment.boxes)
    boxes[place] = replace(boxes[place], box=box)
    return replace(commitment, boxes=tuple(boxes))


def test_a_custodian_finds_a_false_box_at_once_and_the_bidder_is_blamed(sealed):
    hall = bidding.hall()
    commitment = sealing.read_commitment(sealed.commitment)
    custodian = hall.terms.custodians[1]
    secret = hall.secrets[custodian.party]
    assert adapter.adjudicate(commitment, custodian, secret) == "custodian"
    for share in (bytes(32), b"\x11" * 32, b"short", b"\x11" * 33):
        false = reboxed(commitment, hall, 1, share)
        assert isinstance(adapter.take_share(false, custodian.party, secret), adapter.BoxFault)
        assert adapter.adjudicate(false, custodian, secret) == "bidder"


def test_a_box_for_another_custodian_or_of_another_form_does_not_open(sealed):
    hall = bidding.hall()
    commitment = sealing.read_commitment(sealed.commitment)
    first, second, _ = commitment.boxes
    assert isinstance(adapter.open_share(first, hall.secrets[second.custodian]), adapter.BoxFault)
    greased = pyrage.encrypt(bytes(32), [pyrage.x25519.Recipient.from_str(hall.terms.custodians[0].recipient)])
    for box in (b"", first.box[:-1], first.box + b"\0", greased):
        opened = adapter.open_share(replace(first, box=box), hall.secrets[first.custodian])
        assert isinstance(opened, adapter.BoxFault)
    assert adapter.open_share(first, hall.secrets[first.custodian])[0] == 1
    assert isinstance(adapter.take_share(commitment, "org:stranger", hall.secrets[first.custodian]), adapter.BoxFault)


def test_only_the_key_of_the_notice_counts_before_the_adjudicator(sealed):
    hall = bidding.hall()
    commitment = sealing.read_commitment(sealed.commitment)
    first, second, _ = hall.terms.custodians
    with pytest.raises(ValueError, match="not the custodian's key"):
        adapter.adjudicate(commitment, first, hall.secrets[second.party])


def test_a_bidder_who_deals_a_scalar_that_is_no_key_is_blamed(sealed):
    hall = bidding.hall()
    commitment = sealing.read_commitment(sealed.commitment)
    points, shares = sealing.split((8).to_bytes(32, "little"), 2, 3, repeatable("no key"))
    commitment = replace(commitment, points=tuple(points), recipient=sealing.recipient_of_commitment(points[0]))
    for place, (_, share) in enumerate(shares):
        commitment = reboxed(commitment, hall, place, share)
    assert sealing.check_commitment(commitment.to_payload(), hall.terms) == ()
    assert adapter.rebuild_key(commitment, hall.release(commitment)) == sealing.NotRebuilt((), 0, by_bidder=True)


def test_unclamped_keys_open_for_the_custodians_too(sealed, tmp_path):
    # The bidder commits to a random point whose scalar it knows, whatever its lift: custodians always open.
    hall = bidding.hall()
    rng = repeatable("unclamped")
    for place in range(12):
        points, shares = sealing.split(rng(32), 2, 3, rng)
        recipient = sealing.recipient_of_commitment(points[0])
        data = b"".join(sealing.age_encrypt([plaintext(sealed)], recipient, rng))
        made = bidding.recommit(data, tmp_path / f"{place}.age", sealed, recipient=recipient)
        commitment = replace(sealing.read_commitment(made.commitment), points=tuple(points))
        for box, (_, share) in enumerate(shares):
            commitment = reboxed(commitment, hall, box, share)
        rebuilt = adapter.rebuild_key(commitment, hall.release(commitment)[1:])
        opened = bidding.unseal(made, tmp_path / f"work-{place}", commitment=commitment, secret_key=rebuilt.secret_key)
        assert isinstance(opened, OpenedBid)


# --- what does not open --------------------------------------------------------------------------------------


def test_a_wrong_key_is_told_before_anything_is_read(sealed, tmp_path):
    other = sealing.encode_secret(sealing.new_secret(repeatable("other")))
    for key in (other, "", sealed.secret_key.lower(), sealed.secret_key[:-1]):
        missing = tmp_path / "not there"
        why = failure(sealed, tmp_path / "work", "bad_key", secret_key=key, ciphertext=missing)
        assert key == "" or key not in why


def test_a_changed_ciphertext_is_never_the_bidders_fault(sealed, tmp_path):
    path = Path(sealed.ciphertext)
    good = path.read_bytes()
    changed = good[:5000] + bytes([good[5000] ^ 1]) + good[5001:]
    for data in (good[:-1], good + b"\0", good[:100], b"", changed):
        path.write_bytes(data)
        failure(sealed, tmp_path / "work", "digest_mismatch", by_bidder=False)


def test_a_committed_file_that_is_cut_or_has_a_tail_does_not_open(sealed, tmp_path):
    good = Path(sealed.ciphertext).read_bytes()
    for place, data in enumerate([good[:-1], good[:-40_000], good[:184], good[:168], good + b"tail", good + good]):
        made = bidding.recommit(data, tmp_path / f"{place}.age", sealed)
        failure(made, tmp_path / "work", "malformed")
        assert "size" in {finding.rule for finding in sealing.check_commitment(made.commitment)}


def test_a_flipped_bit_anywhere_in_a_committed_file_does_not_open(sealed, tmp_path):
    good = Path(sealed.ciphertext).read_bytes()
    for place in [*range(30, 184, 7), 200, 30_000, len(good) - 1]:
        data = bytearray(good)
        data[place] ^= 1
        made = bidding.recommit(bytes(data), tmp_path / "flipped.age", sealed)
        failure(made, tmp_path / "work", "malformed")


@pytest.mark.parametrize("name", LENIENT)
def test_a_committed_file_with_a_lenient_header_does_not_open(sealed, tmp_path, name):
    made = bidding.recommit(LENIENT[name], tmp_path / "lenient.age", sealed)
    failure(made, tmp_path / "work", "malformed")


def test_a_two_faced_file_does_not_open_with_either_key(sealed, tmp_path):
    low = sealing.decode_secret(sealed.secret_key)
    high = sealing.new_secret(repeatable("high"))
    made = bidding.recommit(two_faced(low, high), tmp_path / "two.age", sealed)
    assert plaintext(made) == b"PRICE=1450000.00"
    assert "exactly one" in failure(made, tmp_path / "work", "malformed")


def test_a_file_written_with_grease_does_not_open(sealed, tmp_path):
    recipient = pyrage.x25519.Recipient.from_str(str(sealed.commitment["recipient"]))
    made = bidding.recommit(pyrage.encrypt(plaintext(sealed), [recipient]), tmp_path / "grease.age", sealed)
    failure(made, tmp_path / "work", "malformed")


def test_bombs_and_strangers_inside_the_seal_do_not_open(sealed, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("files/zeros", bytes(30_000_000))
    evil = packing.container([bid_package.entry_of_bytes("../evil.txt", b"x")])
    for place, data in enumerate([buffer.getvalue(), evil, b"", b"PRICE=1.00", bytes(64 * 1024)]):
        made = bidding.forge(data, tmp_path / f"{place}.age", sealed=sealed)
        failure(made, tmp_path / "work", "malformed")


def repacked(sealed: sealing.SealedBid, out: Path, change) -> sealing.SealedBid:
    """Pack again with changed parts, as a bidder with its own tools could."""
    source = io.BytesIO(plaintext(sealed))
    package = bid_package.read_package(source, len(source.getvalue()))
    parts = {
        bid_package.MANIFEST: package.manifest_bytes,
        bid_package.SIGNATURE: bid_package.signature_bytes(package.signature),
        **{bid_package.FILES + file.name: packing.FILES[file.name] for file, _ in package.files},
        bid_package.LETTER: packing.LETTER,
    }
    change(parts)
    entries = [bid_package.entry_of_bytes(name, data) for name, data in parts.items()]
    return bidding.forge(packing.container(entries), out, sealed=sealed)


def test_a_file_other_than_the_listed_one_does_not_open(sealed, tmp_path):
    name = bid_package.FILES + "商务标.pdf"
    made = repacked(sealed, tmp_path / "x.age", lambda parts: parts.update({name: b"%PDF BUSINESS"}))
    assert "not the file" in failure(made, tmp_path / "work", "malformed")


def test_another_letter_than_the_named_one_is_a_matter_of_the_guarantee(sealed, tmp_path):
    made = repacked(sealed, tmp_path / "x.age", lambda parts: parts.update({bid_package.LETTER: b"%PDF forged"}))
    failure(made, tmp_path / "work", "guarantee")


def test_a_manifest_signed_by_another_key_or_changed_after_does_not_open(sealed, tmp_path):
    def by_another(parts):
        forged = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32).sign(parts[bid_package.MANIFEST])
        signature = {"protected": "e30", "signature": sealing.base64url(forged)}
        parts[bid_package.SIGNATURE] = bid_package.signature_bytes(signature)

    def cheaper(parts):
        parts[bid_package.MANIFEST] = parts[bid_package.MANIFEST].replace(b"1980000.00", b"1450000.00")

    for place, change in enumerate((by_another, cheaper)):
        made = repacked(sealed, tmp_path / f"{place}.age", change)
        failure(made, tmp_path / "work", "bad_signature")


def test_the_signature_is_checked_at_the_instant_of_submission(sealed, tmp_path):
    def expired(raw, signature, der, at):
        if at > bidding.AT:
            raise ValueError("certificate expired")

    later = bidding.AT + timedelta(days=1)
    assert "expired" in failure(
        sealed, tmp_path / "work", "bad_signature", verify_signature=expired, submitted_at=later
    )


def test_a_broken_verifier_is_not_held_against_the_bidder(sealed, tmp_path):
    def broken(*_):
        raise RuntimeError("no revocation list")

    with pytest.raises(RuntimeError):
        bidding.unseal(sealed, tmp_path / "work", verify_signature=broken)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("size", [900_000, 3_000_000], ids=["at the end", "on the way"])
def test_a_full_disk_is_not_held_against_the_bidder(tmp_path, size):
    sealed = bidding.seal(tmp_path / "bid.age", files=(bidding.source("a.pdf", bytes(size)),))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            bidding.unseal(sealed, tmp_path / "work")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "work").exists()


class FailingOnce(io.BytesIO):
    """A disk that gives one read error after the header."""

    def read(self, size=-1):
        if self.tell() > 20_000:
            self.seek(0)
            raise OSError("input/output error")
        return super().read(size)


def test_a_read_error_of_the_vault_is_not_held_against_the_bidder(sealed, tmp_path):
    stream = FailingOnce(Path(sealed.ciphertext).read_bytes())
    with pytest.raises(OSError, match="input/output error"):
        adapter._decrypt(stream, sealed.secret_key, tmp_path / "package.zip")


def test_a_work_folder_in_use_is_never_touched(sealed, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine").write_text("x")
    with pytest.raises(FileExistsError):
        bidding.unseal(sealed, tmp_path / "work")
    assert (tmp_path / "work" / "mine").exists()


# --- copies --------------------------------------------------------------------------------------------------


def thief(sealed: sealing.SealedBid, tmp_path: Path, **changes) -> sealing.SealedBid:
    """File another's ciphertext under a commitment of one's own; the custodians open it at opening."""
    own = bidding.seal(tmp_path / "own.age", seed="thief")
    kept = {name: own.commitment[name] for name in ("submission", "bid_key")}
    return replace(sealed, commitment=dict(sealed.commitment) | kept | changes)


@pytest.mark.parametrize(
    "changes",
    [{"lot": "L2"}, {"submission": "b-" + "z" * 26}, {"bid_key": sealing.base64url(b"\x58" + b"\x66" * 31)}],
    ids=["lot", "submission", "bid key"],
)
def test_a_ciphertext_bound_to_another_bid_is_refused(sealed, tmp_path, changes):
    made = replace(sealed, commitment=dict(sealed.commitment) | changes)
    failure(made, tmp_path / "work", "wrong_binding")


def test_a_ciphertext_of_another_tender_is_refused(sealed, tmp_path):
    failure(sealed, tmp_path / "work", "wrong_binding", tender="t-" + "c" * 26)


def test_a_stolen_ciphertext_names_its_owner(sealed, tmp_path):
    assert isinstance(bidding.unseal(sealed, tmp_path / "honest"), OpenedBid)
    failure(thief(sealed, tmp_path), tmp_path / "work", "wrong_binding")


def test_a_manifest_that_names_another_bidder_than_its_certificate_is_refused(tmp_path):
    liar = bid_package.Bidder("org:91510100MA61TYT01B", "别家公司", bidding.certificate())
    sealed = bidding.seal(tmp_path / "bid.age", bidder=liar)
    failure(sealed, tmp_path / "work", "wrong_binding")
    nobody = bid_package.Bidder(bidding.BIDDER, "无名", b"[]")
    sealed = bidding.seal(tmp_path / "nobody.age", bidder=nobody)
    failure(sealed, tmp_path / "work", "bad_signature", verify_signature=lambda *_: None)


def test_the_earlier_of_two_equal_ciphertexts_or_recipients_stands(sealed, tmp_path):
    first = sealing.read_commitment(sealed.commitment)
    other = sealing.read_commitment(bidding.seal(tmp_path / "other.age", seed="other").commitment)
    copy = replace(other, submission="b-" + "z" * 26, ciphertext_sha256=first.ciphertext_sha256)
    same_key = replace(other, submission="b-" + "y" * 26, recipient=first.recipient)
    assert sealing.copies([first, other]) == frozenset()
    assert sealing.copies([first, other, copy, same_key]) == {copy.submission, same_key.submission}
    assert sealing.copies([copy, first]) == {first.submission}
    failure(sealed, tmp_path / "work", "copied", earlier=[replace(first, submission="b-" + "z" * 26)])
    assert isinstance(bidding.unseal(sealed, tmp_path / "work", earlier=[other]), OpenedBid)


# --- commitments ---------------------------------------------------------------------------------------------


def findings(sealed: sealing.SealedBid, **changes) -> list[str]:
    commitment = sealing.read_commitment(sealed.commitment)
    payload = replace(commitment, **changes).to_payload()
    return [finding.rule for finding in sealing.check_commitment(payload, bidding.hall().terms)]


def test_each_inconsistency_of_a_commitment_is_found(sealed, tmp_path):
    good = sealing.read_commitment(sealed.commitment)
    other = sealing.read_commitment(bidding.seal(tmp_path / "other.age", seed="other").commitment)
    three = sealing.read_commitment(bidding.seal(tmp_path / "3.age", terms=bidding.hall(3, 3).terms).commitment)
    first, second, third = good.boxes
    assert findings(sealed) == []
    assert findings(sealed, suite="age-x25519-v2") == ["suite"]
    assert findings(sealed, policy="anyone") == ["policy", "policy_differs"]
    assert findings(sealed, policy="custodians_only") == ["policy_differs"]
    assert findings(sealed, bid_key=bytes(32)) == ["bid_key"]
    assert findings(sealed, bid_key=b"short") == ["bid_key"]
    assert findings(sealed, recipient=other.recipient) == ["recipient"]
    assert findings(sealed, recipient=good.recipient.upper()) == ["recipient"]
    assert findings(sealed, points=other.points) == ["recipient"]
    assert findings(sealed, points=good.points[::-1]) == ["recipient"]
    assert findings(sealed, points=(good.points[0], bytes(32))) == ["points"]
    assert findings(sealed, points=good.points[:1]) == ["points", "threshold"]
    assert findings(sealed, points=three.points, recipient=three.recipient) == ["threshold"]
    assert findings(sealed, size_class=64 * 1024 + 1) == ["size_class"]
    assert findings(sealed, size_class=1024) == ["size_class"]
    assert findings(sealed, size_class=2**32) == ["size_class"]
    assert findings(sealed, ciphertext_size=good.ciphertext_size + 1) == ["size"]
    assert findings(sealed, boxes=(second, first, third)) == ["boxes", "custodians"]
    assert findings(sealed, boxes=(first, replace(first, index=2), third)) == ["boxes", "custodians"]
    assert findings(sealed, boxes=(first, replace(second, index=1), third)) == ["boxes"]
    assert findings(sealed, boxes=(first, replace(second, custodian="org:stranger"), third)) == ["custodians"]
    assert findings(sealed, boxes=(first, second)) == ["custodians"]
    assert findings(sealed, boxes=(first,)) == ["count", "custodians"]
    assert findings(sealed, boxes=(first, second, replace(third, box=third.box[:-1]))) == ["box"]
    assert findings(sealed, boxes=(first, second, replace(third, box=b"x" * len(third.box)))) == ["box"]


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": 1},
        {"ciphertext": "sha256:0"},
        {"ciphertext": {"sha256": "sha256:0"}},
        {"size_class": True},
        {"size_class": "65536"},
        {"commitments": "00"},
        {"commitments": ["0G"]},
        {"commitments": ["AA" * 32]},
        {"share_boxes": [{"custodian": "x", "index": 1}]},
        {"share_boxes": [{"custodian": "x", "index": 1, "box": "=="}]},
        {"bid_key": "A"},
        {"extra": 1},
    ],
)
def test_a_payload_of_another_shape_is_one_finding(sealed, change):
    payload = dict(sealed.commitment) | change
    assert [finding.rule for finding in sealing.check_commitment(payload)] == ["form"]


def test_a_commitment_survives_reading_also_when_it_replaces_one(tmp_path):
    target = replace(bidding.TARGET, replaces="b-" + "q" * 26)
    sealed = bidding.seal(tmp_path / "bid.age", target=target)
    assert sealed.commitment["replaces"] == "b-" + "q" * 26
    assert sealing.read_commitment(sealed.commitment).to_payload() == sealed.commitment


def terms(**changes) -> list[str]:
    return [finding.rule for finding in sealing.check_terms(replace(bidding.hall().terms, **changes))]


def test_each_way_in_which_a_notice_allows_no_seal_is_found():
    first, second, third = bidding.hall().terms.custodians
    low_order = sealing.Custodian("org:x", sealing.encode_recipient(bytes(32)))
    assert terms() == []
    assert terms(threshold=1) == terms(threshold=4) == ["threshold"]
    assert terms(policy="anyone") == ["policy"]
    assert terms(custodians=()) == ["threshold"]
    assert terms(custodians=(first, replace(second, party=first.party))) == ["party"]
    assert terms(custodians=(first, replace(second, recipient=first.recipient), third)) == ["shared_key"]
    assert terms(custodians=(first, replace(second, recipient="age1x"))) == ["recipient"]
    assert terms(custodians=(first, low_order)) == ["recipient"]
