"""
Migration between majors (大版本迁移): ``migrate/from-<M>.json`` beside the schema of the newer one, read, linted, run.

The file says how records of the older major become records of this one and, by its inverse unless it says otherwise,
back again. Lints hold it to the two schemas: every field that only one of them has is in some step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tradehall_standards import canonical
from tradehall_standards.archive.steps import (
    Lost,
    Step,
    StuckError,
    carry,
    is_in_one_object,
    language,
    places_of,
    sources_of,
    undo,
)
from tradehall_standards.catalogue import Catalogue, Version, check_payload
from tradehall_standards.sources import read_json
from tradehall_standards.strict import Json, as_array, as_object


class NoWayError(LookupError):
    """There is no migration between two versions (没有迁移路径); says so in both languages."""

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh
        self.message_en = message_en


@dataclass(frozen=True, slots=True)
class MigrationTest:
    """A record of the older version, what it becomes, and the pointers that are dropped on the way (迁移用例)."""

    old: Json
    new: Json
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Migration:
    """One file (迁移文件): the steps from the version ``old`` up to ``new`` and down again."""

    family: str
    old: str
    new: str
    up: tuple[Step, ...]
    down: tuple[Step, ...]
    tests: tuple[MigrationTest, ...]


class MigrationError(ValueError):
    """A file that is no migration (迁移文件不合格)."""


def major(version: str) -> int:
    """Return the first number of a version (大版本号)."""
    return int(version.partition(".")[0])


def read_migration(document: Json, family: str) -> Migration:
    """
    Read a migration file (读取迁移文件).

    Raises:
        MigrationError: not of the language's form, or a step without inverse and no ``down``.
    """
    problems = language.problems(document)
    if problems:
        raise MigrationError(f"{problems[0].pointer or '/'}: {problems[0].keyword}")
    found = as_object(document)
    up = [as_object(step) for step in as_array(found["up"])]
    down = undo(up) if found["down"] == "inverse" else [as_object(step) for step in as_array(found["down"])]
    if down is None:
        raise MigrationError("/down: a step has no inverse (several codes become one): say how it goes down")
    return Migration(
        family, str(found["from"]), str(found["to"]), tuple(up), tuple(down), tuple(_tests(found["tests"]))
    )


def _tests(tests: Json) -> Iterator[MigrationTest]:
    for test in map(as_object, as_array(tests)):
        yield MigrationTest(test["old"], test["new"], tuple(str(pointer) for pointer in as_array(test["lost"])))


def migration_of(version: Version, before: int) -> Migration | None:
    """
    Return how records of an older major become records of a version, None where nobody has said so.

    Raises:
        MigrationError: see :func:`read_migration`.
        SourceError: the file is not strict JSON.
    """
    path = version.source.folder / "migrate" / f"from-{before}.json"
    return read_migration(read_json(path), version.family) if path.exists() else None


# --- lints


def lint_migrations(catalogue: Catalogue) -> Iterator[str]:
    """Yield one sentence for everything that is wrong with the migrations of a catalogue (迁移检查)."""
    for family in catalogue.families():
        for version in catalogue.versions(family):
            for path in sorted((version.source.folder / "migrate").glob("*")):
                where = f"{version.id}: {path.relative_to(version.source.folder).as_posix()}"
                try:
                    found = read_migration(read_json(path), family)
                except ValueError as problem:
                    yield f"{where}: {problem}"
                    continue
                if path.name != f"from-{major(found.old)}.json":
                    yield f"{where}: the file is of a migration from {found.old}"
                yield from (f"{where}: {finding}" for finding in lint_migration(found, version, catalogue))


def lint_migration(found: Migration, version: Version, catalogue: Catalogue) -> Iterator[str]:
    """Yield what is wrong with one migration to ``version`` (单个迁移检查)."""
    old = catalogue.version(found.family, found.old)
    if old is None or found.new != version.version or major(found.old) >= major(found.new):
        yield f"NOT-OF-THESE: {found.old} → {found.new} is no migration to {version.version}"
        return
    for step in (*found.up, *found.down):
        if not is_in_one_object(step):
            yield f"APART: the places of {step['op']} {', '.join(places_of(step))} lie in different objects"
    yield from _silent("up", found.up, old, version)
    yield from _silent("down", found.down, version, old)
    yield from run_tests(found, old, version)


def _silent(way: str, steps: Sequence[Step], old: Version, new: Version) -> Iterator[str]:
    """Yield the fields of ``old`` that ``new`` lacks and that no step takes care of: records would be stuck there."""
    named = {source for step in steps for source in sources_of(step)}
    for place in old.fields:
        above = [place[:at] for at, char in enumerate(place) if char == "/" and at] + [place]
        below = any(source.startswith(f"{place}/") for source in named)
        if place not in new.fields and not below and not named.intersection(above):
            yield f"SILENT: {way}: {place} of {old.id} is in no step"


def run_tests(found: Migration, old: Version, new: Version) -> Iterator[str]:
    """Yield one sentence for each test of a file that fails, up, down, or by either schema (迁移用例检查)."""
    for number, test in enumerate(found.tests):
        for version, payload in ((old, test.old), (new, test.new)):
            if (why := _blocked(version, payload)) is not None:
                yield f"TEST {number}: not valid under {version.id}: {why.pointer}: {why.message_en}"
        try:
            up, lost = carry(test.old, found.up)
            down, _ = carry(up, found.down, {item.pointer: item.value for item in lost})
        except StuckError as stuck:
            yield f"TEST {number}: stuck at {stuck.pointer}: {stuck}"
            continue
        if up != test.new:
            yield f"TEST {number}: up gives {canonical.jcs(up).decode()[:200]}"
        if tuple(item.pointer for item in lost) != test.lost:
            yield f"TEST {number}: lost {', '.join(item.pointer for item in lost) or 'nothing'}"
        if down != test.old:
            yield f"TEST {number}: down gives {canonical.jcs(down).decode()[:200]}"


# --- moving records


@dataclass(frozen=True, slots=True)
class Moved:
    """A payload that was carried over (迁移成功), with what it lost."""

    payload: Json
    lost: tuple[Lost, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """A record that can't be moved, where and why (无法迁移)."""

    pointer: str
    message_zh: str
    message_en: str


