"""Certificates: what the demo authority issues, and which bytes a chain check believes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall.adapters.identity.ca import (
    MOST_DAYS,
    ChainInvalid,
    DemoAuthority,
    RequestInvalid,
    RevocationList,
    Trust,
    verify_chain,
)
from tradehall.adapters.pdf.asn1 import x509 as asn1_x509
from tradehall.kernel.party import PartyInvalid
from tradehall.kernel.signing import certificate_kid

AT = datetime(2026, 3, 1, 9, 0, tzinfo=timezone(timedelta(hours=8)))
DAY = timedelta(days=1)
PARTY = "org:91510100MA61RHWX3K"
NAME = "四川省成都市公共资源交易服务中心有限责任公司"
KEY = derive_private_key(0xB1D, SECP256R1())


def chance(seed: str = "certificates") -> Callable[[int], bytes]:
    count = 0

    def draw(length: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed}/{count}".encode()).digest(length)

    return draw


AUTHORITY = DemoAuthority.create("Tradehall demo CA", at=AT, chance=chance("root"))
OTHER = DemoAuthority.create("Tradehall demo CA", at=AT, chance=chance("other"))
TRUST = Trust((AUTHORITY.certificate,))


def request(key: Any = KEY, **subject: str) -> bytes:
    names = [x509.NameAttribute(getattr(NameOID, oid), value) for oid, value in subject.items()]
    algorithm = None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, algorithm)
    return csr.public_bytes(serialization.Encoding.DER)


def issue(csr: bytes, **changes: Any) -> Any:
    arguments: dict[str, Any] = {"party": PARTY, "name": NAME, "at": AT, "days": 365, "chance": chance("leaf")}
    return AUTHORITY.issue(csr, **(arguments | changes))


GOOD = issue(request())


def made(
    *,
    by: DemoAuthority = AUTHORITY,
    key: Any = KEY,
    serials: tuple[str, ...] = (PARTY,),
    not_before: datetime = AT,
    not_after: datetime = AT + 30 * DAY,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] | None = None,
) -> bytes:
    """Make any certificate whatsoever that the authority's key has signed."""
    if extensions is None:
        extensions = ((x509.BasicConstraints(ca=False, path_length=None), True), (usage(), True))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, s) for s in serials]))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def usage(**changes: bool) -> x509.KeyUsage:
    names = (
        "content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign encipher_only "
        "decipher_only"
    )
    return x509.KeyUsage(**(dict.fromkeys(names.split(), False) | {"digital_signature": True} | changes))


BASIC = x509.BasicConstraints(ca=False, path_length=None)


# --- issuing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KEY, Ed25519PrivateKey.from_private_bytes(b"e" * 32)], ids=["P-256", "Ed25519"])
def test_a_request_becomes_a_certificate_that_names_the_party(key: Any) -> None:
    issued = issue(request(key))
    assert TRUST.verify_chain(issued.der, AT + DAY) == key.public_key()
    assert TRUST.party_of(issued.der) == issued.party == PARTY
    assert issued.kid == certificate_kid(issued.der)
    assert (issued.not_before, issued.not_after, issued.revoked_at) == (AT, AT + 365 * DAY, None)


def test_the_library_agrees_with_the_chain() -> None:
    """An independent reading: OpenSSL's own rules about issuer, signature and dates."""
    leaf = x509.load_der_x509_certificate(GOOD.der)
    leaf.verify_directly_issued_by(AUTHORITY.certificate)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value == BASIC
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).critical


