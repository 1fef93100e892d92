"""The interface document as something to hold answers against: every ``$ref`` resolved, the published schemas' too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from tradehall_standards import Catalogue

LATEST = "2026-12-01"
"""The day on which every published family and code list is in force."""
BASE = "http://hall.example/openapi.json"
"""Where the document would stand; relative references lead from here."""

PROBLEM = "application/problem+json"
METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "trace")


def place(*parts: object) -> str:
    """Return a JSON Pointer as a URI fragment."""
    return "#" + "".join("/" + quote(str(p).replace("~", "~0").replace("/", "~1")) for p in parts)


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.told["operationId"])

    def codes(self, status: int) -> set[str]:
        """Return the codes of problems that are documented for a status."""
        content = self.told["responses"].get(str(status), {}).get("content", {})
        return set(content.get(PROBLEM, {}).get("examples", {}))

    @property
    def body(self) -> tuple[str, Mapping[str, Any]] | None:
        """Media type and description of what is taken."""
        return next(iter(self.told.get("requestBody", {}).get("content", {}).items()), None)


class Contract:
    """The document, and validators of its parts."""

    def __init__(self, raw: bytes, catalogue: Catalogue) -> None:
        self.document: dict[str, Any] = json.loads(raw)
        published = [
            (f"http://hall.example/api/v1/schemas/{version.id}", dict(version.bundle))
            for family in catalogue.families()
            for version in catalogue.versions(family)
        ]
        self._registry = jsonschema_rs.Registry([(BASE, self.document), *published], draft=jsonschema_rs.Draft202012)
        self._made: dict[str, Any] = {}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        found = (
            Operation(method, path, told)
            for path, methods in self.document["paths"].items()
            for method, told in methods.items()
            if method in METHODS
        )
        return {operation.name: operation for operation in found}

    def faults(self, fragment: str, value: Any) -> list[str]:
        """Return how a value breaks the schema at a place of the document."""
        if fragment not in self._made:
            self._made[fragment] = jsonschema_rs.Draft202012Validator(
                {"$ref": BASE + fragment}, registry=self._registry, validate_formats=True, offline=True
            )
        return [f"{list(e.instance_path)}: {e.message[:300]}" for e in self._made[fragment].iter_errors(value)]

    def examples(self) -> Iterator[tuple[str, str, Any]]:
        """Yield name, place of the schema and value of every example in the document."""
        for op in self.operations.values():
            at = ("paths", op.path, op.method)
            for number, parameter in enumerate(op.told["parameters"]):
                if "example" in parameter:
                    where = place(*at, "parameters", number, "schema")
                    yield f"{op.name} {parameter['name']}", where, parameter["example"]
            if op.body is not None:
                media, body = op.body
                where = place(*at, "requestBody", "content", media, "schema")
                for name, example in body["examples"].items():
                    yield f"{op.name} {name}", where, example["value"]
            for status, response in op.told["responses"].items():
                for media, content in response.get("content", {}).items():
                    where = place(*at, "responses", status, "content", media, "schema")
                    for name, example in content.get("examples", {}).items():
                        yield f"{op.name} {status} {name}", where, example["value"]

    def broken(self, name: str, status: int, headers: list[tuple[str, str]], body: bytes) -> list[str]:
        """
        Return how an answer breaks what is documented of an operation.

        Its status and media type must be listed, the headers that are listed there, the body as its schema says; a
        problem must tell its own status.
        """
        op = self.operations[name]
        said = op.told["responses"].get(str(status))
        if said is None:
            return [f"{name}: {status} is not documented: {body[:300]!r}"]
        found = dict(headers)
        missing = [h for h in said.get("headers", {}) if h.lower() not in found and h != "Link"]
        wrong = [f"{name}: {status} without {h}" for h in missing]
        content = said.get("content", {})
        if not content:
            return [*wrong, *([f"{name}: {status} has a body"] if body else [])]
        media = found.get("content-type", "").partition(";")[0].strip()
        if media not in content:
            return [*wrong, f"{name}: {status} is {media!r}, not {', '.join(content)}"]
        is_json = media.endswith(("/json", "+json"))
        value = json.loads(body) if is_json else body.decode("utf-8", "replace")
        where = place("paths", op.path, op.method, "responses", status, "content", media, "schema")
        wrong += [f"{name}: {status} {fault}" for fault in self.faults(where, value)]
        if media == PROBLEM:
            wrong += [f"{name}: says {value['status']}, is {status}"] if value["status"] != status else []
            if value["type"] != f"/problems/{value['code']}":
                wrong.append(f"{name}: {value['type']} of {value['code']}")
        return wrong

    def problem(self, value: Any) -> list[str]:
        """Return how a problem that any operation may answer breaks its schema."""
        return self.faults(place("components", "schemas", "Problem"), value)
