"""The public check of a letter: a green tick elsewhere is not enough."""

from __future__ import annotations

import asyncio
import random
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from pdf.authority import APPLICATION, AT, BANK, NONCE, PROJECT, issue
from tradehall.adapters.identity.ca import DemoAuthority
from tradehall.adapters.issuers.sandbox import SandboxIssuer
from tradehall.adapters.pdf.render import Embedded
from tradehall.adapters.pdf.signing import Signatory, sign_pdf
from tradehall.adapters.pdf.tsa import InProcessTimeStamper, TimeAuthority
from tradehall.adapters.pdf.verify import EMBEDDED_NAME, is_der, verify_letter
from tradehall_standards import canonical


@pytest.fixture
def check(ca):
    def check(pdf, register=None, **more):
        return verify_letter(bytes(pdf), trust_roots=[ca.certificate], register=register, **more)

    return check


def codes(verdict):
    assert verdict.ok is not bool(verdict.reasons)
    return {reason.code for reason in verdict.reasons}


def resign(page, signatory, **more):
    return sign_pdf(page, by=signatory, at=AT, field="Issuer", certify=True, **more)


@pytest.fixture(scope="session")
def unsigned(renderer, letter):
    """The page of the letter without a signature, and a way to make one with other data or facts."""
    register = letter[1]

    def page(*, data=None, shown=None, name=EMBEDDED_NAME):
        payload = {k: v for k, v in register.items() if k != "letter"}
        content = canonical.jcs({**payload, **(data or {})})
        facts = {
            "publisher": "沙箱",
            "made_at": AT.isoformat(),
            "digest": "sha256:00",
            "url": "https://x.example/",
            "specimen": True,
        }
        embed = Embedded(name, content, "data", AT)
        return renderer.render("guarantee_letter", {"doc": {**payload, **(shown or {})}, "facts": facts}, embed=embed)

    return page


# --- what stands -----------------------------------------------------------------------------------------------


def test_an_issued_letter_stands_against_its_register_entry(check, letter):
    pdf, register = letter
    verdict = check(pdf, register)
    assert verdict.reasons == ()
    assert verdict.ok
    assert verdict.issuer == BANK["id"]
    assert verdict.payload["amount"] == APPLICATION["amount"]
    assert verdict.signed_at == AT


def test_a_letter_stands_offline_without_a_register(check, letter):
    assert check(letter[0]).ok


def test_a_time_stamped_letter_stands_and_says_when(check, stamped_letter):
    verdict = check(*stamped_letter)
    assert verdict.ok
    assert verdict.signed_at == AT


def test_the_payload_is_the_record_family_and_names_the_file(letter):
    pdf, register = letter
    assert register["letter"] == "sha256:" + canonical.sha256_hex(pdf)
    assert register["valid_until"] == APPLICATION["valid_until"]
    assert register["nonce"] == NONCE
    assert register["project_name"] == PROJECT


# --- what was changed after signing ----------------------------------------------------------------------------


def appended(pdf, change):
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    change(writer)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


OVERLAY = b"q 1 1 1 rg 150 560 300 60 re f 0 0 0 rg BT /F0 18 Tf 200 600 Td (CNY 8,000,000.00) Tj ET Q"


def overlay_content(writer):
    page = writer.root["/Pages"]["/Kids"][0]
    stream = writer.add_object(generic.StreamObject(stream_data=OVERLAY))
    page[generic.pdf_name("/Contents")] = generic.ArrayObject([page.raw_get("/Contents"), stream])
    writer.update_container(page)


def overlay_annotation(writer):
    page = writer.root["/Pages"]["/Kids"][0]
    name = generic.pdf_name
    appearance = generic.StreamObject(
        {
            name("/Type"): name("/XObject"),
            name("/Subtype"): name("/Form"),
            name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 300, 60))),
        },
        stream_data=b"1 1 1 rg 0 0 300 60 re f",
    )
    annotation = generic.DictionaryObject(
        {
            name("/Type"): name("/Annot"),
            name("/Subtype"): name("/Stamp"),
            name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (150, 560, 450, 620))),
            name("/AP"): generic.DictionaryObject({name("/N"): writer.add_object(appearance)}),
        }
    )
    annotations = page.get("/Annots", generic.ArrayObject())
    page[name("/Annots")] = generic.ArrayObject([*annotations, writer.add_object(annotation)])
    writer.update_container(page)


@pytest.mark.parametrize("change", [overlay_content, overlay_annotation])
def test_an_update_that_covers_the_amount_is_refused_though_the_signature_is_valid(check, letter, change):
    pdf, register = letter
    covered = appended(pdf, change)
    assert covered.startswith(pdf)
    found = codes(check(covered))
    assert {"SIGNATURE-PARTIAL", "SIGNATURE-OVERLAID"} <= found
    assert "SIGNATURE-BROKEN" not in found
    assert "REGISTER-DIFFERS" in codes(check(covered, register))


