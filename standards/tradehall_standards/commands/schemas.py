"""
Schemas that a command is given (命令的模式参数): a file of any draft, a version's folder, or ``family/version``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tradehall_standards import strict
from tradehall_standards.bundle import BundleError, bundle
from tradehall_standards.catalogue import pinned_codelists
from tradehall_standards.commands.words import UNAVAILABLE, USAGE, Stop
from tradehall_standards.sources import (
    FAMILY,
    VERSION,
    SchemaSource,
    SourceError,
    Sources,
    default_root,
    read_folder,
    read_sources,
)

if TYPE_CHECKING:
    from tradehall_standards.compat import Formats, Schema
    from tradehall_standards.compat.values import Value


@dataclass(frozen=True, slots=True)
class Given:
    """
    A schema that a command was given (给定的模式).

    ``source`` is the version where it is one of the catalogue's form; its ``schema`` is then the bundle that runs.
    """

    name: str
    schema: Schema
    formats: Formats
    samples: tuple[Value, ...]
    source: SchemaSource | None = None


def given_schema(argument: str, root: Path | None) -> Given:
    """
    Return the schema that an argument names (读取模式).

    Raises:
        Stop: there is no such file, folder or version, or it can't be read.
    """
    path = Path(argument)
    if path.is_file() and not (path.name == "schema.json" and VERSION.fullmatch(path.parent.name)):
        return Given(argument, cast("Schema", read_document(path)), "draft", ())
    folder = path.parent if path.is_file() else path
    family, _, version = argument.partition("/")
    if not folder.is_dir() and FAMILY.fullmatch(family) and VERSION.fullmatch(version):
        folder = (root or default_root()) / "records" / family / version
    if not (folder / "schema.json").is_file():
        raise Stop(f"没有模式 {argument}", f"there is no schema {argument}", USAGE)
    return given_version(folder, read_catalogue(root))


def given_version(folder: Path, sources: Sources) -> Given:
    """
    Return the bundle of a version's folder, published or draft (读取标准版本).

    Raises:
        Stop: a file can't be read or a reference leads nowhere.
    """
    try:
        source = read_folder(folder)
        compiled = bundle(source, sources.documents, pinned_codelists(source, sources))
    except (SourceError, BundleError) as problem:
        raise Stop(f"无法读取 {folder}：{problem}", f"{folder} can't be read: {problem}") from None
    samples = tuple(cast("Value", value) for value in source.valid.values())
    return Given(source.id, cast("Schema", compiled), "enforced", samples, source)


def read_catalogue(root: Path | None) -> Sources:
    """
    Read the files of the catalogue (读取目录).

    Raises:
        Stop: a file can't be read.
    """
    try:
        return read_sources(root or default_root())
    except SourceError as problem:
        raise Stop(f"无法读取标准目录：{problem}", f"the catalogue can't be read: {problem}") from None


def read_document(path: Path) -> Any:
    """
    Read one JSON document, which may hold floats and any keys, unlike a record (读取 JSON 文档).

    Raises:
        Stop: it is too large, or no JSON; one key twice is no JSON here.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise Stop(f"文件无法读取：{path}", f"{path} can't be read: {problem.strerror}", UNAVAILABLE) from None
    return parse_document(data, str(path))


def parse_document(data: bytes, name: str) -> Any:
    """
    Parse one JSON document (解析 JSON 文档).

    Raises:
        Stop: it is too large, too deep, or no JSON; one key twice is no JSON here.
    """
    if len(data) > strict.MAX_BYTES:
        raise Stop(f"{name} 超过 2 MiB", f"{name} is larger than 2 MiB")
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        raise Stop(f"{name} 不是合格的 JSON：{problem}", f"{name} is not JSON: {problem}") from None


def any_json(value: object) -> str:
    """Write JSON that may hold floats, unlike the records that ``print_json`` writes (输出 JSON)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key appears twice")
    return built


def _refuse(literal: str) -> Any:
    raise ValueError(f"{literal} is no JSON number")
