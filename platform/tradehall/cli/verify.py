"""
``tradehall verify`` 核验命令: evidence files, receipts and refusals, offline, with public keys alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from tradehall import verifier
from tradehall.cli.outbox import check_receipt
from tradehall.cli.remote import Access, Connect, HallKeys, connect, open_hall, reporting
from tradehall.cli.words import FILE, INVALID, UNAVAILABLE, Stop, Words, json_option, lang_option, member, print_json
from tradehall.kernel import notes, receipts
from tradehall.rules.sealing import base64url, unbase64url
from tradehall_standards import canonical, strict

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

_ZIP: Final = b"PK"
_KEY_SIZE: Final = 32
_HEX_KEY: Final = 64


@dataclass(frozen=True, slots=True)
class Trusted:
    """
    Keys the reader brought (可信公钥), sorted by kind.

    Attributes:
        receipt: raw receipt keys.
        log: verifier keys of logs.
        others: what only evidence files use, such as digests of CA certificates.
        witnesses: verifier keys of witnesses.
    """

    receipt: tuple[bytes, ...] = ()
    log: tuple[notes.VerifierKey, ...] = ()
    others: tuple[str, ...] = ()
    witnesses: tuple[notes.VerifierKey, ...] = ()


@dataclass(slots=True)
class Verdict:
    """
    What became of a receipt or refusal (核验结论).

    Attributes:
        kind: ``receipt`` or ``refusal``.
        content: what the hall signed.
        passed: checks that held.
        notes: what was not checked and why, as (zh, en).
        failure: why it is not to be relied on; empty when it is.
    """

    kind: str
    content: Mapping[str, Json]
    passed: list[str] = field(default_factory=list[str])
    notes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    failure: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the verdict as JSON."""
        return {
            "ok": not self.failure,
            "kind": self.kind,
            "content": dict(self.content),
            "checks": list(self.passed),
            "notes": [{"zh": zh, "en": en} for zh, en in self.notes],
            "failure": self.failure or None,
        }


def verify_command(connect: Connect = connect) -> click.Command:
    """Return the command ``verify``."""

    @click.command("verify")
    @click.argument("file", type=FILE)
    @click.option(
        "--node-key",
        "node_keys",
        multiple=True,
        metavar="KEY",
        help="大厅公钥: log verifier key, receipt key, or sha256: of a CA certificate; repeatable.",
    )
    @click.option(
        "--witness-key", "witness_keys", multiple=True, metavar="VKEY", help="见证公钥: key of a witness; repeatable."
    )
    @click.option(
        "--min-witnesses", type=click.IntRange(0), default=0, show_default=True, help="至少见证数: cosignatures needed."
    )
    @click.option(
        "--record",
        type=FILE,
        help="记录: the signed record a receipt is for; X.record.json beside X.receipt.json is found.",
    )
    @click.option(
        "--url", envvar="TRADEHALL_URL", metavar="URL", help="大厅地址: take a receipt's keys from this hall."
    )
    @json_option
    @lang_option
    def command(
        file: Path,
        node_keys: tuple[str, ...],
        witness_keys: tuple[str, ...],
        min_witnesses: int,
        record: Path | None,
        url: str | None,
        *,
        as_json: bool,
        lang: str,
    ) -> None:
        """
        核验: check an evidence file (ZIP), a receipt or a refusal (JSON), without trusting the hall.

        An evidence file is recomputed as a whole: digests, signatures, log proofs, deadlines, the opening of every bid,
        draws, scores, ranking, award. Without --node-key the file's own keys are taken, which proves that it is
        consistent, not whose it is. A receipt needs --node-key (twice: the log's and the receipt key) or --url.

        Exit code 0: all checks passed. 1: a check failed, the first bad record is named. 3: the file can't be read.
        """
        words = Words(lang)
        with reporting(words):
            trusted = _trusted(node_keys, witness_keys)
            data = file.read_bytes()
            if data.startswith(_ZIP):
                _verify_evidence(data, trusted, min_witnesses, as_json=as_json)
                return
            if not trusted.receipt and url:
                trusted = _of_hall(open_hall(Access(url, None, None), connect, words, login=False).keys, trusted)
            verdict = _judge(data, _record_beside(file, record), trusted, min_witnesses)
            _show(verdict, words, as_json=as_json)

    return command


