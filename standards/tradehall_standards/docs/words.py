"""
Words (文字): everything is said in Chinese and in English, or the documentation is not built at all.

``terms.json`` holds the names of codes that the catalogue uses without titles of its own: stages, units and events of
the law's numbers, roles and guards of the procedures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tradehall_standards.docs.markup import Html, fragment, tag
from tradehall_standards.sources import read_object
from tradehall_standards.strict import Json, as_array, as_object

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")
HTML_LANG: Final[Mapping[Lang, str]] = {"zh": "zh-CN", "en": "en"}
_CHINESE: Final = re.compile("([\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+)")
HERE: Final = Path(__file__).parent


class Text(NamedTuple):
    """One thing said in both languages (双语文字)."""

    zh: str
    en: str

    @property
    def is_complete(self) -> bool:
        """Nothing is missing in either language."""
        return bool(self.zh.strip() and self.en.strip())


class DocsError(ValueError):
    """
    The documentation must not be built (文档无法生成).

    Attributes:
        findings: what is missing, one place each, zh and en.
    """

    def __init__(self, findings: tuple[Text, ...]) -> None:
        super().__init__("\n".join(finding.en for finding in findings[:100]))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Terms:
    """Names of codes that have no titles in the catalogue (术语)."""

    sections: Mapping[str, Mapping[str, Text]]
    moves: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]

    def find(self, section: str, code: str) -> Text | None:
        """Return the name of a code, None where there is none."""
        return self.sections[section].get(code)

    def name(self, section: str, code: str) -> Text:
        """Return the name of a code; the code itself where the build would have been refused."""
        return self.sections[section].get(code, Text(code, code))

    def leads(self, procedure: str, move: str, state: str) -> tuple[str, ...]:
        """Return where a computed move may lead from a state."""
        return self.moves.get(procedure, {}).get(move, {}).get(state, ())


def text_of(value: Json) -> Text:
    """Read ``{zh, en}``; a missing member is empty."""
    found = as_object(value)
    return Text(str(found.get("zh") or ""), str(found.get("en") or ""))


@cache
def read_terms() -> Terms:
    """Read ``terms.json`` (载入术语)."""
    document = dict(read_object(HERE / "terms.json"))
    moves, notes = as_object(document.pop("moves")), as_array(document.pop("notes"))
    return Terms(
        {
            **{
                name: {code: text_of(text) for code, text in as_object(rows).items()} for name, rows in document.items()
            },
            "notes": {note.en: note for note in map(text_of, notes)},
        },
        {
            procedure: {
                move: {state: tuple(str(to) for to in as_array(tos)) for state, tos in as_object(states).items()}
                for move, states in as_object(found).items()
            }
            for procedure, found in moves.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Speaker:
    """Speaks one language (语言)."""

    lang: Lang

    def __call__(self, text: tuple[str, str]) -> str:
        """Return a text in the language of the page."""
        return text[0] if self.lang == "zh" else text[1]

    def other(self, text: tuple[str, str]) -> Html:
        """Return a text in the other language, marked as such."""
        lang: Lang = "en" if self.lang == "zh" else "zh"
        return tag("span", Speaker(lang)(text), lang=HTML_LANG[lang], class_="other")

    def spoken(self, text: str) -> Html:
        """Return a text that exists in one language only, such as a clause; Chinese is marked on an English page."""
        if self.lang == "zh":
            return fragment(text)
        pieces = _CHINESE.split(text)  # every other piece is Chinese
        return fragment(tag("span", piece, lang="zh-CN") if n % 2 else piece for n, piece in enumerate(pieces) if piece)
