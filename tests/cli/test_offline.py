"""Commands that need no hall, and what every command owes its reader."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from pdf.authority import Authority, issue
from tradehall.adapters.issuers.sandbox import SandboxIssuer
from tradehall.adapters.pdf.render import Renderer
from tradehall.cli.doctor import Check, Doubt, clock_check, doctor_command, keys_check
from tradehall.cli.log import index_path
from tradehall.cli.mount import add_commands
from tradehall.cli.reference import reference_command, reference_page
from tradehall.commands import cli
from tradehall.demo.play import project_payload
from tradehall.kernel.refusal import Text
from tradehall.program import cli as front_door

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
BANK = {"id": "org:91510100MA6000001P", "name": "示例银行股份有限公司"}


def whole_program(hall) -> click.Group:
    program = click.Group("tradehall", commands=dict(cli.commands))
    add_commands(program, hall.tools())
    return program


def every_command(group: click.Group, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name), command


# --- help ----------------------------------------------------------------------------------------------------


def test_every_command_explains_itself_in_both_languages(hall):
    program = click.Group("tradehall")
    add_commands(program, hall.tools())
    found = dict(every_command(program))
    assert len(found) > 20
    for path, command in found.items():
        first, _, rest = (command.help or "").strip().partition(":")
        assert any("\u4e00" <= c <= "\u9fff" for c in first), path
        assert rest.strip()[:1].islower(), path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (path, parameter.name)
        result = CliRunner().invoke(program, [*path, "--help"])
        assert result.exit_code == 0


def test_lists_have_json(hall):
    program = click.Group("tradehall")
    add_commands(program, hall.tools())
    without = {path for path, c in every_command(program) if not any(p.name == "as_json" for p in c.params)}
    officers = {
        ("propose",),
        ("approve",),
        ("publish",),
        ("keys", "new"),
        ("keys", "propose"),
        ("docs",),
    }  # write files
    files = {("bid", "tender"), ("procedures", "export"), ("ocds", "export"), ("reference",)}
    assert without == files | {("standards", *act) for act in officers}


def test_the_reference_page_is_up_to_date(hall):
    page = reference_page(whole_program(hall))
    assert PAGE.read_text("utf-8") == page, "run: ./run tradehall reference -o docs/reference"
    for path, _ in every_command(whole_program(hall)):
        assert f"# tradehall {' '.join(path)}\n" in page


def test_the_program_itself_writes_that_page():
    shown = CliRunner().invoke(front_door, ["reference"])
    assert (shown.exit_code, shown.output) == (0, PAGE.read_text("utf-8"))


def test_the_reference_command_writes_the_page_of_its_program(tmp_path):
    program = click.Group("tradehall", commands=[reference_command()])
    assert CliRunner().invoke(program, ["reference", "-o", str(tmp_path)]).exit_code == 0
    shown = CliRunner().invoke(program, ["reference"])
    assert shown.stdout == (tmp_path / "cli.md").read_text("utf-8")
    assert "## tradehall reference" in shown.stdout


def test_a_block_of_help_keeps_its_lines(hall):
    code, out, _ = hall.run("bid", "pack", "--help")
    assert (code, '     "files": ["offer.pdf"],\n' in out, "\b" in out) == (0, True, False)
    assert "\b" not in PAGE.read_text("utf-8")


# --- verify --------------------------------------------------------------------------------------------------


def receipt(hall, tmp_path) -> tuple[Path, list[str]]:
    """A receipt with its record beside it, and the keys to check it."""
    who = hall.who.agency
    case = str(who.client.post("/cases", {"procedure": "open_tender"})["id"])
    who.file(case, "project", project_payload(hall.who))
    record, signed = who.receipts[-1]
    (tmp_path / "a.record.json").write_text(json.dumps(record))
    path = tmp_path / "a.receipt.json"
    path.write_text(json.dumps(signed))
    keys = hall.node.keys.node
    return path, ["--node-key", str(keys.log), "--node-key", keys.receipt_public.hex()]


def test_a_receipt_is_checked_as_far_as_the_keys_reach(hall, tmp_path):
    path, keys = receipt(hall, tmp_path)
    run = lambda *more: hall.run("verify", path, *more, "--json", TRADEHALL_URL="")  # noqa: E731
    assert json.loads(run(*keys)[1])["checks"] == ["signature", "checkpoint", "inclusion"]
    assert json.loads(run(*keys[2:])[1])["checks"] == ["signature"]
    (tmp_path / "a.record.json").rename(tmp_path / "b.json")
    found = json.loads(run(*keys)[1])
    assert (found["checks"], len(found["notes"])) == (["signature", "checkpoint"], 1)
    assert run(*keys, "--record", tmp_path / "b.json")[0] == 0
    code, out, _ = run(*keys, "--min-witnesses", "1")
    assert (code, "0 witnesses" in json.loads(out)["failure"]) == (1, True)
    code, out, _ = hall.run("verify", path)
    assert (code, "PASSED" in out) == (0, True)
    assert "通过" in hall.run("verify", path, "--lang", "zh")[1]


def test_a_changed_receipt_or_another_key_is_refused(hall, tmp_path):
    path, keys = receipt(hall, tmp_path)
    good = path.read_text()
    path.write_text(good.replace('"epsilon_ms": 50', '"epsilon_ms": 51'))
    code, out, _ = hall.run("verify", path, *keys)
    assert (code, "FAILED" in out) == (1, True)
    path.write_text(good)
    assert hall.run("verify", path, "--node-key", "00" * 32)[0] == 1
    other = json.loads((tmp_path / "a.record.json").read_text())
    other["signature"]["signature"] = "A" * 86
    (tmp_path / "a.record.json").write_text(json.dumps(other))
    code, out, _ = hall.run("verify", path, *keys)
    assert (code, "inclusion" in out) == (1, True)


def test_what_can_t_be_verified_is_no_verdict(hall, tmp_path):
    path = tmp_path / "x.json"
    for text in ("{}", "[]", "nothing", '{"receipt":1}', '{"a":1,"a":1}'):
        path.write_text(text)
        assert hall.run("verify", path)[0] == 3
    path.write_bytes(b"PK broken")
    code, out, _ = hall.run("verify", path)
    assert (code, "[container]" in out) == (1, True)
    path, _ = receipt(hall, tmp_path)
    assert hall.run("verify", path, TRADEHALL_URL="")[0] == 2
    assert hall.run("verify", path, "--node-key", "no+key")[0] == 2
    assert hall.run("verify", path, "--node-key", "abc")[0] == 2


# --- guarantee -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def letter():
    """A letter's file, its register entry, and the certificate of its root."""
    authority, renderer = Authority.root("Test root"), Renderer()
    pdf, payload = issue(
        SandboxIssuer(BANK, authority.certify(BANK["id"], BANK["name"]), renderer, "https://h.example/")
    )
    renderer.close()
    return pdf, payload, authority.certificate


