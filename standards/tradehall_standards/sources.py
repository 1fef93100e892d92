"""
Sources (目录源文件): the published files as they lie in ``schemas/``, read strictly and not yet judged.

``schemas/records/<family>/<x.y.z>/`` holds ``schema.json``, ``manifest.json``, ``i18n/{zh,en}.json``, ``examples/`` and
optionally ``rules.json``; ``schemas/common/<x.y.z>/`` holds shared ``$defs``; ``schemas/codelists/<list>/<date>.json``
holds editions of code lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, cast

from tradehall_standards import canonical, strict
from tradehall_standards.codelists import CodeList, CodeListError, read_codelist
from tradehall_standards.strict import Json

HOST: Final = "https://tradehall.example/schemas/"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
LANGUAGES: Final = ("zh", "en")
VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})")
FAMILY: Final = re.compile(r"[a-z][a-z0-9_]{1,63}")
_REFERENCE: Final = re.compile(
    rf"(?:{re.escape(HOST)}([a-z][a-z0-9_]{{1,63}})/([0-9]+\.[0-9]+\.[0-9]+))?#/\$defs/([A-Za-z][A-Za-z0-9_.-]{{0,63}})"
)

Object = Mapping[str, Json]


class SourceError(ValueError):
    """A file of the catalogue that cannot be read at all (目录文件无法读取); the message names the file."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A ``$ref`` (引用): a definition of the same document (``document`` None) or of ``<family>/<version>``."""

    document: str | None
    name: str


@dataclass(frozen=True, slots=True)
class InvalidExample:
    """A payload that MUST be refused (反例), with the pointer and keyword of the expected finding."""

    payload: Json
    pointer: str
    keyword: str


@dataclass(frozen=True)
class SchemaSource:
    """
    One folder of a family version or of the common definitions (一个标准版本的源文件).

    ``files`` maps paths relative to the folder to SHA-256 hexadecimals, ``manifest.json`` itself left out.
    """

    family: str
    version: str
    folder: Path
    schema: Object
    titles: Mapping[str, Object]
    rules: Sequence[Json]
    valid: Mapping[str, Json]
    invalid: Mapping[str, InvalidExample]
    manifest: Object | None
    files: Mapping[str, str]

    @property
    def id(self) -> str:
        """``<family>/<version>``."""
        return f"{self.family}/{self.version}"

    @property
    def url(self) -> str:
        """The ``$id`` of the schema."""
        return HOST + self.id

    @cached_property
    def version_key(self) -> tuple[int, ...]:
        """Numbers of the version, to order by."""
        return version_key(self.version)


@dataclass(frozen=True)
class Sources:
    """
    All published files (全部源文件). ``codelists`` maps list name to its editions, oldest first.

    ``data`` holds the parsed files of ``calendars/``, ``parameters/``, ``procedures/`` and ``lifecycle.json`` by path
    without suffix.
    """

    root: Path
    records: tuple[SchemaSource, ...]
    commons: tuple[SchemaSource, ...]
    codelists: Mapping[str, tuple[CodeList, ...]]
    index: Object | None
    data: Mapping[str, Json]

    @cached_property
    def documents(self) -> Mapping[str, SchemaSource]:
        """Common documents by ``<family>/<version>``: the only ones that may be referred to."""
        return {source.id: source for source in self.commons}


def version_key(version: str) -> tuple[int, ...]:
    """Return the three numbers of ``version``, to order by."""
    return tuple(int(part) for part in version.split("."))


def default_root() -> Path:
    """Return the packaged catalogue when there is one, else ``schemas/`` of the repository."""
    packaged = Path(__file__).parent / "_schemas"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "schemas"


def read_json(path: Path) -> Json:
    """
    Read one file strictly.

    Raises:
        SourceError: the file is missing or is not strict JSON.
    """
    try:
        # Long texts of the catalogue have line ends between tokens only, never inside strings.
        return strict.parse(path.read_bytes())
    except OSError as problem:
        raise SourceError(f"{path}: {problem.strerror}") from None
    except strict.StrictError as problem:
        raise SourceError(f"{path}: {problem.code}: {problem.message_en}") from None


def read_object(path: Path) -> Object:
    """Read one file strictly; anything but an object is a ``SourceError``."""
    found = read_json(path)
    if not isinstance(found, Mapping):
        raise SourceError(f"{path}: an object is expected")
    return found