def _trusted(node_keys: Sequence[str], witness_keys: Sequence[str]) -> Trusted:
    """Sort keys by kind. Raises UsageError for one that is none."""
    receipt: list[bytes] = []
    log: list[notes.VerifierKey] = []
    others: list[str] = []
    try:
        for key in node_keys:
            if key.startswith("sha256:"):
                others.append(key)
            elif "+" in key:
                log.append(notes.parse_vkey(key))
            else:
                receipt.append(bytes.fromhex(key) if len(key) == _HEX_KEY else unbase64url(key))
        witnesses = tuple(notes.parse_vkey(key) for key in witness_keys)
    except ValueError as error:
        raise click.UsageError(f"公钥格式不对 / not a key: {error}") from error
    if any(len(key) != _KEY_SIZE for key in receipt):
        raise click.UsageError("公钥格式不对 / a receipt key has 32 bytes, in hex or base64url")
    return Trusted(tuple(receipt), tuple(log), tuple(others), witnesses)


def _of_hall(keys: HallKeys, trusted: Trusted) -> Trusted:
    return Trusted((keys.receipt_key,), (keys.log,), (), trusted.witnesses or keys.witnesses)


# --- evidence ------------------------------------------------------------------------------------------------


def _verify_evidence(data: bytes, trusted: Trusted, min_witnesses: int, *, as_json: bool) -> None:
    node = [*map(str, trusted.log), *map(base64url, trusted.receipt), *trusted.others]
    keys = verifier.TrustedKeys(node, [str(key) for key in trusted.witnesses])
    report = verifier.verify_bytes(data, trusted_keys=keys, min_witnesses=min_witnesses)
    if as_json:
        print_json(cast("Json", report.to_json()))
    else:
        click.echo("\n".join(verifier.lines(report)))
    if not report.ok:
        raise SystemExit(INVALID)


# --- receipts ------------------------------------------------------------------------------------------------


def _record_beside(file: Path, record: Path | None) -> Path | None:
    if record is not None:
        return record
    beside = file.with_name(file.name.removesuffix(".receipt.json") + ".record.json")
    return beside if beside != file and beside.exists() else None


def _judge(data: bytes, record: Path | None, trusted: Trusted, min_witnesses: int) -> Verdict:
    try:
        value = strict.parse(data, newlines=True)
    except ValueError as error:
        raise Stop(
            f"既不是证据文件也不是 JSON：{error}", f"neither an evidence file nor JSON: {error}", UNAVAILABLE
        ) from error
    kind = next((kind for kind in ("receipt", "refusal") if isinstance(member(value, kind), Mapping)), "")
    if not kind:
        raise Stop("不是证据文件、受理回执或拒收回执", "neither evidence, nor a receipt, nor a refusal", UNAVAILABLE)
    if not trusted.receipt:
        raise click.UsageError("核验回执需要 --node-key 或 --url / a receipt needs --node-key or --url")
    signed = cast("Mapping[str, Json]", value)
    verdict = Verdict(kind, cast("Mapping[str, Json]", member(value, kind)))
    try:
        signer = _check_signature(signed, verdict, trusted)
        if kind == "receipt":
            _check_proof(signed, verdict, record, Trusted((signer,), trusted.log, (), trusted.witnesses), min_witnesses)
    except receipts.ReceiptInvalidError as error:
        verdict.failure = str(error)
    return verdict


