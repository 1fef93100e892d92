"""
``standards propose | approve | publish | verify`` 发布与验证: made by one officer, checked by another, found by anyone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from tradehall_standards import strict
from tradehall_standards.commands.words import (
    DAY,
    FILE,
    FOLDER,
    NEW_FILE,
    VERIFICATION_FAILED,
    Stop,
    Today,
    Words,
    json_option,
    lang_option,
    print_json,
    reading,
    root_option,
)
from tradehall_standards.release.dsse import EnvelopeError, Signer
from tradehall_standards.release.keys import KeySetError, OfficerKey
from tradehall_standards.release.private import PrivateKeyError, open_key
from tradehall_standards.release.publishing import (
    PublishRefused,
    next_name,
    open_proposal,
    propose,
    publish,
    sign,
    with_approvals,
)
from tradehall_standards.release.verify import Verification, verify
from tradehall_standards.sources import default_root
from tradehall_standards.strict import Json, as_object

PASSPHRASE: Final = "TRADEHALL_OFFICER_PASSPHRASE"  # noqa: S105 - the name of a variable

officers_option: Final[Callable[[Callable[..., object]], Callable[..., object]]] = click.option(
    "--officers",
    type=click.Path(file_okay=False, path_type=Path),
    help="机构文件夹: folder of another authority (keys/, releases/) that adopts a release; else the catalogue's own.",
)
key_option: Final[Callable[[Callable[..., object]], Callable[..., object]]] = click.option(
    "--key", "key_file", type=FILE, required=True, help=f"官员私钥: PEM file; passphrase in {PASSPHRASE}."
)


@contextmanager
def publishing(words: Words) -> Generator[None]:
    """End a command with one sentence where a proposal, a key or a publication is refused."""
    with reading(words):
        try:
            yield
        except PublishRefused as refused:
            detail = f" ({refused.detail})" if refused.detail else ""
            raise Stop(refused.zh + detail, refused.en + detail) from None
        except PrivateKeyError as problem:
            raise Stop(f"私钥不可用：{problem}", f"the private key can't be used: {problem}") from None
        except (EnvelopeError, KeySetError) as problem:
            raise Stop(f"文件不合格：{problem}", f"the file is not in form: {problem}") from None


def open_officer_key(path: Path) -> tuple[str, Signer]:
    """Open an officer's private key with the passphrase of the environment."""
    return open_key(path.read_bytes(), os.environ.get(PASSPHRASE) or None)


def propose_command(today: Today) -> click.Command:
    """Return ``propose`` (提出发布)."""

    @click.command("propose")
    @click.argument("release", required=False)
    @click.option("--on", type=DAY, help="发布日期: day of publication or adoption; today without it.")
    @click.option("-o", "--out", type=NEW_FILE, required=True, help="提案文件: where the proposal is written.")
    @key_option
    @officers_option
    @root_option
    @lang_option
    def command(
        release: str | None,
        on: datetime | None,
        out: Path,
        key_file: Path,
        officers: Path | None,
        root: Path | None,
        lang: str,
    ) -> None:
        """
        提出发布: make the statement of RELEASE (such as 2026.2; the next one without it) and sign it as its maker.

        It names every file by digest. With --officers another authority adopts what the catalogue already holds.
        """
        words, schemas = Words(lang), root or default_root()
        with publishing(words):
            day = on.date() if on else today()
            name = release or next_name(schemas, day)
            made = propose(schemas, name, day, officers=officers)
            signed = sign(made, schemas, officers or schemas, *open_officer_key(key_file))
            out.write_bytes(signed.to_bytes())
        words.say(
            f"已拟制 {name} 并签名；须由另一名官员复核：standards approve {out}",
            f"{name} is made and signed; another officer checks it: standards approve {out}",
        )

    return command


def approve_command() -> click.Command:
    """Return ``approve`` (复核签署)."""

    @click.command("approve")
    @click.argument("proposal", type=FILE)
    @key_option
    @officers_option
    @root_option
    @lang_option
    def command(proposal: Path, key_file: Path, officers: Path | None, root: Path | None, lang: str) -> None:
        """
        复核签署: check that PROPOSAL is what lies in the catalogue, and sign it as another officer than its maker.
        """
        words, schemas = Words(lang), root or default_root()
        with publishing(words):
            signer = open_officer_key(key_file)
            signed = sign(open_proposal(proposal), schemas, officers or schemas, *signer)
            proposal.write_bytes(signed.to_bytes())
        words.say(f"已签署，共 {len(signed.signatures)} 个签名", f"signed; {len(signed.signatures)} signatures now")

    return command


