"""
Publishing (发布): a maker proposes, a checker approves, and only then is the release written, once and for all.

An authority of its own, such as a city, signs the same statement again with its own officers: it proposes a release
that the catalogue already holds.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from tradehall_standards import canonical
from tradehall_standards.build import check_root
from tradehall_standards.catalogue import CatalogueError
from tradehall_standards.release.dsse import (
    Envelope,
    EnvelopeError,
    Signature,
    Signer,
    read_envelope,
    read_statement,
    statement,
)
from tradehall_standards.release.exceptions import EXCEPTION, exception_path, read_exception
from tradehall_standards.release.keys import (
    KEY_SET,
    Authority,
    KeySet,
    OfficerKey,
    key_set_path,
    read_authority,
    read_key_set,
)
from tradehall_standards.release.releases import (
    ADOPTION,
    NAME,
    RELEASE,
    Adoption,
    Release,
    files_of,
    name_key,
    read_adoption,
    read_release,
    read_releases,
    release_path,
    unit_of,
)
from tradehall_standards.release.verify import read_index, verify
from tradehall_standards.sources import Sources, read_sources, version_key
from tradehall_standards.strict import Json, as_array, as_object

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "NAME": ("发布名称形如 2026.1，且须晚于已有发布", "A release is named like 2026.1, and later than those before it"),
    "PUBLISHED": ("该发布已经存在，不得再次发布", "This release exists already and can't be published again"),
    "DATE": ("发布日期早于前一次发布", "The day lies before the release that precedes it"),
    "NOTHING_NEW": ("没有可发布的内容", "There is nothing new to publish"),
    "NO_OFFICER": ("该密钥不是此机构当日有效的官员密钥", "The key is not that of an officer who may sign on that day"),
    "SAME_OFFICER": ("拟制人不得兼任复核人", "Whoever made it can't check it"),
    "NOT_THE_SAME": ("提案与目录现有文件不一致", "The proposal is not what lies in the catalogue"),
    "NOT_ENOUGH": ("有效签名的官员不足", "Not enough officers signed"),
    "NO_SUCH_RELEASE": ("目录中没有这次发布", "The catalogue holds no such release"),
    "KEYS": ("官员密钥不可用", "The officers' keys can't be used"),
    "STATEMENT": ("不是可签名的提案", "Not a proposal that could be signed"),
}


class PublishRefused(Exception):  # noqa: N818  - says what happened
    """A proposal, a signature or a publication is refused (拒绝发布)."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {SENTENCES[code][1]}{f' ({detail})' if detail else ''}")
        self.code = code
        self.detail = detail
        self.zh, self.en = SENTENCES[code]


def next_name(root: Path, day: date) -> str:
    """Return the name of the release that comes next on ``day`` (下一发布名称)."""
    numbers = [found.order[1] for found in read_releases(root) if found.order[0] == day.year]
    return f"{day.year}.{max(numbers, default=0) + 1}"


def release_of(root: Path, name: str, day: date) -> Release:
    """
    Make the statement of a new release of all that is built (拟制发布).

    Raises:
        CatalogueError: the catalogue has findings.
        PublishRefused: NAME, PUBLISHED, DATE or NOTHING_NEW.
    """
    findings = check_root(root)
    if findings:
        raise CatalogueError(findings)
    releases, index = read_releases(root), read_index(root)
    last = releases[-1] if releases else None
    if any(found.name == name for found in releases):
        raise PublishRefused("PUBLISHED", name)
    if not NAME.fullmatch(name) or (last is not None and name_key(name) < last.order):
        raise PublishRefused("NAME", name)
    if last is not None and day < last.published_on:
        raise PublishRefused("DATE", f"{day} < {last.published_on}")
    if last is not None and len(index.ids) == last.entries:
        raise PublishRefused("NOTHING_NEW")
    sources, files = read_sources(root), files_of(root)
    stray = sorted(path for path in files if unit_of(path) is None)
    if stray:
        raise CatalogueError([f"{path}: belongs to nothing in the catalogue" for path in stray])
    rows = as_array(as_object(sources.data.get("lifecycle")).get("rows"))
    made = Release(
        name=name,
        published_on=day,
        previous=last.envelope.digest if last else None,
        entries=len(index.ids),
        head=index.head(len(index.ids)),
        life=len(rows),
        life_digest=canonical.digest(list(rows)),
        contents=_contents(sources),
        files=files,
        envelope=Envelope("", b""),
    )
    return read_release(statement(made.to_json()))


