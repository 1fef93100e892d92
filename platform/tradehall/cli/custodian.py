"""
``tradehall custodian`` 保管方命令: a key for one tender, and at the opening the shares that it opens.

A custodian makes a fresh key for each tender and gives its recipient to whoever writes the notice. Before the opening
nobody learns which bids there are; after it every commitment is public, and with it the boxes the bidders dealt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from tradehall.cli.bidder import BidFileError, read_identity, read_key_text
from tradehall.cli.outbox import Draft, Kept, Outbox
from tradehall.cli.remote import Access, Connect, Hall, connect, open_hall, remote_options
from tradehall.cli.words import (
    FILE,
    NEW_FILE,
    NEW_FOLDER,
    VERIFICATION_FAILED,
    Stop,
    Words,
    json_option,
    keep,
    lang_option,
    member,
    objects,
    print_json,
    print_table,
)
from tradehall.rules import sealing
from tradehall.rules.sealing import Commitment, ReleasedShare, Rng

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

SHARE_RECORD: Final = "share_release"


class Fault(Protocol):
    """Why a box holds no true share (分片不实)."""

    @property
    def why(self) -> str:
        """One sentence."""
        ...


@dataclass(frozen=True, slots=True)
class CustodianTools:
    """
    What the custodian's commands need of the outer rooms (工具依赖).

    Attributes:
        take_share: ``adapters.sealing.take_share``.
        party_of: whose certificate it is.
        rng: cryptographic chance.
    """

    take_share: Callable[[Commitment, str, str], ReleasedShare | Fault]
    party_of: Callable[[bytes], str]
    rng: Rng


@dataclass(frozen=True, slots=True)
class Box:
    """One bid of the opening, as a custodian sees it (分片情况)."""

    submission: str
    lot: str
    share: ReleasedShare | None
    fault: str
    key_released: bool
    share_released: bool
    outcome: str | None

    @property
    def is_waiting(self) -> bool:
        """Whether the bid is not opened, has no key, and this custodian's share is still to come."""
        return self.outcome is None and not self.key_released and not self.share_released and self.share is not None

    def to_json(self) -> dict[str, Json]:
        """Return the line of a list; never the share."""
        return {
            "submission": self.submission,
            "lot": self.lot,
            "share": "true" if self.share is not None else "untrue",
            "fault": self.fault or None,
            "key_released": self.key_released,
            "share_released": self.share_released,
            "outcome": self.outcome,
        }


@dataclass(frozen=True, slots=True)
class Custody:
    """A custodian at a tender (保管方)."""

    party: str
    secret: str = field(repr=False)


def custodian_commands(tools: CustodianTools, connect: Connect = connect) -> click.Group:
    """Return the group ``custodian`` (保管方命令组)."""
    group = click.Group("custodian", help="保管方: keep a share of every bid's key, release it at the opening.")
    for command in (_key_command(tools), _check_command(tools, connect), _release_command(tools, connect)):
        group.add_command(command)
    return group


def _key_command(tools: CustodianTools) -> click.Command:
    @click.command("key")
    @click.argument("out", type=NEW_FILE)
    @json_option
    @lang_option
    def command(out: Path, *, as_json: bool, lang: str) -> None:
        """
        生成保管密钥: make the custodian's key of one tender in the new file OUT, and print its recipient.

        The recipient (age1…) goes into the tender notice. The file stays with the custodian until the opening:
        lost, the share is lost. For a file that is there already its recipient is printed again. Use a fresh key for
        each tender.
        """
        words = Words(lang)
        if not out.exists():
            secret = sealing.new_secret(tools.rng)
            text = f"# public key: {sealing.recipient_of_secret(secret)}\n{sealing.encode_secret(secret)}\n"
            keep(out, text.encode())
        try:
            recipient = sealing.recipient_of_secret(sealing.decode_secret(read_key_text(out)))
        except (ValueError, OSError) as error:
            words.fail(f"{out} 不是保管密钥：{error}", f"{out} is no key file: {error}")
        if as_json:
            print_json({"recipient": recipient, "file": str(out)})
        else:
            click.echo(recipient)

    return command


