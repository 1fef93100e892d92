"""The catalogues hold exactly the messages of the templates, all of them translated."""

from __future__ import annotations

import re

import pytest

from portal.support import messages, read_catalogue
from tradehall.web.portal.render import TEMPLATE_DIRECTORY, translations


def ids(catalogue: object) -> set[object]:
    return {message.id for message in catalogue if message.id}


def strings(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
def test_nothing_is_missing_and_nothing_is_left_over(locale: str) -> None:
    assert ids(read_catalogue(locale)) == ids(messages())
    assert len(ids(messages())) > 200


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
def test_every_message_is_translated_and_none_is_fuzzy(locale: str) -> None:
    for message in read_catalogue(locale):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        assert all(strings(message.string)), message.id
        names = set(re.findall(r"%\((\w+)\)s", strings(message.id)[0]))
        for text in strings(message.string):
            assert set(re.findall(r"%\((\w+)\)s", text)) == names, message.id


def test_english_has_both_plurals_and_no_chinese() -> None:
    for message in read_catalogue("en"):
        if message.id:
            assert len(strings(message.string)) == len(strings(message.id))
            assert not re.search("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]", "".join(strings(message.string)))
    assert translations("en").ngettext("%(n)s 个标段", "%(n)s 个标段", 1) == "%(n)s lot"
    assert translations("en").ngettext("%(n)s 个标段", "%(n)s 个标段", 2) == "%(n)s lots"


def test_templates_carry_no_chinese_outside_messages() -> None:
    for template in sorted(TEMPLATE_DIRECTORY.glob("*.html")):
        text = template.read_text("utf-8")
        text = re.sub(r"\{%\s*trans.*?endtrans\s*%\}", "", text, flags=re.DOTALL)
        text = re.sub(r"(?:_|ngettext)\('[^']*'(?:, '[^']*')?", "", text)
        text = text.replace("<span>中文</span>", "")  # the name of a language stands in that language
        assert not re.search("[\u3400-\u9fff]", text), (template.name, re.findall("[\u3400-\u9fff]+", text)[:3])
