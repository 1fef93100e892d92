"""Signed releases: what two officers signed is found again, byte for byte, and nothing else is taken for it."""

from __future__ import annotations

import base64
import json
import random
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from officers import signing
from officers.signing import OFFICERS, establish, pem, public_key, release, signed
from standards import mini
from tradehall_standards import CatalogueError
from tradehall_standards.build import build
from tradehall_standards.commands import standards_commands
from tradehall_standards.release import (
    PublishRefused,
    load_signed,
    propose,
    propose_keys,
    publish,
    read_authority,
    read_releases,
    sign,
    verify,
)
from tradehall_standards.release.dsse import EnvelopeError, pae, read_envelope, statement
from tradehall_standards.release.keys import KeySetError, OfficerKey, Revocation
from tradehall_standards.release.private import open_key
from tradehall_standards.sources import default_root

FIRST = date(2026, 1, 1)
LATER = date(2026, 7, 1)


@pytest.fixture
def root(built: Path) -> Path:
    """A catalogue with one signed release."""
    release(built, "2026.1", FIRST)
    return built


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """An authority of its own, whose keys are no development keys."""
    folder = tmp_path / "city"
    establish(folder, purpose="standards", on=date(2026, 2, 1))
    return folder


def add_version(root: Path) -> None:
    """Build a version that no release names yet."""
    old, new = root / "records" / "notice" / "1.0.0", root / "records" / "notice" / "1.1.0"
    shutil.copytree(old, new)
    (new / "manifest.json").unlink()
    schema = mini.get(new / "schema.json")
    mini.put(new / "schema.json", {**schema, "$id": schema["$id"].replace("1.0.0", "1.1.0")})
    build(root)


def codes(root: Path, trust: Path | None = None) -> set[str]:
    return {finding.code for finding in verify(root, trust).findings}


# --- envelopes


