"""Receipts and refusals hold offline, and no changed byte of them does."""

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.kernel import notes, receipts
from tradehall.rules import merkle

NODE = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
PUBLIC = NODE.public_key().public_bytes_raw()
LOG = Ed25519PrivateKey.from_private_bytes(b"\x06" * 32)
LOG_KEY = notes.VerifierKey("chengdu.example/log", notes.ED25519, LOG.public_key().public_bytes_raw())
WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
WITNESS_KEY = notes.VerifierKey("deyang.example/w", notes.COSIGNATURE, WITNESS.public_key().public_bytes_raw())
AT = datetime(2026, 3, 25, 9, 29, 59, 999_900, tzinfo=timezone(timedelta(hours=8)))
SIGNATURE = {"protected": "eyJ", "signature": "AAAA"}
RECORD = "sha256:" + sha256(b"record").hexdigest()
CASE = "t-" + "a" * 26
SALT = bytes(range(16))


def signed_receipt() -> dict[str, receipts.Json]:
    accepted = receipts.Accepted(
        RECORD, CASE, "sealed_bid", {"id": "sealed_bid", "version": "1.0.0", "digest": RECORD}, AT, SALT, 2
    )
    data = receipts.leaf_data(record=RECORD, case=CASE, accepted_at=AT, salt=SALT, signature=SIGNATURE)
    leaves = [merkle.leaf_hash(bytes([i]) * 32) for i in range(5)]
    leaves[2] = merkle.leaf_hash(data)
    nodes = merkle.MemoryNodes(leaves)
    text = str(notes.Checkpoint("chengdu.example/log", 5, merkle.root(nodes, 5)))
    signatures = (notes.sign(text, LOG_KEY, LOG.sign), notes.cosign(text, WITNESS_KEY, WITNESS.sign, AT))
    return receipts.build_receipt(
        accepted,
        node="node:chengdu",
        checkpoint=str(notes.Note(text, signatures)),
        proof=merkle.inclusion_proof(nodes, 2, 5),
        public=PUBLIC,
        signer=NODE.sign,
    )


def verify(signed: dict[str, receipts.Json], **changed: object) -> receipts.Receipt:
    options: dict[str, object] = {
        "public": PUBLIC,
        "log": LOG_KEY,
        "signature": SIGNATURE,
        "is_included": merkle.verify_inclusion,
        "leaf_hash": merkle.leaf_hash,
        "witnesses": [WITNESS_KEY],
        "min_witnesses": 1,
    }
    return receipts.verify_receipt(signed, **(options | changed))


def test_the_leaf_is_the_digest_of_the_contract() -> None:
    signature = sha256(b'{"protected":"eyJ","signature":"AAAA"}').hexdigest()
    text = (
        f'{{"accepted_at":"2026-03-25T01:29:59.999Z","case":"{CASE}","record":"{RECORD}",'
        f'"salt":"{SALT.hex()}","signature":"sha256:{signature}"}}'
    )
    data = receipts.leaf_data(record=RECORD, case=CASE, accepted_at=AT, salt=SALT, signature=SIGNATURE)
    assert data == sha256(text.encode()).digest()


def test_instants_are_cut_not_rounded_so_that_none_moves_to_the_deadline() -> None:
    assert receipts.instant(AT) == "2026-03-25T01:29:59.999Z"
    assert receipts.instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"


def test_a_receipt_verifies_with_public_keys_alone() -> None:
    receipt = verify(signed_receipt())
    assert receipt.checkpoint.size == 5
    assert receipt.cosigners == ("deyang.example/w",)
    assert receipt.body["cosignatures"] == ["deyang.example/w"]
    assert receipt.body["leaf"] == {"index": 2, "salt": SALT.hex()}


def test_no_changed_byte_of_a_receipt_goes_unseen() -> None:
    raw = orjson.dumps(signed_receipt(), option=orjson.OPT_SORT_KEYS)
    for index in range(len(raw)):
        changed = bytearray(raw)
        changed[index] ^= 1 << index % 7
        try:
            value = json.loads(changed)
        except ValueError:
            continue
        if not isinstance(value, dict):
            continue
        with pytest.raises(receipts.ReceiptInvalidError):
            verify(value)


