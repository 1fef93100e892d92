"""Signatures in sequence on one evaluation report, and the demonstration's time stamps."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import timedelta

import pytest
from asn1crypto import tsp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.general import SigningError

from pdf.authority import APPLICATION, AT
from pdf.samples import FACTS, MEMBERS, NAMES, REPORT
from pdf.test_verify import appended, overlay_content
from tradehall.adapters.pdf.report import missing_signatures, render_report, sign_report
from tradehall.adapters.pdf.signing import Signatory, sign_pdf
from tradehall.adapters.pdf.tsa import TimeAuthority
from tradehall.adapters.pdf.verify import verify_signatures
from tradehall.bench.letters import bench_letters


@pytest.fixture(scope="module")
def members(ca):
    return {member: ca.certify(member, NAMES[member]) for member in MEMBERS}


@pytest.fixture(scope="module")
def unsigned_report(renderer):
    return render_report(renderer, REPORT, FACTS)


@pytest.fixture(scope="module")
def signed_report(unsigned_report, members):
    pdf = unsigned_report
    for minutes, member in enumerate([MEMBERS[2], *MEMBERS[:2], *MEMBERS[3:]]):
        pdf = sign_report(pdf, REPORT, member=member, by=members[member], at=AT + timedelta(minutes=minutes))
    return pdf


def test_every_member_signs_the_same_file_in_any_order_and_all_signatures_stand(ca, signed_report):
    verdicts = verify_signatures(signed_report, trust_roots=[ca.certificate])
    assert [v.field for v in verdicts] == ["Member3", "Member1", "Member2", "Member4", "Member5"]
    assert [v.reasons for v in verdicts] == [()] * 5
    assert [v.covers_file for v in verdicts] == [False] * 4 + [True]
    assert missing_signatures(REPORT, verdicts) == ()


def test_who_has_not_signed_yet_is_named(ca, unsigned_report, members):
    once = sign_report(unsigned_report, REPORT, member=MEMBERS[0], by=members[MEMBERS[0]], at=AT)
    verdicts = verify_signatures(once, trust_roots=[ca.certificate])
    assert missing_signatures(REPORT, verdicts) == tuple(MEMBERS[1:])


def test_nothing_but_signatures_may_follow_the_first(ca, signed_report):
    verdicts = verify_signatures(appended(signed_report, overlay_content), trust_roots=[ca.certificate])
    assert all("SIGNATURE-OVERLAID" in {r.code for r in v.reasons} for v in verdicts)
    assert missing_signatures(REPORT, verdicts) == tuple(MEMBERS)


def test_a_member_signs_once_and_strangers_not_at_all(signed_report, members, ca):
    with pytest.raises(SigningError):
        sign_report(signed_report, REPORT, member=MEMBERS[0], by=members[MEMBERS[0]], at=AT)
    with pytest.raises(ValueError, match="not in"):
        sign_report(signed_report, REPORT, member="person:zzzzzzzzzzzzzzzz", by=members[MEMBERS[0]], at=AT)


def test_a_signature_is_appended_and_leaves_the_signed_part_as_it_was(unsigned_report, members):
    signed = sign_pdf(unsigned_report, by=members[MEMBERS[0]], at=AT, field="Member1")
    assert signed.startswith(unsigned_report)


def test_key_and_certificate_must_belong_together_and_be_p256(ca, bank):
    with pytest.raises(ValueError, match="belong"):
        Signatory(ec.generate_private_key(ec.SECP256R1()), bank.certificate)
    with pytest.raises(ValueError, match="P-256"):
        Signatory(ec.generate_private_key(ec.SECP384R1()), bank.certificate)


def time_request(data, algorithm="sha256", nonce=12345):
    imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": hashlib.new(algorithm, data).digest()}
    return tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "cert_req": True, "nonce": nonce})


@pytest.fixture
def authority(ca):
    signatory = ca.certify("node:tsa", "Sandbox TSA", stamps=True)
    return TimeAuthority(signatory.key, signatory.certificate, lambda: AT)


def test_a_time_stamp_says_the_clock_and_repeats_the_nonce(authority):
    answer = authority.answer(time_request(b"data"))
    info = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    assert answer["status"]["status"].native == "granted"
    assert info["gen_time"].native == AT
    assert info["nonce"].native == 12345


def test_a_weak_imprint_is_rejected(authority):
    answer = authority.answer(time_request(b"data", "sha1"))
    assert answer["status"]["status"].native == "rejection"
    assert answer["status"]["fail_info"].native == {"bad_alg"}


def test_openssl_accepts_the_time_stamp_and_refuses_it_for_other_data(authority, ca, tmp_path):
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "ca.pem").write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "answer.tsr").write_bytes(authority.answer(time_request(b"data", nonce=1)).dump())
    moment = str(int(AT.timestamp()))

    def verify(name):
        command = [
            "openssl",
            "ts",
            "-verify",
            "-data",
            name,
            "-in",
            "answer.tsr",
            "-CAfile",
            "ca.pem",
            "-attime",
            moment,
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert verify("data") == 0
    assert verify("other") != 0


def test_the_bench_counts_letters(issuer, ca):
    result = bench_letters(issuer, APPLICATION, at=AT, verify=len, letters=1, rounds=1)
    assert result.race.taken.keys() == {"ours", "plain", "verify"}
    assert 10_000 < result.bytes_each < 120 * 1024