def test_the_same_overlay_has_a_green_tick_in_a_usual_viewer(letter, tmp_path):
    file = tmp_path / "covered.pdf"
    file.write_bytes(appended(letter[0], overlay_content))
    said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, check=False).stdout
    assert b"Signature is Valid." in said


def test_even_a_harmless_update_is_not_the_issued_letter(check, letter):
    def retitle(writer):
        writer.root[generic.pdf_name("/PageMode")] = generic.pdf_name("/UseNone")
        writer.update_root()

    assert "SIGNATURE-PARTIAL" in codes(check(appended(letter[0], retitle)))
    assert codes(check(letter[0] + b"\n"))


def contents_of(pdf):
    """Return where the hexadecimal digits of the signature begin, and the size of its DER."""
    reader = PdfFileReader(BytesIO(pdf))
    signature = reader.embedded_regular_signatures[0]
    begin = int(signature.byte_range[1]) + 1
    der = bytes.fromhex(pdf[begin : begin + 16].decode())
    return begin, int.from_bytes(der[2:4]) + 4


def flipped(pdf, position, bit):
    changed = bytearray(pdf)
    changed[position] ^= 1 << bit
    return changed


def test_a_flipped_bit_anywhere_is_refused(check, stamped_letter):
    pdf, _ = stamped_letter
    chance = random.Random(20260417)
    begin, size = contents_of(pdf)
    everywhere = chance.sample(range(len(pdf)), 120)
    around = [
        *range(begin - 40, begin + 8),
        *range(begin + 2 * size - 8, begin + 2 * size + 40),
        *range(len(pdf) - 40, len(pdf)),
    ]
    stood = [p for p in {*everywhere, *around} if check(flipped(pdf, p, chance.randrange(8))).ok]
    assert stood == []


def test_a_flipped_bit_of_the_signature_object_itself_is_refused(check, stamped_letter):
    """The signature can't cover its own bytes: certificates, algorithm names, the time stamp."""
    pdf, _ = stamped_letter
    begin, size = contents_of(pdf)
    upper = pdf[begin : begin + 2 * size].isupper()
    chance = random.Random(7)
    der = bytes.fromhex(pdf[begin : begin + 2 * size].decode())
    stood = []
    for position in range(0, size, 7):
        digits = flipped(der, position, chance.randrange(8)).hex()
        changed = pdf[:begin] + (digits.upper() if upper else digits).encode() + pdf[begin + 2 * size :]
        if check(changed).ok:
            stood.append(position)
    assert stood == []


def test_letter_case_of_digits_and_padding_are_fixed(check, letter):
    pdf, _ = letter
    begin, size = contents_of(pdf)
    part = pdf[begin : begin + 2 * size]
    assert check(pdf).ok
    mixed = part[:100].swapcase() + part[100:]
    assert codes(check(pdf[:begin] + mixed + pdf[begin + 2 * size :])) == {"SIGNATURE-FORM"}
    at = begin + 2 * size + 10
    assert codes(check(pdf[:at] + b"1" + pdf[at + 1 :])) == {"SIGNATURE-FORM"}


def test_a_truncated_or_foreign_file_is_unreadable(check, letter):
    for broken in (b"", b"%PDF-1.7", letter[0][:5000], letter[0][:-600], b"\0" * 4096):
        assert codes(check(broken)) & {"PDF-UNREADABLE", "SIGNATURE-MISSING", "SIGNATURE-BROKEN"}


# --- who signed ------------------------------------------------------------------------------------------------


def test_the_same_page_signed_under_another_authority_is_refused(check, unsigned, other_ca):
    forged = resign(unsigned(), other_ca.certify(BANK["id"], BANK["name"]))
    assert "SIGNER-UNTRUSTED" in codes(check(forged))


def test_another_certified_party_can_not_sign_for_the_issuer(check, unsigned, ca):
    forged = resign(unsigned(), ca.certify("org:91510100MA6CDXAM9J", "别家"))
    verdict = check(forged)
    assert codes(verdict) == {"ISSUER-DIFFERS"}
    assert verdict.issuer is None


def test_an_unsigned_page_and_a_second_signature_are_refused(check, unsigned, letter, bank):
    assert "SIGNATURE-MISSING" in codes(check(unsigned()))
    twice = sign_pdf(letter[0], by=bank, at=AT, field="Second")
    assert {"SIGNATURE-COUNT", "SIGNATURE-PARTIAL"} <= codes(check(twice))


