"""Pages of the catalogue on paper: the same bytes, nothing read from elsewhere, no path of the machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pytest
from click.testing import CliRunner

from standards import mini
from tradehall.adapters.pdf.pages import BASE, print_pages
from tradehall.commands import cli
from tradehall.main import PROCEDURES
from tradehall.reference.procedures import ROLES, targets
from tradehall.web.portal.render import STATIC_DIRECTORY
from tradehall_standards.build import build
from tradehall_standards.commands import PrintFailed
from tradehall_standards.docs import build_site, read_volume, write_site
from tradehall_standards.docs.words import HERE, read_terms

PAGE = "zh/families/notice/1.0.0.html"
HOSTILE, ODD = "zh/families/notice/hostile.html", "zh/families/notice/odd.html"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = mini.write(tmp_path_factory.mktemp("schemas"))
    build(root)
    out = tmp_path_factory.mktemp("out")
    write_site(build_site(read_volume(root), ("zh",), pdf=True), out)
    return out


def _text(content: bytes, tmp_path: Path) -> str:
    path = tmp_path / "page.pdf"
    path.write_bytes(content)
    return subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_a_page_is_printed_whole_and_again_the_same(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    (target, content), *_ = print_pages(folder, {PAGE: "a.pdf", "zh/index.html": "b.pdf"})
    assert target == "a.pdf"
    assert [again for _, again in print_pages(elsewhere, {PAGE: "a.pdf"})] == [content]
    told = _text(content, tmp_path)
    assert "公告 notice/1.0.0" in told
    assert "标段号重复" in told
    assert re.search(r"1 ?/ ?[0-9]+", told)
    with pikepdf.open(tmp_path / "page.pdf") as pdf:
        links = [str(a.A.URI) for page in pdf.pages for a in page.get("/Annots", ()) if "/A" in a and "/URI" in a.A]
        wide = [float(page.mediabox[2]) for page in pdf.pages]
    assert links
    assert all(link.startswith(BASE) for link in links), links
    assert str(folder).encode() not in content
    assert {round(width) for width in wide} == {595}


@pytest.mark.slow
def test_nothing_outside_the_folder_is_read(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (tmp_path / "secret.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>secret</text></svg>')
    page = (copy / PAGE).read_text("utf-8")
    for address in ("../../../../secret.svg", (tmp_path / "secret.svg").as_uri(), "https://elsewhere.example/x.svg"):
        image = f'<img src="{address}" alt="kept out"/>'
        (copy / HOSTILE).write_text(page.replace("<main", image + "<main", 1), "utf-8")
        with pytest.raises(PrintFailed, match="FatalURLFetchingError"):
            list(print_pages(copy, {HOSTILE: "h.pdf"}))
    (copy / HOSTILE).write_text(page.replace("<main", '<img src="../../../assets/mark.svg" alt=""/><main', 1), "utf-8")
    assert list(print_pages(copy, {HOSTILE: "h.pdf"}))


@pytest.mark.slow
def test_a_character_without_a_glyph_is_a_failure(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    page = (copy / PAGE).read_text("utf-8").replace("标段号重复", "标段号重复\U000e0fff\uf8f0")
    (copy / ODD).write_text(page, "utf-8")
    with pytest.raises(PrintFailed, match="no glyph for"):
        list(print_pages(copy, {ODD: "o.pdf"}))
    with pytest.raises(PrintFailed, match="FileNotFoundError"):
        list(print_pages(copy, {"zh/none.html": "n.pdf"}))


@pytest.mark.slow
def test_the_platforms_command_prints_every_version(tmp_path: Path) -> None:
    root = mini.write(tmp_path / "schemas")
    build(root)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["standards", "docs", "--root", str(root), "--out", str(out), "--lang", "zh", "--pdf"]
    )
    assert done.exit_code == 0, done.output
    assert (out / "zh/families/notice/1.0.0.pdf").read_bytes().startswith(b"%PDF")
    assert 'href="1.0.0.pdf"' in (out / PAGE).read_text("utf-8")


# --- what the catalogue's documentation repeats of the platform


def test_computed_moves_are_those_of_the_procedures() -> None:
    moves: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    for procedure in PROCEDURES.values():
        order = list(procedure.states)
        for step in procedure.steps:
            if step.to is not None and not isinstance(step.to, str):
                leads = tuple(sorted(targets(step), key=order.index))
                moves.setdefault(procedure.id, {}).setdefault(f"{step.to.__name__}()", {})[step.state] = leads
    found = read_terms().moves
    assert {name: {move: dict(states) for move, states in found[name].items()} for name in found} == moves


def test_roles_have_the_names_of_the_reference_page() -> None:
    assert {name: tuple(text) for name, text in read_terms().sections["roles"].items()} == {
        name: (text.zh, text.en) for name, text in ROLES.items()
    }


def test_colours_are_the_platforms_tokens() -> None:
    def tokens(text: str) -> dict[str, str]:
        return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text))

    own = tokens((HERE / "assets/docs.css").read_text("utf-8"))
    theirs = tokens((STATIC_DIRECTORY / "tokens.css").read_text("utf-8"))
    assert own.items() <= theirs.items()
    used = set(re.findall(r"#[0-9a-f]{6}", (HERE / "diagram.py").read_text("utf-8")))
    assert used <= set(theirs.values())
