"""The bidder's tool: from a folder of files to a sealed bid, read back before it is signed."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from sealing import bidding, packing
from sealing.chance import repeatable
from sealing.test_age_format import age_command
from tradehall.adapters import sealing as adapter
from tradehall.cli import bidder
from tradehall.cli.bid import bid_commands
from tradehall.kernel.signing import bid_party
from tradehall.rules import sealing

PRICE = "1980000.00"
WORDS = "壹佰玖拾捌万元整"


def self_signed(key, party: str = bidding.BIDDER) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, party)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=365))
    return builder.sign(key, None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256())


def party_of(der: bytes) -> str:
    [name] = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return str(name.value)


def pem(key, password: bytes | None = None) -> bytes:
    encryption = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


EC_KEY = ec.derive_private_key(7, ec.SECP256R1())


def tools() -> bidder.BidTools:
    return bidder.BidTools(adapter.seal, adapter.open_sealed, party_of, repeatable("tool"))


def run(*arguments: str, answer: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(bid_commands(tools()), [str(a) for a in arguments], input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def bid_json(**changes) -> dict:
    value = {
        "lot": "L1",
        "bidder": {"id": bidding.BIDDER, "name": "成都测试建设有限公司"},
        "price": {"amount": PRICE, "currency": "CNY"},
        "attributes": {"small_or_micro": True, "domestic_product": True},
        "files": ["商务标.pdf", "sub/技术标.pdf"],
        "guarantee": {
            "number": "BH-1",
            "issuer": "org:91510100MA61TYT01B",
            "amount": {"amount": "200000.00", "currency": "CNY"},
            "valid_until": "2026-07-01",
            "letter": "letter.pdf",
        },
    }
    return value | changes


def tender_json(**changes) -> dict:
    terms = bidding.hall().terms
    notice = {
        "title": "城东污水处理厂提标改造工程",
        "lots": [
            {
                "id": "L1",
                "name": "施工一标段",
                "scope": "土建",
                "ceiling": {"amount": "2000000.00", "currency": "CNY"},
                "bid_security": {"amount": {"amount": "200000.00", "currency": "CNY"}, "forms": ["guarantee_letter"]},
            }
        ],
        "custodians": [
            {"party": {"id": c.party, "name": "保管方"}, "role": "centre", "recipient": c.recipient}
            for c in terms.custodians
        ],
        "threshold": terms.threshold,
        "opening_policy": terms.policy,
    }
    return {"case": bidding.TENDER, "answers": bidding.NOTICE, "notice": notice | changes}


def write(folder: Path, bid: dict, tender: dict) -> list[str]:
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "商务标.pdf").write_bytes(packing.FILES["商务标.pdf"])
    (folder / "sub" / "技术标.pdf").write_bytes(packing.FILES["技术标.pdf"])
    (folder / "letter.pdf").write_bytes(packing.LETTER)
    (folder / "bid.json").write_text(json.dumps(bid), "utf-8")
    (folder / "tender.json").write_text(json.dumps(tender), "utf-8")
    (folder / "cert.pem").write_bytes(self_signed(EC_KEY).public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(pem(EC_KEY))
    paths = [folder / name for name in ("bid.json", "tender.json", "out")]
    return ["pack", *map(str, paths), "--certificate", str(folder / "cert.pem"), "--key", str(folder / "key.pem")]


def packed(folder: Path, **changes) -> Path:
    code, _, stderr = run(*write(folder, bid_json(**changes), tender_json()), "--yes")
    assert code == 0, stderr
    return folder / "out"


# --- pack ----------------------------------------------------------------------------------------------------


def test_a_bid_is_packed_read_back_and_sound(tmp_path):
    code, stdout, stderr = run(*write(tmp_path, bid_json(), tender_json()), answer="y\n")
    assert code == 0
    for shown in (
        "1,980,000.00 CNY",
        WORDS,
        "城东污水处理厂",
        "施工一标段",
        "商务标.pdf",
        "技术标.pdf",
        "BH-1",
        "sha256:",
    ):
        assert shown in stderr
    assert "注意" not in stderr
    assert PRICE not in stdout
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == ["ciphertext.age", "commitment.json", "secret", "tender.json"]
    assert out.stat().st_mode & 0o777 == (out / "secret").stat().st_mode & 0o777 == 0o700
    assert {p.name: p.stat().st_mode & 0o777 for p in (out / "secret").iterdir()} == {
        "age-key.txt": 0o600,
        "bid-key.pem": 0o600,
    }
    code, stdout, _ = run("inspect", out)
    assert code == 0
    assert WORDS in stdout


def test_the_folder_holds_what_the_hall_needs(tmp_path):
    out = packed(tmp_path)
    payload = json.loads((out / "commitment.json").read_bytes())
    assert sealing.check_commitment(payload, bidding.hall().terms) == ()
    key = serialization.load_pem_private_key((out / "secret" / "bid-key.pem").read_bytes(), None)
    public = key.public_key().public_bytes_raw()
    assert payload["bid_key"] == sealing.base64url(public)
    assert sealing.bid_author(public) == bid_party(public)
    assert (out / "tender.json").read_bytes() == (tmp_path / "tender.json").read_bytes()
    for path in ("commitment.json", "tender.json", "ciphertext.age"):
        assert PRICE.encode() not in (out / path).read_bytes()


def test_a_packed_bid_and_its_only_key_outlive_a_power_cut(tmp_path, monkeypatch):
    synced, sync = set(), os.fsync

    def noted(handle):
        synced.add(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    out = packed(tmp_path)
    assert synced == {tmp_path, out, *out.rglob("*")}


def test_the_age_command_opens_a_packed_bid_with_the_key_file(tmp_path):
    out = packed(tmp_path)
    command = [age_command(), "-d", "-i", str(out / "secret" / "age-key.txt"), str(out / "ciphertext.age")]
    assert PRICE.encode() in subprocess.run(command, check=True, capture_output=True).stdout


def test_nothing_is_signed_or_written_unless_the_bidder_says_yes(tmp_path):
    for answer in ("n\n", "\n"):
        code, _, stderr = run(*write(tmp_path, bid_json(), tender_json()), answer=answer)
        assert code == 1
        assert "Declined" in stderr
        assert not (tmp_path / "out").exists()


def test_a_swapped_price_shows_in_the_read_back(tmp_path):
    shown = []
    for price in (PRICE, "1890000.00"):
        arguments = write(tmp_path, bid_json(price={"amount": price, "currency": "CNY"}), tender_json())
        _, _, stderr = run(*arguments, answer="n\n")
        shown.append(stderr)
    assert WORDS in shown[0]
    assert WORDS not in shown[1]
    assert "壹佰捌拾玖万元整" in shown[1]
    digests = {line.split()[-1] for text in shown for line in text.splitlines() if "digest" in line}
    assert len(digests) == 2


def test_the_read_back_is_of_the_signed_bytes(tmp_path):
    code, stdout, _ = run(*write(tmp_path, bid_json(), tender_json()), "--yes", "--json")
    assert code == 0
    summary = json.loads(stdout)
    found = bidder.inspect(tmp_path / "out", tools())
    assert summary["manifest"] == found.read_back.digest
    assert summary["price_in_words"] == WORDS
    assert found.is_sound


@pytest.mark.parametrize(
    ("bid", "warning"),
    [
        ({"price": {"amount": "2000000.01", "currency": "CNY"}}, "ceiling 2000000.00"),
        ({"price": {"amount": "2.00", "currency": "EUR"}}, "another currency"),
        ({"guarantee": None}, "no guarantee"),
        ({"items": [{"id": "1", "quantity": "1", "unit_price": "1", "amount": "1.00"}]}, "add up to 1.00"),
    ],
)
def test_what_a_bidder_should_see_is_warned_of_but_may_be_signed(tmp_path, bid, warning):
    code, _, stderr = run(*write(tmp_path, bid_json(**bid), tender_json()), "--yes")
    assert code == 0
    assert warning in stderr


def test_a_low_guarantee_and_a_floor_are_warned_of(tmp_path):
    tender = tender_json()
    tender["notice"]["lots"][0]["floor"] = {"amount": "1990000.00", "currency": "CNY"}
    guarantee = bid_json()["guarantee"] | {"amount": {"amount": "199999.99", "currency": "CNY"}}
    _, _, stderr = run(*write(tmp_path, bid_json(guarantee=guarantee), tender), "--yes")
    assert "below the floor" in stderr
    assert "guarantee is below" in stderr


def test_a_letter_named_by_digest_travels_apart(tmp_path):
    guarantee = bid_json()["guarantee"] | {"letter": "sha256:" + "a" * 64}
    out = packed(tmp_path, guarantee=guarantee, replaces="b-" + "c" * 26)
    assert bidder.inspect(out, tools()).read_back.manifest.guarantee.letter == "sha256:" + "a" * 64
    assert json.loads((out / "commitment.json").read_bytes())["replaces"] == "b-" + "c" * 26


@pytest.mark.parametrize(
    ("bid", "why"),
    [
        ({"lot": "L2"}, "no lot L2"),
        ({"files": ["gone.pdf"]}, "no such file"),
        ({"files": ["../outside.pdf"]}, "no such file"),
        ({"files": ["sub"]}, "no such file"),
        ({"files": ["bad:name.pdf"]}, "may not have this name"),
        ({"files": ["商务标.pdf", "sub/商务标.pdf"]}, "same name"),
        ({"price": {"amount": "1980000", "currency": "CNY"}}, "two decimals"),
        ({"bidder": {"id": "org:91510100MA61TYT01B", "name": "别家"}}, "not that of"),
        ({"discount": "0.1"}, "unknown member"),
        ({"files": "商务标.pdf"}, "array"),
        ({"attributes": {"small_or_micro": "yes", "domestic_product": True}}, "true or false"),
        ({"attributes": {}}, "missing"),
    ],
)
def test_a_bid_file_that_is_not_as_needed_is_refused_with_its_reason(tmp_path, bid, why):
    (tmp_path / "inner").mkdir()
    (tmp_path / "outside.pdf").write_bytes(b"x")
    arguments = write(tmp_path / "inner", bid_json(**bid), tender_json())
    (tmp_path / "inner" / "bad:name.pdf").write_bytes(b"x")
    (tmp_path / "inner" / "sub" / "商务标.pdf").write_bytes(b"x")
    code, stdout, stderr = run(*arguments, "--yes")
    assert (code, stdout) == (1, "")
    assert why in stderr
    assert not (tmp_path / "inner" / "out").exists()


@pytest.mark.parametrize("change", [{"threshold": "2"}, {"custodians": {}}, {"lots": [{"id": "L1"}]}, {"title": None}])
def test_a_tender_file_that_is_not_as_needed_is_refused(tmp_path, change):
    code, _, stderr = run(*write(tmp_path, bid_json(), tender_json(**change)), "--yes")
    assert code == 1
    assert "tender.json" in stderr


@pytest.mark.parametrize("change", [{"threshold": 4}, {"opening_policy": "anyone"}, {"custodians": []}])
def test_terms_that_allow_no_seal_are_refused(tmp_path, change):
    code, _, stderr = run(*write(tmp_path, bid_json(), tender_json(**change)), "--yes")
    assert code == 1
    assert stderr.count("bid:") == 1
    assert not (tmp_path / "out").exists()


def test_a_duplicate_key_in_a_bid_file_is_refused(tmp_path):
    arguments = write(tmp_path, bid_json(), tender_json())
    text = (tmp_path / "bid.json").read_text("utf-8")
    (tmp_path / "bid.json").write_text('{"lot": "L1", ' + text[1:], "utf-8")
    code, _, stderr = run(*arguments, "--yes")
    assert code == 1
    assert "more than once" in stderr


def test_a_folder_that_is_there_is_never_touched(tmp_path):
    out = packed(tmp_path)
    before = (out / "commitment.json").read_bytes()
    code, _, stderr = run(*write(tmp_path, bid_json(), tender_json()), "--yes")
    assert code == 1
    assert "there already" in stderr
    assert (out / "commitment.json").read_bytes() == before


# --- certificates and keys -----------------------------------------------------------------------------------


def test_an_encrypted_key_asks_for_its_password(tmp_path):
    arguments = write(tmp_path, bid_json(), tender_json())
    (tmp_path / "key.pem").write_bytes(pem(EC_KEY, b"geheim"))
    assert run(*arguments, "--yes", answer="wrong\n")[0] == 1
    code, stdout, stderr = run(*arguments, "--yes", answer="geheim\n")
    assert code == 0
    assert "geheim" not in stdout + stderr


def test_an_ed25519_key_and_a_der_certificate_serve_too(tmp_path):
    arguments = write(tmp_path, bid_json(), tender_json())
    (tmp_path / "key.pem").write_bytes(pem(bidding.SIGNING_KEY))
    certificate = self_signed(bidding.SIGNING_KEY)
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    assert run(*arguments, "--yes")[0] == 0
    assert run("inspect", tmp_path / "out")[0] == 0


def test_a_key_of_another_certificate_or_kind_is_refused(tmp_path):
    arguments = write(tmp_path, bid_json(), tender_json())
    (tmp_path / "key.pem").write_bytes(pem(bidding.SIGNING_KEY))
    code, _, stderr = run(*arguments, "--yes")
    assert (code, "does not belong" in stderr) == (1, True)
    for other in (rsa.generate_private_key(65537, 2048), ec.derive_private_key(7, ec.SECP384R1())):
        (tmp_path / "key.pem").write_bytes(pem(other))
        (tmp_path / "cert.pem").write_bytes(self_signed(other).public_bytes(serialization.Encoding.PEM))
        code, _, stderr = run(*arguments, "--yes")
        assert (code, "neither P-256 nor Ed25519" in stderr) == (1, True)
    (tmp_path / "cert.pem").write_bytes(b"no certificate")
    assert run(*arguments, "--yes")[0] == 1


# --- inspect -------------------------------------------------------------------------------------------------


def test_inspect_without_the_secret_checks_what_anyone_can(tmp_path):
    out = packed(tmp_path)
    (out / "secret" / "age-key.txt").unlink()
    code, stdout, _ = run("inspect", out, "--json")
    assert code == 0
    found = json.loads(stdout)
    assert found["sound"]
    assert found["signed"] is None


def test_inspect_finds_what_the_hall_would_refuse(tmp_path):
    out = packed(tmp_path)
    data = bytearray((out / "ciphertext.age").read_bytes())
    data[1000] ^= 1
    (out / "ciphertext.age").write_bytes(data)
    code, stdout, _ = run("inspect", out, "--json")
    assert (code, json.loads(stdout)["cause"]) == (4, "digest_mismatch")
    tender = tender_json(threshold=3)
    (out / "tender.json").write_text(json.dumps(tender), "utf-8")
    code, stdout, _ = run("inspect", out)
    assert code == 4
    assert "[threshold]" in stdout
    assert "[digest_mismatch]" in stdout
    (out / "commitment.json").write_text("{}")
    code, stdout, _ = run("inspect", out, "--json")
    assert (code, [finding["rule"] for finding in json.loads(stdout)["findings"]]) == (4, ["form"])


def test_inspect_of_another_bids_key_does_not_open(tmp_path):
    out = packed(tmp_path)
    other = sealing.encode_secret(sealing.new_secret(repeatable("other")))
    (out / "secret" / "age-key.txt").write_text(other)
    code, stdout, stderr = run("inspect", out)
    assert code == 4
    assert "[bad_key]" in stdout
    assert other not in stdout + stderr
    (out / "secret" / "age-key.txt").write_text("# nothing\n")
    assert run("inspect", out)[0] == 1
    (out / "commitment.json").unlink()
    assert run("inspect", out)[0] == 1


def test_inspect_leaves_no_plaintext_behind(tmp_path, monkeypatch):
    out = packed(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    assert run("inspect", out)[0] == 0
    assert not list((tmp_path / "temp").iterdir())