def test_a_revoked_signer_is_refused_unless_a_time_stamp_is_older(check, ca, bank, letter, stamped_letter):
    later = AT.astimezone(UTC) + timedelta(days=3)
    crl = ca.revoke(bank.certificate, later)
    assert codes(check(letter[0], crls=[crl])) == {"SIGNER-REVOKED"}
    assert check(stamped_letter[0], crls=[crl]).ok
    earlier = ca.revoke(bank.certificate, later - timedelta(days=9))
    assert codes(check(stamped_letter[0], crls=[earlier])) == {"SIGNER-REVOKED"}


def test_the_platforms_own_list_of_revocations_counts_too(check, bank, letter):
    kid = "sha256:" + bank.certificate.fingerprint(hashes.SHA256()).hex()
    revoked = {kid: AT}
    assert codes(check(letter[0], revoked_at=revoked.get)) == {"SIGNER-REVOKED"}
    assert check(letter[0], revoked_at={"sha256:00": AT}.get).ok


def test_certificates_of_the_demonstration_authority_serve(renderer):
    def chance(size):
        return b"\x11" * size

    authority = DemoAuthority.create("演示 CA", at=AT, chance=chance)
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue_for(key.public_key(), party=BANK["id"], name=BANK["name"], at=AT, days=300, chance=chance)
    signatory = Signatory(key, x509.load_der_x509_certificate(issued.der))
    stamps = TimeAuthority.self_certified("演示时间戳", clock=lambda: AT, at=AT)
    demo = SandboxIssuer(BANK, signatory, renderer, "https://hall.example/verify/", InProcessTimeStamper(stamps))
    pdf, register = issue(demo)
    roots = {"trust_roots": [authority.certificate], "stamp_roots": [stamps.certificate]}
    assert verify_letter(pdf, register=register, **roots).reasons == ()
    assert "TIME-STAMP-BAD" in codes(verify_letter(pdf, register=register, trust_roots=[authority.certificate]))


def test_letters_are_issued_and_verified_under_a_running_event_loop_too(check, unsigned, bank):
    async def under_a_loop():
        return check(resign(unsigned(), bank))

    assert asyncio.run(under_a_loop()).ok


def test_a_revocation_list_of_somebody_else_is_ignored(check, other_ca, bank, letter):
    assert check(letter[0], crls=[other_ca.revoke(bank.certificate, AT)]).ok


def test_a_certificate_not_valid_at_the_instant_of_signing_is_refused(check, unsigned, bank):
    late = sign_pdf(unsigned(), by=bank, at=AT + timedelta(days=900), field="Issuer", certify=True)
    assert "SIGNER-UNTRUSTED" in codes(check(late))


def test_a_backdated_signature_disagrees_with_its_time_stamp(check, unsigned, bank, ca):
    authority = ca.certify("node:tsa", "Sandbox TSA", stamps=True)
    stamper = InProcessTimeStamper(TimeAuthority(authority.key, authority.certificate, lambda: AT + timedelta(days=5)))
    assert codes(check(resign(unsigned(), bank, timestamper=stamper))) == {"TIME-DISAGREES"}


def test_a_time_stamp_under_another_root_is_no_time_stamp(check, unsigned, bank, other_ca):
    authority = other_ca.certify("node:tsa", "Sandbox TSA", stamps=True)
    stamper = InProcessTimeStamper(TimeAuthority(authority.key, authority.certificate, lambda: AT))
    forged = resign(unsigned(), bank, timestamper=stamper)
    assert "TIME-STAMP-BAD" in codes(check(forged))
    assert check(forged, stamp_roots=[other_ca.certificate]).ok


# --- what the issuer itself must not do ------------------------------------------------------------------------


def test_page_and_data_must_agree(check, unsigned, bank):
    lower = {"amount": {"amount": "80000.00", "currency": "CNY"}}
    verdict = check(resign(unsigned(data=lower), bank))
    assert codes(verdict) == {"PAGE-DIFFERS"}
    assert "800,000.00" in verdict.reasons[0].en
    assert codes(check(resign(unsigned(shown={"valid_until": "2026-04-01"}), bank))) == {"PAGE-DIFFERS"}
    assert codes(check(resign(unsigned(data={"terms": ["无条件付款。"]}), bank))) == {"PAGE-DIFFERS"}


def test_swapped_or_renamed_or_additional_attachments_are_refused(check, unsigned, bank):
    assert codes(check(resign(unsigned(name="other.json"), bank))) == {"DATA-COUNT"}
    with pikepdf.open(BytesIO(unsigned())) as pdf:
        pdf.attachments["more.json"] = b"{}"
        output = BytesIO()
        pdf.save(output, deterministic_id=True)
    assert "DATA-COUNT" in codes(check(resign(output.getvalue(), bank)))


