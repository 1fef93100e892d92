"""
Dry runs measured (草案试运行实测): past records of mid-size families judged under a draft, beside python-jsonschema.

The records are the published examples, each with organisations, instants and names of its own; amounts repeat. All of
a judgement counts: reading the lines, strict parsing, schema, identifiers, dated codes, rules in CEL.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import jsonschema

from tradehall.bench.figures import Line, Race, Way, race, rounded
from tradehall.bench.hall import organisation
from tradehall_standards import Catalogue, canonical
from tradehall_standards.archive import Draft, open_archive, read_draft, replay
from tradehall_standards.archive import Way as Manner
from tradehall_standards.sources import Sources, default_root, read_sources

if TYPE_CHECKING:
    from tradehall_standards.catalogue import Version

FAMILIES: Final = (
    "project",
    "tender_notice",
    "tender_document",
    "bid_commitment",
    "opening_record",
    "expert_draw",
    "evaluation_report",
    "guarantee_letter",
)
"""The families whose records are about as large as those of a centre's archive."""
ON: Final = date(2026, 3, 25)
ARCHIVE: Final = 3_400_000
"""Records of a large centre: 172,000 projects of about twenty records each."""
MOST_SECONDS: Final = 90
_ORGANISATIONS: Final = 5_000
_LARGE: Final = 20_000
_PARTY: Final = re.compile(r"org:[0-9A-Z]{18}")
_INSTANT: Final = re.compile(r"(T[0-9]{2}:[0-9]{2}:[0-9]{2})\.[0-9]{3}")
_NAME: Final = re.compile(r'("name":"[^"\x00-\x7f][^"]{0,60})"')


@dataclass(frozen=True, slots=True)
class _Subject:
    """One draft and an archive of the records that it concerns, on the disk (实测对象)."""

    draft: Draft
    path: Path
    count: int

    def run(self, jobs: int = 1) -> int:
        found = replay(self.draft, open_archive(self.path), Manner(ON, time.monotonic, jobs))
        if (found.tally.valid, found.tally.invalid) != (self.count, 0):
            raise ValueError(f"{self.draft.name}: {found.tally.invalid} valid records were refused")
        return self.count

    def size(self) -> int:
        return self.path.stat().st_size // self.count


def dry_runs(catalogue: Catalogue, *, records: int, rounds: int, folder: Path | None = None) -> list[Line]:
    """Judge an archive under a draft of each family and of all rules of them left out (草案试运行)."""
    sources = read_sources(default_root())
    parties = [organisation(number) for number in range(_ORGANISATIONS)]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        lines: list[Line] = []
        seconds: list[tuple[Decimal, Decimal, Decimal]] = []
        sizes: list[int] = []
        for family in FAMILIES:
            version = catalogue.versions(family)[-1]
            subject, plain = _subjects(version, sources, Path(place), records, parties)
            found = _raced(version, subject, plain, records, rounds)
            lines.append(_line(family, subject, found))
            seconds.append((_taken(found, "ours"), _taken(found, "plain"), _taken(found, "python")))
            sizes.append(subject.size())
        return [*lines, *_extrapolated(seconds, sizes), _together(place, sources, rounds)]


def _subjects(
    version: Version, sources: Sources, place: Path, records: int, parties: Sequence[str]
) -> tuple[_Subject, _Subject]:
    """Write the records of a family once; drafts are its newest version, and the same without rules."""
    path = place / f"{version.family}.jsonl"
    path.write_bytes(b"".join(f"{line}\n".encode() for line in _records(version, records, parties)))
    draft = read_draft(version.source.folder, sources)
    rules = place / "none"
    rules.mkdir(exist_ok=True)
    (rules / "rules.json").write_text("[]", encoding="utf-8")
    bare = read_draft(rules / "rules.json", sources, version.family)
    return _Subject(draft, path, records), _Subject(bare, path, records)


