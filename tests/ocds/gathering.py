"""What the OCDS tests look at: the records of played and told cases, and the schemas of the standard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft4Validator, FormatChecker
from referencing import Registry, Resource

from tradehall.desk.journal import Entry
from tradehall.kernel.refusal import Text
from tradehall.ocds import numbers, packages
from tradehall.ocds.packages import Publisher, Words
from tradehall.ocds.told import Told

HERE = Path(__file__).parent
PUBLISHER = Publisher("ocds-xxxxxx", "http://testserver.local", "示例公共资源交易中心")
WORDS = Words(lambda name, code: Text(f"{name}:{code}", f"{name}:{code}"), lambda family: Text(family, family))
BASE = "https://standard.open-contracting.org/schema/1__1__5/"
NAMES = (
    "release-schema",
    "release-package-schema",
    "record-package-schema",
    "versioned-release-validation-schema",
)


def told(entries: Sequence[Entry]) -> list[Told]:
    return [
        Told(e.record.digest, e.record.family, e.record.author, e.filed.at, e.record.payload, e.record.attachments)
        for e in entries
    ]


def releases(case: str, records: Sequence[Told]) -> list[dict[str, Any]]:
    return packages.releases(PUBLISHER, case, records, WORDS)


def plain(package: dict[str, Any]) -> dict[str, Any]:
    """A package as a reader gets it."""
    return json.loads(numbers.write(package))


class Standard:
    """The official schemas, by two engines."""

    def __init__(self) -> None:
        schemas = {name: packages.standard(name) for name in NAMES}
        registry = Registry().with_resources(
            [(f"{BASE}{name}.json", Resource.from_contents(schema)) for name, schema in schemas.items()]
        )
        shelf = jsonschema_rs.Registry([(f"{BASE}{n}.json", s) for n, s in schemas.items()], draft=jsonschema_rs.Draft4)
        self.slow = {
            n: Draft4Validator(s, registry=registry, format_checker=FormatChecker()) for n, s in schemas.items()
        }
        self.fast = {
            n: jsonschema_rs.Draft4Validator(s, registry=shelf, validate_formats=True) for n, s in schemas.items()
        }

    def faults(self, package: dict[str, Any]) -> list[str]:
        name = "record-package-schema" if "records" in package else "release-package-schema"
        return [f"{list(e.instance_path)}: {e.message}"[:300] for e in self.fast[name].iter_errors(package)]

    def faults_by_the_second(self, package: dict[str, Any]) -> list[str]:
        name = "record-package-schema" if "records" in package else "release-package-schema"
        return [f"{list(e.absolute_path)}: {e.message}"[:300] for e in self.slow[name].iter_errors(package)]


def cove_python() -> str:
    """The interpreter of the environment in which libcoveocds lies; ``./run test`` makes it."""
    return os.environ.get("TRADEHALL_OCDS_PYTHON", str(Path(sys.prefix) / "ocds" / "bin" / "python"))


def cove(folder: Path, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What libcoveocds says of each package."""
    paths = []
    for number, package in enumerate(found):
        path = folder / f"{number}.json"
        path.write_bytes(numbers.write(package))
        paths.append(str(path))
    done = subprocess.run(
        [cove_python(), str(HERE / "cove.py"), *paths], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
