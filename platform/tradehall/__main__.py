"""``python -m tradehall``: the command line."""

from tradehall.main import cli

cli()