def read_sources(root: Path) -> Sources:
    """
    Read the whole catalogue below ``root``.

    Raises:
        SourceError: a file cannot be read, is not strict JSON or not in the expected outer form.
    """
    index = root / "catalogue.json"
    return Sources(
        root=root,
        records=tuple(read_folder(folder) for folder in _version_folders(root / "records")),
        commons=tuple(
            read_folder(folder) for folder in sorted(root.glob("common/*")) if VERSION.fullmatch(folder.name)
        ),
        codelists=_read_codelists(root / "codelists"),
        index=read_object(index) if index.exists() else None,
        data={
            **{
                f"{folder}/{path.stem}": read_json(path)
                for folder in ("calendars", "parameters", "procedures")
                for path in sorted((root / folder).glob("*.json"))
            },
            **{path.stem: read_json(path) for path in root.glob("lifecycle.json")},
        },
    )


def _version_folders(records: Path) -> Iterator[Path]:
    for family in sorted(path for path in records.glob("*") if path.is_dir()):
        if not FAMILY.fullmatch(family.name):
            raise SourceError(f"{family}: not a family name")
        folders = [path for path in family.glob("*") if path.is_dir()]
        for folder in folders:
            if not VERSION.fullmatch(folder.name):
                raise SourceError(f"{folder}: not a version")
        yield from sorted(folders, key=lambda path: version_key(path.name))


def read_folder(folder: Path) -> SchemaSource:
    """
    Read the folder of one version, published or still a draft (读取标准版本).

    Raises:
        SourceError: a file cannot be read or is not strict JSON.
    """
    manifest, rules = folder / "manifest.json", folder / "rules.json"
    return SchemaSource(
        family=folder.parent.name,
        version=folder.name,
        folder=folder,
        schema=read_object(folder / "schema.json"),
        titles={language: _titles(folder / "i18n" / f"{language}.json") for language in LANGUAGES},
        rules=_array(rules) if rules.exists() else (),
        valid={path.name: read_json(path) for path in sorted(folder.glob("examples/valid/*.json"))},
        invalid={path.name: _invalid(path) for path in sorted(folder.glob("examples/invalid/*.json"))},
        manifest=read_object(manifest) if manifest.exists() else None,
        files=file_digests(folder),
    )


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` but ``manifest.json``, by relative POSIX path, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / "manifest.json")
    return {path.relative_to(folder).as_posix(): canonical.sha256_hex(path.read_bytes()) for path in files}


def _titles(path: Path) -> Object:
    return read_object(path) if path.exists() else {}


def _array(path: Path) -> Sequence[Json]:
    found = read_json(path)
    if not isinstance(found, list):
        raise SourceError(f"{path}: an array is expected")
    return cast("Sequence[Json]", found)


def _invalid(path: Path) -> InvalidExample:
    found = read_object(path)
    expect = found.get("expect")
    if "payload" not in found or not isinstance(expect, Mapping):
        raise SourceError(f"{path}: payload and expect are expected")
    pointer, keyword = expect.get("pointer"), expect.get("keyword")
    if not isinstance(pointer, str) or not isinstance(keyword, str):
        raise SourceError(f"{path}: expect holds pointer and keyword")
    return InvalidExample(found["payload"], pointer, keyword)


def _read_codelists(folder: Path) -> dict[str, tuple[CodeList, ...]]:
    editions: dict[str, tuple[CodeList, ...]] = {}
    for directory in sorted(path for path in folder.glob("*") if path.is_dir()):
        editions[directory.name] = tuple(_codelist(path) for path in sorted(directory.glob("*.json")))
    return {name: found for name, found in editions.items() if found}


def _codelist(path: Path) -> CodeList:
    try:
        found = read_codelist(read_json(path))
    except CodeListError as problem:
        raise SourceError(f"{path}: {problem}") from None
    if (found.name, found.version) != (path.parent.name, path.stem):
        raise SourceError(f"{path}: the file holds {found.name} of {found.version}")
    return found


def read_reference(ref: str) -> Reference | None:
    """Read a ``$ref`` of the catalogue; None when it is of any other form (remote, file, relative)."""
    matched = _REFERENCE.fullmatch(ref)
    if matched is None:
        return None
    family, version, name = matched.groups()
    return Reference(None if family is None else f"{family}/{version}", name)


def definition(document: Object, name: str) -> Object | None:
    """Return ``$defs/<name>`` of a document, None where there is no such schema."""
    definitions = document.get("$defs")
    found = definitions.get(name) if isinstance(definitions, Mapping) else None
    return found if isinstance(found, Mapping) else None
