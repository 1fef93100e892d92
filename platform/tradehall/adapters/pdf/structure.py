"""
What is inside a PDF (PDF 内容检查): things that act, embedded files, and the text of the pages. Never runs anything.

The walk starts at the trailer and follows every reference: looking only at the indirect objects misses an action that
is written in place. All bytes are hostile; limits bound objects, depth and decoded size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import pikepdf

MAX_OBJECTS: Final = 100_000
MAX_STREAM_BYTES: Final = 32 * 1024**2
MAX_FORM_DEPTH: Final = 8

ACTIVE_KEYS: Final = frozenset(
    {"/JS", "/JavaScript", "/AA", "/OpenAction", "/XFA", "/RichMedia", "/Launch", "/Renditions"}
)
ACTIVE_NAMES: Final = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToE",
        "/GoToR",
        "/Rendition",
        "/RichMedia",
        "/RichMediaExecute",
        "/Movie",
        "/Sound",
        "/3D",
        "/Screen",
        "/SetOCGState",
    }
)
"""Values of /S or /Subtype that act."""
HIDING_KEYS: Final = frozenset({"/OCProperties"})
"""Optional content: a page that shows one thing here and another there."""


class UnreadablePdf(Exception):  # noqa: N818  - says what is wrong
    """The bytes are no PDF that can be read without guessing (无法解析), or exceed a limit."""


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file inside the PDF (内嵌文件)."""

    name: str
    content: bytes
    relationship: str


@dataclass(slots=True)
class Inspection:
    """
    Findings (检查结果).

    Attributes:
        active: keys and names that act or hide, each once, sorted when read by the caller.
        annotations: subtypes of annotations other than form widgets.
        stream_count: streams of type EmbeddedFile, whether or not a name leads to them.
    """

    active: set[str] = field(default_factory=set[str])
    annotations: set[str] = field(default_factory=set[str])
    embedded: list[EmbeddedFile] = field(default_factory=list[EmbeddedFile])
    stream_count: int = 0
    pages: int = 0
    text: str = ""


