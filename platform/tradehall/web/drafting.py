"""
Drafts for the web (标准草案): what is wrong with one, what it would break, and which version it may carry.

A draft is judged and forgotten: nothing of it is stored, so nobody can take an unsigned schema for a published one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final, cast

from tradehall.web.comparing import comparisons_of
from tradehall_standards import Catalogue, LintFinding, lint_schema
from tradehall_standards.archive import Draft, DraftError, draft_of
from tradehall_standards.bundle import BundleError
from tradehall_standards.catalogue import pinned_codelists
from tradehall_standards.compat import Comparison
from tradehall_standards.compat.versions import Edition, VersionFloor, edition_of, version_floor
from tradehall_standards.rules_cel import RuleError
from tradehall_standards.sources import HOST, Sources, default_root, read_sources, version_key

if TYPE_CHECKING:
    from litestar import Litestar

    from tradehall_standards import Json
    from tradehall_standards.compat.values import Value

NO_VERSION: Final = "0.0.0"
_STATED: Final = re.compile(
    re.escape(HOST) + r"[a-z][a-z0-9_]{1,63}/((?:0|[1-9][0-9]{0,4})(?:\.(?:0|[1-9][0-9]{0,4})){2})"
)


@dataclass(frozen=True, slots=True)
class DraftVerdict:
    """
    What a draft is worth (草案判定).

    Attributes:
        family: what it is a draft of.
        version: the version that its ``$id`` states; empty where it states none.
        lints: what must be mended before anybody may sign it.
        floor: the least version it may carry, with the verdicts against every version of the major.
        taken: the version that it states is published already.
    """

    family: str
    version: str
    lints: tuple[LintFinding, ...]
    floor: VersionFloor
    taken: bool

    @property
    def kept(self) -> bool:
        """Whether the version that it states is free and high enough."""
        stated = self.version and not self.taken
        return bool(stated) and version_key(self.version) >= version_key(self.floor.floor)


async def sources_of(app: Litestar, catalogue: Catalogue) -> Sources:
    """Return the sources of what this node serves, read once (标准源文件)."""
    kept = app.state.get("standard_sources")
    if kept is None:
        read = await asyncio.to_thread(read_sources, default_root())
        served = tuple(s for s in read.records if catalogue.version(s.family, s.version) is not None)
        kept = app.state["standard_sources"] = replace(read, records=served)
    return cast("Sources", kept)


def stated_version(schema: Mapping[str, Json]) -> str:
    """Return the version that ``$id`` states, empty where it states none (草案版本)."""
    found = _STATED.fullmatch(str(schema.get("$id", "")))
    return found[1] if found else ""


async def judge(app: Litestar, catalogue: Catalogue, schema: Mapping[str, Json], family: str, on: date) -> DraftVerdict:
    """
    Judge a drafted schema (草案判定): every lint, then both verdicts against every version of its major.

    Raises:
        DraftError: it names no family, or does not compile.
        Problem: UNAVAILABLE when no worker could be started.
    """
    sources = await sources_of(app, catalogue)
    draft = await asyncio.to_thread(draft_of, schema, sources, family or None)
    (part,) = draft.parts.values()
    version = stated_version(schema)
    stated = replace(part.source, version=version or NO_VERSION)
    lints = await asyncio.to_thread(lint_schema, stated, sources.documents, pinned_codelists(part.source, sources))
    proposed, editions = await asyncio.to_thread(_editions, draft, sources)
    found: dict[str, Comparison] = {}
    for edition in editions:
        samples = [cast("Value", record) for record in edition.records]
        found[edition.version] = await comparisons_of(app).schemas(edition.schema, proposed.schema, samples)

    def known(old: Edition, _new: Edition) -> Comparison:
        return found[old.version]

    floor = await asyncio.to_thread(version_floor, proposed, editions, known, on=on)
    taken = catalogue.version(part.source.family, version) is not None
    return DraftVerdict(part.source.family, version, lints, floor, taken)


def _editions(draft: Draft, sources: Sources) -> tuple[Edition, list[Edition]]:
    """Return the draft, and the published versions of the newest major, oldest first."""
    (part,) = draft.parts.values()
    try:
        proposed = edition_of(part.source, sources)
        editions = [edition_of(s, sources) for s in sources.records if s.family == part.source.family]
    except (BundleError, RuleError) as problem:
        raise DraftError(f"草案不可用：{problem}", f"the draft can't be used: {problem}") from None
    editions.sort(key=lambda edition: version_key(edition.version))
    major = version_key(editions[-1].version)[0] if editions else 0
    return proposed, [edition for edition in editions if version_key(edition.version)[0] == major]


def verdict_json(found: DraftVerdict, explained: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what a draft is worth as JSON (草案判定)."""
    from tradehall_standards.compat.telling import verdict_to_json  # noqa: PLC0415 - only here

    return {
        "family": found.family,
        "version": found.version,
        "taken": found.taken,
        "kept": found.kept,
        "level": found.floor.level,
        "floor": found.floor.floor,
        "lints": [
            {
                "code": lint.code,
                "pointer": lint.pointer,
                "detail": lint.detail,
                "message": {"zh": lint.message_zh, "en": lint.message_en},
            }
            for lint in found.lints
        ],
        "against": [
            {
                "version": one.version,
                "level": one.level,
                "backward": verdict_to_json(one.comparison.backward),
                "forward": verdict_to_json(one.comparison.forward),
            }
            for one in found.floor.against
        ],
        "explanation": [{"zh": zh.strip(), "en": en.strip()} for zh, en in explained],
    }
