"""
Verifying (目录验证): are all files those that two officers signed? Needs no network, no clock and no platform.

First bytes: sets of keys, envelopes, every file against the digest that a release names for it, the index. Only when
all of them are right is anything compiled: bundles, pinned code lists, dates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Literal

from tradehall_standards import canonical, strict
from tradehall_standards.catalogue import Catalogue, CatalogueError, verify_sources
from tradehall_standards.release.dsse import Envelope, EnvelopeError, read_envelope
from tradehall_standards.release.exceptions import read_exceptions
from tradehall_standards.release.keys import Authority, OfficerKey, read_authority
from tradehall_standards.release.releases import (
    INDEX,
    Release,
    files_of,
    read_adoption,
    read_releases,
    release_path,
    unit_of,
)
from tradehall_standards.sources import SourceError, read_sources
from tradehall_standards.strict import Json, as_array, as_object

Vouch = Literal["standards", "development", "nobody"]

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "KEYS": ("官员密钥文件不可用", "The officers' keys can't be used"),
    "ENVELOPE": ("签名信封不可读", "An envelope can't be read"),
    "NOTHING_SIGNED": ("没有任何已签名的发布", "No release is signed"),
    "SIGNATURES": ("有效签名的官员不足两人", "Not enough officers signed"),
    "DEVELOPMENT": (
        "只有开发密钥签名，其私钥人人可得，不能作为凭据",
        "Only development keys signed, whose private halves everybody has: they vouch for nothing",
    ),
    "ADOPTION": ("采用的不是这次发布", "What was adopted is not this release"),
    "CHAIN": ("发布未与前一次发布相接", "The release does not follow the one before it"),
    "PUBLISHED_TWICE": ("同一版本被发布了两次且内容不同", "One version was published twice, and differently"),
    "EXCEPTION": ("版本例外不合格", "An exception from a version number does not hold"),
    "FILE_CHANGED": ("文件与签名的摘要不符", "The file is not the one that was signed"),
    "FILE_MISSING": ("缺少已签名的文件", "A file that was signed is missing"),
    "FILE_STRAY": ("不属于目录的文件", "The file belongs to nothing in the catalogue"),
    "INDEX": ("目录索引与发布不符", "The index is not the one that was signed"),
    "NOT_SIGNED": ("数据文件在发布后改动，尚未签名", "Dated data was changed after the release and is not signed yet"),
    "LIFECYCLE": ("生命周期决定只能追加", "Decisions on the life cycle may only be added"),
    "CATALOGUE": ("目录不自洽", "The catalogue does not hold together"),
}
"""Everything that verifying can find, with its sentence in Chinese and English."""

_DATA: Final = ("calendars/", "parameters/", "procedures/")


@dataclass(frozen=True, slots=True)
class VerifyFinding:
    """One thing that is wrong (验证问题); ``place`` is a path or a release."""

    code: str
    place: str
    detail: str = ""

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese."""
        return SENTENCES[self.code][0]

    @property
    def message_en(self) -> str:
        """The sentence in English."""
        return SENTENCES[self.code][1]

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.place}: {self.code}: {self.message_en}{detail}"


@dataclass(frozen=True, slots=True)
class Verification:
    """
    What verifying found (验证结果).

    Attributes:
        findings: everything that is wrong; empty when the catalogue may be relied on as far as ``vouched`` says.
        release: the newest release that enough officers signed.
        signers: who signed it.
        vouched: ``standards`` where officers did, ``development`` where only keys did that everybody has.
        files: how many files were compared with their digests.
        published: ids of the index that the release covers.
        pending: ids that are built but not yet published, and dated data that was changed since.
        releases: all releases that enough officers signed, oldest first.
        signed: who signed each of them, by its name.
    """

    findings: tuple[VerifyFinding, ...]
    release: Release | None = None
    signers: tuple[OfficerKey, ...] = ()
    vouched: Vouch = "nobody"
    files: int = 0
    published: frozenset[str] = frozenset()
    pending: tuple[str, ...] = ()
    releases: tuple[Release, ...] = ()
    signed: Mapping[str, tuple[OfficerKey, ...]] = field(default_factory=dict[str, tuple[OfficerKey, ...]])

    @classmethod
    def nobody(cls) -> Verification:
        """Return what is known where nothing was verified: that nobody signed anything (未验证)."""
        return cls((VerifyFinding("NOTHING_SIGNED", "releases"),))

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class Index:
    """The chained index as it lies there (目录索引): ids in order, and the digest of each entry."""

    ids: tuple[str, ...]
    digests: tuple[str, ...]

    def head(self, entries: int) -> str | None:
        """Return the digest of the last of the first ``entries`` entries, None where there are fewer or none."""
        return self.digests[entries - 1] if 0 < entries <= len(self.digests) else None

    def pending(self, entries: int) -> tuple[str, ...]:
        """Return what was listed, or listed again, behind the first ``entries`` entries."""
        return tuple(dict.fromkeys(self.ids[entries:]))