def _contents(sources: Sources) -> dict[str, Json]:
    """Tell what belongs together: the newest of everything; its pins and references were checked by the build."""
    families: dict[str, Json] = {}
    for source in sorted(sources.records, key=lambda found: (found.family, version_key(found.version))):
        families[source.family] = source.version
    data = {folder: [name.split("/")[1] for name in sources.data if name.startswith(f"{folder}/")] for folder in _DATA}
    return {
        "families": families,
        "codelists": {name: editions[-1].version for name, editions in sources.codelists.items()},
        "common": sorted((source.version for source in sources.commons), key=version_key)[-1:],
        **data,
    }


_DATA: Final = ("calendars", "parameters", "procedures")


def propose(root: Path, name: str, day: date, *, officers: Path | None = None) -> Envelope:
    """
    Return the unsigned proposal of a release (提案).

    Args:
        root: the catalogue.
        name: of the release.
        day: of publication.
        officers: folder of another authority, which adopts on ``day`` what the catalogue already holds.

    Raises:
        CatalogueError: the catalogue has findings.
        PublishRefused: as :func:`release_of`; or NO_SUCH_RELEASE, PUBLISHED for another authority.
    """
    if officers is None or officers.resolve() == root.resolve():
        return release_of(root, name, day).envelope
    found = next((release for release in read_releases(root) if release.name == name), None)
    if found is None:
        raise PublishRefused("NO_SUCH_RELEASE", name)
    if release_path(officers, name).exists():
        raise PublishRefused("PUBLISHED", name)
    return statement(Adoption(name, found.envelope.digest, day).to_json())


def propose_keys(officers: Path, day: date, keys: tuple[OfficerKey, ...], threshold: int) -> Envelope:
    """
    Return the unsigned proposal of an authority's next set of keys (密钥集提案); all keys are named, old and new.

    Raises:
        PublishRefused: KEYS, where the sets so far do not follow one another.
        KeySetError: the set is not in form.
    """
    before = _authority(officers, first=True)
    made = KeySet(
        number=len(before.sets) + 1,
        on=day,
        previous=before.latest.digest if before.sets else None,
        threshold=threshold,
        keys=keys,
    )
    envelope = statement(made.to_json())
    read_key_set(envelope)
    return envelope


def sign(proposal: Envelope, root: Path, officers: Path, keyid: str, signer: Signer) -> Envelope:
    """
    Sign a proposal, as its maker or as one who checks it (签署提案).

    Raises:
        PublishRefused: SAME_OFFICER, NO_OFFICER, NOT_THE_SAME, KEYS or STATEMENT.
        CatalogueError: the catalogue has findings.
    """
    day, sets = _judges(proposal, officers)
    _assert_same(proposal, root)
    signed = proposal.signed(keyid, signer)
    if keyid not in {key.id for found in sets for key in found.keys if key.may_sign_on(day)}:
        raise PublishRefused("NO_OFFICER", keyid)
    if _holders(sets, signed, day) == _holders(sets, proposal, day):
        raise PublishRefused("SAME_OFFICER", keyid)
    return signed


def _holders(sets: tuple[KeySet, ...], envelope: Envelope, day: date) -> set[str]:
    return {key.holder for found in sets for key in found.signers(envelope, day)}


def with_approvals(proposal: Envelope, approvals: Iterable[Mapping[str, Json]]) -> Envelope:
    """
    Add the signatures that a case holds (加入批准签名): payloads of ``standard_approval`` that name this statement.

    Whether they hold is for :func:`publish` to say.
    """
    for approval in approvals:
        if approval.get("decision") == "approve" and approval.get("statement") == proposal.digest:
            sig = base64.b64decode(str(approval.get("signature")))
            proposal = replace(proposal, signatures=(*proposal.signatures, Signature(str(approval.get("key")), sig)))
    return proposal