def _check_signature(signed: Mapping[str, Json], verdict: Verdict, trusted: Trusted) -> bytes:
    """Return the key of those given that signed."""
    content = canonical.jcs(dict(verdict.content))
    if set(signed) != {verdict.kind, "signature"} or verdict.content.get("type") != verdict.kind:
        raise receipts.ReceiptInvalidError(f"not a signed {verdict.kind}")
    signer = next((k for k in trusted.receipt if receipts.verify_detached(content, signed["signature"], k)), None)
    if signer is None:
        raise receipts.ReceiptInvalidError(f"the {verdict.kind} is not signed by the hall's key")
    verdict.passed.append("signature")
    return signer


def _check_proof(
    signed: Mapping[str, Json], verdict: Verdict, record: Path | None, trusted: Trusted, min_witnesses: int
) -> None:
    """Check the proof as far as keys and record are at hand, and say what was left out."""
    note = str(member(signed, "receipt", "log", "checkpoint"))
    log = next((key for key in trusted.log if note.startswith(f"{key.name}\n")), None)
    if log is None:
        if min_witnesses or trusted.log:
            raise receipts.ReceiptInvalidError("the checkpoint is of another log than the keys given")
        verdict.notes.append(
            ("未给定日志公钥，未核验日志证明", "no key of the log was given: its proof was not checked")
        )
        return
    cosigners = _check_checkpoint(note, log, trusted, min_witnesses)
    verdict.passed.append("checkpoint")
    if cosigners:
        verdict.passed.append(f"witnesses: {', '.join(cosigners)}")
    if record is None:
        verdict.notes.append(
            ("未给定原记录，未核验包含证明", "the record was not given: its inclusion was not checked")
        )
        return
    check_receipt(signed, _wire(record), HallKeys("", "", trusted.receipt[0], log, trusted.witnesses))
    verdict.passed.append("inclusion")


def _check_checkpoint(note: str, log: notes.VerifierKey, trusted: Trusted, min_witnesses: int) -> list[str]:
    try:
        _, opened = notes.open_checkpoint(note, log)
    except ValueError as error:
        raise receipts.ReceiptInvalidError(f"the checkpoint does not hold: {error}") from error
    found = [key.name for key in notes.cosigners(opened, trusted.witnesses)]
    if len(found) < min_witnesses:
        raise receipts.ReceiptInvalidError(f"{len(found)} witnesses cosigned, {min_witnesses} are required")
    return found


def _wire(path: Path) -> Mapping[str, Any]:
    try:
        value = cast("Mapping[str, Any]", strict.parse(path.read_bytes()))
        _ = value["envelope"]["schema"]["id"], value["envelope"]["case"], value["signature"]["signature"]
    except (ValueError, KeyError, TypeError) as error:
        raise Stop(f"{path.name} 不是已签署的记录", f"{path.name} is no signed record", UNAVAILABLE) from error
    return value


def _show(verdict: Verdict, words: Words, *, as_json: bool) -> None:
    if as_json:
        print_json(verdict.to_json())
    else:
        click.echo("\n".join(_lines(verdict, words)))
    if verdict.failure:
        raise SystemExit(INVALID)


def _lines(verdict: Verdict, words: Words) -> list[str]:
    content = verdict.content
    names = {"receipt": words("受理回执", "receipt"), "refusal": words("拒收回执", "refusal")}
    shown = [
        (words("类型", "kind"), names[verdict.kind]),
        (words("记录", "record"), f"{content.get('family')} {content.get('record')}"),
        (words("项目", "case"), content.get("case")),
        (words("时间", "time"), content.get("accepted_at") or content.get("at")),
        (words("大厅", "hall"), content.get("node")),
    ]
    if verdict.kind == "refusal":
        why = f"{member(content, 'reason', words.lang)} [{content.get('clause')}] ({content.get('code')})"
        shown.append((words("理由", "reason"), why))
    lines = [f"{name}: {value}" for name, value in shown]
    lines += [f"{words('已核验', 'checked')}: {check}" for check in verdict.passed]
    lines += [f"{words('注意', 'note')}: {words(zh, en)}" for zh, en in verdict.notes]
    if verdict.failure:
        return [*lines, f"{words('未通过', 'FAILED')}: {verdict.failure}"]
    return [*lines, words("通过", "PASSED")]
