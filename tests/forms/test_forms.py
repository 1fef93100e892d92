"""Forms made from schemas: every published family can be filled in and read back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tradehall.web.forms import Answer, Mistake, Question, fill, plan, read
from tradehall.web.forms.filling import missing
from tradehall_standards import Catalogue, Version

CATALOGUE = Catalogue.load()
VERSIONS = [CATALOGUE.versions(family)[-1] for family in CATALOGUE.families()]


def sent(answer: Answer) -> dict[str, list[str]]:
    """What a browser would send of a filled form."""
    question = answer.question
    if question.kind in ("group", "money"):
        return {name: values for member in answer.members for name, values in sent(member).items()}
    if question.kind == "list":
        return {n: v for item in answer.items for member in item for n, v in sent(member).items()}
    if question.kind == "choices":
        return {answer.pointer: sorted(answer.chosen)}
    return {answer.pointer: [answer.value]}


def same(value: Any) -> Any:
    """Instants compare as instants."""
    if isinstance(value, dict):
        return {name: same(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [same(inner) for inner in value]
    if isinstance(value, str) and "T" in value and value[:4].isdigit():
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.id)
def test_every_example_of_every_family_survives_the_form(version: Version) -> None:
    question = plan(version)
    for payload in version.valid_examples.values():
        filled = read(question, sent(fill(question, payload)))
        assert same(filled) == same(payload)
        assert not [f for f in CATALOGUE.check(version.ref, filled, version.in_force_from) if f.severity == "block"]
        assert not list(missing(question, payload))


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.id)
def test_every_question_speaks_both_languages(version: Version) -> None:
    def walk(question: Question) -> None:
        assert question.title.zh, question.path
        assert question.title.en, question.path
        for choice in question.choices:
            assert choice.label.zh != choice.code or choice.label.en != choice.code or "codelist" not in question.path
        for member in question.members:
            walk(member)

    walk(plan(version))


def question_of(family: str, *path: str) -> Question:
    found = plan(CATALOGUE.versions(family)[-1])
    for name in path:
        found = next(member for member in found.members if member.name == name)
    return found


def test_kinds_come_from_the_schema() -> None:
    assert question_of("tender_notice", "bid_deadline").kind == "instant"
    assert question_of("tender_notice", "lots").kind == "list"
    assert question_of("tender_notice", "lots", "ceiling").kind == "money"
    assert question_of("tender_notice", "lots", "bid_security", "forms").kind == "choices"
    assert question_of("tender_notice", "bid_validity_days").kind == "integer"
    assert question_of("project", "state_funded").kind == "boolean"
    assert question_of("question", "text").kind == "paragraphs"
    assert question_of("tender_document", "evaluation", "price", "bands").kind == "rows"
    assert question_of("tender_document", "evaluation", "price", "parameters").kind == "pairs"
    regime = question_of("project", "regime")
    assert (regime.kind, regime.required) == ("choice", True)
    assert {c.code for c in regime.choices} >= {"tender_law", "gov_procurement"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1234.5", "1234.50"),
        ("1,234,567.89", "1234567.89"),
        ("１２，３４５", "12345.00"),
        ("12 345", "12345.00"),
        ("0", "0.00"),
        ("1,23", "1,23"),
        ("12.345", "12.345"),
        ("约一百万", "约一百万"),
        ("-5", "-5.00"),
        ("1e3", "1e3"),
        ("٣", "٣"),
    ],
)
def test_amounts_are_put_into_their_one_writing_or_left_alone(written: str, meant: str) -> None:
    form = {"/estimate/amount": [written], "/estimate/currency": ["CNY"]}
    assert read(question_of("project"), form) == {"estimate": {"amount": meant, "currency": "CNY"}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-12-01T09:30", "2026-12-01T09:30:00+08:00"),
        ("2026-12-01T09:30:15", "2026-12-01T09:30:15+08:00"),
        ("2026-12-01T01:30:00Z", "2026-12-01T01:30:00Z"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_a_time_without_offset_is_the_centres(written: str, meant: str) -> None:
    assert read(question_of("tender_notice"), {"/issued_at": [written]}) == {"issued_at": meant}


def test_what_is_empty_is_left_out() -> None:
    form = {"/name": ["  "], "/estimate/currency": ["CNY"], "/lots/0/name": [""], "/lots/2/name": ["三标段"]}
    assert read(question_of("project"), form) == {"lots": [{"name": "三标段"}]}
    assert read(question_of("project"), {}) == {}


def test_hostile_names_make_no_items() -> None:
    form = {f"/lots/{name}/name": ["x"] for name in ("-1", "1e3", "٣", "99999", "", "../x", "__proto__")}
    assert read(question_of("project"), form | {"/nothing/of/this": ["x"]}) == {}


def test_a_mistake_stands_at_its_field_or_the_closest_above() -> None:
    question, payload = question_of("project"), {"name": "x", "lots": [{"id": "L1"}]}
    wrong = [
        Mistake("/name", at("名称")),
        Mistake("/lots/0/id", at("标段")),
        Mistake("/lots/7/id", at("无此标段")),
        Mistake("/nowhere", at("整体")),
    ]
    form = fill(question, payload, wrong)
    found = {member.question.name: member for member in form.members}
    assert [m.message.zh for m in form.mistakes] == ["整体"]
    assert [m.message.zh for m in found["name"].mistakes] == ["名称"]
    assert [m.message.zh for m in found["lots"].mistakes] == ["无此标段"]
    assert [m.message.zh for m in found["lots"].items[0][0].mistakes] == ["标段"]
    assert form.wrong
    assert not fill(question, payload).wrong


def at(text: str) -> Any:
    from tradehall.web.portal.views import Label

    return Label(text, text)


def test_what_is_required_is_asked_for_at_its_own_field() -> None:
    found = [m.pointer for m in missing(question_of("project"), {"lots": [{"id": "L1"}], "tenderer": {"name": "x"}})]
    assert {"/name", "/regime", "/lots/0/name", "/tenderer/id"} <= set(found)
    assert "/agency/id" not in found
