"""
Fonts of printed documents (字体): Noto Serif CJK, cut down once to the common characters so that a letter is quick.

Embedding a few hundred glyphs out of a 24 MB font costs most of the time of a letter, and most of its size: a glyph
keeps its number in the file, and there is an entry for every number below. A worker therefore cuts the installed fonts
when it starts (a third of a second each), first to the characters that printed documents are mostly made of
(``often.txt``), then to the two levels of GB 2312, and puts the cuts *before* the whole fonts: a rare character in a
name falls back to the whole font, so nothing is lost but a few milliseconds.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path("/usr/share/fonts/opentype/noto")

_CONFIG: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<dir>{folder}</dir>
<cachedir>{folder}</cachedir>
{rules}
</fontconfig>
"""
_RULE: Final = """<match target="scan"><test name="file" compare="eq"><string>{file}</string></test>
<edit name="family" mode="assign"><string>{family}</string></edit></match>"""


_SIGNS_AND_LEVEL_1: Final = range(0xA1, 0xD8)
_LEVEL_2: Final = range(0xD8, 0xF8)
_DROP_TABLES: Final = 3
"""``HB_SUBSET_SETS_DROP_TABLE_TAG``."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One font to cut: family it gets in the style sheet, file name, face in the collection, code points."""

    family: str
    source: str
    face: str
    characters: frozenset[int]
    features: bool = True
    """Whether to keep variants and kerning; they bring glyphs that nobody asked for by a character."""

    @property
    def name(self) -> str:
        """File name of the cut font."""
        return f"{self.family.replace(' ', '')}-{self.source.removesuffix('.ttc')}.otf"


def common_characters(rows: range = range(0xA1, 0xF8)) -> frozenset[int]:
    """Return the code points of GB 2312 (国标一二级汉字) in some of its rows."""
    found: set[int] = set()
    for row in rows:
        for cell in range(0xA1, 0xFF):
            text = bytes((row, cell)).decode("gb2312", errors="ignore")
            found.update(map(ord, text))
    return frozenset(found)


def often_characters() -> frozenset[int]:
    """Return the code points that printed documents are mostly made of (常用字): Latin-1 and ``often.txt``."""
    text = (Path(__file__).parent / "often.txt").read_text("utf-8")
    latin = {*range(0x20, 0x7F), *range(0xA0, 0x100), *range(0x2010, 0x2040)}
    return frozenset(latin | {ord(c) for c in text if c != "\n"})


def cuts() -> tuple[Cut, ...]:
    """Return the fonts the style sheet names first."""
    often = often_characters()
    ascii_only = frozenset(range(0x20, 0x7F))
    regular, bold = "NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"
    return (
        *(Cut("Hall Serif", source, "SC", often) for source in (regular, bold)),
        *(
            Cut(family, source, "SC", common_characters(rows), features=False)
            for family, rows in (("Hall Serif More", _SIGNS_AND_LEVEL_1), ("Hall Serif Rare", _LEVEL_2))
            for source in (regular, bold)
        ),
        Cut("Hall Mono", "NotoSansCJK-Regular.ttc", "Mono SC", ascii_only),
    )


# Faces of the Debian collections, in file order.
_ORDER: Final = {"JP": 0, "KR": 1, "SC": 2, "TC": 3, "HK": 4, "Mono JP": 5, "Mono KR": 6, "Mono SC": 7}


def prepare(folder: Path) -> Path | None:
    """
    Write the cut fonts and a fontconfig file into ``folder``.

    Returns:
        The fontconfig file; None when HarfBuzz' subsetter or the fonts are absent: then the installed fonts are used
        as they are, which is slower but gives the same page.
    """
    try:
        cutter = _Cutter()
    except OSError:
        return None
    rules: list[str] = []
    for cut in cuts():
        source, target = _FOLDER / cut.source, folder / cut.name
        if not source.is_file():
            return None
        target.write_bytes(cutter.cut(source, cut))
        rules.append(_RULE.format(file=target, family=cut.family))
    config = folder / "fonts.conf"
    config.write_text(_CONFIG.format(folder=folder, rules="\n".join(rules)), "utf-8")
    return config


class _Cutter:
    """The few calls of libharfbuzz-subset that are needed; OSError when it is not installed."""

    def __init__(self) -> None:
        self._hb, self._subset = ctypes.CDLL("libharfbuzz.so.0"), ctypes.CDLL("libharfbuzz-subset.so.0")
        pointer, number = ctypes.c_void_p, ctypes.c_uint
        signatures: tuple[tuple[ctypes.CDLL, str, object, list[object]], ...] = (
            (self._hb, "hb_blob_create_from_file", pointer, [ctypes.c_char_p]),
            (self._hb, "hb_face_create", pointer, [pointer, number]),
            (self._hb, "hb_set_add", None, [pointer, number]),
            (self._hb, "hb_face_reference_blob", pointer, [pointer]),
            (self._hb, "hb_blob_get_data", pointer, [pointer, ctypes.POINTER(number)]),
            (self._hb, "hb_face_destroy", None, [pointer]),
            (self._hb, "hb_blob_destroy", None, [pointer]),
            (self._subset, "hb_subset_input_create_or_fail", pointer, []),
            (self._subset, "hb_subset_input_unicode_set", pointer, [pointer]),
            (self._subset, "hb_subset_input_set", pointer, [pointer, number]),
            (self._subset, "hb_subset_or_fail", pointer, [pointer, pointer]),
            (self._subset, "hb_subset_input_destroy", None, [pointer]),
        )
        for library, name, result, arguments in signatures:
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def cut(self, source: Path, asked: Cut) -> bytes:
        hb, subset = self._hb, self._subset
        blob = hb.hb_blob_create_from_file(str(source).encode())
        face = hb.hb_face_create(blob, _ORDER[asked.face])
        wanted = subset.hb_subset_input_create_or_fail()
        code_points = subset.hb_subset_input_unicode_set(wanted)
        for character in asked.characters:
            hb.hb_set_add(code_points, character)
        if not asked.features:
            dropped = subset.hb_subset_input_set(wanted, _DROP_TABLES)
            for tag in (b"GSUB", b"GPOS"):
                hb.hb_set_add(dropped, int.from_bytes(tag))
        small = subset.hb_subset_or_fail(face, wanted)
        if not small:
            raise OSError(f"HarfBuzz could not cut {source.name}")
        data_blob = hb.hb_face_reference_blob(small)
        length = ctypes.c_uint()
        data = hb.hb_blob_get_data(data_blob, ctypes.byref(length))
        content = ctypes.string_at(data, length.value)
        hb.hb_blob_destroy(data_blob)
        hb.hb_face_destroy(small)
        subset.hb_subset_input_destroy(wanted)
        hb.hb_face_destroy(face)
        hb.hb_blob_destroy(blob)
        return content
