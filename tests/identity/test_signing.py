"""Signatures have one form (RFC 7515, RFC 7797); every other writing of the same thing is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from tradehall.kernel.signing import (
    EcSigner,
    EdSigner,
    SignatureInvalid,
    Signer,
    bid_party,
    bid_signer,
    certificate_kid,
    sign_detached,
    verify_detached,
)
from tradehall_standards import canonical

PAYLOAD = canonical.jcs({"price": {"amount": "1980000.00", "currency": "CNY"}, "title": "锦江绿道 一期"})
KID = certificate_kid(b"a certificate")
EC_KEY = derive_private_key(0x5EED, SECP256R1())
ED_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EC, ED = EcSigner(KID, EC_KEY), EdSigner(KID, ED_KEY)
BID = bid_signer(ED_KEY)
SIGNERS = {"ES256": (EC, EC_KEY.public_key()), "Ed25519": (ED, ED_KEY.public_key()), "bid": (BID, ED_KEY.public_key())}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def code_of(signature: object, key: object = None, payload: bytes = PAYLOAD, **expect: str) -> str:
    with pytest.raises(SignatureInvalid) as found:
        verify_detached(payload, signature, key or EC_KEY.public_key(), **expect)  # type: ignore[arg-type]
    return found.value.code


def signed_under(header: bytes, signer: Signer = EC, payload: bytes = PAYLOAD) -> dict[str, str]:
    """Sign with any protected header whatsoever: the signature itself is right."""
    protected = b64(header)
    return {"protected": protected, "signature": b64(signer.sign(protected.encode() + b"." + payload))}


@pytest.mark.parametrize("name", SIGNERS)
def test_what_is_signed_verifies_and_names_its_key(name: str) -> None:
    signer, key = SIGNERS[name]
    assert verify_detached(PAYLOAD, sign_detached(PAYLOAD, signer), key, expect_kid=signer.kid) == signer.kid


@pytest.mark.parametrize("name", SIGNERS)
def test_the_header_is_canonical_and_says_nothing_more(name: str) -> None:
    signer, _ = SIGNERS[name]
    header = unb64(sign_detached(PAYLOAD, signer)["protected"])
    assert header == canonical.jcs({"alg": signer.alg, "b64": False, "crit": ["b64"], "kid": signer.kid})


def test_a_bid_key_is_named_by_thirty_two_letters_of_its_digest() -> None:
    raw = ED_KEY.public_key().public_bytes_raw()
    assert BID.kid == bid_party(raw) == "bid:kzdvvj2umnduyauf35o36k6kw462mujv"


@pytest.mark.parametrize("name", ["ES256", "Ed25519"])
def test_another_implementation_verifies_ours(name: str) -> None:
    signer, key = SIGNERS[name]
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = ECKey.import_key(pem) if name == "ES256" else OKPKey.import_key(pem)
    wire = {**sign_detached(PAYLOAD, signer), "payload": PAYLOAD.decode()}
    registry = jws.JWSRegistry(algorithms=[name])
    assert jws.deserialize_json(wire, jwk, registry=registry).payload == PAYLOAD
    with pytest.raises(jws.BadSignatureError):
        jws.deserialize_json({**wire, "payload": PAYLOAD.decode() + " "}, jwk, registry=registry)


@pytest.mark.parametrize("name", ["ES256", "Ed25519"])
def test_we_verify_what_another_implementation_signs(name: str) -> None:
    signer, key = SIGNERS[name]
    private = EC_KEY if name == "ES256" else ED_KEY
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = (ECKey if name == "ES256" else OKPKey).import_key(pem)
    header = {"alg": name, "b64": False, "crit": ["b64"], "kid": KID}
    wire = jws.serialize_json({"protected": header}, PAYLOAD, jwk, registry=jws.JWSRegistry(algorithms=[name]))
    signature = {"protected": wire["protected"], "signature": wire["signature"]}
    assert verify_detached(PAYLOAD, signature, key, expect_kid=signer.kid) == KID


HEADERS = {
    "another algorithm": {"alg": "ES384", "b64": False, "crit": ["b64"], "kid": KID},
    "no algorithm at all": {"alg": "none", "b64": False, "crit": ["b64"], "kid": KID},
    "a shared secret": {"alg": "HS256", "b64": False, "crit": ["b64"], "kid": KID},
    "the old name of Ed25519": {"alg": "EdDSA", "b64": False, "crit": ["b64"], "kid": KID},
    "an encoded payload": {"alg": "ES256", "b64": True, "crit": ["b64"], "kid": KID},
    "a critical header nobody knows": {"alg": "ES256", "b64": False, "crit": ["b64", "exp"], "exp": 1, "kid": KID},
    "b64 not critical": {"alg": "ES256", "b64": False, "crit": [], "kid": KID},
    "no crit": {"alg": "ES256", "b64": False, "kid": KID},
    "a key in the header": {"alg": "ES256", "b64": False, "crit": ["b64"], "jwk": {"kty": "EC"}, "kid": KID},
    "an address of a key": {"alg": "ES256", "b64": False, "crit": ["b64"], "jku": "https://example.org", "kid": KID},
    "no kid": {"alg": "ES256", "b64": False, "crit": ["b64"]},
    "a kid of another form": {"alg": "ES256", "b64": False, "crit": ["b64"], "kid": "../../etc/passwd"},
    "an upper-case kid": {"alg": "ES256", "b64": False, "crit": ["b64"], "kid": KID.upper()},
    "a kid that is no text": {"alg": "ES256", "b64": False, "crit": ["b64"], "kid": 1},
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_well_signed_record_under_another_header_is_refused(name: str) -> None:
    assert code_of(signed_under(canonical.jcs(HEADERS[name]))) == "header"


@pytest.mark.parametrize(
    "header",
    [
        b'{"kid":"%s","alg":"ES256","b64":false,"crit":["b64"]}' % KID.encode(),
        b'{"alg":"ES256", "b64":false,"crit":["b64"],"kid":"%s"}' % KID.encode(),
        b'{"alg":"ES256","alg":"ES256","b64":false,"crit":["b64"],"kid":"%s"}' % KID.encode(),
        b'{"alg":"\\u0045S256","b64":false,"crit":["b64"],"kid":"%s"}' % KID.encode(),
        b'{"alg":"ES256","b64":false,"crit":["b64"],"kid":"%s"}\n' % KID.encode(),
        b"",
        b"\xff\xfe",
        b"[" * 50,
    ],
)
def test_one_meaning_has_one_writing(header: bytes) -> None:
    assert code_of(signed_under(header)) == "header"


def test_the_bare_form_of_the_header_is_the_one_accepted() -> None:
    """The control of the two tests above: they do not pass because signing itself is wrong."""
    header = b'{"alg":"ES256","b64":false,"crit":["b64"],"kid":"%s"}' % KID.encode()
    assert verify_detached(PAYLOAD, signed_under(header), EC_KEY.public_key()) == KID


def test_the_algorithm_must_fit_the_key() -> None:
    assert code_of(sign_detached(PAYLOAD, EC), ED_KEY.public_key()) == "alg"
    assert code_of(sign_detached(PAYLOAD, ED), EC_KEY.public_key()) == "alg"
    assert code_of(sign_detached(PAYLOAD, EC), derive_private_key(7, SECP384R1()).public_key()) == "key"


def test_another_key_id_than_expected_is_refused() -> None:
    assert code_of(sign_detached(PAYLOAD, EC), expect_kid=certificate_kid(b"another")) == "kid"


def test_another_payload_or_key_is_refused() -> None:
    signature = sign_detached(PAYLOAD, EC)
    assert code_of(signature, payload=PAYLOAD + b" ") == "value"
    assert code_of(signature, payload=b"") == "value"
    assert code_of(signature, derive_private_key(2, SECP256R1()).public_key()) == "value"


@pytest.mark.parametrize("name", ["ES256", "Ed25519"])
@pytest.mark.parametrize("length", [0, 63, 65, 70, 128])
def test_a_signature_of_another_length_is_refused(name: str, length: int) -> None:
    signer, key = SIGNERS[name]
    assert code_of({**sign_detached(PAYLOAD, signer), "signature": b64(b"\x30" * length)}, key) == "value"


def test_the_asn1_form_of_ecdsa_is_refused() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    signature = sign_detached(PAYLOAD, EC)
    der = EC_KEY.sign(signature["protected"].encode() + b"." + PAYLOAD, ECDSA(hashes.SHA256()))
    assert code_of({**signature, "signature": b64(der)}) == "value"


@pytest.mark.parametrize(("r", "s"), [(0, 0), (0, 1), (1, 0), (P256_ORDER, 1), (1, P256_ORDER), (1, 1)])
def test_numbers_that_no_signature_has_are_refused(r: int, s: int) -> None:
    """CVE-2022-21449: r = s = 0 once held for every message."""
    value = b64(r.to_bytes(32) + s.to_bytes(32))
    assert code_of({**sign_detached(PAYLOAD, EC), "signature": value}) == "value"


def test_both_values_of_an_ecdsa_signature_hold_so_a_signature_is_no_identity() -> None:
    """Browsers produce either; whoever needs a name for a record takes the digest of what was signed."""
    signature = sign_detached(PAYLOAD, EC)
    raw = unb64(signature["signature"])
    other = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    assert verify_detached(PAYLOAD, {**signature, "signature": b64(other)}, EC_KEY.public_key()) == KID


@pytest.mark.parametrize("spoil", ["{}=", "{}==", " {}", "{}\n", "{}+", "{}/", "{}!", "{}*", "é{}", "{}\x00"])
@pytest.mark.parametrize("member", ["protected", "signature"])
def test_base64url_has_one_writing(member: str, spoil: str) -> None:
    signature = sign_detached(PAYLOAD, EC)
    assert code_of({**signature, member: spoil.format(signature[member])}) == "base64"


def test_unused_bits_of_the_last_letter_must_be_zero() -> None:
    signature = sign_detached(PAYLOAD, EC)
    text = signature["signature"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + letters[letters.index(text[-1]) + 1]
    assert unb64(other) == unb64(text)
    assert code_of({**signature, "signature": other}) == "base64"


@pytest.mark.parametrize(
    "change",
    [
        {"header": {"kid": KID}},
        {"payload": "e30"},
        {"protected": None},
        {"signature": 1},
        {"signature": ["a"]},
        {"protected": {}},
    ],
)
def test_exactly_two_texts_are_a_signature(change: dict[str, object]) -> None:
    assert code_of({**sign_detached(PAYLOAD, EC), **change}) == "members"
    assert code_of({}) == "members"
    assert code_of({"protected": sign_detached(PAYLOAD, EC)["protected"]}) == "members"


def test_long_members_are_refused_before_they_are_decoded() -> None:
    signature = sign_detached(PAYLOAD, EC)
    assert code_of({**signature, "protected": "A" * 1_000_000}) == "base64"
    assert code_of({**signature, "signature": "A" * 1_000_000}) == "base64"


SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_bid_key_under_which_anybody_can_sign_is_refused(point: str) -> None:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(point))
    kid = bid_party(key.public_bytes_raw())

    @dataclass(frozen=True)
    class Nobody:
        """Has no private key; finds a signature all the same."""

        kid: str
        alg: str = "Ed25519"

        def sign(self, data: bytes) -> bytes:
            for candidate in SMALL_ORDER:
                value = bytes.fromhex(candidate) + bytes(32)
                try:
                    key.verify(value, data)
                except Exception:  # noqa: BLE001, S112
                    continue
                return value
            return bytes(64)

    assert code_of(sign_detached(PAYLOAD, Nobody(kid)), key) == "key"


def test_the_library_itself_accepts_such_a_key() -> None:
    """The control: without the check, anybody signs under the point one."""
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(SMALL_ORDER[0])).verify(
        bytes.fromhex(SMALL_ORDER[0]) + bytes(32), b"whatever"
    )


def test_signers_show_no_private_key() -> None:
    for signer in (EC, ED):
        assert "key" not in repr(signer)
        assert repr(replace(signer, kid="x")) == f"{type(signer).__name__}(kid='x', alg='{signer.alg}')"


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_flipped_bit_survives(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SIGNERS)))
    signer, key = SIGNERS[name]
    signature = sign_detached(PAYLOAD, signer)
    where = data.draw(st.sampled_from(["payload", "protected", "signature"]))
    raw = PAYLOAD if where == "payload" else unb64(signature[where])
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    flipped = bytearray(raw)
    flipped[at // 8] ^= 1 << at % 8
    if where == "payload":
        assert code_of(signature, key, bytes(flipped)) == "value"
        return
    assert code_of({**signature, where: b64(bytes(flipped))}, key, expect_kid=signer.kid) in {
        "header",
        "kid",
        "alg",
        "value",
    }


@given(st.text(max_size=60), st.text(max_size=120))
@settings(max_examples=300, deadline=None)
def test_rubbish_is_refused_and_never_crashes(protected: str, value: str) -> None:
    assert code_of({"protected": protected, "signature": value}) in {"base64", "header"}


def test_the_signing_input_is_the_header_a_full_stop_and_the_payload() -> None:
    signature = sign_detached(PAYLOAD, ED)
    ED_KEY.public_key().verify(unb64(signature["signature"]), signature["protected"].encode() + b"." + PAYLOAD)
    assert json.loads(unb64(signature["protected"]))["crit"] == ["b64"]
