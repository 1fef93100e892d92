"""
``tradehall log`` 日志命令: the hall's log of digests: its checkpoint, and a proof made from its tiles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import httpx

from tradehall.cli.client import Unavailable
from tradehall.cli.remote import Access, Connect, Hall, connect, open_hall, remote_options
from tradehall.cli.words import VERIFICATION_FAILED, Stop, Words, json_option, member, print_json
from tradehall.kernel import notes
from tradehall.rules import merkle
from tradehall_standards import strict
from tradehall_standards.strict import Json

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_THOUSAND: Final = 1000


def log_commands(connect: Connect = connect) -> click.Group:
    """Return the group ``log`` (日志命令组)."""
    group = click.Group("log", help="日志: the append-only log of everything a hall accepted.")
    group.add_command(_checkpoint_command(connect))
    group.add_command(_prove_command(connect))
    return group


@dataclass(frozen=True, slots=True)
class WebTiles:
    """Reads tiles of a log over HTTP (c2sp.org/tlog-tiles)."""

    hall: Hall

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return a tile's hashes; see ``rules.merkle.TileReader``."""
        part = f".p/{width}" if width < merkle.TILE_WIDTH else ""
        return fetch(self.hall, f"/log/tile/{level}/{index_path(index)}{part}").content


def index_path(index: int) -> str:
    """Return the index of a tile as path elements of three digits, all but the last with an ``x``."""
    text = f"{index % _THOUSAND:03d}"
    while index := index // _THOUSAND:
        text = f"x{index % _THOUSAND:03d}/{text}"
    return text


def fetch(hall: Hall, path: str) -> httpx.Response:
    """
    Return what lies at a path outside the API.

    Raises:
        Stop: there is nothing.
        Unavailable: the hall can't be reached.
    """
    try:
        answer = hall.client.http.get(path)
    except httpx.TransportError as error:
        raise Unavailable(str(error)) from error
    if not answer.is_success:
        raise Stop(f"大厅没有 {path}", f"the hall has no {path}")
    return answer


def _checkpoint(hall: Hall) -> tuple[str, notes.Checkpoint, list[str]]:
    """Return the latest checkpoint, checked: text, content, names of the witnesses that cosigned."""
    text = fetch(hall, "/log/checkpoint").text
    try:
        found, note = notes.open_checkpoint(text, hall.keys.log)
    except ValueError as error:
        raise Stop(
            f"检查点未通过核验：{error}", f"the checkpoint does not verify: {error}", VERIFICATION_FAILED
        ) from error
    return text, found, [key.name for key in notes.cosigners(note, hall.keys.witnesses)]


def _checkpoint_command(connect: Connect) -> click.Command:
    @click.command("checkpoint")
    @json_option
    @remote_options
    def command(*, as_json: bool, access: Access, words: Words) -> None:
        """检查点: print the hall's latest signed checkpoint, after checking its signature."""
        hall = open_hall(access, connect, words, login=False)
        text, found, cosigners = _checkpoint(hall)
        if as_json:
            witnesses: list[Json] = [*cosigners]
            print_json(
                {
                    "origin": found.origin,
                    "size": found.size,
                    "root": found.root.hex(),
                    "cosignatures": witnesses,
                    "note": text,
                }
            )
        else:
            click.echo(text, nl=False)

    return command


def _prove_command(connect: Connect) -> click.Command:
    @click.command("prove")
    @click.argument("record", metavar="RECORD")
    @json_option
    @remote_options
    def command(record: str, *, as_json: bool, access: Access, words: Words) -> None:
        """
        包含证明: prove from the log's tiles that RECORD lies under the hall's latest checkpoint.

        RECORD is the digest of a record (sha256:…) or the file of its receipt. The proof is computed here, not taken
        from the hall. Exit code 4: it does not lead to the checkpoint.
        """
        hall = open_hall(access, connect, words, login=False)
        index = int(str(member(_receipt(record, hall), "receipt", "leaf", "index")))
        text, found, _ = _checkpoint(hall)
        if index >= found.size:
            raise Stop("日志检查点尚未包含此记录", "the checkpoint does not reach this record", VERIFICATION_FAILED)
        nodes = merkle.TileNodes(WebTiles(hall), found.size)
        try:
            leaf, proof = nodes.node(0, index), merkle.inclusion_proof(nodes, index, found.size)
        except merkle.NodeMissingError as error:
            raise Stop(f"日志不完整：{error}", f"the log is incomplete: {error}", VERIFICATION_FAILED) from error
        if not merkle.verify_inclusion(leaf, index, found.size, proof, found.root):
            raise Stop("证明不能导出检查点的根", "the proof does not lead to the checkpoint", VERIFICATION_FAILED)
        if as_json:
            steps: list[Json] = [step.hex() for step in proof]
            print_json({"index": index, "size": found.size, "leaf": leaf.hex(), "proof": steps, "checkpoint": text})
        else:
            click.echo(
                words(f"第 {index} 项，共 {found.size} 项，证明成立", f"leaf {index} of {found.size}: the proof holds")
            )
            click.echo("\n".join(step.hex() for step in proof))

    return command


def _receipt(record: str, hall: Hall) -> Mapping[str, Any]:
    if _DIGEST.fullmatch(record):
        found: Mapping[str, Any] = hall.client.get(f"/records/{record}/receipt")
        return found
    try:
        value = strict.parse(Path(record).read_bytes(), newlines=True)
    except ValueError as error:
        raise Stop(f"{record} 不是回执", f"{record} is no receipt") from error
    if not isinstance(value, Mapping) or member(value, "receipt", "leaf", "index") is None:
        raise Stop(f"{record} 不是回执", f"{record} is no receipt")
    return value