def inspect(pdf: bytes) -> Inspection:
    """
    Inspect a PDF (检查).

    Raises:
        UnreadablePdf: not a PDF, encrypted, damaged, or too large inside.
    """
    try:
        with pikepdf.open(BytesIO(pdf), attempt_recovery=False) as document:
            found = Inspection(pages=len(document.pages))
            _walk(document, found)
            if document.get_warnings():
                raise UnreadablePdf("the file is damaged")
            found.text = _text(document)
            return found
    except (
        pikepdf.PdfError,
        pikepdf.PasswordError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as why:
        # qpdf's binding reports damaged objects with any of these.
        raise UnreadablePdf(str(why)[:200]) from why


def _walk(document: pikepdf.Pdf, found: Inspection) -> None:
    seen: set[tuple[int, int]] = set()
    pending: list[Any] = [document.trailer]
    count = 0
    while pending:
        item = pending.pop()
        if not isinstance(item, pikepdf.Object):
            continue
        if item.is_indirect:
            if item.objgen in seen:
                continue
            seen.add(item.objgen)
        count += 1
        if count > MAX_OBJECTS:
            raise UnreadablePdf("too many objects")
        if isinstance(item, pikepdf.Array):
            pending.extend(item)
        elif isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
            members = {key: item[key] for key in item.keys()}  # noqa: SIM118  - a stream is no iterable of keys
            _look(item, members, found)
            pending.extend(members.values())


def _look(item: Any, members: dict[str, Any], found: Inspection) -> None:
    found.active.update(members.keys() & (ACTIVE_KEYS | HIDING_KEYS))
    kinds = {str(members[key]) for key in ("/S", "/Subtype", "/Type") if isinstance(members.get(key), pikepdf.Name)}
    found.active.update(kinds & ACTIVE_NAMES)
    if "/EmbeddedFile" in kinds:
        found.stream_count += 1
    for annotation in members.get("/Annots", ()) if "/Annots" in members else ():
        subtype = str(annotation.get("/Subtype", "/None"))
        if subtype != "/Widget":
            found.annotations.add(subtype)
    files = members.get("/EF")
    if files is not None:
        stream = files["/F"]
        content = _decoded(stream)
        name = str(members.get("/UF", members.get("/F", "")))
        found.embedded.append(EmbeddedFile(name, content, str(members.get("/AFRelationship", ""))))


def _decoded(stream: Any) -> bytes:
    if len(stream.read_raw_bytes()) > MAX_STREAM_BYTES // 8:
        raise UnreadablePdf("a stream is too large")
    content = bytes(stream.read_bytes())
    if len(content) > MAX_STREAM_BYTES:
        raise UnreadablePdf("a stream is too large")
    return content


# --- text ------------------------------------------------------------------------------------------------------


def _text(document: pikepdf.Pdf) -> str:
    """Return the text of all pages in drawing order, as the fonts' ToUnicode maps say it; no spaces are guessed."""
    maps: dict[tuple[int, int], _CodeMap] = {}
    parts: list[str] = []
    pages: list[Any] = list(document.pages)
    for page in pages:
        parts.extend(_texts(page, page.obj.get("/Resources", {}), maps, 0))
        parts.append("\n")
    return "".join(parts)


_CodeMap = dict[int, str]


def _texts(content: Any, resources: Any, maps: dict[tuple[int, int], _CodeMap], depth: int) -> Iterator[str]:
    if depth > MAX_FORM_DEPTH:
        raise UnreadablePdf("forms are nested too deeply")
    current: _CodeMap = {}
    stack: list[_CodeMap] = []
    instructions: list[Any] = list(pikepdf.parse_content_stream(content))
    for instruction in instructions:
        match str(instruction.operator), list(instruction.operands):
            case "q", _:
                stack.append(current)
            case "Q", _ if stack:
                current = stack.pop()
            case "Tf", [name, *_]:
                font = resources.get("/Font", {}).get(str(name))
                current = _code_map(font, maps) if font is not None else {}
            case (("Tj" | "TJ" | "'" | '"'), [*_, last]):
                pieces = last if isinstance(last, pikepdf.Array) else [last]
                yield from (_shown(bytes(piece), current) for piece in pieces if isinstance(piece, pikepdf.String))
            case "Do", [name]:
                form = resources["/XObject"][str(name)]
                if form.get("/Subtype") == "/Form":
                    yield from _texts(form, form.get("/Resources", resources), maps, depth + 1)
            case _:
                pass


def _shown(codes: bytes, code_map: _CodeMap) -> str:
    return "".join(code_map.get(int.from_bytes(codes[i : i + 2]), "�") for i in range(0, len(codes), 2))


_BLOCK: Final = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_HEX: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>")


def _code_map(font: Any, maps: dict[tuple[int, int], _CodeMap]) -> _CodeMap:
    """Read a font's ToUnicode map: two-byte codes, single entries and plain ranges, as PDF/A makers write them."""
    if font.is_indirect and font.objgen in maps:
        return maps[font.objgen]
    code_map: _CodeMap = {}
    if "/ToUnicode" in font:
        for kind, body in _BLOCK.findall(_decoded(font["/ToUnicode"])):
            values = [bytes.fromhex(v.decode()) for v in _HEX.findall(body)]
            if kind == b"bfchar":
                code_map.update(
                    {int.from_bytes(c): u.decode("utf-16-be") for c, u in zip(values[::2], values[1::2], strict=True)}
                )
                continue
            for low, high, first in zip(values[::3], values[1::3], values[2::3], strict=True):
                start = ord(first.decode("utf-16-be"))
                code_map.update(
                    {
                        code: chr(start + i)
                        for i, code in enumerate(range(int.from_bytes(low), int.from_bytes(high) + 1))
                    }
                )
    if font.is_indirect:
        maps[font.objgen] = code_map
    return code_map
