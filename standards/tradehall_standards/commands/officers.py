"""
``standards keys`` 官员密钥: who may sign, new keys, and the next set of keys.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import cast

import click

from tradehall_standards import strict
from tradehall_standards.commands.releasing import PASSPHRASE, key_option, officers_option, open_officer_key, publishing
from tradehall_standards.commands.words import (
    DAY,
    FILE,
    NEW_FILE,
    Stop,
    Today,
    Words,
    json_option,
    lang_option,
    print_json,
    print_table,
    root_option,
)
from tradehall_standards.release.keys import (
    LEAST_OFFICERS,
    PURPOSES,
    OfficerKey,
    Purpose,
    Revocation,
    read_authority,
    read_key,
)
from tradehall_standards.release.private import new_key
from tradehall_standards.release.publishing import propose_keys, sign
from tradehall_standards.sources import default_root


def keys_group(today: Today) -> click.Group:
    """Return ``keys`` (官员密钥)."""
    group = click.Group("keys", help="官员密钥: the officers who may sign releases, and their keys.")
    for command in (_list(today), _new(), _propose(today)):
        group.add_command(command)
    return group


def _list(today: Today) -> click.Command:
    @click.command("list")
    @officers_option
    @root_option
    @json_option
    @lang_option
    def command(officers: Path | None, root: Path | None, *, as_json: bool, lang: str) -> None:
        """密钥清单: list the keys of the latest set, and whether each may sign today."""
        words = Words(lang)
        with publishing(words):
            found, problems = read_authority(officers or root or default_root())
            if found is None or problems:
                raise Stop(f"官员密钥不可用：{problems}", f"the officers' keys can't be used: {'; '.join(problems)}")
            keys = found.latest.keys
        if as_json:
            print_json([{"id": key.id, **key.to_json()} for key in keys])
            return
        heads = (words("官员", "officer"), words("用途", "purpose"), words("有效期", "valid"), words("密钥", "key"))
        print_table(heads, [(k.name[lang], k.purpose, _validity(k, today(), words), k.id) for k in keys])

    return command


def _validity(key: OfficerKey, day: date, words: Words) -> str:
    told = f"{key.valid_from} – {key.valid_to}"
    return told if key.may_sign_on(day) else f"{told} {words('（不可签名）', '(may not sign)')}"


def _new() -> click.Command:
    @click.command("new")
    @click.argument("out", type=NEW_FILE)
    @click.option("--holder", required=True, help="官员编号: stable ASCII id of the officer.")
    @click.option("--name-zh", required=True, help="姓名: in Chinese.")
    @click.option("--name-en", required=True, help="姓名（英文）: in English.")
    @click.option("--purpose", type=click.Choice(PURPOSES), default="standards", show_default=True, help="用途.")
    @click.option("--from", "start", type=DAY, required=True, help="启用日期: first day on which it may sign.")
    @click.option("--to", "end", type=DAY, required=True, help="失效日期: first day on which it no longer may.")
    @lang_option
    def command(
        out: Path, holder: str, name_zh: str, name_en: str, purpose: str, start: datetime, end: datetime, lang: str
    ) -> None:
        """
        生成密钥: make a private key (PEM, only for its owner) and print the public entry for a set of keys.

        The passphrase comes from TRADEHALL_OFFICER_PASSPHRASE; only development keys may go without.
        """
        words, passphrase = Words(lang), os.environ.get(PASSPHRASE) or None
        with publishing(words):
            if passphrase is None and purpose == "standards":
                raise Stop(f"请在 {PASSPHRASE} 中给出口令", f"a passphrase is needed in {PASSPHRASE}")
            pem, public = new_key(passphrase)
            key = OfficerKey(
                holder=holder,
                name={"zh": name_zh, "en": name_en},
                public=public,
                purpose=cast("Purpose", purpose),
                valid_from=start.date(),
                valid_to=end.date(),
            )
            read_key(key.to_json())
            with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
        click.echo(json.dumps(key.to_json(), ensure_ascii=False, indent=2))

    return command


def _propose(today: Today) -> click.Command:
    @click.command("propose")
    @click.option("--add", type=FILE, multiple=True, help="新增: public entry of a new key, as `keys new` prints it.")
    @click.option("--retire", multiple=True, help="停用: id of a key that signs nothing more from --on.")
    @click.option("--compromised", multiple=True, help="泄露: id of a key of which no signature counts any more.")
    @click.option("--threshold", type=click.IntRange(LEAST_OFFICERS), help="人数: officers who must sign.")
    @click.option("--on", type=DAY, help="日期: first day of the set; today without it.")
    @click.option("-o", "--out", type=NEW_FILE, required=True, help="提案文件: where the proposal is written.")
    @key_option
    @officers_option
    @root_option
    @lang_option
    def command(
        add: tuple[Path, ...],
        retire: tuple[str, ...],
        compromised: tuple[str, ...],
        threshold: int | None,
        on: datetime | None,
        out: Path,
        key_file: Path,
        officers: Path | None,
        root: Path | None,
        lang: str,
    ) -> None:
        """
        密钥变更提案: propose the next set of keys and sign it; `approve` and `publish` go on from there.

        Two officers of the set before and two of the new one must sign.
        """
        words, day = Words(lang), on.date() if on else today()
        schemas = root or default_root()
        folder = officers or schemas
        with publishing(words):
            before, _ = read_authority(folder)
            known = before.latest.keys if before else ()
            ids = {key.id for key in known}
            if strangers := {*retire, *compromised} - ids:
                raise Stop(f"没有密钥 {sorted(strangers)}", f"there is no key {sorted(strangers)}")
            kept = tuple(_revoked(key, day, retire, compromised) for key in known)
            added = tuple(read_key(strict.parse(path.read_bytes())) for path in add)
            least = threshold or (before.latest.threshold if before else LEAST_OFFICERS)
            made = propose_keys(folder, day, (*kept, *added), least)
            out.write_bytes(sign(made, schemas, folder, *open_officer_key(key_file)).to_bytes())
        words.say(f"已拟制并签名：{out}", f"made and signed: {out}")

    return command


def _revoked(key: OfficerKey, day: date, retire: tuple[str, ...], compromised: tuple[str, ...]) -> OfficerKey:
    if key.id in compromised:
        return replace(key, revoked=Revocation(day, "compromised"))
    return replace(key, revoked=Revocation(day, "retired")) if key.id in retire and not key.revoked else key