def verify(root: Path, trust: Path | None = None) -> Verification:
    """
    Verify a catalogue (验证目录).

    Args:
        root: the ``schemas`` folder.
        trust: folder of an authority (``keys/`` and ``releases/``) whose officers alone count, such as a city's own;
            without it the keys that came with the catalogue count, development keys among them.

    Returns:
        The findings; with ``trust`` also development keys and unsigned changes of dated data are findings.
    """
    authority, problems = read_authority(trust or root)
    findings = [VerifyFinding("KEYS", *problem.split(": ", 1)) for problem in problems]
    if trust is not None and (root / "keys").is_dir():
        findings += [VerifyFinding("KEYS", *problem.split(": ", 1)) for problem in read_authority(root)[1]]
    try:
        releases = read_releases(root)
    except EnvelopeError as problem:
        return Verification((*findings, VerifyFinding("ENVELOPE", *str(problem).split(": ", 1))))
    if authority is None or findings:
        return Verification(tuple(findings))
    findings += _chain(releases)
    own, _ = read_authority(root)
    for told in read_exceptions(root, own or authority)[1]:
        findings.append(VerifyFinding("EXCEPTION", *told.split(": ", 1)))
    signed = _Signed(trust, authority)
    vouched = [release for release in releases if signed.find(release)]
    findings += signed.findings
    if trust is not None and (root / "keys").is_dir():
        findings += _own_signatures(root, releases)
    if not vouched:
        return Verification((*findings, VerifyFinding("NOTHING_SIGNED", "releases")))
    found = _compare(root, releases, vouched[-1], findings, strictly=trust is not None)
    signers, vouch = signed.signers[vouched[-1].name]
    if trust is not None and vouch != "standards":
        findings.append(VerifyFinding("DEVELOPMENT", f"releases/{vouched[-1].name}.json"))
    return Verification(
        tuple(found.findings),
        vouched[-1],
        signers,
        vouch,
        len(found.files),
        found.published,
        found.pending,
        tuple(vouched),
        {release.name: signed.signers[release.name][0] for release in vouched},
    )


class _Signed:
    """Finds out which releases enough officers of an authority signed, or adopted where it is not their maker."""

    def __init__(self, trust: Path | None, authority: Authority) -> None:
        self.findings: list[VerifyFinding] = []
        self.signers: dict[str, tuple[tuple[OfficerKey, ...], Vouch]] = {}
        self._trust, self._authority = trust, authority

    def find(self, release: Release) -> bool:
        """Tell whether a release is signed; what is wrong with its signatures is noted."""
        place = f"releases/{release.name}.json"
        if self._trust is None:
            return self._count(release, place, release.envelope, release.published_on)
        path = release_path(self._trust, release.name)
        if not path.exists():
            return False  # for an authority that has not adopted it, there is no such release
        try:
            envelope = read_envelope(path.read_bytes())
            adoption = read_adoption(envelope)
        except EnvelopeError as problem:
            self.findings.append(VerifyFinding("ENVELOPE", place, str(problem)))
            return False
        if (adoption.release, adoption.digest) != (release.name, release.envelope.digest):
            self.findings.append(VerifyFinding("ADOPTION", place))
            return False
        return self._count(release, place, envelope, adoption.on)

    def _count(self, release: Release, place: str, envelope: Envelope, day: date) -> bool:
        signers = self._authority.signers(envelope, day)
        if not self._authority.is_quorum(signers, day):
            told = ", ".join(sorted(key.holder for key in signers)) or "nobody"
            self.findings.append(VerifyFinding("SIGNATURES", place, told))
            return False
        if len(envelope.signatures) != len(signers):
            self.findings.append(VerifyFinding("SIGNATURES", place, "there are signatures that do not count"))
        real = self._authority.is_quorum([key for key in signers if key.purpose == "standards"], day)
        self.signers[release.name] = signers, "standards" if real else "development"
        return True


def _own_signatures(root: Path, releases: Sequence[Release]) -> list[VerifyFinding]:
    """See that those who made the releases signed them, though it is another authority that counts."""
    authority, _ = read_authority(root)
    if authority is None:
        return []
    signed = _Signed(None, authority)
    for release in releases:
        signed.find(release)
    return signed.findings


