"""
Lives (生命周期查询): every version on every date as it could be known on another, from what officers signed.

A decision is known from the first signed release that holds it, never from a date that somebody merely wrote down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tradehall_standards.catalogue import CatalogueError
from tradehall_standards.lifecycle import Decision, State, decisions_of_manifest, read_decisions, states_of
from tradehall_standards.release.releases import Release, unit_of
from tradehall_standards.release.verify import verify
from tradehall_standards.sources import Object, SchemaSource, read_sources
from tradehall_standards.strict import as_object


@dataclass(frozen=True, slots=True)
class Lives:
    """
    What was decided on every version, and since when that is known (生命周期).

    Attributes:
        families: decisions by family and version, oldest version first.
        pending: ids of versions that no signed release names: nothing is known of them on any day.
        releases: the signed releases, oldest first.
    """

    families: Mapping[str, Mapping[str, tuple[Decision, ...]]]
    pending: frozenset[str]
    releases: tuple[Release, ...]

    def states(self, family: str, day: date, known_on: date) -> Mapping[str, State]:
        """Return the state of every version of a family on ``day``, as known on ``known_on`` (KeyError: unknown)."""
        return states_of(self.families[family], day, known_on)

    def in_force(self, family: str, day: date, known_on: date) -> str | None:
        """Return the version that records of ``day`` cite, as known on ``known_on``; None where there is none."""
        states = self.states(family, day, known_on)
        current = [version for version, state in states.items() if state in {"in_force", "under_review", "deprecated"}]
        return current[-1] if current else None


def read_lives(root: Path, trust: Path | None = None) -> Lives:
    """
    Read the lives of all versions of a verified catalogue (载入生命周期); ``trust`` as for ``verify``.

    Raises:
        CatalogueError: the catalogue does not verify.
    """
    found = verify(root, trust)
    if not found.ok:
        raise CatalogueError([str(finding) for finding in found.findings])
    sources = read_sources(root)
    first = _first_days(found.releases)
    later = tuple(_known(read_decisions(sources.data.get("lifecycle")), found.releases))
    families: dict[str, dict[str, tuple[Decision, ...]]] = {}
    for source in sources.records:
        if source.id in first:
            told = decisions_of_manifest(source.id, _states(source), first[source.id])
            decided = (*told, *(decision for decision in later if decision.standard == source.id))
            families.setdefault(source.family, {})[source.version] = decided
    unsigned = frozenset(source.id for source in sources.records) - first.keys()
    return Lives(families, unsigned, found.releases)


def _states(source: SchemaSource) -> Object:
    return as_object(as_object(source.manifest).get("states"))


def _first_days(releases: Sequence[Release]) -> dict[str, date]:
    days: dict[str, date] = {}
    for release in releases:
        for path in release.files:
            days.setdefault(unit_of(path) or path, release.published_on)
    return days


def _known(rows: Sequence[Decision], releases: Sequence[Release]) -> Iterator[Decision]:
    """Let each row count from the first release that covers it; a row that none covers is not decided yet."""
    for number, row in enumerate(rows):
        covered = next((release for release in releases if release.life > number), None)
        if covered is not None:
            yield replace(row, known_from=max(row.known_from, covered.published_on))
