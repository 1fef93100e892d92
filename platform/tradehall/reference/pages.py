"""
All reference pages (全部参考页) but the one of the command line, which is written from the commands themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from tradehall.kernel.payload import Obj, obj
from tradehall.kernel.refusal import Text
from tradehall.main import PROCEDURES, Settings, build_context, build_node
from tradehall.reference.api import api_page
from tradehall.reference.families import families_page, latest_codelist, titles_of
from tradehall.reference.ocds import ocds_page
from tradehall.reference.parameters import parameters_page
from tradehall.reference.permissions import permissions_page
from tradehall.reference.procedures import procedures_page
from tradehall.reference.refusals import refusals_page
from tradehall.web.api.describe import document
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES
from tradehall_standards import Catalogue, Parameters
from tradehall_standards.sources import default_root, read_object

_CLOCK = "2026-03-02T09:00:00+08:00"
"""Any instant: nothing of it stands in a page."""


def reference_pages() -> Mapping[str, Callable[[], str]]:
    """Return what writes each page, by name (参考页); the catalogue is loaded once, by the first that needs it."""
    catalogue = Catalogue.load()
    return {
        "api": lambda: api_page(_document(catalogue)),
        "families": lambda: families_page(catalogue),
        "ocds": lambda: ocds_page(catalogue),
        "parameters": lambda: _parameters(catalogue),
        "permissions": permissions_page,
        "procedures": lambda: procedures_page(tuple(PROCEDURES.values()), titles_of(catalogue)),
        "refusals": refusals_page,
    }


def _document(catalogue: Catalogue) -> Obj:
    """Return the interface document as a fresh node serves it."""
    with TemporaryDirectory() as folder:
        node = build_node(Settings(data=Path(folder), sandbox_start=_CLOCK), catalogue=catalogue)
        try:
            return obj(orjson.loads(document(build_app(build_context(node), PAGES), node.door)))
        finally:
            node.close()


def _parameters(catalogue: Catalogue) -> str:
    parameters = Parameters.load()
    return parameters_page(parameters, _regimes(catalogue, parameters))


def _regimes(catalogue: Catalogue, parameters: Parameters) -> dict[str, Text]:
    """Return the title of each regime: that of the code list, else of its parameter file, else its bare name."""
    found = {regime: Text(regime, regime) for regime in parameters.regimes()}
    for path in sorted((default_root() / "parameters").glob("*.json")):
        title = obj(read_object(path).get("title"))
        found[path.stem] = Text(str(title["zh"]), str(title["en"]))
    return found | {row.code: Text(row.zh, row.en) for row in latest_codelist(catalogue, "regime").rows}
