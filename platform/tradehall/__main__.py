"""``python -m tradehall``: the command line."""

from tradehall.commands import cli

cli()
