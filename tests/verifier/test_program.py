"""The verifier is one small program that runs alone."""

from __future__ import annotations

import ast
import io
import json
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tradehall import verifier
from verifier import making

SOURCE = Path(verifier.__file__)


def test_it_imports_only_the_standard_library_and_cryptography() -> None:
    found = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        found |= {name.partition(".")[0] for name in names}
    assert found <= set(sys.stdlib_module_names) | {"cryptography"}


def test_it_has_less_than_a_thousand_lines_of_code() -> None:
    text = SOURCE.read_text()
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    prose = {
        line
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type not in silent]
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - prose
    assert len(code) < 1000


def test_it_runs_alone_in_an_empty_folder(tmp_path: Path) -> None:
    shutil.copy(SOURCE, tmp_path / "verifier.py")
    (tmp_path / "case.zip").write_bytes(making.play_small().evidence())
    command = [sys.executable, "-I", "verifier.py", "case.zip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PASSED" in done.stdout


def test_exit_status_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = making.play_small()
    file = tmp_path / "case.zip"
    file.write_bytes(good.evidence())
    options = ["--node-key", str(making.LOG), "--witness-key", str(making.WITNESSES[0]), "--min-witnesses", "1"]
    assert verifier.main([str(file), *options]) == 0
    assert "the file's own keys" not in capsys.readouterr().out
    assert verifier.main([str(file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["findings"], report["facts"]["case"]) == (True, [], making.TENDER)
    assert verifier.main([str(file), "--min-witnesses", "3"]) == 1
    assert "[witnesses]" in capsys.readouterr().out
    late = making.seal(0, "x")
    good.file(making.TENDER, "bid_withdrawal", late.named(), late.author, signer=late.signer)
    file.write_bytes(good.evidence())
    assert verifier.main([str(file), "--json"]) == 1
    finding = json.loads(capsys.readouterr().out)["findings"][0]
    assert (finding["case"], finding["number"], finding["family"]) == (making.TENDER, 9, "bid_withdrawal")
    assert (finding["rule"], finding["zh"]) == ("bid-late", "受理时间不早于投标截止时间")
    assert verifier.main([str(file)]) == 1
    assert "FIRST" in capsys.readouterr().out
    assert verifier.main([str(tmp_path / "absent.zip")]) == 3
    assert verifier.verify(file, trusted_keys=verifier.TrustedKeys([str(making.LOG)])).findings


def test_an_empty_or_foreign_file_is_a_finding(tmp_path: Path) -> None:
    for content in (b"", b"PK\x05\x06" + bytes(18), b"no archive at all, but long enough to look at"):
        (tmp_path / "x").write_bytes(content)
        assert not verifier.verify(tmp_path / "x").ok
