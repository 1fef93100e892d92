"""Command line of the catalogue (目录命令行): ``build``, ``lint``, ``list``, ``check FILE``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from tradehall_standards import strict
from tradehall_standards.build import build, check_root
from tradehall_standards.catalogue import Catalogue, CatalogueError, SchemaRef
from tradehall_standards.sources import default_root

OK: Final = 0
INVALID: Final = 1


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns 0 when all is well and 1 when something was found (2 is a wrong command line)."""
    options = _parser().parse_args(arguments)
    try:
        return _COMMANDS[str(options.command)](options)
    except (CatalogueError, strict.StrictError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return INVALID


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tradehall_standards", description=__doc__)
    parser.add_argument("--root", type=Path, default=default_root(), help="the schemas folder")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("build", help="check everything, then write manifests and the index")
    making.add_argument("--rewrite", action="store_true", help="start the index anew (before a first release only)")
    commands.add_parser("lint", help="lints, digests, chain, examples in both engines")
    commands.add_parser("list", help="family, version, digest and dates of every version")
    checking = commands.add_parser("check", help="check a payload, or an envelope with its own citation")
    checking.add_argument("file", type=Path)
    checking.add_argument("--family", help="family of a bare payload")
    checking.add_argument("--on", type=date.fromisoformat, required=True, help="date of the event")
    return parser


def _build(options: argparse.Namespace) -> int:
    written = build(options.root, rewrite=options.rewrite)
    sys.stdout.writelines(f"{path}\n" for path in written)
    return OK


def _lint(options: argparse.Namespace) -> int:
    findings = check_root(options.root)
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return INVALID if findings else OK


def _list(options: argparse.Namespace) -> int:
    catalogue = Catalogue.load(options.root)
    for family in catalogue.families():
        for version in catalogue.versions(family):
            sys.stdout.write(f"{version.id}\t{version.digest}\t{version.in_force_from}\t{version.disclosure}\n")
    return OK


def _check(options: argparse.Namespace) -> int:
    document = strict.parse(options.file.read_bytes())
    catalogue = Catalogue.load(options.root)
    ref, payload = _cited(catalogue, document, options.family, options.on)
    findings = catalogue.check(ref, payload, options.on)
    for item in findings:
        sys.stdout.write(f"{item.severity}\t{item.pointer}\t{item.rule}\t{item.message_zh}\t{item.message_en}\n")
    return INVALID if any(item.severity == "block" for item in findings) else OK


def _cited(catalogue: Catalogue, document: strict.Json, family: str | None, on: date) -> tuple[SchemaRef, strict.Json]:
    """Take citation and payload out of an envelope, or cite the version in force for a bare payload."""
    if family is not None:
        version = catalogue.resolve(family, on)
        return (SchemaRef(family, "0.0.0", "") if version is None else version.ref), document
    cited = document.get("schema") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(cited, Mapping):
        return SchemaRef("", "", ""), document
    ref = SchemaRef(str(cited.get("id")), str(cited.get("version")), str(cited.get("digest")))
    return ref, document.get("payload")


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "build": _build,
    "lint": _lint,
    "list": _list,
    "check": _check,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