def publish_command() -> click.Command:
    """Return ``publish`` (正式发布)."""

    @click.command("publish")
    @click.argument("proposal", type=FILE)
    @click.option(
        "--approval", "approvals", type=FILE, multiple=True, help="批准记录: standard_approval records of the case."
    )
    @officers_option
    @root_option
    @lang_option
    def command(
        proposal: Path, approvals: tuple[Path, ...], officers: Path | None, root: Path | None, lang: str
    ) -> None:
        """
        正式发布: write the release (or set of keys) that enough officers signed; the same one is never written twice.

        Signatures given in a standard_revision case are taken from its approvals. Prints the file written.
        """
        words, schemas = Words(lang), root or default_root()
        with publishing(words):
            given = [_approval(path) for path in approvals]
            written = publish(with_approvals(open_proposal(proposal), given), schemas, officers or schemas)
        click.echo(str(written))

    return command


def _approval(path: Path) -> Mapping[str, Json]:
    """Return the payload of an approval: of a record, an envelope, or bare."""
    found = as_object(strict.parse(path.read_bytes()))
    envelope = as_object(found.get("envelope", found))
    return as_object(envelope.get("payload", envelope))


def verify_command() -> click.Command:
    """Return ``verify`` (验证目录)."""

    @click.command("verify")
    @click.option(
        "--trust",
        type=FOLDER,
        envvar="TRADEHALL_OFFICERS",
        help="信任机构: folder whose officers alone count (keys/, releases/) [env: TRADEHALL_OFFICERS].",
    )
    @root_option
    @json_option
    @lang_option
    def command(trust: Path | None, root: Path | None, *, as_json: bool, lang: str) -> None:
        """
        验证目录: see that every file is the one that two officers signed; needs no network, finds any changed byte.

        Without --trust the keys count that came with the catalogue; where these are development keys it is said
        loudly. Exit code 4: something is wrong.
        """
        words = Words(lang)
        with reading(words):
            found = verify(root or default_root(), trust)
        if as_json:
            print_json(_as_json(found))
        else:
            _tell(found, words)
        _warn(found, words)
        if not found.ok:
            raise SystemExit(VERIFICATION_FAILED)

    return command


def _tell(found: Verification, words: Words) -> None:
    for finding in found.findings:
        detail = f" ({finding.detail})" if finding.detail else ""
        click.echo(f"{finding.code}  {finding.place}  {words(finding.message_zh, finding.message_en)}{detail}")
    if found.release is None or not found.ok:
        return
    release, signers = found.release, _names(found.signers, words)
    click.echo(
        words(
            f"发布 {release.name}（{release.published_on}）：{found.files} 个文件与 {signers} 签名的摘要一致",
            f"release {release.name} of {release.published_on}: {found.files} files are as {signers} signed them",
        )
    )
    if found.pending:
        told = ", ".join(found.pending)
        click.echo(words(f"尚未发布（未签名）：{told}", f"not yet published (unsigned): {told}"))


def _names(signers: tuple[OfficerKey, ...], words: Words) -> str:
    return words("、", ", ").join(key.name[words.lang] for key in signers)


def _warn(found: Verification, words: Words) -> None:
    if found.vouched == "development":
        words.say(
            "!!! 警告：只有开发密钥签名。其私钥公开，任何人都能伪造；生产节点不得依赖本目录，须由本机构官员签署采用。",
            "!!! WARNING: only development keys signed. Their private halves are public: anybody can forge this. "
            "A production node must not rely on it before its own officers have adopted it.",
        )


def _as_json(found: Verification) -> dict[str, Json]:
    release = found.release
    return {
        "ok": found.ok,
        "vouched": found.vouched,
        "release": release.name if release else None,
        "published_on": release.published_on.isoformat() if release else None,
        "digest": release.envelope.digest if release else None,
        "files": found.files,
        "signers": [key.to_json() for key in found.signers],
        "pending": list(found.pending),
        "findings": [
            {
                "code": finding.code,
                "place": finding.place,
                "message": {"zh": finding.message_zh, "en": finding.message_en},
                "detail": finding.detail,
            }
            for finding in found.findings
        ],
    }
