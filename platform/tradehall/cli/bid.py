"""
``tradehall bid`` 投标命令: make and look at a sealed bid on the bidder's own device.

The group is built for the tools it is given, so that other modules add the commands that talk to a hall::

    group = bid_commands(tools)
    group.add_command(...)

Data goes to stdout, the read-back and questions to stderr. Exit codes: 0 ok, 1 invalid or declined, 2 usage,
4 verification failed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

import click

from tradehall.cli.bidder import (
    BidFileError,
    BidTools,
    Inspected,
    ReadBack,
    inspect,
    pack,
    read_bid,
    read_identity,
    read_replaced,
    read_tender,
)
from tradehall.rules.bid_package import NotAPackageError, SourceChangedError
from tradehall.rules.sealing import TermsError
from tradehall_standards import canonical
from tradehall_standards.strict import Json

INVALID: Final = 1
VERIFICATION_FAILED: Final = 4

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)


def bid_commands(tools: BidTools) -> click.Group:
    """Return the group ``bid`` (投标命令组) with ``pack`` and ``inspect``."""
    group = click.Group("bid", help="投标: make, check and file sealed bids.")
    group.add_command(_pack_command(tools))
    group.add_command(_inspect_command(tools))
    return group


def _pack_command(tools: BidTools) -> click.Command:
    @click.command("pack")
    @click.argument("bid_json", type=_FILE)
    @click.argument("tender_json", type=_FILE)
    @click.argument("out", type=click.Path(exists=False, path_type=Path))
    @click.option("--certificate", type=_FILE, required=True, help="投标人证书: certificate of the bidder, PEM or DER.")
    @click.option(
        "--key",
        type=_FILE,
        required=True,
        help="签名私钥: its private key, PEM; an encrypted one asks for its password.",
    )
    @click.option("--replaces", type=_FOLDER, help="被替换投标的文件夹: folder of the bid this one replaces.")
    @click.option("--yes", is_flag=True, help="Sign without asking; the read-back is still shown.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    def command(
        bid_json: Path,
        tender_json: Path,
        out: Path,
        certificate: Path,
        key: Path,
        replaces: Path | None,
        *,
        yes: bool,
        as_json: bool,
    ) -> None:
        """
        封装投标: seal the bid of BID_JSON for the tender of TENDER_JSON into the new folder OUT.

        Works without a network. What is signed is read back from the very bytes first: compare its digest on a second
        device. OUT/secret holds the keys that open and replace the bid: keep a copy, give it to nobody.

        BID_JSON, whose files lie beside it, is written by hand; TENDER_JSON is made by "bid tender":

        \b
            {"lot": "L1",
             "bidder": {"id": "org:…", "name": "…"},
             "price": {"amount": "1980000.00", "currency": "CNY"},
             "attributes": {"small_or_micro": false, "domestic_product": true},
             "files": ["offer.pdf"],
             "guarantee": null}
        """  # noqa: D301  - click's mark of a block that keeps its lines

        def confirm(shown: ReadBack) -> bool:
            click.echo("\n".join(_lines(shown)), err=True)
            return yes or click.confirm("确认以上内容并签名? Sign exactly this?", default=False, err=True)

        try:
            identity = read_identity(certificate, key, _ask_password)
            tender = read_tender(tender_json)
            spec = read_bid(bid_json, identity.certificate)
            replaced = None if replaces is None else read_replaced(replaces)
            packed = pack(spec, tender, out, identity=identity, confirm=confirm, tools=tools, replaced=replaced)
        except (BidFileError, NotAPackageError, TermsError, SourceChangedError) as error:
            _refuse(str(error))
        if packed is None:
            _refuse("未签名，未生成任何文件 Declined: nothing was signed or written.")
        summary = packed.read_back.to_json() | {"folder": str(out), "ciphertext": packed.sealed.sha256}
        if as_json:
            _print_json(summary)
            return
        click.echo(f"{out}: {packed.read_back.manifest.binding.submission} {packed.sealed.sha256}")

    return command


def _inspect_command(tools: BidTools) -> click.Command:
    @click.command("inspect")
    @click.argument("folder", type=_FOLDER)
    @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    @click.pass_context
    def command(context: click.Context, folder: Path, *, as_json: bool) -> None:
        """检查投标文件夹: check a bid FOLDER as the hall will, and read the sealed price back."""
        try:
            found = inspect(folder, tools)
        except BidFileError as error:
            _refuse(str(error))
        if as_json:
            _print_json(_inspected_json(found))
        else:
            click.echo("\n".join(_inspected_lines(found)))
        if not found.is_sound:
            context.exit(VERIFICATION_FAILED)

    return command


def _ask_password() -> bytes:
    password: str = click.prompt("私钥口令 Password of the key", hide_input=True, err=True)
    return password.encode()


def _refuse(why: str) -> NoReturn:
    click.echo(f"bid: {why}", err=True)
    raise SystemExit(INVALID)


def _print_json(value: Json) -> None:
    click.echo(canonical.jcs(value).decode())


def _lines(shown: ReadBack) -> list[str]:
    manifest = shown.manifest
    words = f"（{shown.words}）" if shown.words else ""
    lines = [
        f"项目 tender      {manifest.binding.tender} {shown.title}",
        f"标段 lot         {manifest.binding.lot} {shown.lot_name}",
        f"投标人 bidder    {manifest.bidder.id} {manifest.bidder.name}",
        f"投标编号 bid     {manifest.binding.submission}",
        f"投标报价 price   {shown.figures}{words}",
        f"清单摘要 digest  {shown.digest}",
    ]
    lines += [f"文件 file        {file.name}  {file.size:,} B  {file.sha256}" for file in manifest.files]
    if manifest.guarantee is not None:
        guarantee = manifest.guarantee
        lines.append(f"保函 guarantee   {guarantee.number}  {guarantee.amount.amount:,.2f} {guarantee.amount.currency}")
    return lines + [f"注意 warning     {warning.zh} {warning.en}" for warning in shown.warnings]


def _inspected_lines(found: Inspected) -> list[str]:
    lines = [] if found.read_back is None else _lines(found.read_back)
    lines += [f"承诺不合要求 commitment  {finding.zh} {finding.en} [{finding.rule}]" for finding in found.findings]
    if found.failure is not None:
        lines.append(f"不能开启 does not open  {found.failure.why} [{found.failure.cause}]")
    if found.is_sound:
        opened = "未提供密钥，未试开启 no key, opening not tried" if found.read_back is None else "可以开启 opens"
        lines.append(f"检查通过 sound: {opened}")
    return lines


def _inspected_json(found: Inspected) -> Json:
    return {
        "sound": found.is_sound,
        "submission": None if found.commitment is None else found.commitment.submission,
        "findings": [
            {"rule": finding.rule, "pointer": finding.pointer, "zh": finding.zh, "en": finding.en}
            for finding in found.findings
        ],
        "cause": None if found.failure is None else found.failure.cause,
        "signed": None if found.read_back is None else found.read_back.to_json(),
    }
