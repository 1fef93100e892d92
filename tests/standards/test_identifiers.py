"""Vectors are published codes or were computed by two independent implementations."""

from __future__ import annotations

import pytest

from tradehall_standards.identifiers import KINDS, code_descends_from, find_problem


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uscc", "914403001922038216"),
        ("uscc", "91330100799655058B"),
        ("uscc", "9144030071526726XG"),
        ("org_code", "19220382-1"),
        ("org_code", "79965505-8"),
        ("org_code", "192203821"),
        ("id_card", "11010519491231002X"),
        ("id_card", "510104199001011003"),
        ("deal_code", "A02-12510100450612346Q-20261123-000001-U"),
        ("deal_code", "D03-11510100009123453B-20260601-019512-2"),
        ("project_code", "E3500000717002688"),
        ("project_code", "E3500000717002688002"),
        ("tender_project_code", "E3500000001001043001"),
        ("lot_code", "E3500000001001043001001"),
        ("document_code", "E3500000001001043001001001"),
        ("invest_project_code", "2026-510100-47-01-123456"),
        ("invest_project_code", "2025-500000-48-03-000001"),
        ("party_id", "org:914403001922038216"),
        ("party_id", "foreign:lei:529900T8BM49AURSDO55"),
        ("party_id", "person:abcdefghijklmnop"),
        ("party_id", "bid:abcdefghijklmnopqrstuvwxyz234567"),
        ("party_id", "node:chengdu"),
    ],
)
def test_right_codes_have_no_problem(kind: str, value: str) -> None:
    assert find_problem(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("uscc", "914403001922038217", "check"),
        ("uscc", "91330100799655058b", "format"),
        ("uscc", "9144030071526726OG", "format"),
        ("uscc", "９14403001922038216", "format"),
        ("uscc", "914403001922038216\n", "format"),
        ("org_code", "19220382-2", "check"),
        ("org_code", "71526726-0", "check"),
        ("org_code", "1922038-1", "format"),
        ("id_card", "110105194912310021", "check"),
        ("id_card", "11010519491331002X", "date"),
        ("id_card", "11010519491231002x", "format"),
        ("deal_code", "A02-12510100450612346Q-20261123-000001-A", "check"),
        ("deal_code", "A02-12510100450612346Q-20261323-000001-U", "date"),
        ("deal_code", "A02-12510100450612346Q-20261123-00001-U", "format"),
        ("project_code", "E35000007170026880020", "format"),
        ("project_code", "3500000717002688002", "format"),
        ("lot_code", "E3500000717002688", "format"),
        ("invest_project_code", "2026-510100-47-01-12345", "format"),
        ("invest_project_code", "2026510100470112345678", "format"),
        ("party_id", "org:914403001922038217", "check"),
        ("party_id", "org:", "format"),
        ("party_id", "person:ABCDEFGHIJKLMNOP", "format"),
        ("party_id", "other:x", "format"),
    ],
)
def test_wrong_codes_are_told_apart(kind: str, value: str, code: str) -> None:
    problem = find_problem(kind, value)
    assert problem is not None
    assert problem.code == code
    assert problem.message_zh
    assert problem.message_en


ALPHABETS = {"uscc": "0123456789ABCDEFGHJKLMNPQRTUWXY", "deal_code": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"}


def test_every_single_substitution_in_a_uscc_is_found() -> None:
    right = "914403001922038216"
    for place, known in enumerate(right):
        for char in ALPHABETS["uscc"].replace(known, ""):
            assert find_problem("uscc", right[:place] + char + right[place + 1 :]) is not None


def test_every_adjacent_transposition_in_a_uscc_is_found() -> None:
    right = "91330100799655058B"
    for place in range(17):
        if right[place] != right[place + 1]:
            wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
            assert find_problem("uscc", wrong) is not None


def test_every_single_substitution_in_a_deal_code_is_found() -> None:
    right = "A02-12510100450612346Q-20261123-000001-U"
    for place, known in enumerate(right):
        for char in ALPHABETS["deal_code"].replace(known, "") if known != "-" else "":
            assert find_problem("deal_code", right[:place] + char + right[place + 1 :]) is not None


def test_codes_of_other_platforms_are_only_warned_about() -> None:
    problem = find_problem("deal_code", "A02-12510100450612346Q-20261123-000001-A")
    assert problem is not None
    assert problem.severity == "warn"
    assert find_problem("deal_code", "nonsense").severity == "warn"  # type: ignore[union-attr]


def test_a_child_code_begins_with_its_parent() -> None:
    assert code_descends_from("E3500000001001043001", "E3500000001001043")
    assert not code_descends_from("E3500000001001043", "E3500000001001043")
    assert not code_descends_from("E3500000001001044001", "E3500000001001043")
    assert not code_descends_from("E3500000001001043X", "E3500000001001043")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_text_makes_a_check_raise(kind: str) -> None:
    for text in ("", "-", "标", "9" * 100, "org:", "A02-" + "9" * 36, "\x00", "０" * 18):
        assert find_problem(kind, text) is not None
