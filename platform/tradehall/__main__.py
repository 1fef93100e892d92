"""``python -m tradehall``: the command line."""

from tradehall.program import cli

cli()
