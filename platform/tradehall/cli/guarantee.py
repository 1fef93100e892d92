"""
``tradehall guarantee`` 保函命令: check a guarantee letter's file, offline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
from cryptography import x509

from tradehall.cli.remote import reporting
from tradehall.cli.words import (
    FILE,
    VERIFICATION_FAILED,
    Stop,
    Words,
    json_option,
    lang_option,
    member,
    print_json,
)
from tradehall_standards import strict

if TYPE_CHECKING:
    from tradehall_standards.strict import Json


class Reason(Protocol):
    """Why a letter is not to be relied on (不予认可的理由)."""

    @property
    def code(self) -> str:
        """Stable code."""
        ...

    @property
    def zh(self) -> str:
        """Sentence in Chinese."""
        ...

    @property
    def en(self) -> str:
        """Sentence in English."""
        ...


class LetterVerdict(Protocol):
    """``adapters.pdf.verify.LetterVerdict``."""

    @property
    def ok(self) -> bool:
        """Whether the letter stands."""
        ...

    @property
    def reasons(self) -> Sequence[Reason]:
        """Everything found."""
        ...

    @property
    def issuer(self) -> str | None:
        """Party that signed."""
        ...

    @property
    def payload(self) -> Mapping[str, Json] | None:
        """Embedded data."""
        ...

    @property
    def signed_at(self) -> datetime | None:
        """Instant of the signature."""
        ...


VerifyLetter = Callable[[bytes, Sequence[x509.Certificate], "Mapping[str, Json] | None"], LetterVerdict]
"""Checks ``(pdf, trust roots, registered payload or None)``; whatever the bytes, no exception."""


def guarantee_commands(verify_letter: VerifyLetter) -> click.Group:
    """Return the group ``guarantee`` (保函命令组)."""
    group = click.Group("guarantee", help="保函: guarantee letters.")
    group.add_command(_verify_command(verify_letter))
    return group


def _verify_command(verify_letter: VerifyLetter) -> click.Command:
    @click.command("verify")
    @click.argument("file", type=FILE)
    @click.option(
        "--root",
        "roots",
        type=FILE,
        multiple=True,
        required=True,
        help="根证书: CA certificate, PEM or DER; repeatable.",
    )
    @click.option(
        "--register", type=FILE, help="登记信息: registered guarantee_letter, record or payload, to compare with."
    )
    @json_option
    @lang_option
    def command(file: Path, roots: tuple[Path, ...], register: Path | None, *, as_json: bool, lang: str) -> None:
        """
        核验保函: check the signed PDF of a guarantee letter, offline.

        Checks the signature and its certificate, that nothing was appended, that page and embedded data agree, and that
        the issuer is who signed. Exit code 0: it stands. 4: it does not; every reason is told.
        """
        words = Words(lang)
        with reporting(words):
            verdict = verify_letter(file.read_bytes(), [_certificate(root) for root in roots], _payload(register))
        if as_json:
            print_json(_to_json(verdict))
        else:
            click.echo("\n".join(_lines(verdict, words)))
        if not verdict.ok:
            raise SystemExit(VERIFICATION_FAILED)

    return command


def _certificate(path: Path) -> x509.Certificate:
    data = path.read_bytes()
    try:
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise Stop(f"{path.name} 不是证书", f"{path.name} is no certificate") from error


def _payload(path: Path | None) -> Mapping[str, Json] | None:
    if path is None:
        return None
    try:
        value = strict.parse(path.read_bytes())
    except ValueError as error:
        raise Stop(f"{path.name} 不是有效的 JSON：{error}", f"{path.name} is no JSON: {error}") from error
    found = member(value, "envelope", "payload") or value
    if not isinstance(found, Mapping):
        raise Stop(f"{path.name} 不是登记信息", f"{path.name} is no registered letter")
    return found


def _to_json(verdict: LetterVerdict) -> dict[str, Json]:
    return {
        "ok": verdict.ok,
        "issuer": verdict.issuer,
        "signed_at": None if verdict.signed_at is None else verdict.signed_at.isoformat(),
        "reasons": [{"code": reason.code, "zh": reason.zh, "en": reason.en} for reason in verdict.reasons],
        "payload": None if verdict.payload is None else dict(verdict.payload),
    }


def _lines(verdict: LetterVerdict, words: Words) -> list[str]:
    payload = verdict.payload
    lines: list[str] = []
    if payload is not None:
        amount = f"{member(payload, 'amount', 'amount')} {member(payload, 'amount', 'currency')}"
        applicant = f"{member(payload, 'applicant', 'id')} {member(payload, 'applicant', 'name')}"
        lines = [
            f"{words('保函编号', 'number')}: {payload.get('number')}",
            f"{words('开立人', 'issuer')}: {member(payload, 'issuer', 'id')} {member(payload, 'issuer', 'name')}",
            f"{words('申请人', 'applicant')}: {applicant}",
            f"{words('项目', 'tender')}: {payload.get('tender')} {payload.get('lot')}",
            f"{words('金额', 'amount')}: {amount}",
            f"{words('有效期', 'valid')}: {payload.get('valid_from')} – {payload.get('valid_until')}",
        ]
    lines += [f"{words('不予认可', 'refused')}: {words(r.zh, r.en)} [{r.code}]" for r in verdict.reasons]
    stands = words("保函文件有效", "the letter stands")
    return [*lines, stands if verdict.ok else words("保函文件无效", "the letter does not stand")]
