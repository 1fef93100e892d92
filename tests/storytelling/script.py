"""Reading stories 读剧本: one line, one act. The grammar is told in tests/stories/README.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

STORIES = Path(__file__).parent.parent / "stories"
HEADERS = ("procedure", "regime", "lots", "estimate", "security", "floor", "catalogue")

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\S+)\s+")
_REFUSED = re.compile(r"\s+refused\s+([A-Z][A-Z0-9-]+)(?:\s+\"([^\"]*)\")?$")
_NAME = re.compile(r"\s+as\s+([A-Za-z]\w*)$")
_KEY = re.compile(r"\s+under key\s+(\S+)$")
_JSON = re.compile(r"\s+(\{.*\})$")
_PAIR = re.compile(r"\s+([A-Za-z_][\w./-]*)=(\S+)$")
_ACTOR = re.compile(r"[a-z]+(?:/(?:[a-z0-9]+(?:\.\.\d+)?)(?:,[a-z0-9]+)*)?$")


@dataclass(frozen=True)
class Line:
    """One line of a story."""

    file: str
    number: int
    text: str
    kind: str
    phrase: str
    at: datetime | None = None
    actors: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    saying: str = ""
    name: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.text}"


@dataclass(frozen=True)
class Story:
    """A story: its title, what its header says, and its lines; what it continues comes first."""

    title: str
    headers: dict[str, str]
    lines: tuple[Line, ...]

    @property
    def start(self) -> datetime:
        return next(line.at for line in self.lines if line.at is not None)


def read_story(path: Path) -> Story:
    """Read a story and everything it continues. Raises ValueError on a line that is none."""
    headers: dict[str, str] = {}
    lines: list[Line] = []
    title = ""
    for number, text in enumerate(map(str.strip, path.read_text("utf-8").splitlines()), 1):
        if not text or text.startswith("#"):
            title = title or text.removeprefix("#").strip()
            continue
        word, _, rest = text.partition(" ")
        if word == "continues":
            earlier = read_story(STORIES / "beginnings" / f"{rest.strip()}.txt")
            headers = earlier.headers | headers
            lines.extend(earlier.lines)
        elif word in HEADERS:
            headers[word] = rest.strip()
        elif word == "then":
            lines.append(Line(path.name, number, text, "then", rest.strip()))
        else:
            lines.append(_act(path.name, number, text))
    return Story(title, headers, tuple(lines))


def _act(file: str, number: int, text: str) -> Line:
    rest = text
    at = None
    if found := _INSTANT.match(rest):
        at, rest = datetime.fromisoformat(found[1]), rest[found.end() :]
    actor, _, rest = rest.partition(" ")
    if not _ACTOR.match(actor):
        raise ValueError(f"{file}:{number}: who acts? {text}")
    refused = saying = name = key = ""
    if found := _REFUSED.search(rest):
        refused, saying, rest = found[1], found[2] or "", rest[: found.start()]
    if found := _NAME.search(rest):
        name, rest = found[1], rest[: found.start()]
    if found := _KEY.search(rest):
        key, rest = found[1], rest[: found.start()]
    changes: dict[str, Any] = {}
    rest = " " + rest.strip()
    if found := _JSON.search(rest):
        changes, rest = json.loads(found[1]), rest[: found.start()]
    pairs: list[tuple[str, str]] = []
    while found := _PAIR.search(rest):
        pairs.append((found[1], found[2]))
        rest = rest[: found.start()]
    changes |= {name: _value(value) for name, value in reversed(pairs)}
    phrase = " ".join(rest.split())
    return Line(file, number, text, "act", phrase, at, tuple(_actors(actor)), changes, refused, saying, name, key)


def _actors(text: str) -> Iterator[str]:
    role, slash, names = text.partition("/")
    if not slash:
        yield role
        return
    for name in names.split(","):
        first, dots, last = name.partition("..")
        if dots:
            yield from (f"{role}/{n}" for n in range(int(first), int(last) + 1))
        else:
            yield f"{role}/{name}"


def _value(text: str) -> Any:
    """Read what stands behind ``=``: true, false, none (leave the member out), a whole number, else text."""
    if text in ("true", "false"):
        return text == "true"
    if text == "none":
        return None
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else text


def put(target: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a payload with changes: ``a.b=1`` goes inside, ``lots.0.name=x`` into a list, ``none`` removes."""
    changed: dict[str, Any] = json.loads(json.dumps(target))
    for path, value in changes.items():
        *inner, last = path.split(".")
        place: Any = changed
        for step in inner:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(last)] = value
        elif value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return changed
