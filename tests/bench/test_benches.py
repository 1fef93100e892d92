"""Every measurement runs, refuses to measure the wrong path, and finds a cost that grows with the case."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest
from click.testing import CliRunner
from rich.console import Console

from tradehall import verifier
from tradehall.bench import command
from tradehall.bench.accepting import GROWTH_MOST, accepting, growth
from tradehall.bench.figures import Line
from tradehall.bench.floor import Bare, Floor
from tradehall.bench.hall import BEGIN, HallError, announce, hall, organisation, read, stands
from tradehall.bench.others import letter_lines, sealing_lines, storage_lines
from tradehall.bench.proving import proving
from tradehall.bench.replaying import FAMILIES as DRAFTED
from tradehall.bench.replaying import dry_runs
from tradehall.bench.serving import serving
from tradehall.bench.validating import FAMILIES, intake, validation
from tradehall.desk.accept import Filing
from tradehall_standards import Catalogue, strict


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


# --- growth: the one promise ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_accepting_the_two_thousandth_record_costs_what_the_twentieth_did(catalogue, tmp_path):
    (line,) = growth(catalogue, small=20, large=2000, rounds=9, folder=tmp_path)
    assert line.ratio is not None
    assert line.ratio < Decimal("1.5"), line  # few rounds beside other tests; the bench itself promises GROWTH_MOST
    assert line.broken is (line.ratio > GROWTH_MOST)
    assert not list(tmp_path.iterdir())


def test_a_door_that_reads_all_records_again_is_found_out(catalogue, tmp_path):
    (line,) = growth(
        catalogue, small=20, large=400, rounds=3, folder=tmp_path, also=lambda held: held.node.desk.look(held.tender)
    )
    assert line.ratio is not None
    assert line.ratio > GROWTH_MOST
    assert line.broken


# --- the hall ---------------------------------------------------------------------------------------------------


def test_bids_of_the_hall_pass_the_door_once_and_changed_ones_do_not(catalogue, tmp_path):
    with hall(catalogue, folder=tmp_path) as held:
        first, second = (strict.parse(body) for body in held.commitments(2))
        outcomes = held.node.door.accept_many([Filing(read(first)), Filing(read(second))])
        assert len(set(stands(outcomes))) == 2
        swapped = {"envelope": second["envelope"], "signature": first["signature"]}
        with pytest.raises(HallError, match="SIGNATURE-INVALID"):
            held.accept([read(swapped)])
        with pytest.raises(HallError):
            read({"envelope": {}})
        assert held.begun_on.isoformat() == BEGIN[:10]


def test_a_node_holds_several_tenders_with_their_own_custodians(catalogue, tmp_path):
    with hall(catalogue, folder=tmp_path) as held:
        other = announce(held.node, held.folder)
        assert other.tender != held.tender
        assert other.terms != held.terms
        stranger = replace(held, terms=other.terms)
        with pytest.raises(HallError):
            # Right shares for the wrong custodians still have the right parties; the answer is another notice's.
            held.accept([read(strict.parse(replace(stranger, answers=other.answers).commitments(1)[0]))])


def test_fictional_organisations_have_lawful_codes(catalogue):
    version = catalogue.versions("project")[-1]
    payload = {**next(iter(version.valid_examples.values())), "tenderer": {"id": organisation(7), "name": "甲"}}
    assert not catalogue.check(version.ref, payload, version.in_force_from)


# --- the floors -------------------------------------------------------------------------------------------------


def test_the_floor_judges_signature_and_schema_and_both_keep_the_bytes(catalogue, tmp_path):
    with hall(catalogue, folder=tmp_path) as held:
        bodies = held.commitments(3)
    bundle = dict(catalogue.versions("bid_commitment")[-1].bundle)
    with closing(Floor(tmp_path / "floor.db", bundle)) as floor, closing(Bare(tmp_path / "bare.db")) as bare:
        assert len({*floor.settle(bodies)}) == 3
        assert bare.settle(bodies) == [b"{}"] * 3
        for kept in (floor, bare):
            assert [row[0] for row in kept._connection.execute("SELECT body FROM record ORDER BY idx")] == bodies
        wrong = json.loads(bodies[0])
        wrong["envelope"]["payload"]["lot"] = "lot one"
        with pytest.raises(ValueError, match="not valid"):
            floor.settle([json.dumps(wrong).encode()])
        wrong["envelope"]["payload"]["lot"] = "L2"
        with pytest.raises(Exception, match="forged"):
            floor.settle([json.dumps(wrong).encode()])


# --- each measurement, small ------------------------------------------------------------------------------------


def test_validation_tells_the_schema_from_the_whole(catalogue):
    lines = validation(catalogue, records=4, rounds=1)
    assert len(lines) == 3 * len(FAMILIES)
    assert all(line.ours > 0 and line.theirs and line.ratio for line in lines)
    # The whole does more than the schema and than the rules: faster than either, it would have left something out.
    for schema, whole, beside in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        assert schema.ours > whole.ours
        assert beside.ratio is not None
        assert beside.ratio < 1
    taken = intake(catalogue, records=4, rounds=1)
    assert len(taken) == 2 * len(FAMILIES)
    assert all(quick.ours > whole.ours for quick, whole in zip(taken[::2], taken[1::2], strict=True))


def test_a_refused_example_stops_the_measurement(catalogue, monkeypatch):
    monkeypatch.setattr(Catalogue, "check", lambda *_: ("a finding",))
    with pytest.raises(ValueError, match="refused"):
        validation(catalogue, records=2, rounds=1)


@pytest.mark.slow
def test_dry_runs_are_extrapolated_from_all_families_with_their_basis(catalogue, tmp_path):
    lines = dry_runs(catalogue, records=40, rounds=1, folder=tmp_path)
    assert [line.what.partition(",")[0] for line in lines[: len(DRAFTED)]] == list(DRAFTED)
    whole, rules, _ = lines[len(DRAFTED) :]
    assert "3,400,000 records, equal shares of 8 families" in whole.what
    assert whole.met is (whole.ours <= 90)
    assert rules.ours < whole.ours
    assert not list(tmp_path.iterdir())


def test_accepting_is_measured_against_both_floors(catalogue, tmp_path):
    lines = accepting(catalogue, sizes=(4,), records=8, rounds=1, folder=tmp_path)
    assert [line.against for line in lines] == ["bare insert", "floor: schema, signatures"]
    # Ours does all that the floor does and more: a figure above it would mean that something was left out.
    assert all(line.ratio is not None and 0 < line.ratio < 1 for line in lines)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_serving_files_every_record_over_http(catalogue, tmp_path):
    lines = serving(catalogue, requests=16, rounds=1, connections=8, folder=tmp_path)
    assert [line.unit for line in lines] == ["records/s", "records/s", "records/s", "ms", "ms"]
    assert lines[3].ours <= lines[4].ours
    assert not list(tmp_path.iterdir())


def test_the_opening_of_a_tender_verifies(catalogue, tmp_path):
    lines = proving(catalogue, sizes=(3, 4), folder=tmp_path)
    verified = [line for line in lines if "checks" in line.what]
    assert [line.met for line in verified] == [True, True]
    assert [f"{count} bidders" in line.what for count, line in zip((3, 4), verified, strict=True)] == [True, True]
    assert [line.against for line in lines[-2:]] == ["3 bidders"] * 2
    assert not list(tmp_path.iterdir())


def test_an_opening_with_too_few_bids_is_not_measured(catalogue, tmp_path):
    with pytest.raises(HallError):
        proving(catalogue, sizes=(1,), folder=tmp_path)


def test_a_verifier_that_finds_nothing_wrong_is_not_measured(catalogue, tmp_path, monkeypatch):
    honest = verifier.verify_bytes
    kept = []

    def blind(file, **more):
        kept.append(kept[0] if kept else file)
        return honest(kept[0], **more)

    monkeypatch.setattr(verifier, "verify_bytes", blind)
    with pytest.raises(HallError, match="changed"):
        proving(catalogue, sizes=(3,), folder=tmp_path)


@pytest.mark.slow
def test_the_other_measurements_have_goals(tmp_path):
    lines = [
        *sealing_lines(size_mib=1, rounds=1, folder=tmp_path),
        *storage_lines(batches=(4,), rows=16, rounds=1, folder=tmp_path),
        *letter_lines(letters=1, rounds=1),
    ]
    assert [line.bench for line in lines] == ["sealing"] * 5 + ["storage"] + ["letters"] * 4
    assert all(line.met is not None for line in lines if line.goal)


# --- the command ------------------------------------------------------------------------------------------------


def line(*, met: bool, claimed: bool) -> Line:
    return Line("growth", "case", Decimal(1234), "µs", "small", Decimal(1000), Decimal("1.234"), "≤ 1.5×", met, claimed)


@pytest.mark.parametrize(
    ("met", "claimed", "status"), [(True, True, 0), (False, True, 1), (False, False, 0), (True, False, 0)]
)
def test_only_a_broken_promise_fails_the_run(monkeypatch, met, claimed, status):
    monkeypatch.setattr(command, "BENCHES", {"growth": lambda _: [line(met=met, claimed=claimed)]})
    done = CliRunner().invoke(command.bench, ["--on", "2026-03-25"])
    assert done.exit_code == status, done.output
    assert "1,234" in done.stdout
    assert "2026-03-25" in done.stdout


def test_json_holds_machine_and_lines_and_names_choose(catalogue, monkeypatch):
    monkeypatch.setattr(Catalogue, "load", lambda: catalogue)
    monkeypatch.setitem(command.BENCHES, "intake", lambda plan: intake(plan.catalogue, records=2, rounds=1))
    done = CliRunner().invoke(command.bench, ["intake", "intake", "--quick", "--json", "--on", "2026-03-25"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["quick"] is True
    assert found["machine"]["date"] == "2026-03-25"
    assert {"cores", "python", "cryptography"} <= found["machine"].keys()
    assert [row["bench"] for row in found["lines"]] == ["intake"] * 6


def test_an_unknown_name_is_refused():
    assert CliRunner().invoke(command.bench, ["speed"]).exit_code == 2


def test_the_table_marks_what_was_missed():
    console = Console(record=True, width=160)
    command.show([line(met=False, claimed=True), line(met=True, claimed=False)], {"date": "2026-03-25"}, console)
    text = console.export_text()
    assert text.count("✗") == 1
    assert text.count("✓") == 1