class Mover:
    """The way from any version of a family to one of them (迁移器)."""

    def __init__(self, catalogue: Catalogue, target: Version) -> None:
        self._catalogue = catalogue
        self._target = target
        self._ways: dict[int, tuple[tuple[Step, ...], ...]] = {}

    def move(self, payload: Json, version: str) -> Moved | Stuck:
        """
        Carry a payload of a version over to the target, and check it there (迁移记录).

        Raises:
            NoWayError: the version is unknown, or there is no migration between two majors on the way.
        """
        if self._catalogue.version(self._target.family, version) is None:
            name = f"{self._target.family}/{version}"
            raise NoWayError(f"目录中没有 {name}", f"the catalogue has no {name}")
        found, lost = payload, list[Lost]()
        try:
            for steps in self._way(major(version)):
                found, more = carry(found, steps)
                lost += more
        except StuckError as stuck:
            return Stuck(stuck.pointer, stuck.message_zh, stuck.message_en)
        return _blocked(self._target, found) or Moved(found, tuple(lost))

    def _way(self, begin: int) -> tuple[tuple[Step, ...], ...]:
        if begin not in self._ways:
            end = major(self._target.version)
            majors = range(begin, end) if begin < end else range(begin - 1, end - 1, -1)
            found = [self._between(lower, lower + 1) for lower in majors]
            self._ways[begin] = tuple(m.up if begin < end else m.down for m in found)
        return self._ways[begin]

    def _between(self, lower: int, upper: int) -> Migration:
        """Return the migration between two majors that the newest version of the upper one, up to the target, has."""
        family, wanted = self._target.family, self._target.version
        versions = [v for v in self._catalogue.versions(family) if major(v.version) == upper]
        own = [v for v in versions if v.version == wanted]
        for version in own or reversed(versions):
            found = migration_of(version, lower)
            if found is not None:
                return found
        names = f"{family}/{lower}", f"{family}/{upper}"
        raise NoWayError(
            f"没有 {names[0]} 与 {names[1]} 之间的迁移", f"nobody has said how {names[0]} becomes {names[1]}"
        )


def _blocked(version: Version, payload: Json) -> Stuck | None:
    """Return the first reason why a payload is not valid under a version, codes judged on its first day."""
    for finding in check_payload(version, payload, version.in_force_from):
        if finding.severity == "block":
            return Stuck(finding.pointer, finding.message_zh, finding.message_en)
    return None


def lost_json(lost: Sequence[Lost]) -> list[Json]:
    """Return what was lost as data (舍弃内容)."""
    return [
        cast(
            "Mapping[str, Json]",
            {"pointer": item.pointer, "value": item.value, "reason": {"zh": item.reason_zh, "en": item.reason_en}},
        )
        for item in lost
    ]