_key_option = click.option("--key", type=FILE, required=True, help="保管密钥: the custodian's key file of this tender.")


def _check_command(tools: CustodianTools, connect: Connect) -> click.Command:
    @click.command("check")
    @click.argument("case", metavar="CASE")
    @_key_option
    @json_option
    @remote_options
    def command(case: str, key: Path, *, as_json: bool, access: Access, words: Words) -> None:
        """
        核验分片: once tender CASE is opened, open the custodian's own box of every bid and check the share inside.

        Nothing is sent. Before the opening the commitments are secret and there is nothing to check. Exit code 4 when
        a bidder dealt an untrue share. No login needed.
        """
        hall = open_hall(access, connect, words, login=False)
        boxes = _boxes(hall, case, _custody(hall.case(case), key), tools)
        _show_boxes(boxes, words, as_json=as_json)
        if any(box.share is None for box in boxes):
            words.fail(
                "有分片不实，由相应投标人负责",
                "a box holds no true share; its bidder answers for it",
                VERIFICATION_FAILED,
            )

    return command


def _release_command(tools: CustodianTools, connect: Connect) -> click.Command:
    @click.command("release")
    @click.argument("case", metavar="CASE")
    @_key_option
    @click.option("--certificate", type=FILE, required=True, help="保管方证书: certificate, PEM or DER.")
    @click.option("--signing-key", type=FILE, required=True, help="签名私钥: its private key, PEM.")
    @click.option("-o", "--out", type=NEW_FOLDER, help="回执文件夹: folder for receipts; CASE-shares without it.")
    @click.option("--submission", "only", multiple=True, help="只释放此投标: only this bid; may be repeated.")
    @click.option("--dry-run", is_flag=True, help="只列出: list what would be released, send nothing.")
    @json_option
    @remote_options
    def command(
        case: str,
        key: Path,
        certificate: Path,
        signing_key: Path,
        out: Path | None,
        only: tuple[str, ...],
        *,
        dry_run: bool,
        as_json: bool,
        access: Access,
        words: Words,
    ) -> None:
        """
        释放分片: at the opening of tender CASE, release the custodian's share of every bid that is not opened yet.

        Bids whose bidder released the key, that are announced, or whose share was released before are left alone; each
        share is checked against the bidder's commitment first. After a cut run the same command again.
        """
        identity = read_identity(certificate, signing_key, lambda: _password(words))
        box = Outbox(out or Path(f"{case}-shares"))
        box.make()
        hall = open_hall(access, connect, words, kept=box.keys, login=not dry_run)
        custody = _custody(hall.case(case), key)
        if _party(tools, identity.certificate) != custody.party:
            raise Stop(f"证书不属于保管方 {custody.party}", f"the certificate is not that of custodian {custody.party}")
        boxes = _boxes(hall, case, custody, tools)
        unknown = set(only) - {b.submission for b in boxes}
        if unknown:
            raise Stop(f"开标范围内没有 {min(unknown)}", f"{min(unknown)} is not in the opening")
        waiting = [b for b in boxes if b.is_waiting and (not only or b.submission in only)]
        if dry_run:
            _show_boxes(waiting, words, as_json=as_json)
            return
        filed: list[Kept] = []
        for each in waiting:
            draft = Draft(case, SHARE_RECORD, custody.party, _payload(each))
            filed.append(
                box.file(f"{SHARE_RECORD}-{each.submission}", draft, hall=hall, signer=identity.signer, rng=tools.rng)
            )
            words.say(f"已释放 {each.submission}", f"released {each.submission}")
        _show_released(filed, words, as_json=as_json)

    return command


def _password(words: Words) -> bytes:
    return str(click.prompt(words("私钥口令", "Password of the key"), hide_input=True, err=True)).encode()


def _party(tools: CustodianTools, certificate: bytes) -> str:
    try:
        return tools.party_of(certificate)
    except ValueError as error:
        raise BidFileError(f"certificate: {error}") from error