def test_the_encoding_before_signing_is_that_of_the_specification() -> None:
    """The example of the DSSE protocol."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_the_signature_of_the_specification_can_be_read() -> None:
    made = statement({"a": 1}).signed("k", lambda _: bytes(64))
    assert json.loads(made.to_bytes()) == {
        "payload": base64.b64encode(b'{"a":1}').decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"keyid": "k", "sig": "A" * 86 + "=="}],
    }
    assert read_envelope(made.to_bytes()) == made


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"}\n", b"}"),
        (b"}\n", b"} \n"),
        (b'"payload":"', b'"payload": "'),
        (b"AA==", b"AB=="),  # the same 64 bytes to a lenient reader
        (b'"signatures"', b'"comment":"x","signatures"'),
        (b'"sig":"AAAA', b'"sig":"'),
        (b'{"payload"', b'{"payload":"","payload"'),
    ],
)
def test_an_envelope_has_one_form_only(old: bytes, new: bytes) -> None:
    good = statement({"a": 1}).signed("k", lambda _: bytes(64)).to_bytes()
    assert old in good
    with pytest.raises(EnvelopeError):
        read_envelope(good.replace(old, new))


# --- publishing


def test_a_release_names_every_file_and_is_vouched_for_by_development_keys_only(root: Path) -> None:
    found = verify(root)
    assert (found.findings, found.vouched, found.pending) == ((), "development", ())
    assert found.release is not None
    files = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert found.release.files.keys() == files - {"catalogue.json", "keys/1.json", "releases/2026.1.json"}
    assert found.release.contents["families"] == {"notice": "1.0.0"}
    assert [key.holder for key in found.signers] == ["dev-jia", "dev-yi"]


def test_one_officer_is_not_enough_and_nobody_checks_himself(root: Path) -> None:
    add_version(root)
    proposal = propose(root, "2026.2", LATER)
    once = signed(proposal, root, root, "jia")
    with pytest.raises(PublishRefused, match="NOT_ENOUGH"):
        publish(once, root, root)
    with pytest.raises(PublishRefused, match="SAME_OFFICER"):
        signed(once, root, root, "jia")
    publish(signed(once, root, root, "bing"), root, root)
    assert verify(root).ok


def test_two_keys_of_one_officer_are_one_officer(built: Path) -> None:
    keys = [public_key(officer) for officer in OFFICERS]
    keys[1] = replace(keys[1], holder="dev-jia")
    proposal = propose_keys(built, FIRST, tuple(keys), 2)
    once = signed(proposal, built, built, "jia")
    with pytest.raises(PublishRefused, match="SAME_OFFICER"):
        signed(once, built, built, "yi")
    with pytest.raises(KeySetError, match="fewer officers"):
        propose_keys(built, FIRST, tuple(keys[:2]), 2)
    with pytest.raises(KeySetError, match="at least 2"):
        propose_keys(built, FIRST, tuple(keys), 1)


def test_a_stranger_signs_nothing(root: Path) -> None:
    add_version(root)
    with pytest.raises(PublishRefused, match="NO_OFFICER"):
        sign(propose(root, "2026.2", LATER), root, root, "sha256:00", lambda _: bytes(64))


def test_the_same_release_is_never_published_twice(root: Path) -> None:
    with pytest.raises(PublishRefused, match="PUBLISHED"):
        propose(root, "2026.1", FIRST)
    with pytest.raises(PublishRefused, match="NOTHING_NEW"):
        propose(root, "2026.2", LATER)
    add_version(root)
    for name, day, told in (
        ("2025.9", LATER, "NAME"),
        ("2026.02", LATER, "NAME"),
        ("2026.2", date(2025, 1, 1), "DATE"),
    ):
        with pytest.raises(PublishRefused, match=told):
            propose(root, name, day)
    proposal = signed(propose(root, "2026.2", LATER), root, root, "jia", "yi")
    publish(proposal, root, root)
    with pytest.raises(PublishRefused, match="PUBLISHED"):
        publish(proposal, root, root)


def test_a_proposal_is_signed_only_while_it_is_what_lies_in_the_catalogue(root: Path) -> None:
    add_version(root)
    proposal = signed(propose(root, "2026.2", LATER), root, root, "jia")
    path = root / "records" / "notice" / "1.1.0" / "i18n" / "en.json"
    mini.put(path, {**mini.get(path), "/properties/title": {"title": "Heading"}})
    with pytest.raises(CatalogueError):
        signed(proposal, root, root, "yi")
    build(root)
    with pytest.raises(PublishRefused, match="NOT_THE_SAME"):
        signed(proposal, root, root, "yi")


def test_a_release_that_replaces_an_earlier_one_is_found_by_the_next(root: Path) -> None:
    add_version(root)
    release(root, "2026.2", LATER)
    assert verify(root).ok
    first = root / "releases" / "2026.1.json"
    envelope = read_releases(root)[0].envelope
    changed = json.loads(envelope.payload)
    changed["predicate"]["published_on"] = "2026-01-02"
    forged = statement(changed)
    for officer in ("jia", "yi"):
        forged = forged.signed(*open_key(pem(officer), None))
    first.write_bytes(forged.to_bytes())
    assert codes(root) == {"CHAIN"}


# --- what is not yet published


def test_what_is_not_yet_published_is_told_and_a_production_node_does_not_see_it(root: Path, city: Path) -> None:
    release(root, "2026.1", LATER, officers=city)
    add_version(root)
    found = verify(root, city)
    assert (found.findings, found.pending, found.vouched) == ((), ("notice/1.1.0",), "standards")
    assert [version.id for version in load_signed(root, city).versions("notice")] == ["notice/1.0.0"]


def test_dated_data_that_is_not_signed_stops_a_production_node(root: Path, city: Path) -> None:
    release(root, "2026.1", LATER, officers=city)
    mini.put(root / "parameters" / "none.json", {"regime": "none", "rules": [], "title": {"zh": "x"}})
    build(root)
    assert verify(root).pending == ("parameters/none",)
    assert verify(root).ok
    assert codes(root, city) == {"NOT_SIGNED"}
    with pytest.raises(CatalogueError, match="NOT_SIGNED"):
        load_signed(root, city)


# --- an authority of its own


def test_development_keys_vouch_for_nothing_where_officers_are_named(root: Path, tmp_path: Path) -> None:
    assert codes(root, root) == {"ENVELOPE", "NOTHING_SIGNED"}
    own = tmp_path / "own"
    establish(own)
    release(root, "2026.1", FIRST, officers=own)
    assert codes(root, own) == {"DEVELOPMENT"}
    with pytest.raises(CatalogueError, match="DEVELOPMENT"):
        load_signed(root, own)


def test_a_city_adopts_a_release_with_its_own_officers(root: Path, city: Path) -> None:
    assert codes(root, city) == {"NOTHING_SIGNED"}
    release(root, "2026.1", LATER, officers=city)
    assert verify(root, city).ok
    with pytest.raises(PublishRefused, match="PUBLISHED"):
        propose(root, "2026.1", LATER, officers=city)
    with pytest.raises(PublishRefused, match="NO_SUCH_RELEASE"):
        propose(root, "2026.9", LATER, officers=city)


def test_an_adoption_of_another_release_does_not_count(root: Path, city: Path, tmp_path: Path) -> None:
    other = mini.write(tmp_path / "other")
    mini.put(other / "parameters" / "none.json", {"regime": "none", "rules": [], "title": {"zh": "x"}})
    build(other)
    release(other, "2026.1", FIRST)
    release(other, "2026.1", LATER, officers=city)
    assert codes(root, city) == {"ADOPTION", "NOTHING_SIGNED"}


# --- keys


def change_keys(root: Path, day: date, *who: str, **revoked: Revocation) -> None:
    found, _ = read_authority(root)
    assert found is not None
    keys = tuple(replace(key, revoked=revoked.get(key.holder[4:], key.revoked)) for key in found.latest.keys)
    publish(signed(propose_keys(root, day, keys, 2), root, root, *who), root, root)


def test_a_retired_key_signs_no_more_but_what_it_signed_stands(root: Path) -> None:
    change_keys(root, date(2026, 3, 1), "jia", "yi", jia=Revocation(date(2026, 6, 1), "retired"))
    assert verify(root).ok
    add_version(root)
    with pytest.raises(PublishRefused, match="NO_OFFICER"):
        signed(propose(root, "2026.2", LATER), root, root, "jia")


def test_nothing_counts_that_a_compromised_key_signed(root: Path) -> None:
    change_keys(root, LATER, "yi", "jia", "bing", jia=Revocation(LATER, "compromised"))
    assert codes(root) == {"SIGNATURES", "NOTHING_SIGNED"}


def test_a_key_signs_only_within_its_time(built: Path) -> None:
    keys = tuple(replace(public_key(officer), valid_to=date(2026, 6, 1)) for officer in OFFICERS)
    publish(signed(propose_keys(built, FIRST, keys, 2), built, built, "jia", "yi"), built, built)
    with pytest.raises(PublishRefused, match="NO_OFFICER"):
        signed(propose(built, "2026.1", date(2026, 6, 1)), built, built, "jia")
    with pytest.raises(PublishRefused, match="KEYS"):
        signed(propose(built, "2025.1", date(2025, 12, 31)), built, built, "jia")
    signed(propose(built, "2026.1", date(2026, 5, 31)), built, built, "jia", "bing")


def test_keys_change_only_with_officers_of_the_set_before(root: Path) -> None:
    new = tuple(stranger(name) for name in ("a", "b"))
    proposal = propose_keys(root, LATER, tuple(key for key, _ in new), 2)
    for _, made in new:
        proposal = sign(proposal, root, root, *open_key(made, None))
    with pytest.raises(PublishRefused, match="NOT_ENOUGH"):
        publish(proposal, root, root)
    agreed = signed(proposal, root, root, "jia", "bing")
    (root / "keys" / "2.json").write_bytes(proposal.to_bytes())
    assert codes(root) == {"KEYS"}
    (root / "keys" / "2.json").unlink()
    publish(agreed, root, root)
    assert verify(root).ok


def stranger(name: str) -> tuple[OfficerKey, bytes]:
    from tradehall_standards.release.private import new_key

    private, public = new_key(None)
    return replace(public_key("jia"), holder=name, public=public), private


# --- every byte


def test_every_changed_byte_of_a_small_catalogue_is_found(root: Path) -> None:
    chance = random.Random(4)
    count = 0
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        good = path.read_bytes()
        for place in range(0, len(good), 7):
            changed = bytearray(good)
            changed[place] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            assert not verify(root).ok, (path.name, place)
            count += 1
        path.write_bytes(good)
    assert verify(root).ok
    assert count > 1500


def test_a_file_too_many_or_too_few_is_found(root: Path) -> None:
    stray = root / "records" / "notice" / "1.0.0" / "examples" / "valid" / "more.json"
    mini.put(stray, mini.GOOD)
    assert codes(root) == {"FILE_STRAY"}
    stray.unlink()
    mini.put(root / "notes.json", {})
    assert codes(root) == {"FILE_STRAY"}
    (root / "notes.json").unlink()
    (root / "records" / "notice" / "1.0.0" / "rules.json").unlink()
    assert codes(root) == {"FILE_MISSING"}


@pytest.mark.slow
def test_a_changed_byte_in_any_file_of_the_repositorys_release_is_found(tmp_path: Path) -> None:
    root = tmp_path / "schemas"
    shutil.copytree(default_root(), root)
    newest = read_releases(root)[-1]
    chance = random.Random(44)
    for name in ("catalogue.json", "keys/1.json", f"releases/{newest.name}.json", *newest.files):
        path = root / name
        good = path.read_bytes()
        changed = bytearray(good)
        changed[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        assert not verify(root).ok, name
        path.write_bytes(good)
    assert verify(root).ok


# --- the command line


def test_officers_work_on_the_command_line(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: Any, code: int = 0) -> Result:
        group = standards_commands(lambda: LATER)
        verbs = [*map(str, arguments), "--root", str(built), "--lang", "en"]
        done = CliRunner().invoke(group, verbs)
        assert done.exit_code == code, (arguments, done.output)
        return done

    entries = []
    for number in ("one", "two"):
        arguments = ["keys", "new", tmp_path / f"{number}.pem", "--holder", number, "--name-zh", "甲（虚构）"]
        arguments += ["--name-en", f"{number} (fictional)", "--from", "2026-01-01", "--to", "2030-01-01"]
        done = CliRunner().invoke(standards_commands(lambda: LATER), [str(a) for a in arguments])
        assert (done.exit_code, "口令" in done.stderr) == (1, True)
        monkeypatch.setenv("TRADEHALL_OFFICER_PASSPHRASE", "a fictional passphrase")
        done = CliRunner().invoke(standards_commands(lambda: LATER), [str(a) for a in arguments])
        monkeypatch.delenv("TRADEHALL_OFFICER_PASSPHRASE")
        assert (tmp_path / f"{number}.pem").stat().st_mode & 0o777 == 0o600
        entries.append(tmp_path / f"{number}.json")
        entries[-1].write_text(done.stdout, "utf-8")
    proposal, one, two = tmp_path / "p.json", tmp_path / "one.pem", tmp_path / "two.pem"
    propose_keys = ["keys", "propose", "--add", entries[0], "--add", entries[1], "-o", proposal, "--key", one]
    assert "private key" in run(*propose_keys, code=1).stderr
    monkeypatch.setenv("TRADEHALL_OFFICER_PASSPHRASE", "a fictional passphrase")
    run(*propose_keys)
    run("publish", proposal, code=1)
    run("approve", proposal, "--key", two)
    assert run("publish", proposal).stdout == f"{built / 'keys' / '1.json'}\n"
    assert len(json.loads(run("keys", "list", "--json").stdout)) == 2
    assert "NOTHING_SIGNED" in run("verify", code=4).stdout
    run("propose", "-o", proposal, "--key", one)
    assert "can't check it" in run("approve", proposal, "--key", one, code=1).stderr
    run("approve", proposal, "--key", two)
    run("publish", proposal)
    told = run("verify")
    assert "release 2026.1 of 2026-07-01: 13 files are as one (fictional), two (fictional) signed them" in told.stdout
    assert told.stderr == ""
    (built / "parameters" / "none.json").write_text("{}", "utf-8")
    found = json.loads(run("verify", "--json", code=4).stdout)
    assert [(row["code"], row["place"]) for row in found["findings"]] == [("FILE_CHANGED", "parameters/none.json")]


def test_signatures_given_in_a_case_publish_the_release(root: Path, tmp_path: Path) -> None:
    add_version(root)
    proposal = propose(root, "2026.2", LATER)
    unsigned = tmp_path / "proposal.json"
    unsigned.write_bytes(proposal.to_bytes())
    approvals = []
    for officer in ("yi", "bing"):
        made = proposal.signed(*open_key(pem(officer), None)).signatures[0]
        approval = {"draft": "sha256:0", "decision": "approve", "statement": proposal.digest, "key": made.keyid}
        record = {"envelope": {"payload": {**approval, "signature": base64.b64encode(made.sig).decode()}}}
        approvals.append(tmp_path / f"{officer}.json")
        mini.put(approvals[-1], record)
    other = {"decision": "approve", "statement": "sha256:1", "key": "sha256:2", "signature": "x"}
    mini.put(tmp_path / "other.json", other)

    def publishes(*paths: Path) -> Result:
        options = [option for path in paths for option in ("--approval", str(path))]
        arguments = ["publish", str(unsigned), "--root", str(root), "--lang", "en", *options]
        return CliRunner().invoke(standards_commands(lambda: LATER), arguments)

    alone = publishes(approvals[0], approvals[0], tmp_path / "other.json")
    assert (alone.exit_code, "Not enough officers" in alone.stderr) == (1, True)
    assert publishes(*approvals).exit_code == 0
    found = verify(root)
    assert (found.findings, [key.holder for key in found.signers]) == ((), ["dev-yi", "dev-bing"])


def test_development_keys_are_told_loudly(root: Path) -> None:
    done = CliRunner().invoke(standards_commands(lambda: LATER), ["verify", "--root", str(root), "--lang", "en"])
    assert (done.exit_code, "WARNING: only development keys signed" in done.stderr) == (0, True)


def test_the_development_officers_sign_for_developers() -> None:
    assert "schemas" not in Path(signing.__file__).parts