def _records(version: Version, count: int, parties: Sequence[str]) -> Iterator[str]:
    """Yield filed records as a journal keeps them, no two alike; what is one party in a record stays one."""
    texts = [canonical.jcs(payload).decode() for payload in version.valid_examples.values()]
    cited = canonical.jcs({"digest": version.digest, "id": version.family, "version": version.version}).decode()
    for number, text in enumerate(islice(cycle(texts), count)):
        known = {party: parties[(number * 7 + n) % len(parties)] for n, party in enumerate(sorted(_found(text)))}
        payload = _PARTY.sub(lambda m, known=known: known[m.group()], text)  # type: ignore[misc]
        payload = _INSTANT.sub(rf"\g<1>.{number % 1000:03d}", payload)
        payload = _NAME.sub(rf'\g<1>{number}"', payload)
        yield (
            f'{{"accepted_at":"2026-03-{1 + number % 28:02d}T09:30:00.000Z","envelope":{{"attachments":[],'
            f'"author":"{parties[0]}","case":"t-{"a" * 26}","filed_by":"node:chengdu","payload":{payload},'
            f'"schema":{cited}}}}}'
        )


def _found(text: str) -> set[str]:
    return set(_PARTY.findall(text))


def _raced(version: Version, subject: _Subject, plain: _Subject, records: int, rounds: int) -> Race:
    with subject.path.open("rb") as stream:
        few = list(islice(stream, max(20, records // 50)))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator: Any = jsonschema.Draft202012Validator(cast("dict[str, Any]", version.bundle), format_checker=checker)
    ways: dict[str, Way] = {"ours": subject.run, "plain": plain.run, "python": partial(_python, validator, few)}
    return race(ways, rounds, clock="cpu")


def _python(validator: Any, lines: Sequence[bytes]) -> int:
    for line in lines:
        if not validator.is_valid(json.loads(line)["envelope"]["payload"]):
            raise ValueError("a valid record was refused")
    return len(lines)


def _taken(found: Race, name: str) -> Decimal:
    """Return seconds for one record."""
    return found.microseconds(name).scaleb(-6)


def _line(family: str, subject: _Subject, found: Race) -> Line:
    return Line(
        "dry-run",
        f"{family}, {subject.size()} bytes",
        found.per_second("ours"),
        "records/s a core",
        "json.loads + python-jsonschema, schema only",
        found.per_second("python"),
        found.times("ours", "python"),
    )


def _extrapolated(seconds: Sequence[tuple[Decimal, Decimal, Decimal]], sizes: Sequence[int]) -> list[Line]:
    """Return what a whole archive would take, every family having the same share of it."""
    ours, plain, python = (sum(column, Decimal(0)) / len(seconds) * ARCHIVE for column in zip(*seconds, strict=True))
    basis = f"{ARCHIVE:,} records, equal shares of {len(sizes)} families, {sum(sizes) // len(sizes)} bytes each"
    return [
        Line(
            "dry-run",
            f"extrapolated: {basis}",
            rounded(ours),
            "s a core",
            "json.loads + python-jsonschema, schema only",
            rounded(python),
            (python / ours).quantize(Decimal("0.001")),
            f"≤ {MOST_SECONDS} s",
            ours <= MOST_SECONDS,
        ),
        Line("dry-run", "of these, for rules in CEL", rounded(ours - plain), "s a core"),
    ]


def _together(place: str, sources: Sources, rounds: int) -> Line:
    """Judge the largest archive by two processes and by one; starting processes counts."""
    path = Path(place) / "together.jsonl"
    largest = max(Path(place).glob("*.jsonl"), key=lambda found: found.stat().st_size)
    family = largest.stem
    with largest.open("rb") as stream:
        count = sum(1 for _ in stream)
    times = max(1, _LARGE // count)
    path.write_bytes(largest.read_bytes() * times)
    folder = next(source.folder for source in sources.records if source.family == family)
    subject = _Subject(read_draft(folder, sources), path, count * times)
    found = race({"two": partial(subject.run, 2), "one": subject.run}, max(1, rounds // 3))
    return Line(
        "dry-run",
        f"{family} × {subject.count:,}, two processes",
        found.per_second("two"),
        "records/s",
        "one process",
        found.per_second("one"),
        found.times("two", "one"),
    )