def publish(proposal: Envelope, root: Path, officers: Path) -> Path:
    """
    Write a release, or a set of keys, that enough officers signed (发布).

    Returns:
        The file written.

    Raises:
        PublishRefused: NOT_ENOUGH, NOT_THE_SAME, PUBLISHED, KEYS or STATEMENT.
        CatalogueError: the catalogue has findings.
    """
    day, sets = _judges(proposal, officers)
    if not all(found.is_quorum(found.signers(proposal, day)) for found in sets):
        raise PublishRefused("NOT_ENOUGH")
    _assert_same(proposal, root)
    path = _path(proposal, officers)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(proposal.to_bytes())
    except FileExistsError:
        raise PublishRefused("PUBLISHED", path.stem) from None
    return path


def kind_of(proposal: Envelope) -> str:
    """Return the type of the statement that a proposal holds (提案类型): RELEASE, ADOPTION, EXCEPTION or KEY_SET."""
    try:
        return str(read_statement(proposal).get("predicateType"))
    except EnvelopeError as problem:
        raise PublishRefused("STATEMENT", str(problem)) from None


def _path(proposal: Envelope, officers: Path) -> Path:
    kind = kind_of(proposal)
    if kind == RELEASE:
        return release_path(officers, read_release(proposal).name)
    if kind == ADOPTION:
        return release_path(officers, read_adoption(proposal).release)
    if kind == EXCEPTION:
        exception = read_exception(proposal)
        return exception_path(officers, exception.family, exception.new)
    return key_set_path(officers, read_key_set(proposal).number)


def _judges(proposal: Envelope, officers: Path) -> tuple[date, tuple[KeySet, ...]]:
    """Return the day of a proposal, and the sets of keys of which each must agree."""
    kind = kind_of(proposal)
    try:
        if kind == KEY_SET:
            return _judges_of_keys(read_key_set(proposal), officers)
        day = _day(kind, proposal)
    except ValueError as problem:
        raise PublishRefused("STATEMENT", str(problem)) from None
    sets = tuple(found for found in _authority(officers).sets if found.on <= day)
    if not sets:
        raise PublishRefused("KEYS", f"there is no set of keys on {day}")
    return day, sets[-1:]


def _day(kind: str, proposal: Envelope) -> date:
    if kind == RELEASE:
        return read_release(proposal).published_on
    return read_exception(proposal).on if kind == EXCEPTION else read_adoption(proposal).on


def _judges_of_keys(made: KeySet, officers: Path) -> tuple[date, tuple[KeySet, ...]]:
    before = _authority(officers, first=True).sets
    if made.number != len(before) + 1 or made.previous != (before[-1].digest if before else None):
        raise PublishRefused("PUBLISHED", f"keys/{made.number}")
    return made.on, (*before[-1:], made)


def _authority(officers: Path, *, first: bool = False) -> Authority:
    found, problems = read_authority(officers)
    if found is None and first and not (officers / "keys").is_dir():
        return Authority(())
    if found is None or problems:
        raise PublishRefused("KEYS", "; ".join(problems))
    return found


def _assert_same(proposal: Envelope, root: Path) -> None:
    """A signature covers what lies in the catalogue now, as it was proposed."""
    kind = kind_of(proposal)
    if kind == RELEASE:
        release = read_release(proposal)
        if release_of(root, release.name, release.published_on).envelope.payload != proposal.payload:
            raise PublishRefused("NOT_THE_SAME", release.name)
    elif kind == ADOPTION:
        adoption, found = read_adoption(proposal), verify(root)
        changed = [str(finding) for finding in found.findings]
        if changed:
            raise CatalogueError(changed)
        if adoption.digest not in {release.envelope.digest for release in read_releases(root)}:
            raise PublishRefused("NOT_THE_SAME", adoption.release)


def open_proposal(path: Path) -> Envelope:
    """Read a proposal from a file (读取提案); ``PublishRefused`` STATEMENT where it is none."""
    try:
        return read_envelope(path.read_bytes())
    except EnvelopeError as problem:
        raise PublishRefused("STATEMENT", str(problem)) from None
