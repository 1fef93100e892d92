"""
Exceptions (版本例外): a signed order that a version may carry a lower number than its verdict asks for.

``exceptions/<family>-<version>.json`` is an envelope that two officers signed; the statement names the witness
document, so that nobody can say later that what would break was not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal, cast

from tradehall_standards import canonical
from tradehall_standards.release.dsse import Envelope, EnvelopeError, read_envelope, read_statement
from tradehall_standards.release.keys import STATEMENT, Authority
from tradehall_standards.strict import Json, as_object

EXCEPTION: Final = "https://tradehall.example/attestations/version-exception/v1"

Level = Literal["patch", "minor", "major"]

_LEVELS: Final[tuple[Level, ...]] = ("patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class VersionException:
    """
    One exception (版本例外).

    Attributes:
        family: whose.
        old: version compared with.
        new: version that may be numbered lower.
        computed: what the verdict asks for.
        allowed: what officers allow instead.
        witness: document that is valid under one version and not under the other; None where the verdict is unknown.
        reason: why it is harmless, zh and en.
        on: day of the order.
    """

    family: str
    old: str
    new: str
    computed: Level
    allowed: Level
    witness: Json
    reason: Mapping[str, str]
    on: date

    @property
    def witness_digest(self) -> str:
        """``sha256:…`` of the witness in canonical form."""
        return canonical.digest(self.witness)

    def to_json(self) -> dict[str, Json]:
        """Return the statement to be signed; its subject is the witness."""
        subject: dict[str, Json] = {
            "name": f"{self.family}/{self.new}",
            "digest": {"sha256": self.witness_digest.removeprefix("sha256:")},
        }
        predicate: dict[str, Json] = {
            "family": self.family,
            "old": self.old,
            "new": self.new,
            "computed": self.computed,
            "allowed": self.allowed,
            "witness": self.witness,
            "reason": dict(self.reason),
            "on": self.on.isoformat(),
        }
        return {"_type": STATEMENT, "subject": [subject], "predicateType": EXCEPTION, "predicate": predicate}


def exception_path(folder: Path, family: str, version: str) -> Path:
    """Return where an exception lies below the catalogue (例外文件路径)."""
    return folder / "exceptions" / f"{family}-{version}.json"


def read_exception(envelope: Envelope) -> VersionException:
    """
    Read an exception, whoever signed it (读取例外).

    Raises:
        EnvelopeError: it holds another statement, or one that is not in form.
    """
    document = read_statement(envelope)
    row = as_object(document.get("predicate"))
    try:
        found = VersionException(
            family=str(row["family"]),
            old=str(row["old"]),
            new=str(row["new"]),
            computed=_LEVELS[_LEVELS.index(cast("Level", row["computed"]))],
            allowed=_LEVELS[_LEVELS.index(cast("Level", row["allowed"]))],
            witness=row["witness"],
            reason={language: str(as_object(row["reason"])[language]) for language in ("zh", "en")},
            on=date.fromisoformat(str(row["on"])),
        )
    except (KeyError, ValueError) as problem:
        raise EnvelopeError(f"statement of an exception: {problem!r}") from None
    if found.to_json() != document or _LEVELS.index(found.allowed) >= _LEVELS.index(found.computed):
        raise EnvelopeError("no statement of an exception")
    return found


def read_exceptions(
    root: Path, authority: Authority
) -> tuple[Mapping[tuple[str, str], VersionException], tuple[str, ...]]:
    """
    Return the exceptions that enough officers signed, by family and new version (载入例外), and all problems.
    """
    found: dict[tuple[str, str], VersionException] = {}
    problems: list[str] = []
    for path in sorted((root / "exceptions").glob("*.json")):
        place = f"exceptions/{path.name}"
        try:
            envelope = read_envelope(path.read_bytes())
            exception = read_exception(envelope)
        except EnvelopeError as problem:
            problems.append(f"{place}: {problem}")
            continue
        if path != exception_path(root, exception.family, exception.new):
            problems.append(f"{place}: the file holds {exception.family}/{exception.new}")
        elif not authority.is_quorum(authority.signers(envelope, exception.on), exception.on):
            problems.append(f"{place}: not enough officers signed")
        else:
            found[exception.family, exception.new] = exception
    return found, tuple(problems)