def _custody(state: Mapping[str, Any], key: Path) -> Custody:
    """Find whose key it is in the notice."""
    try:
        secret = read_key_text(key)
        recipient = sealing.recipient_of_secret(sealing.decode_secret(secret))
    except ValueError as error:
        raise Stop(f"{key} 不是保管密钥：{error}", f"{key} is no key file: {error}") from error
    for custodian in objects(member(state, "head", "custodians")):
        if custodian.get("recipient") == recipient:
            return Custody(str(custodian["party"]), secret)
    raise Stop(f"招标公告里没有此密钥（{recipient}）", f"the notice names no custodian with this key ({recipient})")


def _boxes(hall: Hall, case: str, custody: Custody, tools: CustodianTools) -> list[Box]:
    families = ("opening_start", "bid_commitment", "bid_disclosure", "key_release", SHARE_RECORD)
    records = hall.records(case, *families)
    frozen = {
        str(entry["submission"]): (str(lot["lot"]), str(entry["commitment"]))
        for record in records
        if record["family"] == "opening_start"
        for lot in objects(member(record, "envelope", "payload", "lots"))
        for entry in objects(lot.get("submissions"))
    }
    if not frozen:
        raise Stop(
            "尚未开标：开标前没有人知道有哪些投标",
            "not opened yet: before the opening nobody knows which bids there are",
        )
    by_digest = {r["digest"]: r["envelope"]["payload"] for r in records if r["family"] == "bid_commitment"}
    found: list[Box] = []
    for submission, (lot, digest) in sorted(frozen.items()):
        share, fault = _share(by_digest.get(digest), custody, tools)
        about = [r for r in records if member(r, "envelope", "payload", "submission") == submission]
        outcome = next((r["envelope"]["payload"]["outcome"] for r in about if r["family"] == "bid_disclosure"), None)
        found.append(
            Box(
                submission=submission,
                lot=lot,
                share=share,
                fault=fault,
                key_released=any(r["family"] == "key_release" for r in about),
                share_released=any(
                    r["family"] == SHARE_RECORD and r["envelope"]["author"] == custody.party for r in about
                ),
                outcome=outcome,
            )
        )
    return found


def _share(
    payload: Mapping[str, Any] | None, custody: Custody, tools: CustodianTools
) -> tuple[ReleasedShare | None, str]:
    if payload is None:
        return None, "the hall does not show the commitment of the opening"
    try:
        taken = tools.take_share(sealing.read_commitment(payload), custody.party, custody.secret)
    except ValueError as error:
        return None, str(error)
    return (taken, "") if isinstance(taken, ReleasedShare) else (None, taken.why)


def _payload(box: Box) -> dict[str, Json]:
    share = box.share
    if share is None:
        raise ValueError(box.fault)
    return {
        "submission": box.submission,
        "custodian": share.custodian,
        "index": share.index,
        "share": share.share.hex(),
    }


def _show_boxes(boxes: Sequence[Box], words: Words, *, as_json: bool) -> None:
    if as_json:
        print_json([box.to_json() for box in boxes])
        return
    rows = [
        (box.submission, box.lot, words("属实", "true") if box.share else box.fault, _state(box, words))
        for box in boxes
    ]
    print_table([words("投标", "bid"), words("标段", "lot"), words("分片", "share"), words("状态", "state")], rows)


def _state(box: Box, words: Words) -> str:
    lines = (
        (box.outcome is not None, "已唱标", "announced"),
        (box.key_released, "投标人已公布密钥", "the bidder released the key"),
        (box.share_released, "已释放分片", "share released"),
    )
    return words(*next(((zh, en) for holds, zh, en in lines if holds), ("待释放", "waiting for this share")))


def _show_released(filed: Sequence[Kept], words: Words, *, as_json: bool) -> None:
    if as_json:
        print_json([kept.to_json() for kept in filed])
        return
    if not filed:
        words.say("没有等待此分片的投标", "no bid waits for this share")
        return
    rows = [
        (str(member(k.record, "envelope", "payload", "submission")), str(k.to_json()["accepted_at"]), k.digest)
        for k in filed
    ]
    print_table([words("投标", "bid"), words("受理时间", "accepted at"), words("摘要", "digest")], rows)