def test_a_long_chinese_name_is_cut_at_a_character() -> None:
    """64 bytes are 21 Chinese characters: a name of 22 once could not get a certificate at all."""
    assert len(NAME) == 22
    (common,) = x509.load_der_x509_certificate(GOOD.der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common.value == NAME[:21]


def test_a_party_without_a_name_is_named_by_its_id() -> None:
    issued = x509.load_der_x509_certificate(issue(request(), name="").der)
    assert issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == PARTY


def test_nothing_of_the_request_but_its_key_is_taken_over() -> None:
    key = derive_private_key(0xABC, SECP256R1())
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "成都市公共资源交易中心")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(key_cert_sign=True), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    issued = issue(csr)
    leaf = x509.load_der_x509_certificate(issued.der)
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == NAME[:21]
    assert TRUST.verify_chain(issued.der, AT) == key.public_key()
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_request_that_names_another_party_is_refused() -> None:
    assert issue(request(SERIAL_NUMBER=PARTY)).party == PARTY
    with pytest.raises(RequestInvalid, match="another party"):
        issue(request(SERIAL_NUMBER="org:91500000MA60B2C31X"))


def test_possession_of_the_key_must_be_proved() -> None:
    other = derive_private_key(0xBAD, SECP256R1())
    own, foreign = (
        k.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        for k in (KEY, other)
    )
    assert own in request()
    with pytest.raises(RequestInvalid, match="own key"):
        issue(request().replace(own, foreign))


