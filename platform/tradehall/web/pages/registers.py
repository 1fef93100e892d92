"""
Registers of the catalogue (标准目录的登记): code lists with their intervals, releases with who signed them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label
from tradehall.web.portal.views_catalogue import (
    CodeListPage,
    DatedCode,
    Edition,
    ReleaseRow,
    ReleasesPage,
    Signer,
)
from tradehall.web.problems import Problem
from tradehall_standards import Catalogue, CodeList, CodeRow
from tradehall_standards.bundle import codelist_names
from tradehall_standards.release import OfficerKey, Release, Verification
from tradehall_standards.release.releases import unit_of


@dataclass(frozen=True, slots=True)
class Registers:
    """Makes the pages (登记页装配)."""

    catalogue: Catalogue
    page: v.Page

    def code_list(self, name: str, on: date, errors: Sequence[v.FieldError] = ()) -> CodeListPage:
        """
        Return a code list as of a day (代码表).

        Raises:
            Problem: NOT-FOUND, also before its first edition.
        """
        found = self.catalogue.codelist(name, on)
        if found is None:
            raise Problem("NOT-FOUND")
        return CodeListPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            id=name,
            title=Label(found.zh, found.en),
            dated=date.fromisoformat(found.version),
            on=on,
            closed=found.closed,
            digest=found.digest,
            codes=tuple(_code(row, on) for row in found.rows),
            editions=tuple(_edition(x, current=x is found) for x in reversed(self.catalogue.editions(name))),
            used_by=tuple(self._users(name, on)),
            errors=tuple(errors),
        )

    def _users(self, name: str, on: date) -> Iterator[tuple[str, Label]]:
        for family in self.catalogue.families():
            version = self.catalogue.resolve(family, on)
            if version is not None and name in codelist_names(dict(version.bundle)):
                titles = version.titles[""]
                yield family, Label(titles["zh"], titles["en"])

    def releases(self, found: Verification) -> ReleasesPage:
        """Return the signed releases, newest first (标准发布)."""
        return ReleasesPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            releases=tuple(reversed([*_releases(found)])),
            vouched=found.vouched,
            pending=tuple(sorted(found.pending)),
            findings=tuple(
                Label(f"{finding.place}：{finding.message_zh}", f"{finding.place}: {finding.message_en}")
                for finding in found.findings
            ),
        )


def _code(row: CodeRow, on: date) -> DatedCode:
    return DatedCode(
        code=row.code,
        label=Label(row.zh, row.en),
        since=row.valid_from,
        until=row.valid_to - timedelta(days=1) if row.valid_to else None,
        state="valid" if row.is_valid_on(on) else "coming" if on < row.valid_from else "ended",
        replaced_by=row.replaced_by or "",
        source=row.source,
    )


def _edition(found: CodeList, *, current: bool) -> Edition:
    return Edition(date.fromisoformat(found.version), len(found.rows), found.digest, current)


def _releases(found: Verification) -> Iterator[ReleaseRow]:
    for before, release in pairwise((None, *found.releases)):
        if release is not None:
            known = _units(before) if before is not None else set[str]()
            yield ReleaseRow(
                name=release.name,
                published_on=release.published_on,
                digest=release.envelope.digest,
                files=len(release.files),
                new=tuple(sorted(_units(release) - known)),
                signers=tuple(_signer(key) for key in found.signed.get(release.name, ())),
            )


def _units(release: Release) -> set[str]:
    return {unit for path in release.files if (unit := unit_of(path)) is not None}


def _signer(key: OfficerKey) -> Signer:
    return Signer(Label(key.name["zh"], key.name["en"]), key.holder, key.id, key.purpose == "development")