def test_data_must_be_canonical_and_complete(check, unsigned, bank):
    assert codes(check(resign(unsigned(data={"extra": 1}), bank))) == {"DATA-FORM"}
    with pikepdf.open(BytesIO(unsigned())) as pdf:
        stream = pdf.Root.AF[0].EF.F
        stream.write(bytes(stream.read_bytes()).replace(b'"lot":', b'"lot" :'))
        output = BytesIO()
        pdf.save(output, deterministic_id=True)
    assert codes(check(resign(output.getvalue(), bank))) == {"DATA-FORM"}


def active_content(kind):
    action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))

    def add(pdf):
        page = pdf.pages[0].obj
        if kind == "OpenAction":
            pdf.Root.OpenAction = action
        elif kind == "nested":
            page.Group = pikepdf.Dictionary(Deep=pikepdf.Array([pikepdf.Dictionary(Deeper=action)]))
        elif kind == "AA":
            page.AA = pikepdf.Dictionary(O=action)
        elif kind == "Launch":
            page.PieceInfo = pikepdf.Dictionary(X=pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("calc")))
        elif kind == "XFA":
            pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=pikepdf.String("x"))
        elif kind == "OCProperties":
            pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array(), D=pikepdf.Dictionary())
        elif kind == "Link":
            page.Annots = pikepdf.Array(
                [pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9])]
            )
        elif kind == "RichMedia":
            page.Annots = pikepdf.Array(
                [pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.RichMedia, Rect=[0, 0, 9, 9])]
            )

    return add


@pytest.mark.parametrize("kind", ["OpenAction", "nested", "AA", "Launch", "XFA", "OCProperties", "Link", "RichMedia"])
def test_scripts_actions_and_annotations_are_refused_however_deep(check, unsigned, bank, kind):
    with pikepdf.open(BytesIO(unsigned())) as pdf:
        active_content(kind)(pdf)
        output = BytesIO()
        pdf.save(output, deterministic_id=True)
    found = codes(check(resign(output.getvalue(), bank)))
    assert found & {"PDF-ACTIVE", "PDF-ANNOTATED"}


def test_a_repacked_letter_loses_its_signature(check, letter):
    writer = copy_into_new_writer(PdfFileReader(BytesIO(letter[0])))
    output = BytesIO()
    writer.write(output)
    assert not check(output.getvalue()).ok


# --- the register ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("amount", {"amount": "800000.01", "currency": "CNY"}),
        ("valid_until", "2026-07-24"),
        ("letter", "sha256:" + "0" * 64),
        ("nonce", "ff" * 16),
        ("lot", "L2"),
    ],
)
def test_the_register_entry_must_agree_in_every_member(check, letter, member, value):
    pdf, register = letter
    verdict = check(pdf, {**register, member: value})
    assert codes(verdict) == {"REGISTER-DIFFERS"}
    assert member in verdict.reasons[0].en


def test_a_genuine_letter_of_the_same_issuer_does_not_pass_for_another(check, issuer, letter):
    other, _ = issue(issuer, number="G-2026-0417-0000")
    assert check(other).ok
    assert codes(check(other, letter[1])) == {"REGISTER-DIFFERS"}


# --- the sandbox's underwriting --------------------------------------------------------------------------------


def test_the_sandbox_asks_a_premium_and_refuses_letters_that_end_too_soon(issuer):
    end = datetime.fromisoformat(APPLICATION["valid_until"]).date()
    approved = issuer.decide(APPLICATION, bid_validity_end=end)
    assert approved == {"decision": "approve", "premium": {"amount": "2000.00", "currency": "CNY"}}
    refused = issuer.decide(APPLICATION, bid_validity_end=end + timedelta(days=1))
    assert refused["decision"] == "refuse"
    assert "2026-07-24" in refused["reason"]


def test_a_letter_can_not_end_before_it_begins(issuer):
    backwards = {**APPLICATION, "valid_until": "2026-03-01"}
    with pytest.raises(ValueError, match="before"):
        replace(issuer).issue(backwards, number="G-1", project_name="甲", nonce=NONCE, at=AT)


def test_distinguished_encoding_has_one_writing():
    assert is_der(bytes.fromhex("3003020105"))
    for loose in (
        "308003020105 0000",
        "30810302 0105",
        "300402020005",
        "3003010101",
        "3106020102020101",
        "30030201",
        "0000",
        "30050201050000",
    ):
        assert not is_der(bytes.fromhex(loose.replace(" ", "")))
