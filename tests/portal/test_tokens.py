"""Colours keep the contrast that the visual direction promises; the style sheets use tokens and nothing from outside."""

from __future__ import annotations

import gzip
import re

import pytest

from tradehall.web.portal.render import STATIC_DIRECTORY

TOKENS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", (STATIC_DIRECTORY / "tokens.css").read_text("utf-8")))

TEXT_PAIRS = [
    *[
        (ink, ground)
        for ink in ("ink", "muted", "brand", "seal", "seal-ink", "jade-ink")
        for ground in ("surface", "paper")
    ],
    ("on-deep", "brand-deep"),
    ("on-deep", "brand"),
    ("on-deep", "jade"),
    ("on-deep", "seal"),
    ("brand", "brand-tint"),
    ("muted", "brand-tint"),
    ("ink", "brand-tint"),
    ("seal-ink", "seal-tint"),
    ("ink", "seal-tint"),
    ("wait-ink", "seal-tint"),
    ("jade-ink", "jade-tint"),
    ("wait-ink", "jade-tint"),
    ("amber-ink", "amber-tint"),
    ("ink", "amber-tint"),
    ("wait-ink", "amber-tint"),
    ("wait-ink", "wait-tint"),
    ("ink", "wait-tint"),
]
SHAPE_PAIRS = [
    ("control", "surface"),
    ("focus", "surface"),
    ("focus", "brand-deep"),
    ("gold", "brand-deep"),
    ("focus", "paper"),
]


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(TOKENS[one]), luminance(TOKENS[other])), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_has_contrast_of_four_and_a_half(ink: str, ground: str) -> None:
    assert contrast(ink, ground) >= 4.5


@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_controls_and_focus_have_contrast_of_three(shape: str, ground: str) -> None:
    assert contrast(shape, ground) >= 3


def test_the_formula_knows_black_on_white() -> None:
    TOKENS["black"], TOKENS["white"] = "#000000", "#ffffff"
    assert contrast("black", "white") == pytest.approx(21)


def test_style_sheets_load_nothing_from_outside() -> None:
    for sheet in STATIC_DIRECTORY.glob("*.css"):
        text = sheet.read_text("utf-8")
        assert "@import" not in text
        assert all(not address.startswith(("http", "//", "data:")) for address in re.findall(r'url\("?([^")]+)', text))
        assert "oklch(" not in text
        assert ":has(" not in text


def test_pages_use_colours_by_name() -> None:
    app = (STATIC_DIRECTORY / "app.css").read_text("utf-8")
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", app)) <= {"#fafbfc", "#d5e2ec"}


def test_every_token_that_is_used_exists() -> None:
    tokens = set(re.findall(r"(--[a-z-]+):", (STATIC_DIRECTORY / "tokens.css").read_text("utf-8")))
    for sheet in STATIC_DIRECTORY.glob("*.css"):
        assert set(re.findall(r"var\((--[a-z-]+)", sheet.read_text("utf-8"))) <= tokens


def test_the_first_load_stays_small() -> None:
    sizes = {
        file: len(gzip.compress(file.read_bytes()))
        for file in STATIC_DIRECTORY.rglob("*")
        if file.suffix in {".css", ".js", ".svg", ".woff2"}
    }
    islands = [size for file, size in sizes.items() if file.parent.name == "islands"]
    everywhere = sum(sizes.values()) - sum(islands)
    assert everywhere <= 100_000
    assert all(everywhere + island <= 150_000 for island in islands)  # a page has one at most


def test_licences_of_others_are_named() -> None:
    notice = (STATIC_DIRECTORY / "THIRD_PARTY.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in notice
    assert "The MIT License (MIT)" in notice
