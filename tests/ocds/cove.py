"""
Asks libcoveocds about packages, without network 离线核对: ``python cove.py FILE…`` prints what it found, as JSON.

A program of its own, run in a process of its own: libcoveocds is under the AGPL and no part of ours imports it. The
standard comes from the repository; the extensions that a package names come from there too, by their addresses.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import ocdsextensionregistry.extension_version as registry
import requests
from libcoveocds.api import ocds_json_output
from libcoveocds.config import LibCoveOCDSConfig
from ocdsextensionregistry import ProfileBuilder
from ocdsmerge import Merger

HERE = Path(__file__).parent
ROOM = HERE.parents[1] / "platform" / "tradehall" / "ocds"
TOP = "standard-1__1__5/"


def archive() -> bytes:
    """The standard as its repository packs it; of the code lists the closed ones, out of the schema."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr(TOP, "")
        for path in sorted((ROOM / "standard").glob("*.json")):
            made.writestr(f"{TOP}schema/{path.name}", path.read_bytes())
        schema = json.loads((ROOM / "standard" / "release-schema.json").read_bytes())
        for name, codes in closed_lists(schema, {}).items():
            made.writestr(f"{TOP}schema/codelists/{name}", "Code,Title\n" + "".join(f"{c},{c}\n" for c in codes))
    return packed.getvalue()


def closed_lists(node: Any, found: dict[str, list[str]]) -> dict[str, list[str]]:
    if isinstance(node, dict):
        codes = node.get("enum") or (node.get("items") or {}).get("enum") if "codelist" in node else None
        if codes and not node.get("openCodelist"):
            found[node["codelist"]] = [code for code in codes if code]
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        closed_lists(inner, found)
    return found


class Shelf:
    """Stands where the client of the network stood."""

    def get(self, url: str, **_: Any) -> requests.Response:
        parts = url.split("/")
        if parts[2] == "standard.open-contracting.org":
            folder = ROOM / "standard"
        else:
            folder = ROOM / "extension" if "/api/v1/ocds/extension/" in url else HERE / "extensions" / parts[-3]
        answer = requests.Response()
        path = folder / parts[-1]
        answer.status_code = 200 if path.is_file() else 404
        answer._content = path.read_bytes() if path.is_file() else b""
        return answer


def packed_extension(url: str) -> zipfile.ZipFile:
    """A registered extension as its host packs it."""
    name = url.split("/")[4]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr(f"{name}/", "")
        for path in sorted((HERE / "extensions" / name).iterdir()):
            made.writestr(f"{name}/{path.name}", path.read_bytes())
    return zipfile.ZipFile(packed)


def main(paths: list[str]) -> None:
    registry.session = Shelf()
    requests.get = registry.session.get  # of jsonref, which asks for the schema of versioned releases
    registry._resolve_zip = packed_extension
    packed = archive()
    config = LibCoveOCDSConfig()
    config.config |= {"context": "api", "standard_zip": packed}
    told = []
    for path in paths:
        package = json.loads(Path(path).read_bytes())
        found = ocds_json_output(json_data=package, lib_cove_ocds_config=config, output_dir=str(Path(path).parent))
        told.append(found | {"merged": merged(package, packed)})
    json.dump(told, sys.stdout, default=lambda x: str(x) if isinstance(x, Decimal) else list(x))


def merged(package: dict[str, Any], packed: bytes) -> list[dict[str, Any]]:
    """What the reference implementation merges out of the releases of each record."""
    if "records" not in package:
        return []
    schema = ProfileBuilder("1__1__5", package["extensions"], standard_base_url=packed).patched_release_schema()
    merger = Merger(schema)
    return [
        {
            "compiled": merger.create_compiled_release(record["releases"]),
            "versioned": merger.create_versioned_release(record["releases"]),
        }
        for record in package["records"]
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
