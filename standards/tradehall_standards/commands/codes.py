"""
``standards codelist`` 代码表: the codes that may be used for an event of a day.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tradehall_standards.catalogue import Catalogue
from tradehall_standards.codelists import CodeRow
from tradehall_standards.commands.words import (
    DAY,
    Stop,
    Today,
    Words,
    json_option,
    lang_option,
    print_json,
    print_table,
    reading,
    root_option,
)
from tradehall_standards.strict import Json


def codelist_command(today: Today) -> click.Command:
    """Return ``codelist`` (代码表)."""

    @click.command("codelist")
    @click.argument("name", required=False)
    @click.option("--as-of", "day", type=DAY, help="事件日期: day of the event, YYYY-MM-DD; today without it.")
    @click.option("--all", "every", is_flag=True, help="含失效代码: also codes that may not be used on that day.")
    @root_option
    @json_option
    @lang_option
    def command(
        name: str | None, day: datetime | None, root: Path | None, *, every: bool, as_json: bool, lang: str
    ) -> None:
        """
        代码表: list the codes of NAME that may be used for an event of a day; without NAME, all code lists.

        The edition is the latest of that day; a record is checked against the edition that its standard pins.
        """
        words, on = Words(lang), day.date() if day else today()
        with reading(words):
            catalogue = Catalogue.load(root)
            if name is None:
                _lists(catalogue, words, as_json=as_json)
                return
            found = catalogue.codelist(name, on)
            if found is None:
                raise Stop(f"{on} 没有代码表 {name}", f"there is no code list {name} on {on}")
        rows = found.rows if every else found.valid_on(on)
        if as_json:
            print_json(
                {
                    "list": found.name,
                    "edition": found.version,
                    "title": {"zh": found.zh, "en": found.en},
                    "closed": found.closed,
                    "digest": found.digest,
                    "rows": [_row(row) for row in rows],
                }
            )
            return
        heads = (words("代码", "code"), words("名称", "label"), words("有效期", "valid"), words("来源", "source"))
        print_table(heads, [(r.code, words(r.zh, r.en), _validity(r, words), r.source) for r in rows])

    return command


def _lists(catalogue: Catalogue, words: Words, *, as_json: bool) -> None:
    if as_json:
        print_json(list(catalogue.codelists()))
    else:
        click.echo("\n".join(catalogue.codelists()))


def _validity(row: CodeRow, words: Words) -> str:
    told = f"{row.valid_from} – {row.valid_to or ''}".rstrip()
    return (
        f"{told} {words('由', 'replaced by')} {row.replaced_by} {words('代替', '')}".strip()
        if row.replaced_by
        else told
    )


def _row(row: CodeRow) -> dict[str, Json]:
    return {
        "code": row.code,
        "label": {"zh": row.zh, "en": row.en},
        "valid_from": row.valid_from.isoformat(),
        "valid_to": row.valid_to.isoformat() if row.valid_to else None,
        "replaced_by": row.replaced_by,
        "source": row.source,
    }
