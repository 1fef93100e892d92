"""
Releases (标准发布批次): one signed statement that names every file of the catalogue by digest.

``releases/<year>.<number>.json`` is an envelope around an in-toto statement: its subjects are all files, its predicate
tells date, the release before it, how far the index goes, and which versions belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from tradehall_standards import canonical
from tradehall_standards.release.dsse import Envelope, EnvelopeError, read_envelope, read_statement
from tradehall_standards.release.keys import STATEMENT
from tradehall_standards.strict import Json, as_array, as_object

RELEASE: Final = "https://tradehall.example/attestations/release/v1"
ADOPTION: Final = "https://tradehall.example/attestations/adoption/v1"
NAME: Final = re.compile(r"[0-9]{4}\.[1-9][0-9]{0,3}")
APART: Final = ("keys", "releases", "exceptions")
"""Folders of the catalogue whose files are envelopes themselves; the index is tied by its head."""
INDEX: Final = "catalogue.json"


@dataclass(frozen=True, slots=True)
class Release:
    """
    One release, whoever signed it (一次发布).

    Attributes:
        name: such as ``2026.1``.
        published_on: from this day its content is known.
        previous: digest of the statement of the release before it.
        entries: how many entries of the index it covers.
        head: digest of the last of them.
        life: how many rows of ``lifecycle.json`` it covers.
        life_digest: digest of the array of those rows.
        contents: what belongs together, as told in the statement.
        files: SHA-256 hexadecimals by path.
        envelope: what was signed.
    """

    name: str
    published_on: date
    previous: str | None
    entries: int
    head: str | None
    life: int
    life_digest: str
    contents: Mapping[str, Json]
    files: Mapping[str, str]
    envelope: Envelope

    @property
    def order(self) -> tuple[int, ...]:
        """Year and number, to order by."""
        return name_key(self.name)

    def to_json(self) -> dict[str, Json]:
        """Return the statement."""
        predicate: dict[str, Json] = {
            "release": self.name,
            "published_on": self.published_on.isoformat(),
            "previous": self.previous,
            "index": {"entries": self.entries, "head": self.head},
            "lifecycle": {"rows": self.life, "digest": self.life_digest},
            "contents": dict(self.contents),
        }
        subjects: list[Json] = [
            {"name": path, "digest": {"sha256": digest}} for path, digest in sorted(self.files.items())
        ]
        return {"_type": STATEMENT, "subject": subjects, "predicateType": RELEASE, "predicate": predicate}


@dataclass(frozen=True, slots=True)
class Adoption:
    """An authority of its own takes over a release (采用): which one, by the digest of its statement, and when."""

    release: str
    digest: str
    on: date

    def to_json(self) -> dict[str, Json]:
        """Return the statement."""
        subject: dict[str, Json] = {
            "name": f"releases/{self.release}.json",
            "digest": {"sha256": self.digest.removeprefix("sha256:")},
        }
        predicate: dict[str, Json] = {"release": self.release, "adopted_on": self.on.isoformat()}
        return {"_type": STATEMENT, "subject": [subject], "predicateType": ADOPTION, "predicate": predicate}


def read_adoption(envelope: Envelope) -> Adoption:
    """
    Read what an authority adopted, whoever signed it (读取采用声明).

    Raises:
        EnvelopeError: it holds another statement, or one that is not in form.
    """
    document = read_statement(envelope)
    predicate = as_object(document.get("predicate"))
    subjects = [as_object(item) for item in as_array(document.get("subject"))]
    try:
        digest = str(as_object(subjects[0]["digest"])["sha256"])
        on = date.fromisoformat(str(predicate["adopted_on"]))
        found = Adoption(str(predicate["release"]), f"sha256:{digest}", on)
    except (IndexError, KeyError, ValueError) as problem:
        raise EnvelopeError(f"statement of an adoption: {problem!r}") from None
    if found.to_json() != document:
        raise EnvelopeError("no statement of an adoption")
    return found


def name_key(name: str) -> tuple[int, ...]:
    """Return year and number of a release, to order by."""
    return tuple(int(part) for part in name.split("."))


def release_path(folder: Path, name: str) -> Path:
    """Return where a release lies below the folder of an authority (发布文件路径)."""
    return folder / "releases" / f"{name}.json"


def read_release(envelope: Envelope) -> Release:
    """
    Read a release, whoever signed it (读取发布声明).

    Raises:
        EnvelopeError: it holds another statement, or one that is not in form.
    """
    document = read_statement(envelope)
    if document.get("predicateType") != RELEASE:
        raise EnvelopeError("no statement of a release")
    try:
        found = _release(document, envelope)
    except (KeyError, TypeError, ValueError) as problem:
        raise EnvelopeError(f"statement of a release: {problem!r}") from None
    if found.to_json() != document:
        raise EnvelopeError("the statement of a release holds more or other members than it may")
    return found


def _release(document: Mapping[str, Json], envelope: Envelope) -> Release:
    predicate = as_object(document["predicate"])
    index, life = as_object(predicate["index"]), as_object(predicate["lifecycle"])
    name, previous, head = str(predicate["release"]), predicate["previous"], index["head"]
    entries, rows = index["entries"], life["rows"]
    if not NAME.fullmatch(name) or not isinstance(entries, int) or not isinstance(rows, int):
        raise ValueError("a release has a name and covers a number of entries and rows")
    subjects = [as_object(item) for item in as_array(document["subject"])]
    return Release(
        name=name,
        published_on=date.fromisoformat(str(predicate["published_on"])),
        previous=previous if isinstance(previous, str) else None,
        entries=entries,
        head=head if isinstance(head, str) else None,
        life=rows,
        life_digest=str(life["digest"]),
        contents=as_object(predicate["contents"]),
        files={str(item["name"]): str(as_object(item["digest"])["sha256"]) for item in subjects},
        envelope=envelope,
    )


def read_releases(root: Path) -> tuple[Release, ...]:
    """
    Read all releases of a catalogue, oldest first, believing nothing yet (读取全部发布).

    Raises:
        EnvelopeError: naming the file that is no release, or whose name is that of another one.
    """
    return tuple(sorted((_read(path) for path in (root / "releases").glob("*.json")), key=lambda found: found.order))


def _read(path: Path) -> Release:
    try:
        found = read_release(read_envelope(path.read_bytes()))
    except EnvelopeError as problem:
        raise EnvelopeError(f"releases/{path.name}: {problem}") from None
    if path.stem != found.name:
        raise EnvelopeError(f"releases/{path.name}: the file holds {found.name}")
    return found


def files_of(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that a release names, by path (全部文件摘要)."""
    return {name: canonical.sha256_hex((root / name).read_bytes()) for name in sorted(_names(root))}


def _names(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name != INDEX and name.split("/")[0] not in APART:
            yield name


def unit_of(path: str) -> str | None:
    """Return the id under which the index lists what a file belongs to, None for a file that belongs to nothing."""
    parts = path.split("/")
    match parts:
        case ["records", family, version, _, *_]:
            return f"{family}/{version}"
        case ["common", version, _, *_]:
            return f"common/{version}"
        case ["codelists", name, edition]:
            return f"codelists/{name}/{edition.removesuffix('.json')}"
        case ["calendars" | "parameters" | "procedures" as folder, name]:
            return f"{folder}/{name.removesuffix('.json')}"
        case ["lifecycle.json"]:
            return "lifecycle"
        case _:
            return None