def _chain(releases: Sequence[Release]) -> Iterator[VerifyFinding]:
    """Every release follows the one before it and changes nothing that was published."""
    before: Release | None = None
    for release in releases:
        place = f"releases/{release.name}.json"
        if release.previous != (before.envelope.digest if before else None):
            yield VerifyFinding("CHAIN", place)
        if before is not None:
            if release.published_on < before.published_on or release.entries < before.entries:
                yield VerifyFinding("CHAIN", place, "it is older, or covers less")
            for path, digest in before.files.items():
                if not _is_data(path) and release.files.get(path) != digest:
                    yield VerifyFinding("PUBLISHED_TWICE", path, f"{before.name}, {release.name}")
        before = release


def _is_data(path: str) -> bool:
    return path.startswith(_DATA) or path == "lifecycle.json"


@dataclass
class _Compared:
    findings: list[VerifyFinding]
    files: dict[str, str] = field(default_factory=dict[str, str])
    published: frozenset[str] = frozenset()
    pending: tuple[str, ...] = ()


def _compare(
    root: Path, releases: Sequence[Release], release: Release, findings: list[VerifyFinding], *, strictly: bool
) -> _Compared:
    """Compare all bytes with the newest release; when they are right, see that the catalogue holds together."""
    compared = _Compared(findings, files_of(root))
    try:
        index = read_index(root)
    except ValueError as problem:
        findings.append(VerifyFinding("INDEX", INDEX, str(problem)))
        return compared
    broken = [found.name for found in releases if index.head(found.entries) != found.head]
    findings += [VerifyFinding("INDEX", INDEX, f"release {name}") for name in broken]
    compared.pending = index.pending(release.entries)
    compared.published = frozenset(index.ids[: release.entries])
    findings += _files(compared.files, release, frozenset(compared.pending))
    if strictly:
        changed = compared.published.intersection(compared.pending)
        findings += [VerifyFinding("NOT_SIGNED", name) for name in sorted(changed)]
    if not findings:
        findings += _content(root, releases)
    return compared


def read_index(root: Path) -> Index:
    """
    Read the index and follow its chain (读取目录索引).

    Raises:
        ValueError: it is missing, not in its exact form, or not a chain.
    """
    try:
        data = (root / INDEX).read_bytes()
        document = as_object(strict.parse(data))
    except (OSError, strict.StrictError) as problem:
        raise ValueError(str(problem)) from None
    if (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode() != data:
        raise ValueError("not in the form in which build writes it")
    ids: list[str] = []
    digests: list[str] = []
    previous: str | None = None
    for number, entry in enumerate(as_array(document.get("entries"))):
        row = as_object(entry)
        if row.get("previous") != previous or set(row) != {"id", "digest", "previous"}:
            raise ValueError(f"entry {number} does not follow the one before it")
        previous = canonical.digest(row)
        ids.append(str(row["id"]))
        digests.append(previous)
    if document.get("head") != previous or set(document) != {"head", "entries"}:
        raise ValueError("head is not the digest of the last entry")
    return Index(tuple(ids), tuple(digests))


def _files(files: Mapping[str, str], release: Release, pending: frozenset[str]) -> Iterator[VerifyFinding]:
    for path in sorted(files.keys() | release.files.keys()):
        unit = unit_of(path)
        if unit is None:
            yield VerifyFinding("FILE_STRAY", path)
        elif unit in pending and (path not in release.files or _is_data(path)):
            continue
        elif path not in files:
            yield VerifyFinding("FILE_MISSING", path)
        elif path not in release.files:
            yield VerifyFinding("FILE_STRAY", path)
        elif files[path] != release.files[path]:
            yield VerifyFinding("FILE_CHANGED", path)


def _content(root: Path, releases: Sequence[Release]) -> Iterator[VerifyFinding]:
    try:
        sources = read_sources(root)
    except SourceError as problem:
        yield VerifyFinding("CATALOGUE", "", str(problem))
        return
    rows: Sequence[Json] = as_array(as_object(sources.data.get("lifecycle")).get("rows"))
    for release in releases:
        if canonical.digest(list(rows[: release.life])) != release.life_digest or len(rows) < release.life:
            yield VerifyFinding("LIFECYCLE", "lifecycle.json", f"release {release.name}")
    for told in verify_sources(sources):
        yield VerifyFinding("CATALOGUE", *told.split(": ", 1))


def load_signed(root: Path, trust: Path) -> Catalogue:
    """
    Load what an authority's officers published, and nothing else (载入已签名目录).

    Versions that are built but not published are as if they were not there.

    Raises:
        CatalogueError: with every finding; development keys are one.
    """
    found = verify(root, trust)
    if not found.ok:
        raise CatalogueError([str(finding) for finding in found.findings])
    return Catalogue.load(root, only=found.published)
