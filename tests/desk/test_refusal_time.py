"""A refusal is told after it was decided; it bears the instant of the decision."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

from storytelling.people import FIRST_INSTANT, Cast
from storytelling.ways import DeskWay
from tradehall.desk.accept import Filing
from tradehall.desk.filing import signed_record
from tradehall.kernel.case import write_instant
from tradehall.kernel.record import Record, read_record
from tradehall.kernel.refusal import Refusal
from tradehall_standards import Catalogue


def test_a_signed_refusal_bears_the_instant_of_its_decision(tmp_path: Path, catalogue: Catalogue) -> None:
    """Else it could speak of a moment at which the same record, sent again, had already been accepted."""
    cast = Cast(tmp_path / "keys")
    way = DeskWay(cast, catalogue, tmp_path, FIRST_INSTANT)
    who, case = cast["agency"], "t-" + "a" * 26
    wire = signed_record(
        signer=who.signer,
        author=who.party,
        schema=way.schema(who, case, "question"),
        case=case,
        nonce=secrets.token_bytes(16),
        payload={"text": ["?"]},
    )
    record = read_record(wire)
    assert isinstance(record, Record)
    foreign = read_record({**wire, "envelope": {**wire["envelope"], "author": cast["stranger"].party}})  # type: ignore[dict-item]
    assert isinstance(foreign, Record)
    for refused in (record, foreign):  # one judged in the transaction, one examined before it
        decided = way.door.store.now()
        outcome = way.door.accept(Filing(refused))
        assert isinstance(outcome, Refusal)
        way.advance(decided + timedelta(minutes=5))
        signed = way.door.refusal_receipt(refused, outcome, way.door.store.now())
        assert signed["refusal"]["at"] == write_instant(decided)  # type: ignore[index, call-overload]
