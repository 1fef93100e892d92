"""
``tradehall bid`` with a hall (联网投标命令): from the tender's data to the opening, each step repeatable after a cut.

What is filed lies in the bid folder::

    filed/hall.json              address and keys of the hall, kept at the first contact
    filed/NAME.record.json       the signed record, kept before it is sent
    filed/NAME.receipt.json      the hall's receipt, verified

Exit codes: 0 ok, 1 invalid or refused, 2 usage, 3 unavailable (try again), 4 verification failed.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

from tradehall.cli.bid_filing import (
    BOTH,
    COMMITMENT_RECORD,
    CONFIRMATION_RECORD,
    KEY_RECORD,
    REPLACED,
    WITHDRAWAL_RECORD,
    Bid,
    Filer,
    check_signed,
    check_sound,
    open_filer,
    opening_of,
    show,
)
from tradehall.cli.bid_status import receipt_command, status_command
from tradehall.cli.bidder import (
    BidTools,
    read_age_key,
    read_tender,
)
from tradehall.cli.remote import Access, Connect, Hall, connect, open_hall, remote_options
from tradehall.cli.words import (
    FOLDER,
    NEW_FILE,
    NEW_FOLDER,
    VERIFICATION_FAILED,
    Stop,
    Words,
    json_option,
    keep,
    member,
    objects,
    print_json,
)
from tradehall.kernel.signing import (
    certificate_kid,
)
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

_KEY_FILE: Final = "key.pem"
_CERTIFICATE_FILE: Final = "certificate.pem"
_COMMON_NAME_MAX: Final = 64


def add_remote_commands(group: click.Group, tools: BidTools, connect: Connect = connect) -> None:
    """
    Add the commands that talk to a hall to the group ``bid``.

    Args:
        group: made by :func:`tradehall.cli.bid.bid_commands`.
        tools: the same.
        connect: makes the client for an address; the default reaches the network.
    """
    for command in (
        _certificate_command(tools, connect),
        _tender_command(tools, connect),
        _submit_command(tools, connect),
        _replace_command(tools, connect),
        _withdraw_command(tools, connect),
        _confirm_command(tools, connect),
        status_command(connect),
        _reveal_command(tools, connect),
        receipt_command(connect),
    ):
        group.add_command(command)


# --- before the bid ------------------------------------------------------------------------------------------


def _certificate_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("certificate")
    @click.option("-o", "--out", type=NEW_FOLDER, required=True, help="文件夹: folder for key.pem and certificate.pem.")
    @click.option("--name", help="证书名称: name in the request; the party's registered name without it.")
    @click.option("--encrypt", is_flag=True, help="加密私钥: protect the key by a password that is asked for.")
    @json_option
    @remote_options
    def command(out: Path, name: str | None, *, encrypt: bool, as_json: bool, access: Access, words: Words) -> None:
        """
        申领证书: make a key and get a certificate for it.

        The private key is made here and never leaves this device. Needs an account at the hall (--login). Run again
        after a cut: the same key is used, and a certificate that is there already is left alone.
        """
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (out / _CERTIFICATE_FILE).exists():
            hall = open_hall(access, connect, words, kept=out / "hall.json", login=True)
            party = hall.client.get("/sessions/current")
            key = _own_key(out / _KEY_FILE, words, encrypt=encrypt)
            issued = _issue(hall, key, name or str(party["name"]))
            if tools.party_of(issued.public_bytes(serialization.Encoding.DER)) != party["party"]:
                raise Stop("证书不是签发给本主体的", "the certificate names another party", VERIFICATION_FAILED)
            keep(out / _CERTIFICATE_FILE, issued.public_bytes(serialization.Encoding.PEM))
        _show_certificate(out, tools, words, as_json=as_json)

    return command


def _own_key(path: Path, words: Words, *, encrypt: bool) -> EllipticCurvePrivateKey:
    if path.exists():
        return _load_key(path, words)
    password = b""
    if encrypt:
        prompt = words("为私钥设置口令", "Choose a password for the key")
        password = str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)).encode()
    key = generate_private_key(SECP256R1())
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    keep(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection))
    return key


def _load_key(path: Path, words: Words) -> EllipticCurvePrivateKey:
    pem, password = path.read_bytes(), None
    if b"ENCRYPTED" in pem:
        password = str(click.prompt(words("私钥口令", "Password of the key"), hide_input=True, err=True)).encode()
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError) as error:
        raise Stop(f"{path.name} 无法读取或口令不对", f"{path.name} can't be read, or the password is wrong") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise Stop(f"{path.name} 不是 P-256 私钥", f"{path.name} is no P-256 key")
    return key


def _issue(hall: Hall, key: EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_COMMON_NAME_MAX])])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    request = b64encode(csr.public_bytes(serialization.Encoding.DER)).decode("ascii")
    answer = hall.client.post("/certificates", {"csr": request})
    issued = x509.load_der_x509_certificate(b64decode(str(answer["certificate"])))
    if issued.public_key() != key.public_key():
        raise Stop("证书不是为本密钥签发的", "the certificate is for another key", VERIFICATION_FAILED)
    return issued


def _show_certificate(out: Path, tools: BidTools, words: Words, *, as_json: bool) -> None:
    found = x509.load_pem_x509_certificate((out / _CERTIFICATE_FILE).read_bytes())
    der = found.public_bytes(serialization.Encoding.DER)
    shown: dict[str, Json] = {
        "party": tools.party_of(der),
        "kid": certificate_kid(der),
        "not_after": found.not_valid_after_utc.isoformat(),
        "certificate": str(out / _CERTIFICATE_FILE),
        "key": str(out / _KEY_FILE),
    }
    if as_json:
        print_json(shown)
        return
    click.echo(f"{shown['certificate']}  {shown['party']}  {shown['kid']}")
    words.say(
        "私钥只在本机，请备份并妥善保管", "The private key is on this device only: keep a copy, give it to nobody"
    )


def _tender_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("tender")
    @click.argument("case", metavar="CASE")
    @click.option(
        "-o", "--out", type=NEW_FILE, default="tender.json", show_default=True, help="输出文件: file to write."
    )
    @remote_options
    def command(case: str, out: Path, *, access: Access, words: Words) -> None:
        """
        下载项目数据: fetch the public data of tender CASE that "bid pack" needs.

        Every record is checked against its digest and the signature of its author. Look at what is printed: the notice
        names the custodians who could together open bids. Fetch again after each clarification. No login needed.
        """
        hall = open_hall(access, connect, words, login=False)
        state = hall.case(case)
        records = hall.records(case, "tender_notice", "clarification")
        notice = next((r for r in records if r["family"] == "tender_notice"), None)
        if notice is None or not member(state, "head", "answers"):
            raise Stop("项目还没有发布招标公告", "the tender has no notice yet")
        for record in records:
            check_signed(record, hall, tools)
        answers = str(member(state, "head", "answers"))
        if answers not in {r["digest"] for r in records}:
            raise Stop(
                "大厅给出的公告与状态不一致", "the hall's state cites a notice it does not show", VERIFICATION_FAILED
            )
        changes = [c for r in records if (c := member(r, "envelope", "payload", "changes"))]
        tender: dict[str, Json] = {"case": case, "answers": answers, "notice": notice["envelope"]["payload"]}
        keep(out, canonical.jcs(tender | ({"changes": cast("Json", changes)} if changes else {})))
        read_tender(out)
        _show_tender(state, notice, words)
        click.echo(str(out))

    return command


def _show_tender(state: Mapping[str, Any], notice: Mapping[str, Any], words: Words) -> None:
    payload = notice["envelope"]["payload"]
    words.say(f"项目      {payload['title']}", f"tender      {payload['title']}")
    words.say(f"公告摘要  {notice['digest']}", f"notice      {notice['digest']}")
    words.say(f"截止时间  {state['head']['deadline']}", f"deadline    {state['head']['deadline']}")
    for custodian in objects(payload["custodians"]):
        name = f"{member(custodian, 'party', 'id')} {member(custodian, 'party', 'name')}"
        words.say(f"保管方    {name}", f"custodian   {name}")
    needed = payload["threshold"]
    words.say(f"任意 {needed} 个保管方可共同开启", f"any {needed} custodians together can open a bid")


# --- handing in ----------------------------------------------------------------------------------------------


def _submit_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("submit")
    @click.argument("folder", type=FOLDER)
    @click.option("--dry-run", is_flag=True, help="只检查不提交: check everything, send nothing.")
    @json_option
    @remote_options
    def command(folder: Path, *, dry_run: bool, as_json: bool, access: Access, words: Words) -> None:
        """
        递交投标: hand in the bid of FOLDER: its commitment, then its ciphertext.

        The bid stands when both have their receipts (they are saved in FOLDER/filed). After a cut run the same command
        again: it goes on where it stopped, and nothing is sent twice. Who bids is in no record: each bid has its own
        key.
        """
        bid = Bid.read(folder)
        check_sound(bid)
        _check_not_gone(bid)
        signer = bid.signer()
        if dry_run:
            words.say("检查通过，未提交", "All is well; nothing was sent")
            return
        if bid.commitment.get("replaces") is not None and not bid.outbox.folder.exists():
            words.say(
                "注意：这是替换投标；用 bid replace 可先上传再替换，更稳妥",
                "Note: this bid replaces another; bid replace uploads first and is safer",
            )
        bid.outbox.make()
        filer = Filer(bid, open_hall(access, connect, words, kept=bid.outbox.keys, login=True), signer, tools)
        if bid.is_handed_in:
            words.say("此前已递交", "Handed in before")
            show([k for k in map(bid.outbox.find, BOTH) if k], words, as_json=as_json)
            return
        committed = filer.commit()
        words.say("投标承诺已受理", "The commitment is accepted")
        filer.upload(words)
        show([committed, filer.hand_over()], words, as_json=as_json)
        words.say("投标已递交完成", "The bid is handed in")

    return command


def _check_not_gone(bid: Bid) -> None:
    if bid.is_withdrawn:
        raise Stop("此投标已撤回或已被替换", "this bid was withdrawn or replaced")


def _replace_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("replace")
    @click.argument("old", metavar="OLD_FOLDER", type=FOLDER)
    @click.argument("new", metavar="NEW_FOLDER", type=FOLDER)
    @json_option
    @remote_options
    def command(old: Path, new: Path, *, as_json: bool, access: Access, words: Words) -> None:
        """
        替换投标: hand in NEW_FOLDER in place of OLD_FOLDER.

        NEW_FOLDER is made by "bid pack --replaces OLD_FOLDER". The new ciphertext is uploaded before anything else, so
        that the old bid stands until the new one is almost there. After a cut run the same command again.
        """
        former, bid = Bid.read(old), Bid.read(new)
        if bid.commitment.get("replaces") != former.submission:
            raise Stop(
                f"新投标不是替换 {former.submission} 的，请用 bid pack --replaces 重新封装",
                f"the new bid does not replace {former.submission}; pack it with --replaces",
            )
        check_sound(bid)
        if not former.is_handed_in:
            raise Stop("旧投标还没有递交完成，请直接递交新投标", "the old bid was never handed in; submit the new one")
        filer = open_filer(bid, tools, connect, access, words)
        if not bid.is_handed_in:
            _check_open(bid, filer.hall)
            filer.upload(words)
        committed = filer.commit()
        keep(former.outbox.folder / REPLACED, canonical.jcs({"submission": bid.submission, "record": committed.digest}))
        show([committed, filer.hand_over()], words, as_json=as_json)
        words.say(f"{former.submission} 已被替换", f"{former.submission} is replaced")

    return command


def _check_open(bid: Bid, hall: Hall) -> None:
    """Tell before a long upload that it would be in vain; the hall decides by its own clock."""
    state = hall.case(bid.tender.case)
    if member(state, "lots", bid.lot) != "tendering":
        raise Stop("标段已不接受投标", "the lot takes no bids any more")
    if member(state, "head", "answers") != bid.answers:
        raise Stop(
            "项目有了新的澄清，请重新下载项目数据并封装", "a clarification outdated this bid: fetch and pack again"
        )


def _withdraw_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("withdraw")
    @click.argument("folder", type=FOLDER)
    @click.option("--reason", help="理由: reason, published at opening; none is needed.")
    @click.option("--yes", is_flag=True, help="不再询问: do not ask.")
    @json_option
    @remote_options
    def command(folder: Path, reason: str | None, *, yes: bool, as_json: bool, access: Access, words: Words) -> None:
        """
        撤回投标: withdraw the bid of FOLDER before the deadline.

        A withdrawn bid is never opened and can't come back; another one may be handed in.
        """
        bid = Bid.read(folder)
        if bid.outbox.receipt(WITHDRAWAL_RECORD) is None:
            if bid.outbox.receipt(COMMITMENT_RECORD) is None:
                raise Stop("此投标没有递交，无须撤回", "this bid was never handed in")
            if not yes and not click.confirm(words(f"撤回 {bid.submission}?", f"Withdraw {bid.submission}?"), err=True):
                raise Stop("未撤回", "nothing was withdrawn")
        filer = open_filer(bid, tools, connect, access, words)
        withdrawn = filer.file(WITHDRAWAL_RECORD, bid.payload(**({"reason": reason} if reason else {})))
        show([withdrawn], words, as_json=as_json)
        words.say("投标已撤回", "The bid is withdrawn")

    return command


def _confirm_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("confirm")
    @click.argument("folder", type=FOLDER)
    @click.option("--yes", is_flag=True, help="不再询问: do not ask; the clarifications are still shown.")
    @json_option
    @remote_options
    def command(folder: Path, *, yes: bool, as_json: bool, access: Access, words: Words) -> None:
        """
        确认投标: let the bid of FOLDER stand unchanged after a clarification that outdated it.

        Shows the clarifications since the bid was made. A bid that is neither confirmed nor replaced before the
        deadline is not opened.
        """
        bid = Bid.read(folder)
        if not bid.is_handed_in:
            raise Stop("此投标没有递交完成", "this bid is not handed in")
        _check_not_gone(bid)
        filer = open_filer(bid, tools, connect, access, words)
        latest = str(member(filer.hall.case(bid.tender.case), "head", "answers"))
        if latest == bid.answers:
            words.say("投标已对应最新的招标文件，无须确认", "The bid answers the latest terms; nothing to confirm")
            show([], words, as_json=as_json)
            return
        for record in _since(filer.hall.records(bid.tender.case, "tender_notice", "clarification"), bid.answers):
            check_signed(record, filer.hall, tools)
            paragraphs = member(record, "envelope", "payload", "text")
            click.echo("\n".join(map(str, cast("Sequence[Json]", paragraphs))), err=True)
        if not yes and not click.confirm(words("投标不变，确认?", "Let the bid stand unchanged?"), err=True):
            raise Stop("未确认", "nothing was confirmed")
        name = f"{CONFIRMATION_RECORD}-{latest[-12:]}"
        confirmed = filer.file(CONFIRMATION_RECORD, bid.payload(answers=latest), name=name)
        show([confirmed], words, as_json=as_json)
        words.say("投标已确认", "The bid is confirmed")

    return command


def _since(records: Sequence[Mapping[str, Any]], digest: str) -> list[Mapping[str, Any]]:
    place = next((n for n, record in enumerate(records) if record["digest"] == digest), -1)
    return [record for record in records[place + 1 :] if record["family"] == "clarification"]


def _reveal_command(tools: BidTools, connect: Connect) -> click.Command:
    @click.command("reveal")
    @click.argument("folder", type=FOLDER)
    @json_option
    @remote_options
    def command(folder: Path, *, as_json: bool, access: Access, words: Words) -> None:
        """
        公布密钥: release the key of FOLDER's bid at the opening, so that it can be read out.

        The key is sent only when the hall's signed opening record has frozen this very bid; never before. Where the
        notice leaves the opening to the custodians alone, there is nothing to do.
        """
        bid = Bid.read(folder)
        if bid.tender.terms.policy == "custodians_only":
            raise Stop("本项目仅由保管方开启，密钥未发送", "only the custodians open this tender; the key was not sent")
        secret = read_age_key(folder, bid.commitment)
        filer = open_filer(bid, tools, connect, access, words)
        opening = opening_of(bid, filer.hall)
        if opening is None:
            raise Stop(
                "尚未开标，或此投标不在开标范围内；密钥未发送",
                "the opening has not started, or this bid is not part of it; the key was not sent",
            )
        check_signed(opening, filer.hall, tools)
        released = filer.file(KEY_RECORD, bid.payload(secret_key=secret))
        show([released], words, as_json=as_json)
        words.say("密钥已公布", "The key is released")

    return command
