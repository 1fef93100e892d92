"""``tradehall --help`` lists the commands without loading them, and lists what there is."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from tradehall import program
from tradehall.commands import cli as loaded

ALL = 200


def test_the_list_is_that_of_the_commands() -> None:
    assert {name: command.get_short_help_str(ALL) for name, command in loaded.commands.items()} == program.COMMANDS
    with click.Context(program.cli) as context:
        listed = {n: program.cli.get_command(context, n) for n in program.cli.list_commands(context)}
        assert {n: c.get_short_help_str(ALL) for n, c in listed.items() if c} == program.COMMANDS
        assert program.cli.get_command(context, "none") is None
    assert program.cli.help == loaded.help


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["bid", "--help"], ["nothing"], ["bid", "nothing"]])
def test_it_answers_as_the_commands_do(arguments: list[str]) -> None:
    ours, theirs = (CliRunner().invoke(each, arguments, prog_name="tradehall") for each in (program.cli, loaded))
    assert (ours.exit_code, ours.output) == (theirs.exit_code, theirs.output)


def test_help_loads_no_room_of_the_program() -> None:
    code = (
        "import sys\nfrom tradehall.program import cli\n"
        "try:\n cli(['--help'])\nexcept SystemExit:\n pass\n"
        "print(sorted(m for m in sys.modules if m.startswith(('tradehall.', 'litestar', 'sqlalchemy', 'weasyprint'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['tradehall.program']"
