"""
``standards migrate`` 记录迁移: carry past records over to another version, and name those that can't be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import click

from tradehall_standards import canonical
from tradehall_standards.archive import ArchiveError, Past, Piece, open_archive
from tradehall_standards.archive.migration import MigrationError, Moved, Mover, NoWayError, Stuck, lost_json, major
from tradehall_standards.archive.records import UnreadableError, name_of, read_piece
from tradehall_standards.catalogue import Catalogue, Version
from tradehall_standards.commands.words import (
    INVALID,
    USAGE,
    Stop,
    Words,
    json_option,
    lang_option,
    print_json,
    reading,
    root_option,
)
from tradehall_standards.sources import SourceError
from tradehall_standards.strict import Json

_ANY_PATH: Final = click.Path(exists=True, path_type=Path)


def migrate_command() -> click.Command:
    """Return ``migrate`` (记录迁移)."""

    @click.command("migrate")
    @click.argument("records", type=_ANY_PATH)
    @click.option("--to", "target", required=True, metavar="FAMILY/VERSION", help="目标版本: version to move to.")
    @click.option("--from", "source", metavar="VERSION", help="来源版本: version of records that cite none.")
    @click.option("--bare", is_flag=True, help="裸数据: the records are bare payloads of the family.")
    @click.option(
        "--out", type=click.Path(dir_okay=False, path_type=Path), help="结果文件: JSONL of the moved payloads."
    )
    @root_option
    @json_option
    @lang_option
    def command(
        records: Path,
        target: str,
        source: str | None,
        out: Path | None,
        root: Path | None,
        *,
        bare: bool,
        as_json: bool,
        lang: str,
    ) -> None:
        """
        记录迁移: carry the payloads of RECORDS over to another version and list by id what can't be moved, and why.

        RECORDS is a JSONL file, an evidence file or a folder. Signatures stay with the originals: a moved payload names
        the record that it came from, and whoever files it signs it anew. Exit code 1: some can't be moved.
        """
        words = Words(lang)
        with reading(words), _migrating():
            catalogue = Catalogue.load(root)
            mover = _Run(catalogue, _version(catalogue, target), source, bare=bare)
            with _writing(out) as stream:
                for piece in open_archive(records).pieces():
                    mover.take(piece, stream)
        if as_json:
            print_json(mover.to_json())
        else:
            mover.tell(words)
        if mover.stuck:
            raise SystemExit(INVALID)

    return command


@contextlib.contextmanager
def _migrating() -> Generator[None]:
    try:
        yield
    except (ArchiveError, NoWayError) as error:
        raise Stop(error.message_zh, error.message_en) from error
    except (SourceError, MigrationError) as error:
        raise Stop(str(error), str(error)) from error


@contextlib.contextmanager
def _writing(out: Path | None) -> Generator[BinaryIO | None]:
    """Open the file for the result beside its name; it takes the name when everything was written."""
    if out is None:
        yield None
        return
    part = out.with_name(f"{out.name}.part")
    with part.open("wb") as stream:
        yield stream
    part.replace(out)


def _version(catalogue: Catalogue, target: str) -> Version:
    family, _, version = target.partition("/")
    found = catalogue.version(family, version)
    if found is None:
        raise Stop(f"目录中没有 {target}", f"the catalogue has no {target}", USAGE)
    return found


class _Run:
    """One run over records (一次迁移): what was moved, what lost something, what is stuck."""

    def __init__(self, catalogue: Catalogue, target: Version, source: str | None, *, bare: bool) -> None:
        self._target = target
        self._mover = Mover(catalogue, target)
        self._source = source or _older(catalogue, target)
        self._family = target.family if bare else None
        self.moved = self.other = 0
        self.stuck: list[tuple[str, Stuck]] = []
        self.lost: list[tuple[str, Moved]] = []

    def take(self, piece: Piece, stream: BinaryIO | None) -> None:
        try:
            past = read_piece(piece, self._family)
        except UnreadableError as problem:
            self.stuck.append((piece.place, Stuck("", problem.message_zh, problem.message_en)))
            return
        if past.family != self._target.family:
            self.other += 1
            return
        version, name = past.version or self._source, past.id or name_of(piece)
        found = self._mover.move(past.payload, version)
        if isinstance(found, Stuck):
            self.stuck.append((name, found))
            return
        self.moved += 1
        if found.lost:
            self.lost.append((name, found))
        if stream is not None:
            stream.write(canonical.jcs(self._line(past, name, version, found)) + b"\n")

    def _line(self, past: Past, name: str, version: str, found: Moved) -> Json:
        line: dict[str, Json] = {
            "id": name,
            "family": past.family,
            "version": self._target.version,
            "from": version,
            "payload": found.payload,
            "lost": lost_json(found.lost),
        }
        if past.city:
            line["city"] = past.city
        if past.on is not None:
            line["at"] = past.on.isoformat()
        return line

    def to_json(self) -> Json:
        return {
            "to": self._target.id,
            "moved": self.moved,
            "other": self.other,
            "stuck": [
                {"record": name, "pointer": why.pointer, "message": {"zh": why.message_zh, "en": why.message_en}}
                for name, why in self.stuck
            ],
            "lost": [{"record": name, "lost": lost_json(found.lost)} for name, found in self.lost],
        }

    def tell(self, words: Words) -> None:
        moved, stuck, other = (f"{count:,}" for count in (self.moved, len(self.stuck), self.other))
        zh = f"迁移到 {self._target.id}：{moved} 条成功，{stuck} 条不能迁移，{other} 条属于其他类别"
        click.echo(words(zh, f"to {self._target.id}: {moved} moved, {stuck} can't be, {other} of other families"))
        for line in self._lines(words):
            click.echo(line)

    def _lines(self, words: Words) -> Iterator[str]:
        for name, why in self.stuck:
            yield f"{words('不能迁移', 'stuck')}  {name}  {why.pointer or '/'}  {words(why.message_zh, why.message_en)}"
        for name, found in self.lost:
            for item in found.lost:
                yield f"{words('舍弃', 'lost')}  {name}  {item.pointer}  {words(item.reason_zh, item.reason_en)}"


def _older(catalogue: Catalogue, target: Version) -> str:
    """Return the newest version of the major before the target's: what records are of that do not say it."""
    older = [v.version for v in catalogue.versions(target.family) if major(v.version) < major(target.version)]
    return older[-1] if older else target.version