@pytest.mark.parametrize("key", [derive_private_key(5, SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_other_keys_get_no_certificate(key: Any) -> None:
    with pytest.raises(RequestInvalid, match="neither"):
        issue(request(key))


@pytest.mark.parametrize("der", [b"", b"\xff", b"\x30\x00", request()[:-1], request() + b"\x00", b"-----BEGIN"])
def test_rubbish_is_no_request(der: bytes) -> None:
    with pytest.raises(RequestInvalid):
        issue(der)


def test_no_certificate_for_what_is_no_party() -> None:
    with pytest.raises(RequestInvalid, match="party"):
        issue(request(), party="alice")
    with pytest.raises(PartyInvalid):
        AUTHORITY.issue_for(KEY.public_key(), party="alice", name=NAME, at=AT, days=1, chance=chance())


def test_no_certificate_lasts_longer_than_three_years_or_than_its_authority() -> None:
    assert issue(request(), days=9999).not_after == AT + MOST_DAYS * DAY
    end = AUTHORITY.certificate.not_valid_after_utc
    assert issue(request(), at=end - DAY).not_after == end


def test_private_keys_stay_out_of_texts() -> None:
    assert "key" not in repr(AUTHORITY)


# --- relying ------------------------------------------------------------------------------------------------------


def test_a_certificate_holds_from_its_first_to_its_last_second() -> None:
    first, last = GOOD.not_before, GOOD.not_after
    for at in (first, last):
        assert verify_chain(GOOD.der, [AUTHORITY.certificate], at) == KEY.public_key()
    for at in (first - timedelta(seconds=1), last + timedelta(seconds=1)):
        with pytest.raises(ChainInvalid, match="instant"):
            verify_chain(GOOD.der, [AUTHORITY.certificate], at)


def test_a_revoked_certificate_holds_for_what_was_signed_before() -> None:
    revoked = RevocationList({GOOD.kid: AT + 5 * DAY})
    trust = Trust((AUTHORITY.certificate,), revoked.revoked_at)
    assert trust.verify_chain(GOOD.der, AT + 5 * DAY - timedelta(milliseconds=1)) == KEY.public_key()
    with pytest.raises(ChainInvalid, match="revoked"):
        trust.verify_chain(GOOD.der, AT + 5 * DAY)
    assert trust.verify_chain(issue(request(), name="other").der, AT + 6 * DAY) == KEY.public_key()


def test_an_authority_of_the_same_name_is_another_authority() -> None:
    with pytest.raises(ChainInvalid, match="issuer"):
        Trust((OTHER.certificate,)).verify_chain(GOOD.der, AT)
    with pytest.raises(ChainInvalid, match="issuer"):
        Trust(()).verify_chain(GOOD.der, AT)
    both = Trust((OTHER.certificate, AUTHORITY.certificate))
    assert both.verify_chain(GOOD.der, AT) == KEY.public_key()


def test_a_root_that_has_run_out_vouches_for_nobody() -> None:
    end = AUTHORITY.certificate.not_valid_after_utc
    leaf = made(not_before=AT, not_after=end + 30 * DAY)
    assert TRUST.verify_chain(leaf, end) == KEY.public_key()
    with pytest.raises(ChainInvalid, match="issuer"):
        TRUST.verify_chain(leaf, end + DAY)


def test_a_party_cannot_issue_certificates() -> None:
    """Neither as an accepted issuer by mistake, nor by a chain of its own."""
    party = DemoAuthority(x509.load_der_x509_certificate(GOOD.der), KEY)
    forged = made(by=party, key=derive_private_key(3, SECP256R1()), serials=("org:91500000MA60B2C31X",))
    with pytest.raises(ChainInvalid, match="issuer"):
        TRUST.verify_chain(forged, AT)
    with pytest.raises(ChainInvalid, match="issuer"):
        Trust((party.certificate,)).verify_chain(forged, AT)


def test_the_authority_itself_signs_no_records() -> None:
    der = AUTHORITY.certificate.public_bytes(serialization.Encoding.DER)
    with pytest.raises(ChainInvalid, match="authority"):
        TRUST.verify_chain(der, AT)


EXTENSIONS: dict[str, tuple[tuple[x509.ExtensionType, bool], ...]] = {
    "no extensions": (),
    "no key usage": ((BASIC, True),),
    "no basic constraints": ((usage(), True),),
    "for encryption only": ((BASIC, True), (usage(digital_signature=False, key_encipherment=True), True)),
    "an authority": ((x509.BasicConstraints(ca=True, path_length=None), True), (usage(), True)),
    "something critical and unknown": (
        (BASIC, True),
        (usage(), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.156.10197.99"), b"\x05\x00"), True),
    ),
    "critically for web servers": (
        (BASIC, True),
        (usage(), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True),
    ),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_certificates_for_other_purposes_sign_no_records(name: str) -> None:
    with pytest.raises(ChainInvalid):
        TRUST.verify_chain(made(extensions=EXTENSIONS[name]), AT)


def test_the_bare_certificate_of_these_tests_is_good() -> None:
    """The control: what the tests above spoil holds when it is not spoilt."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.156.10197.99"), b"\x05\x00")
    for extensions in (((BASIC, True), (usage(), True)), ((BASIC, True), (usage(), True), (unknown, False))):
        assert TRUST.verify_chain(made(extensions=extensions), AT) == KEY.public_key()


@pytest.mark.parametrize("serials", [(), (PARTY, PARTY), ("alice",), (PARTY + " ",)])
def test_a_certificate_names_exactly_one_party(serials: tuple[str, ...]) -> None:
    der = made(serials=serials)
    for ask in (lambda: TRUST.verify_chain(der, AT), lambda: TRUST.party_of(der)):
        with pytest.raises(ChainInvalid):
            ask()


@pytest.mark.parametrize("key", [derive_private_key(5, SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_other_keys_sign_no_records(key: Any) -> None:
    with pytest.raises(ChainInvalid):
        TRUST.verify_chain(made(key=key), AT)


def test_a_key_on_a_curve_nobody_here_knows_is_refused_not_an_error() -> None:
    """SM2 certificates parse, but asking for their key raises what is no ValueError; they may lie in a sealed bid."""
    p256, sm2 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")
    der = made()
    assert der.count(p256) == 1
    strange = der.replace(p256, sm2)
    assert len(strange) == len(der)
    with pytest.raises(Exception) as unguarded:
        x509.load_der_x509_certificate(strange).public_key()
    assert not isinstance(unguarded.value, ValueError)
    with pytest.raises(ChainInvalid):
        TRUST.verify_chain(strange, AT)
    with pytest.raises(RequestInvalid):
        issue(request().replace(p256, sm2))


def test_the_same_extension_twice_is_refused_not_an_error() -> None:
    """The library raises DuplicateExtension, which is no ValueError, only when the extensions are read."""
    known, twin = bytes.fromhex("0603551d13"), bytes.fromhex("0603551d0f")
    der = made(extensions=((BASIC, True), (BASIC_TWIN, True)))
    twice = der.replace(bytes.fromhex("06032a0304"), known)
    assert twin not in der
    with pytest.raises(x509.DuplicateExtension):
        _ = x509.load_der_x509_certificate(twice).extensions
    with pytest.raises(ChainInvalid):
        TRUST.verify_chain(twice, AT)


BASIC_TWIN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x30\x00")


def test_huge_certificates_are_not_even_parsed() -> None:
    with pytest.raises(ChainInvalid, match="large"):
        TRUST.verify_chain(b"\x30" * 70_000, AT)


def by_even_luck(wanted: int) -> Any:
    """Return a certificate whose signature's last bit is ``wanted``: ECDSA draws its own chance."""
    return next(c for c in (issue(request()) for _ in range(200)) if c.der[-1] & 1 == wanted)


def test_a_signature_with_unused_bits_is_another_encoding_and_refused() -> None:
    """Otherwise its holder would have a second key id for one certificate."""
    good = by_even_luck(0)
    at = good.der.rindex(b"\x00\x30", 0, -60)
    changed = good.der[:at] + b"\x01" + good.der[at + 1 :]
    x509.load_der_x509_certificate(changed).verify_directly_issued_by(AUTHORITY.certificate)
    with pytest.raises(ChainInvalid, match="encoding"):
        TRUST.verify_chain(changed, AT)


@pytest.mark.parametrize("attempt", range(20))
def test_a_revoked_certificate_does_not_come_back_with_the_twin_of_its_signature(attempt: int) -> None:
    """(r, n - s) is as good a signature as (r, s), and gives the certificate another key id."""
    good = issue(request(), chance=chance(f"twin {attempt}"))
    r, s = decode_dss_signature(x509.load_der_x509_certificate(good.der).signature)
    mirrored = der_certificate(good.der, encode_dss_signature(r, P256_ORDER - s))
    assert certificate_kid(mirrored) != good.kid
    TRUST.verify_chain(mirrored, AT)
    revoked = RevocationList({good.kid: AT - DAY})
    with pytest.raises(ChainInvalid, match="revoked"):
        Trust((AUTHORITY.certificate,), revoked.revoked_at).verify_chain(mirrored, AT)


P256_ORDER = 2**256 - 2**224 + 2**192 - 89188191075325690597107910205041859247


def der_certificate(der: bytes, signature: bytes) -> bytes:
    """Return a certificate with another signature, by a library that the code does not use for it."""
    loaded: Any = asn1_x509.Certificate.load(der)
    loaded["signature_value"] = signature
    return bytes(loaded.dump(force=True))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("first", [0x80, 0xB9])
def test_a_serial_number_that_is_not_positive_is_refused(first: int) -> None:
    der = bytearray(GOOD.der)
    der[bytes(der).index(b"\x02\x01\x02\x02") + 5] = first
    with pytest.raises(ChainInvalid, match="positive"):
        TRUST.verify_chain(bytes(der), AT)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.data())
@settings(max_examples=400, deadline=None)
def test_whatever_is_changed_in_a_certificate_it_is_refused_in_order(data: st.DataObject) -> None:
    der = bytearray(GOOD.der)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(der) - 1))
        der[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(der)), st.integers(0, len(der))))
    changed = bytes(der[:cut])
    if changed == GOOD.der:
        return
    with pytest.raises(ChainInvalid):
        TRUST.verify_chain(changed, AT)


@given(st.binary(max_size=200))
def test_rubbish_is_no_certificate(der: bytes) -> None:
    with pytest.raises(ChainInvalid):
        TRUST.verify_chain(der, AT)
    with pytest.raises(ChainInvalid):
        TRUST.party_of(der)