def test_a_letter_stands_with_its_root_and_register_and_not_otherwise(hall, letter, tmp_path):
    pdf, payload, root = letter
    (tmp_path / "l.pdf").write_bytes(pdf)
    (tmp_path / "ca.der").write_bytes(root.public_bytes(Encoding.DER))
    (tmp_path / "r.json").write_text(json.dumps({"envelope": {"payload": payload}}))
    arguments = ["guarantee", "verify", tmp_path / "l.pdf", "--root", tmp_path / "ca.der"]
    code, out, err = hall.run(*arguments, "--register", tmp_path / "r.json", "--json")
    assert code == 0, out + err
    assert json.loads(out)["issuer"] == BANK["id"]
    (tmp_path / "r.json").write_text(json.dumps(payload | {"number": "OTHER"}))
    code, out, _ = hall.run(*arguments, "--register", tmp_path / "r.json", "--json")
    assert (code, [r["code"] for r in json.loads(out)["reasons"]]) == (4, ["REGISTER-DIFFERS"])
    (tmp_path / "l.pdf").write_bytes(b"no letter")
    code, out, _ = hall.run(*arguments)
    assert (code, "PDF-UNREADABLE" in out) == (4, True)
    assert hall.run("guarantee", "verify", tmp_path / "l.pdf")[0] == 2
    assert hall.run("guarantee", "verify", tmp_path / "l.pdf", "--root", tmp_path / "r.json")[0] == 1


# --- standards and procedures --------------------------------------------------------------------------------


def test_standards_are_listed_and_files_checked(hall, tmp_path, catalogue, monkeypatch):
    monkeypatch.setattr("tradehall_standards.commands.published.Catalogue", SimpleNamespace(load=lambda _: catalogue))
    code, out, _ = hall.run("standards", "list", "--json")
    versions = json.loads(out)
    assert code == 0
    assert {"tender_notice", "bid_commitment"} <= {v["family"] for v in versions}
    assert all(v["digest"].startswith("sha256:") and v["title"]["zh"] for v in versions)
    assert "tender_notice/1.0.0" in hall.run("standards", "list")[1]
    path = tmp_path / "q.json"
    path.write_text(json.dumps({"text": ["一标段夜间施工是否受限？"]}))
    assert hall.run("standards", "check", path, "--family", "question")[0] == 0
    (tmp_path / "bad.json").write_text('{"text": []}')
    code, out, _ = hall.run("standards", "check", tmp_path / "bad.json", "--family", "question", "--json")
    assert (code, json.loads(out)["findings"][0]["pointer"]) == (1, "/text")
    (tmp_path / "bad.json").write_text('{"text": 1.5}')
    assert hall.run("standards", "check", tmp_path / "bad.json", "--family", "question")[0] == 1
    assert hall.run("standards", "check", tmp_path / "bad.json")[0] == 1
    (tmp_path / "bad.json").write_text("{}")
    code, _, err = hall.run("standards", "check", tmp_path / "bad.json")
    assert (code, "--family" in err) == (1, True)
    code, _, err = hall.run("standards", "check", path, "--family", "question", "--on", "1999-01-01")
    assert (code, "in force" in err) == (1, True)


