"""The reference pages 参考页 say what the program is now, in both languages, and no bar breaks a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tradehall.cli.reference import reference_page
from tradehall.commands import cli
from tradehall.kernel.refusal import KINDS
from tradehall.main import PROCEDURES
from tradehall.reference.markdown import code, table
from tradehall.reference.pages import reference_pages
from tradehall.reference.procedures import ROLES, targets
from tradehall.web.permissions import TABLE
from tradehall.web.problems import REQUEST_KINDS
from tradehall_standards import Catalogue, Parameters

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
NAMES = ("api", "families", "ocds", "parameters", "permissions", "procedures", "refusals")
BAR = re.compile(r"(?<!\\)\|")


@pytest.fixture(scope="module")
def writers() -> Mapping[str, Callable[[], str]]:
    return reference_pages()


@pytest.fixture(scope="module")
def written(writers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    return {name: write() for name, write in writers.items()}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["reference", *(str(a) for a in arguments)])


# --- drift ----------------------------------------------------------------------------------------------------


def test_every_page_is_what_the_generator_writes_now(written: Mapping[str, str]) -> None:
    assert set(written) == set(NAMES)
    for name, page in written.items():
        kept = (FOLDER / f"{name}.md").read_text("utf-8")
        assert kept == page, f"{name}.md is outdated; run: ./run tradehall reference -o docs/reference"


def test_no_page_of_the_folder_is_left_without_a_writer() -> None:
    made = {path.stem for path in FOLDER.glob("*.md") if "Made by `tradehall reference`" in path.read_text("utf-8")}
    assert made == {"cli", *NAMES}


def test_a_second_run_writes_the_same(writers: Mapping[str, Callable[[], str]], written: Mapping[str, str]) -> None:
    assert {name: write() for name, write in writers.items()} == written


# --- the command ----------------------------------------------------------------------------------------------


def test_one_command_writes_every_page(tmp_path: Path, written: Mapping[str, str]) -> None:
    assert run("-o", tmp_path / "new").exit_code == 0
    found = {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()}
    assert found == {"cli.md": reference_page(cli)} | {f"{name}.md": page for name, page in written.items()}


def test_one_page_is_shown(written: Mapping[str, str]) -> None:
    assert run("refusals").stdout == written["refusals"]


def test_the_help_names_every_page() -> None:
    told = run("--help").stdout
    assert all(name in told for name in ("cli", *NAMES))


def test_an_unknown_page_is_refused_with_the_names_of_all() -> None:
    refused = run("prices")
    assert refused.exit_code == 2
    assert "api, cli, families" in refused.stderr


# --- complete -------------------------------------------------------------------------------------------------


def test_nothing_is_left_out(written: Mapping[str, str], catalogue: Catalogue) -> None:
    families = catalogue.families()
    wanted = {
        "refusals": [f"| `{name}` | " for name in (*KINDS, *REQUEST_KINDS)],
        "permissions": [f" `{row.name}` |" for row in TABLE],
        "procedures": [f"| `{s.state}` | [`{s.family}`]" for p in PROCEDURES.values() for s in p.steps],
        "families": [f'<a id="{name}"></a>' for name in (*families, *(f"codelist-{n}" for n in catalogue.codelists()))],
        "parameters": [f"| `{rule.id}` | " for rule in Parameters.load().all()],
        "api": [f"{row.method} `{row.path}`" for row in TABLE if row.path.startswith("/api/")],
    }
    for name, parts in wanted.items():
        assert [part for part in parts if part not in written[name]] == []


def test_every_field_of_every_version_has_its_row(written: Mapping[str, str], catalogue: Catalogue) -> None:
    rows = [line for line in written["families"].splitlines() if line.startswith("| `/")]
    fields = [path for f in catalogue.families() for v in catalogue.versions(f) for path in v.fields if path]
    assert [row.split("`")[1] for row in rows] == fields


def test_the_diagrams_lead_where_the_tables_may(written: Mapping[str, str]) -> None:
    for procedure in PROCEDURES.values():
        for step in procedure.steps:
            for to in targets(step) - {step.state}:
                assert re.search(
                    rf"^    {step.state} --> {to}: .*\b{step.family}\b", written["procedures"], re.MULTILINE
                )


def test_every_role_of_a_procedure_is_explained() -> None:
    assert {role for p in PROCEDURES.values() for step in p.steps for role in step.roles} == set(ROLES)


# --- form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cli", *NAMES])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    cells = 0
    for line in (FOLDER / f"{name}.md").read_text("utf-8").splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        found = len(BAR.findall(line))
        assert found == (cells or found), line
        cells = found


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_a_page_and_a_place(name: str) -> None:
    bare = re.sub(r"`[^`]*`", "", (FOLDER / f"{name}.md").read_text("utf-8"))  # patterns look like links
    for target in re.findall(r"\]\(([^)]+)\)", bare):
        page, _, place = target.partition("#")
        text = (FOLDER / (page or f"{name}.md")).read_text("utf-8")
        assert not place or f'<a id="{place}"></a>' in text, target


def test_a_cell_is_one_line_and_keeps_its_bars() -> None:
    assert table(("a",), [("x |\ny",)]) == "| a |\n| --- |\n| x \\| y |"
    assert table(("a",), []) == ""


@pytest.mark.parametrize(("text", "span"), [("", ""), ("a", "`a`"), ("a`b", "`` a`b ``")])
def test_code_holds_its_backticks(text: str, span: str) -> None:
    assert code(text) == span
