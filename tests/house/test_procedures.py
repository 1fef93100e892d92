"""House rules 家规 of the procedures: tables without dead ends, refusals documented, exports up to date."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tradehall.desk.listing import STAGES
from tradehall.kernel.case import NEW
from tradehall.kernel.procedure import Procedure
from tradehall.kernel.refusal import KINDS
from tradehall.main import PROCEDURES
from tradehall.reference.procedures import targets
from tradehall.web.problems import REQUEST_KINDS
from tradehall_standards import Catalogue, canonical
from tradehall_standards.parameters import Parameters
from tradehall_standards.sources import default_root

PLATFORM = Path(inspect.getfile(Procedure)).parent.parent
ROLES = frozenset(
    [
        "agency",
        "applicant",
        "beneficiary",
        "bidder",
        "centre",
        "custodian",
        "expert",
        "guarantor",
        "lead_venue",
        "officer",
        "participant",
        "supervisor",
        "tenderer",
        "venue",
    ]
)
each = pytest.mark.parametrize("procedure", PROCEDURES.values(), ids=lambda p: p.id)


def reached(procedure: Procedure, start: str) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            waiting.extend(to for step in procedure.possible(state) for to in targets(step))
    return found


# --- tables ---------------------------------------------------------------------------------------------------


@each
def test_every_state_is_reached(procedure: Procedure) -> None:
    assert next(iter(procedure.states)) == NEW
    assert reached(procedure, NEW) == set(procedure.states)


@each
def test_no_state_is_a_dead_end(procedure: Procedure) -> None:
    for state in procedure.states:
        ends = reached(procedure, state) & procedure.terminal
        assert ends, f"nothing leads from {state} to an end"
        leaves = {to for step in procedure.possible(state) for to in targets(step)} - {state}
        assert bool(leaves) != (state in procedure.terminal), state


@each
def test_rows_of_one_state_and_family_lead_to_the_same_state(procedure: Procedure) -> None:
    for state in procedure.states:
        for family in procedure.families():
            assert len({row.to for row in procedure.rows(state, family)}) <= 1, (state, family)


@each
def test_rows_name_known_states_roles_and_families_and_a_clause(procedure: Procedure, catalogue: Catalogue) -> None:
    for step in procedure.steps:
        assert {step.state, *targets(step)} <= procedure.states.keys(), step
        assert step.roles, step
        assert set(step.roles) <= ROLES, step
        assert step.family in catalogue.families(), step
        assert step.clause, step
    assert procedure.terminal <= procedure.states.keys()
    assert procedure.folds.keys() <= procedure.families()
    assert procedure.secret_families <= procedure.families()
    for family, state in procedure.closed:
        assert family in procedure.families()
        assert state in procedure.states
        assert not procedure.rows(state, family)


WAITING_FROM: Final = date(2026, 12, 1)
"""Families in force from this day on are published ahead of their procedures; earlier ones each have a row."""


def test_every_family_has_a_row_or_waits_for_its_procedure(catalogue: Catalogue) -> None:
    used = {family for procedure in PROCEDURES.values() for family in procedure.families()}
    published = set(catalogue.families())
    assert used <= published
    for family in published - used:
        first = catalogue.versions(family)[0]
        assert first.in_force_from >= WAITING_FROM, f"{family} was published for a procedure that does not use it"


def test_case_ids_tell_the_procedure() -> None:
    assert len({p.prefix for p in PROCEDURES.values()}) == len(PROCEDURES)


@each
def test_every_function_of_a_table_says_what_it_promises(procedure: Procedure) -> None:
    guards = {guard for step in procedure.steps for guard in step.guards}
    moves = {step.to for step in procedure.steps if callable(step.to)}
    for function in {*guards, *moves, *procedure.folds.values(), *procedure.closed.values()}:
        assert inspect.getdoc(function), function.__name__
    assert all(inspect.getdoc(guard).startswith("Refuse") for guard in guards)  # type: ignore[union-attr]


@each
def test_the_public_list_has_a_stage_for_every_state(procedure: Procedure) -> None:
    if not procedure.secret and procedure.listed:
        assert set(procedure.states) - {NEW} == set(STAGES)


# --- the law's slots ------------------------------------------------------------------------------------------


def test_every_slot_is_asked_for_and_filled_by_a_rule_of_its_regime() -> None:
    asked = {
        call.args[place].value for name, place in SLOT_CALLS for call in _calls(name, OTHERS) if _text(call, place)
    }  # type: ignore[attr-defined]
    parameters = Parameters.load()
    for procedure in PROCEDURES.values():
        filled = {slot for slots in procedure.slots.values() for slot in slots}
        assert filled <= asked | DYNAMIC_SLOTS, filled - asked
        for regime, slots in procedure.slots.items():
            for slot, rule in slots.items():
                assert parameters.rule(rule, date(2026, 3, 2), regime=regime, region=None), (regime, slot, rule)
    assert asked <= {slot for p in PROCEDURES.values() for slots in p.slots.values() for slot in slots}


SLOT_CALLS = (("rule", 0), ("judge", 0), ("number", 0), ("clause", 0), ("period_refusal", 1))
OTHERS = frozenset({"law.py", "scoring.py", "verifier.py"})
"""Files in which a method of one of these names asks something else."""

DYNAMIC_SLOTS = frozenset({"price_weight_goods", "price_weight_services", "security_cap_works", "security_cap_design"})
"""Slots that a guard picks by the kind of procurement."""


def _text(call: ast.Call, place: int) -> bool:
    return len(call.args) > place and isinstance(call.args[place], ast.Constant)


# --- refusals -------------------------------------------------------------------------------------------------


@cache
def _trees() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((path, ast.parse(path.read_text("utf-8"))) for path in sorted(PLATFORM.rglob("*.py")))


def _calls(name: str, but: frozenset[str] = frozenset()) -> Iterator[ast.Call]:
    for path, tree in _trees():
        for node in ast.walk(tree) if path.name not in but else ():
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
                yield node


def _constants() -> set[str]:
    return {
        node.value
        for path, tree in _trees()
        if path.name != "refusal.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_refusal_is_documented() -> None:
    used = {call.args[0].value for call in _calls("refuse") if _text(call, 0)}  # type: ignore[attr-defined]
    assert used <= KINDS.keys(), used - KINDS.keys()
    problems = {call.args[0].value for call in _calls("Problem") if _text(call, 0)}  # type: ignore[attr-defined]
    assert problems <= REQUEST_KINDS.keys(), problems - REQUEST_KINDS.keys()


def test_every_documented_refusal_is_used() -> None:
    assert KINDS.keys() - _constants() == set()


def test_refusals_and_problems_do_not_share_codes() -> None:
    assert not KINDS.keys() & REQUEST_KINDS.keys()


# --- exports --------------------------------------------------------------------------------------------------


@each
def test_the_exported_table_is_up_to_date(procedure: Procedure) -> None:
    path = default_root() / "procedures" / f"{procedure.id}.json"
    assert path.read_bytes() == canonical.jcs(procedure.to_json()) + b"\n", (
        "run: tradehall procedures export -o schemas/procedures"
    )


def test_nothing_else_is_exported() -> None:
    found = {path.stem for path in (default_root() / "procedures").iterdir()}
    assert found == PROCEDURES.keys()
