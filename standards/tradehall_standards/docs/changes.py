"""
Changes (变更): what is different from the version before, with the verdict and its witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tradehall_standards.catalogue import Version
from tradehall_standards.codelists import CodeList
from tradehall_standards.compat import Comparer, Comparison
from tradehall_standards.docs.volume import Volume
from tradehall_standards.docs.words import Text
from tradehall_standards.rules_cel import CelRule

if TYPE_CHECKING:
    from tradehall_standards.compat import Schema
    from tradehall_standards.compat.values import Value


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """
    What a version changes (版本变更).

    Attributes:
        before: the version that it follows.
        comparison: verdicts, witnesses, located changes of the schema.
        rules: ids of rules with what happened to them.
        codelists: names of code lists with what happened to their pinned edition.
    """

    before: Version
    comparison: Comparison
    rules: tuple[tuple[str, Text], ...]
    codelists: tuple[tuple[str, Text], ...]


def compare_versions(volume: Volume) -> Mapping[str, VersionChanges]:
    """
    Compare every version with the one before it, by id (与上一版比对).

    Raises:
        WorkerFailedError: the process that compares could not be started.
    """
    pairs = [(before, version) for version in volume.all_versions() if (before := volume.predecessor(version))]
    if not pairs:
        return {}
    with Comparer() as comparer:
        return {version.id: _changes(comparer, before, version) for before, version in pairs}


def _changes(comparer: Comparer, before: Version, version: Version) -> VersionChanges:
    comparison = comparer.compare(
        cast("Schema", before.bundle),
        cast("Schema", version.bundle),
        tuple(cast("Value", payload) for payload in before.valid_examples.values()),
        formats="enforced",
    )
    return VersionChanges(before, comparison, _rules(before, version), _codelists(before, version))


def _rules(before: Version, version: Version) -> tuple[tuple[str, Text], ...]:
    old, new = ({rule.id: _told(rule) for rule in each.rules} for each in (before, version))
    return _happened(old, new)


def _told(rule: CelRule) -> object:
    return rule.expression, rule.severity, rule.pointer, rule.clause, rule.message_zh, rule.message_en


def _codelists(before: Version, version: Version) -> tuple[tuple[str, Text], ...]:
    old, new = ({name: each.codelists[name].digest for name in sorted(_pinned(each))} for each in (before, version))
    return _happened(old, new)


def _pinned(version: Version) -> frozenset[str]:
    manifest = version.source.manifest or {}
    pins = manifest.get("codelists")
    return frozenset(pins) if isinstance(pins, Mapping) else frozenset()


def _happened(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[tuple[str, Text], ...]:
    found: list[tuple[str, Text]] = [(name, Text("新增", "added")) for name in new if name not in old]
    found += [(name, Text("修改", "altered")) for name in new if name in old and old[name] != new[name]]
    found += [(name, Text("删除", "removed")) for name in old if name not in new]
    return tuple(found)


def edition_changes(before: CodeList, edition: CodeList) -> tuple[tuple[str, Text], ...]:
    """Return the codes that an edition adds, alters or leaves out (代码表变更)."""
    return _happened(before.by_code, edition.by_code)