def test_a_receipt_is_for_one_signature_one_key_and_enough_witnesses() -> None:
    signed = signed_receipt()
    for changed in (
        {"signature": {"protected": "eyJ", "signature": "AAAB"}},
        {"public": LOG_KEY.public},
        {"log": notes.VerifierKey("chengdu.example/log", 1, PUBLIC)},
        {"min_witnesses": 2},
        {"witnesses": [notes.VerifierKey("deyang.example/w", notes.COSIGNATURE, PUBLIC)]},
    ):
        with pytest.raises(receipts.ReceiptInvalidError):
            verify(signed, **changed)


def resigned(receipt: dict[str, receipts.Json]) -> dict[str, receipts.Json]:
    body = orjson.dumps(receipt, option=orjson.OPT_SORT_KEYS)
    return {"receipt": receipt, "signature": receipts.sign_detached(body, PUBLIC, NODE.sign)}


def test_even_the_node_cannot_sign_a_receipt_that_the_log_does_not_bear_out() -> None:
    receipt = signed_receipt()["receipt"]
    assert isinstance(receipt, dict)
    assert verify(resigned(receipt))
    for changed in (
        {"accepted_at": "2026-03-25T01:30:00.000Z"},
        {"accepted_at": "2026-03-25T09:29:59.999+08:00"},
        {"record": "sha256:" + "0" * 64},
        {"case": "t-" + "b" * 26},
        {"leaf": {"index": 3, "salt": SALT.hex()}},
        {"leaf": {"index": "2", "salt": SALT.hex()}},
        {"leaf": {"index": 2, "salt": "00" * 16}},
        {"log": {"checkpoint": "no note", "proof": []}},
        {"log": None},
    ):
        with pytest.raises(receipts.ReceiptInvalidError):
            verify(resigned(receipt | changed))


def test_refusals_are_signed_too() -> None:
    signed = receipts.build_refusal(
        record=RECORD,
        case=CASE,
        family="bid_commitment",
        code="BID-LATE",
        reason={"zh": "逾期送达", "en": "late"},
        clause="招标投标法实施条例 36",
        at=AT,
        node="node:chengdu",
        public=PUBLIC,
        signer=NODE.sign,
    )
    refusal = receipts.verify_refusal(signed, public=PUBLIC)
    assert (refusal["code"], refusal["at"]) == ("BID-LATE", "2026-03-25T01:29:59.999Z")
    with pytest.raises(receipts.ReceiptInvalidError, match="not signed"):
        receipts.verify_refusal(signed | {"refusal": {**refusal, "at": "2026-03-25T01:30:00.000Z"}}, public=PUBLIC)
    with pytest.raises(receipts.ReceiptInvalidError, match="not a signed"):
        receipts.verify_refusal({**signed, "more": 1}, public=PUBLIC)
    with pytest.raises(receipts.ReceiptInvalidError, match="canonical"):
        receipts.verify_refusal(signed | {"refusal": {**refusal, "at": 2**60}}, public=PUBLIC)


@pytest.mark.parametrize("jws", [None, {}, {"protected": 1, "signature": "x"}, {"protected": "x"}])
def test_odd_signature_objects_are_refused(jws: object) -> None:
    assert not receipts.verify_detached(b"x", jws, PUBLIC)


def test_a_signature_with_stray_bits_or_padding_is_refused() -> None:
    jws = receipts.sign_detached(b"x", PUBLIC, NODE.sign)
    assert receipts.verify_detached(b"x", jws, PUBLIC)
    text = str(jws["signature"])
    for other in (text + "==", text[:-1] + chr(ord(text[-1]) + 1), text + "\n", text + "é"):
        assert not receipts.verify_detached(b"x", {**jws, "signature": other}, PUBLIC)
