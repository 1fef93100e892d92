"""
``tradehall bid status`` and ``bid receipt`` (投标状态与回执): what the folder and the hall know of a bid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from tradehall.cli.bid_filing import (
    BOTH,
    FAMILIES,
    KEY_RECORD,
    Bid,
    opening_of,
)
from tradehall.cli.client import Unavailable
from tradehall.cli.outbox import Kept
from tradehall.cli.remote import Access, Connect, Hall, open_hall, remote_options
from tradehall.cli.words import (
    FOLDER,
    UNAVAILABLE,
    Stop,
    Words,
    json_option,
    member,
    objects,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from tradehall_standards.strict import Json


def status_command(connect: Connect) -> click.Command:
    """Return the command ``status``."""

    @click.command("status")
    @click.argument("folder", type=FOLDER)
    @click.option("--offline", is_flag=True, help="不联网: only what the folder tells.")
    @json_option
    @remote_options
    def command(folder: Path, *, offline: bool, as_json: bool, access: Access, words: Words) -> None:
        """
        投标状态: tell where the bid of FOLDER stands.

        Shows which records have receipts, the deadline, the state of the lot, whether a clarification outdated the bid
        and whether it was opened. Needs no login: before the opening the hall itself can't tell.
        """
        bid = Bid.read(folder)
        status = _local_status(bid)
        lost: Unavailable | None = None
        if not offline:
            try:
                kept = bid.outbox.keys if bid.outbox.folder.exists() else None
                status |= _hall_status(bid, open_hall(access, connect, words, kept=kept, login=False))
            except Unavailable as error:
                lost = error
        if as_json:
            print_json(status)
        else:
            _show_status(bid, status, words)
        if lost is not None:
            words.fail(f"无法连接大厅：{lost}", f"the hall can't be reached: {lost}", UNAVAILABLE)

    return command


def _local_status(bid: Bid) -> dict[str, Json]:
    records = [kept.to_json() for kept in bid.outbox.all()]
    refusals: list[Json] = [
        {name: member(refusal, "refusal", name) for name in ("family", "code", "reason", "at", "record")}
        for refusal in bid.outbox.refusals()
    ]
    return {
        "submission": bid.submission,
        "case": bid.tender.case,
        "title": bid.tender.title,
        "lot": bid.lot,
        "replaces": bid.commitment.get("replaces"),
        "handed_in": bid.is_handed_in,
        "withdrawn": bid.is_withdrawn,
        "records": cast("Json", records),
        "refusals": refusals,
        "hall": None,
    }


def _hall_status(bid: Bid, hall: Hall) -> dict[str, Json]:
    state = hall.case(bid.tender.case)
    opening = opening_of(bid, hall)
    disclosed = _about(bid, hall.records(bid.tender.case, "bid_disclosure"))
    revealed = _about(bid, hall.records(bid.tender.case, KEY_RECORD))
    payload = member(disclosed, "envelope", "payload")
    found: dict[str, Json] = {
        "url": hall.keys.url,
        "deadline": member(state, "head", "deadline"),
        "now": member(hall.client.get("/clock"), "now"),
        "state": member(state, "lots", bid.lot),
        "outdated": member(state, "head", "answers") != bid.answers,
        "in_opening": opening is not None,
        "revealed": revealed is not None,
        "outcome": member(payload, "outcome"),
        "cause": member(payload, "cause"),
        "price": member(payload, "price"),
    }
    return {"hall": found}


def _about(bid: Bid, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((r for r in records if member(r, "envelope", "payload", "submission") == bid.submission), None)


def _show_status(bid: Bid, status: Mapping[str, Json], words: Words) -> None:
    click.echo(f"{bid.submission}  {bid.tender.title}  {bid.lot}")
    filed = {str(record["family"]) for record in objects(status["records"])}
    rows = [(words(*FAMILIES[f]), words("未提交", "not filed"), "") for f in BOTH if f not in filed]
    for record in objects(status["records"]):
        at = record["accepted_at"] or words("已签署，尚无回执", "signed, no receipt yet")
        rows.append((words(*FAMILIES[str(record["family"])]), str(at), str(record["record"])))
    for refusal in objects(status["refusals"]):
        label = words(*FAMILIES[str(refusal["family"])])
        rows.append((label, words("被拒", "refused"), f"{member(refusal, 'reason', words.lang)} ({refusal['code']})"))
    print_table([words("记录", "record"), words("受理时间", "accepted at"), words("摘要", "digest")], rows)
    click.echo(f"{words('结论', 'in short')}: {_verdict(status, words)}")


def _verdict(status: Mapping[str, Json], words: Words) -> str:
    """Say in one sentence where a bid stands: the first line that holds."""
    hall = status["hall"]
    deadline, state, cause = (member(hall, name) for name in ("deadline", "state", "cause"))
    price = f"{member(hall, 'price', 'amount')} {member(hall, 'price', 'currency')}"
    lines: tuple[tuple[object, str, str], ...] = (
        (member(hall, "outcome") == "opened", f"已开启，报价 {price}", f"opened: {price}"),
        (member(hall, "outcome"), f"未能开启（{cause}）", f"not opened ({cause})"),
        (status["withdrawn"], "已撤回或已被替换", "withdrawn or replaced"),
        (not status["handed_in"], "尚未递交完成，请运行 bid submit", "not handed in yet: run bid submit"),
        (hall is None, "已递交，开标前任何人都不能开启", "handed in; nobody can open it before the opening"),
        (
            member(hall, "revealed"),
            "密钥已公布，等待唱标",
            "the key is released; the hall has not announced the bid yet",
        ),
        (member(hall, "in_opening"), "正在开标，请运行 bid reveal", "the opening is on: run bid reveal"),
        (
            member(hall, "outdated"),
            f"已被澄清作废，截止 {deadline} 前请 bid confirm 或 bid replace",
            f"outdated by a clarification: bid confirm or bid replace before {deadline}",
        ),
        (state == "tendering", f"已递交，截止时间 {deadline}", f"handed in; the deadline is {deadline}"),
    )
    other = (f"标段状态 {state}，此投标不在其中", f"the lot is {state}; this bid is no part of it")
    return words(*next(((zh, en) for holds, zh, en in lines if holds), other))


def receipt_command(connect: Connect) -> click.Command:
    """Return the command ``receipt``."""

    @click.command("receipt")
    @click.argument("folder", type=FOLDER)
    @json_option
    @remote_options
    def command(folder: Path, *, as_json: bool, access: Access, words: Words) -> None:
        """
        补领回执: fetch and verify the receipts of FOLDER's bid again.

        Other cities' halls cosign the log a moment after a record is accepted; the fresh receipts carry their
        signatures. A record signed but never answered gets its receipt here too, if it had arrived.
        """
        bid = Bid.read(folder)
        names = [kept.name for kept in bid.outbox.all()]
        if not names:
            raise Stop("此投标还没有提交任何记录", "nothing of this bid was filed yet")
        hall = open_hall(access, connect, words, kept=bid.outbox.keys, login=False)
        found = [bid.outbox.fetch(name, hall) for name in names]
        if as_json:
            print_json([kept.to_json() for kept in found])
            return
        rows = [_receipt_row(kept, words) for kept in found]
        print_table([words("记录", "record"), words("受理时间", "accepted at"), words("见证", "cosigned by")], rows)

    return command


def _receipt_row(kept: Kept, words: Words) -> tuple[str, str, str]:
    row = kept.to_json()
    names = cast("Sequence[Json]", row["cosignatures"])
    at = row["accepted_at"] or words("大厅没有收到", "never arrived")
    return words(*FAMILIES[kept.family]), str(at), ", ".join(map(str, names)) or "—"