def test_a_record_is_checked_against_its_own_citation(hall, tmp_path):
    receipt(hall, tmp_path)
    code, out, _ = hall.run("standards", "check", tmp_path / "a.record.json", "--json")
    assert (code, json.loads(out)) == (0, {"schema": "project/1.0.0", "findings": []})


def test_lint_tells_what_it_found(hall, monkeypatch):
    for found, code in (((), 0), (("families/x: odd",), 1)):
        monkeypatch.setattr("tradehall_standards.commands.building.check_root", lambda _, found=found: found)
        assert hall.run("standards", "lint", "--json") == (code, json.dumps(list(found)) + "\n", "")


def test_lint_tells_a_damaged_catalogue(hall, tmp_path):
    (tmp_path / "families").mkdir()
    code, out, err = hall.run("standards", "lint", "--root", tmp_path)
    assert code == 1
    assert out + err


def test_procedures_are_exported_as_data(hall, tmp_path):
    code, out, _ = hall.run("procedures", "export", "-o", tmp_path / "p")
    assert (code, len(out.split())) == (0, 4)
    whole = json.loads((tmp_path / "p" / "open_tender.json").read_bytes())
    code, out, _ = hall.run("procedures", "export", "open_tender")
    assert json.loads(out) == whole
    assert set(json.loads(hall.run("procedures", "export")[1])) == {
        "guarantee_letter",
        "open_tender",
        "remote_evaluation",
        "standard_revision",
    }
    assert [p["id"] for p in json.loads(hall.run("procedures", "list", "--json")[1])][1] == "open_tender"


# --- log -----------------------------------------------------------------------------------------------------


def test_the_checkpoint_is_printed_only_when_it_is_the_hall_s(hall, tmp_path):
    path, _ = receipt(hall, tmp_path)
    code, out, _ = hall.run("log", "checkpoint")
    assert (code, out.splitlines()[0]) == (0, hall.node.settings.origin)
    assert json.loads(hall.run("log", "checkpoint", "--json")[1])["size"] > 0
    try:
        size = json.loads(path.read_text())["receipt"]["leaf"]["index"] + 1
        hall.net.forge = lambda p, d: d.replace(f"\n{size}".encode(), b"\n9", 1) if p == "/log/checkpoint" else d
        code, _, err = hall.run("log", "checkpoint")
        assert (code, "does not verify" in err) == (4, True)
        hall.net.forge = lambda p, d: bytes(len(d)) if p.startswith("/log/tile") else d
        code, _, err = hall.run("log", "prove", path)
        assert (code, "does not lead" in err) == (4, True)
    finally:
        hall.net.forge = None
    code, out, _ = hall.run("log", "prove", path)
    assert (code, "the proof holds" in out) == (0, True)
    assert hall.run("log", "prove", "sha256:" + "0" * 64)[0] == 1


def test_tiles_have_the_paths_of_the_standard():
    assert [index_path(n) for n in (0, 67, 1234067)] == ["000", "067", "x001/x234/067"]


# --- doctor --------------------------------------------------------------------------------------------------


def test_doctor_tells_failures_with_their_remedy(tmp_path):
    def fail() -> str:
        raise OSError("broken")

    def doubt() -> str:
        raise Doubt("odd")

    text = Text("名", "name")
    ways = {"ok": lambda: "fine", "warning": doubt, "failed": fail}
    for state, way in ways.items():
        check = Check(text, way, Text("修复", "mend it"))
        result = CliRunner().invoke(doctor_command(lambda check=check: [check]), ["--json"])
        assert result.exit_code == (state == "failed")
        [row] = json.loads(result.stdout)
        assert row["state"] == state
    shown = CliRunner().invoke(doctor_command(lambda: [check]), ["--lang", "en"], env={"COLUMNS": "200"})
    assert "mend it" in shown.stdout


def test_a_readable_key_folder_fails_and_a_clock_is_judged(tmp_path):
    folder = tmp_path / "keys"
    assert "first start" in keys_check(folder).run()
    folder.mkdir(mode=0o700)
    assert keys_check(folder).run() == str(folder)
    (folder / "log.pem").write_text("x")
    (folder / "log.pem").chmod(0o640)
    with pytest.raises(PermissionError, match=r"log\.pem"):
        keys_check(folder).run()
    with suppress(Doubt):
        assert clock_check().run() == "synchronised"
