"""Certificates, parties, logging in and out."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tradehall.demo.play import organisation

PASSWORD = "sunshine-2026"


@pytest.fixture(scope="module")
def firm(hall):
    """A party with a password, registered by command."""
    party = organisation(41)
    arguments = ["party", "add", party, "示例有限公司", "--account", "firm", "--json"]
    code, out, err = hall.run(*arguments, login="operator", answer=f"{PASSWORD}\n{PASSWORD}\n")
    assert code == 0, err
    assert json.loads(out) == {"id": party, "roles": []}
    return party


def run_as_firm(hall, *arguments, **env) -> tuple[int, str, str]:
    return hall.run(*arguments, "--login", "firm", **({"TRADEHALL_PASSWORD": PASSWORD} | env))


def test_a_certificate_is_made_once_and_the_login_leaves_nothing_behind(hall, firm, tmp_path):
    out = tmp_path / "mine"
    code, printed, err = run_as_firm(hall, "bid", "certificate", "-o", out, "--json")
    assert code == 0, err
    shown = json.loads(printed)
    assert shown["party"] == firm
    certificate = x509.load_pem_x509_certificate((out / "certificate.pem").read_bytes())
    key = serialization.load_pem_private_key((out / "key.pem").read_bytes(), None)
    assert certificate.public_key() == key.public_key()
    assert (out / "key.pem").stat().st_mode & 0o777 == 0o600
    assert hall.node.directory.tokens(firm) == []
    before = (out / "certificate.pem").read_bytes()
    assert hall.run("bid", "certificate", "-o", out)[0] == 0
    assert (out / "certificate.pem").read_bytes() == before


def test_a_password_is_asked_for_and_a_wrong_one_refused(hall, firm, tmp_path):
    code, _, err = hall.run("bid", "certificate", "-o", tmp_path / "a", "--login", "firm", answer="wrong-password\n")
    assert (code, "LOGIN-FAILED" in err) == (1, True)
    assert not (tmp_path / "a" / "key.pem").exists()
    code, out, err = hall.run("bid", "certificate", "-o", tmp_path / "a", "--login", "firm", answer=f"{PASSWORD}\n")
    assert code == 0, err
    assert PASSWORD not in out + err


def test_a_cut_after_the_key_uses_the_same_key(hall, tmp_path):
    hall.enrol(42, "cutter")
    hall.net.left, hall.net.path, hall.net.method = 0, "/certificates", "POST"
    assert hall.run("bid", "certificate", "-o", tmp_path / "c", login="cutter")[0] == 3
    hall.net.left = None
    key = (tmp_path / "c" / "key.pem").read_bytes()
    assert not (tmp_path / "c" / "certificate.pem").exists()
    assert hall.run("bid", "certificate", "-o", tmp_path / "c", login="cutter")[0] == 0
    assert (tmp_path / "c" / "key.pem").read_bytes() == key


def test_an_encrypted_key_asks_for_its_password_again(hall, tmp_path):
    hall.enrol(43, "careful")
    arguments = ["bid", "certificate", "-o", tmp_path / "e"]
    code, _, err = hall.run(*arguments, "--encrypt", login="careful", answer="secret words\nsecret words\n")
    assert code == 0, err
    assert b"ENCRYPTED" in (tmp_path / "e" / "key.pem").read_bytes()
    (tmp_path / "e" / "certificate.pem").unlink()
    code, _, err = hall.run(*arguments, login="careful", answer="other words\n")
    assert (code, "password is wrong" in err) == (1, True)
    assert hall.run(*arguments, login="careful", answer="secret words\n")[0] == 0


def test_only_the_centre_registers(hall):
    hall.enrol(44, "anybody")
    code, _, err = hall.run("party", "add", organisation(45), "示例", login="anybody")
    assert (code, "FORBIDDEN" in err) == (1, True)


def test_an_expert_needs_facts_and_the_pointer_is_told(hall):
    person = "person:" + "a" * 16
    code, _, err = hall.run("party", "add", person, "专家", "--role", "expert", login="operator")
    assert (code, "/facts" in err, "an expert needs" in err) == (1, True, True)
    facts = ["--fact", "stratum=TECH", "--fact", "city=510100", "--fact", f"employer={organisation(46)}"]
    code, out, _ = hall.run("party", "add", person, "专家", "--role", "expert", *facts, login="operator")
    assert (code, out.strip()) == (0, person)
    code, out, _ = hall.run("party", "list", "--json", login="operator")
    assert {"id": person, "name": "专家", "roles": ["expert"]} in json.loads(out)
    assert person in hall.run("party", "list", login="operator")[1]
