"""What the authority's remarks mean: every spelling of the real table, reviewed one by one."""

from __future__ import annotations

import pytest

from tradehall.replay.profile import Meaning, load_profile

PROFILE = load_profile()

REVIEWED = {
    "": ("none", ""),
    " below the minimum limit price": ("figures", ""),
    "below the minimum limit price": ("figures", ""),
    "below limit price": ("figures", ""),
    "disqualfication": ("rejected", "RJ-6"),
    "disqualificaion": ("rejected", "RJ-6"),
    "disqualification": ("rejected", "RJ-6"),
    "disqualification (below the minimum limit price)": ("rejected", "RJ-6"),
    "disqualification (by post-examination)": ("rejected", "RJ-3"),
    "disqualified": ("rejected", "RJ-6"),
    "disqualified (breakdown manual not submitted)": ("rejected", "RJ-6"),
    "disqualified in post-examination": ("rejected", "RJ-3"),
    "no result qualification of post-examination": ("rejected", "RJ-3"),
    "No successful bid qualification for unrelated matter successful bid": ("rejected", "RJ-3"),
    "No. 6 successful bid eligibility without soil water further Engineering": ("rejected", "RJ-3"),
    "No. 7 successful bid under no eligibility Kunihooyake": ("rejected", "RJ-3"),
    "No. 9 successful bid eligibility without soil water new plant": ("rejected", "RJ-3"),
    "Disable (breakdown manual not submitted)": ("rejected", "RJ-6"),
    "Disable (estimated price exceeded)": ("rejected", "RJ-5"),
    "Invalid bid": ("rejected", "RJ-6"),
    "invalid": ("rejected", "RJ-6"),
    "successful bid decision (determined by lottery)": ("outcome", ""),
    "won  by lottery": ("outcome", ""),
    "won by lottery": ("outcome", ""),
    "won (lottery and determine the successful candidate in constant)": ("outcome", ""),
    "won (the successful bid climate by lottery decided to complement person)": ("outcome", ""),
    "somebody wrote this later": ("unknown", ""),
}


@pytest.mark.parametrize(("remark", "expected"), REVIEWED.items())
def test_a_remark_means_what_was_reviewed(remark: str, expected: tuple[str, str]) -> None:
    decision = PROFILE.decision(remark)
    assert (PROFILE.meaning(remark), decision.ground if decision else "") == expected
    assert decision is None or remark.strip() in decision.explanation


def test_nothing_else_is_in_the_table_of_remarks() -> None:
    folded = {" ".join(remark.casefold().split()) for remark, (meaning, _) in REVIEWED.items() if meaning != "unknown"}
    assert set(PROFILE.remarks) == folded - {""}
    assert Meaning.UNKNOWN not in {meaning for meaning, _ in PROFILE.remarks.values()}


def test_the_profile_is_foreign_and_says_so() -> None:
    assert PROFILE.regime == "foreign_sealed"
    assert any(PROFILE.id in rule for rule in PROFILE.rules)
    assert PROFILE.firm("B0188") == "foreign:tsuchiura:B0188"
    assert len(PROFILE.custodians) > PROFILE.threshold >= 2
