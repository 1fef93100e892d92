"""House rules 家规 of the source: roots without ``__init__``, no clock or chance but where they are made."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tradehall_standards.release import verify
from tradehall_standards.sources import default_root

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("platform/tradehall", "standards/tradehall_standards")
CLOCKS = frozenset({"now", "utcnow", "today", "time", "time_ns"})
MODULES = frozenset({"datetime", "datetime.datetime", "date", "datetime.date", "time"})
CHANCE = frozenset({"random"})


@pytest.mark.parametrize("root", ["platform", "standards"])
def test_a_source_root_is_no_package(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import platform; assert platform.system(); assert 'Lib' in platform.__doc__ or platform.machine()"),
        ("-m", "pytest", "--version"),
    ],
    ids=["platform", "pytest"],
)
def test_the_standard_library_is_not_shadowed(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_package_of_ours_is_one() -> None:
    for source in SOURCES:
        for path in (ROOT / source).rglob("*.py"):
            # Alembic's folder of migrations is read by path, never imported.
            if "migrations" not in path.parts:
                assert (path.parent / "__init__.py").is_file(), path.relative_to(ROOT)


def _uses(path: Path) -> set[str]:
    """Return the names of clocks and chance that a file calls or imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS and ast.unparse(node.value) in MODULES:
            found.add(f"{ast.unparse(node.value)}.{node.attr}")
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found |= CHANCE.intersection(names)
    return found


@pytest.mark.parametrize("room", ["kernel", "rules", "procedures", "desk", "web"])
def test_the_clock_and_chance_are_arguments(room: str) -> None:
    for path in (ROOT / "platform" / "tradehall" / room).rglob("*.py"):
        assert _uses(path) == set(), path.relative_to(ROOT)


def test_the_standards_read_no_clock() -> None:
    """Only ``python -m tradehall_standards``, a shell of its own, asks what day it is."""
    outermost = ROOT / "standards" / "tradehall_standards" / "__main__.py"
    for path in (ROOT / "standards").rglob("*.py"):
        assert (_uses(path) == set()) == (path != outermost), path.relative_to(ROOT)


def test_no_path_of_a_machine_stands_in_the_repository() -> None:
    home = str(ROOT.parent)
    for folder in ("platform", "standards", "schemas", "tests", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".json", ".md", ".txt", ".toml", ".html"):
                assert f"{home}/{ROOT.name}" not in path.read_text("utf-8"), path.relative_to(ROOT)


def test_nothing_that_was_made_lies_among_the_sources() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:  # an unpacked release has no history to list
        pytest.fail("the house tests need the repository's git history", pytrace=False)
    kept = {
        "py",
        "json",
        "md",
        "txt",
        "html",
        "css",
        "js",
        "mjs",
        "ts",
        "svg",
        "po",
        "lock",
        "woff2",
        "typed",
        "toml",
        "csv",
    }
    named = {".ci/run", ".gitignore", "LICENSE", "run"}
    # The private keys of the development officers, in the repository on purpose (decision 0012); no other key is.
    named |= {f"tests/officers/{officer}.pem" for officer in ("jia", "yi", "bing")}
    odd = [n for n in listed.stdout.decode().split("\0") if n and n not in named and n.rpartition(".")[2] not in kept]
    assert odd == []


def test_the_repositorys_catalogue_is_as_it_was_signed() -> None:
    """Signed by development officers only, which a production node refuses; what is new may wait for its release."""
    found = verify(default_root())
    assert [str(finding) for finding in found.findings] == []
    assert found.vouched == "development"


def test_the_wheel_holds_no_private_key() -> None:
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    for folder in packed["only-include"]:
        for path in (ROOT / folder).rglob("*"):
            held = path.is_file() and b"PRIVATE KEY-----" in path.read_bytes()
            assert not held, path.relative_to(ROOT)
