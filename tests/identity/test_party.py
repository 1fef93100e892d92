"""Party ids: five kinds, each with one form; the same forms as records and catalogue check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel import record
from tradehall.kernel.party import REGISTERED_ROLES, PartyInvalid, PartyKind, Role, kind_of, read_party, write_party
from tradehall.procedures.guarantee_letter import GUARANTEE_LETTER
from tradehall.procedures.open_tender import OPEN_TENDER
from tradehall.procedures.remote_evaluation import REMOTE_EVALUATION

GOOD = {
    "org:91510100MA61RHWX3K": PartyKind.ORGANISATION,
    "foreign:duns:15-048-3782": PartyKind.FOREIGN,
    "person:abcdefghij234567": PartyKind.PERSON,
    "bid:kzdvvj2umnduyauf35o36k6kw462mujv": PartyKind.BID_KEY,
    "node:chengdu": PartyKind.NODE,
}
BAD = (
    "",
    ":",
    "org",
    "org:",
    "org:91510100MA61RHWX3",
    "org:91510100MA61RHWX3KK",
    "org:91510100MA61RHWX3k",
    "org:91510100MA61RHWI3K",
    "org:91510100MA61RHWX3K\n",
    "ORG:91510100MA61RHWX3K",
    "foreign:duns:",
    "foreign:D:1",
    "foreign:duns:a b",
    "person:abcdefghij23456",
    "person:abcdefghij234561",
    "bid:1",
    "node:Chengdu",
    "node:" + "a" * 33,
    "node:chengdu:2",
    "user:alice",
    "__class__:x",
)


@pytest.mark.parametrize("text", GOOD)
def test_every_kind_is_read_and_written(text: str) -> None:
    party = read_party(text)
    assert party == text
    assert kind_of(party) is GOOD[text]
    assert write_party(GOOD[text], text.partition(":")[2]) == text


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PartyInvalid):
        read_party(text)


@given(st.one_of(st.sampled_from([*GOOD, *BAD]), st.text(max_size=60), st.from_regex(record._PARTY, fullmatch=True)))
def test_a_record_may_name_exactly_these_parties(text: str) -> None:
    try:
        read = read_party(text)
    except PartyInvalid:
        read = None
    assert (read is not None) == (record._PARTY.fullmatch(text) is not None)


def test_every_role_that_a_procedure_names_is_known() -> None:
    procedures = (OPEN_TENDER, GUARANTEE_LETTER, REMOTE_EVALUATION)
    used = {role for procedure in procedures for step in procedure.steps for role in step.roles}
    assert used - set(Role) == set()
    assert used, "the tables name roles"
    assert set(Role) >= REGISTERED_ROLES
