"""
``tradehall ocds`` and ``tradehall import`` 开放合同数据命令: packages out, packages in as drafts.
"""

from __future__ import annotations

import json
import zipfile
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click
import orjson

from tradehall.cli.remote import Access, Connect, connect, remote_options
from tradehall.cli.words import FILE, INVALID, NEW_FILE, NEW_FOLDER, Stop, Words, json_option, lang_option, print_json
from tradehall.kernel.record import Record, read_record
from tradehall.kernel.refusal import Refusal, Text
from tradehall.ocds import numbers, packages, taking
from tradehall.ocds.packages import Publisher
from tradehall.ocds.reading import PackageRefused
from tradehall.ocds.told import Told
from tradehall.ocds.words import PLACEHOLDER, PREFIX
from tradehall_standards import Catalogue

FORMS: Final = ("release", "record", "jsonl")
NOT_EVIDENCE: Final = Text("不是证据文件", "not an evidence file")


def ocds_commands(connect: Connect = connect) -> click.Group:
    """Return the group ``ocds`` (开放合同数据命令组)."""
    group = click.Group("ocds", help="开放合同数据: OCDS 1.1 packages of published cases.")
    group.add_command(_export_command(connect))
    return group


def import_commands() -> click.Group:
    """Return the group ``import`` (导入命令组)."""
    group = click.Group("import", help="导入: data of others as unsigned drafts.")
    group.add_command(_import_command())
    return group


# --- export -----------------------------------------------------------------------------------------------------


def _export_command(connect: Connect) -> click.Command:
    @click.command("export")
    @click.argument("case", required=False)
    @click.option("--all", "every", is_flag=True, help="全部已公告项目: every published case, one release a line.")
    @click.option("--evidence", type=FILE, help="证据文件: read the case from an evidence file, offline.")
    @click.option("--form", type=click.Choice(FORMS), default="release", show_default=True, help="形式: what to write.")
    @click.option("--prefix", default=PLACEHOLDER, show_default=True, help="编号前缀: registered prefix, offline only.")
    @click.option("-o", "--out", type=NEW_FILE, help="输出文件: write here instead of stdout.")
    @remote_options
    def command(
        *,
        case: str | None,
        every: bool,
        evidence: Path | None,
        form: str,
        prefix: str,
        out: Path | None,
        access: Access,
        words: Words,
    ) -> None:
        """
        导出: write a case as an OCDS 1.1 package, from a hall or from an evidence file.

        CASE is the id of a case of the hall. Only what is public is written, also from an evidence file. A package
        proves nothing; check the evidence file with `tradehall verify` first.
        """
        if sum((case is not None, every, evidence is not None)) != 1:
            raise click.UsageError("one of CASE, --all, --evidence")
        if evidence is not None:
            data = _offline(evidence, form, prefix, access.url or "http://127.0.0.1:8000", words)
        else:
            data = _online(connect, access, case, form)
        if out is None:
            click.echo(data, nl=False)
        else:
            out.write_bytes(data)

    return command


def _online(connect: Connect, access: Access, case: str | None, form: str) -> bytes:
    if access.url is None:
        raise Stop("缺少大厅地址：--url 或 TRADEHALL_URL", "no address of a hall: --url or TRADEHALL_URL")
    client = connect(access.url)
    if case is None:
        found, path = b"", "/ocds.jsonl?limit=100"
        while path:
            answer = client.call("GET", path)
            found += answer.content
            path = str(answer.links.get("next", {}).get("url", "")).removeprefix("/api/v1")
        return found
    if form != "jsonl":
        return client.call("GET", f"/cases/{case}/ocds?form={form}").content
    package = client.call("GET", f"/cases/{case}/ocds").content
    # Read with decimals: an amount must not pass through a float on its way to the file.
    releases = json.loads(package, parse_float=numbers.exact)["releases"]
    return b"".join(numbers.write(release) + b"\n" for release in releases)


def _offline(path: Path, form: str, prefix: str, url: str, words: Words) -> bytes:
    if PREFIX.fullmatch(prefix) is None:
        raise click.BadParameter(prefix, param_hint="--prefix")
    case, records, created = _evidence(path)
    catalogue = Catalogue.load()
    publisher = Publisher(prefix, url.rstrip("/"), words("阳光交易大厅", "Tradehall"))
    labels = packages.words_of(catalogue, created)
    found = packages.releases(publisher, case, records, labels)
    if not found:
        raise Stop("该项目没有公告", "nothing of this case is announced", INVALID)
    uri = f"{publisher.url}/api/v1/cases/{case}/ocds"
    if form == "jsonl":
        return b"".join(numbers.write(release) + b"\n" for release in found)
    if form == "record":
        return numbers.write(packages.record_package(publisher, uri, [found]))
    return numbers.write(packages.release_package(publisher, uri, found))


def _evidence(path: Path) -> tuple[str, list[Told], date]:
    """Return the main case of an evidence file, its records in order, and the day it was made (证据文件内容)."""
    try:
        with zipfile.ZipFile(path) as packed:
            index: Any = orjson.loads(packed.read("evidence.json"))
            case = str(index["case"])
            names = sorted(n for n in packed.namelist() if n.startswith(f"cases/{case}/"))
            told = [_told(orjson.loads(packed.read(name))) for name in names]
            return case, told, datetime.fromisoformat(index["created_at"]).date()
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise Stop(f"{path.name}：{NOT_EVIDENCE.zh}", f"{path.name}: {NOT_EVIDENCE.en}", INVALID) from error


def _told(kept: Any) -> Told:
    record = read_record({"envelope": kept["envelope"], "signature": kept["signature"]})
    if isinstance(record, Refusal):
        raise ValueError(record.code)  # noqa: TRY004  - the caller says that it is no evidence file
    return _telling(record, datetime.fromisoformat(kept["accepted_at"]))


def _telling(record: Record, at: datetime) -> Told:
    return Told(record.digest, record.family, record.author, at, record.payload, record.attachments)


# --- import -----------------------------------------------------------------------------------------------------


def _import_command() -> click.Command:
    @click.command("ocds")
    @click.argument("file", type=FILE)
    @click.option("-o", "--out", type=NEW_FOLDER, required=True, help="草稿文件夹: folder for drafts and report.")
    @click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="标准的基准日: which day's schemas; default: newest.")
    @json_option
    @lang_option
    def command(*, file: Path, out: Path, on: datetime | None, as_json: bool, lang: str) -> None:
        """
        导入 OCDS: read release or record packages (JSON or JSON Lines, 1.0 or 1.1) as unsigned drafts.

        Writes one folder a contracting process with one JSON file a draft, and report.json: every leaf of the input
        stands there by JSON Pointer, as mapped or with the reason why not, and what each draft still lacks.
        """
        words = Words(lang)
        data = file.read_bytes()
        try:
            every, left = taking.take(data)
        except PackageRefused as refused:
            words.fail(f"{refused.text.zh}（{refused.code}）", f"{refused.text.en} ({refused.code})", INVALID)
        catalogue = Catalogue.load()
        report = _report(file, data, every, left, catalogue, on.date() if on else date.max)
        out.mkdir(parents=True, exist_ok=True)
        for number, taken in enumerate(every, 1):
            folder = out / f"{number:04d}"
            folder.mkdir(exist_ok=True)
            for draft in taken.drafts:
                (folder / f"{draft.name}.json").write_bytes(numbers.write_pretty(draft.payload))
        (out / "report.json").write_bytes(numbers.write_pretty(report))
        counts = report["counts"]
        if as_json:
            print_json(counts)
            return
        click.echo(
            words(
                f"{counts['processes']} 个过程，{counts['drafts']} 份草稿；"
                f"已映射 {counts['mapped']} 处，未映射 {counts['unmapped']} 处，见 report.json",
                f"{counts['processes']} processes, {counts['drafts']} drafts; "
                f"{counts['mapped']} leaves mapped, {counts['unmapped']} not, see report.json",
            )
        )

    return command


def _report(
    file: Path, data: bytes, every: list[taking.Taken], left: list[taking.Unmapped], catalogue: Catalogue, on: date
) -> dict[str, Any]:
    processes = [
        {
            "folder": f"{number:04d}",
            "ocid": taken.ocid,
            "drafts": [
                {
                    "file": f"{draft.name}.json",
                    "family": draft.family,
                    "lacking": [
                        {"pointer": pointer, "message": {"zh": text.zh, "en": text.en}}
                        for pointer, text in taking.lacking(catalogue, draft, on)
                    ],
                }
                for draft in taken.drafts
            ],
            "mapped": [{"pointer": m.pointer, "draft": m.draft, "to": m.to} for m in taken.mapped],
            "unmapped": [_unmapped(u) for u in taken.unmapped],
        }
        for number, taken in enumerate(every, 1)
    ]
    return {
        "file": file.name,
        "sha256": sha256(data).hexdigest(),
        "reasons": {code: {"zh": text.zh, "en": text.en} for code, text in taking.WHY.items()},
        "counts": {
            "processes": len(every),
            "drafts": sum(len(t.drafts) for t in every),
            "mapped": len({m.pointer for t in every for m in t.mapped}),
            "unmapped": sum(len(t.unmapped) for t in every) + len(left),
        },
        "unmapped": [_unmapped(u) for u in left],
        "processes": processes,
    }


def _unmapped(found: taking.Unmapped) -> dict[str, Any]:
    return {"pointer": found.pointer, "value": found.value, "why": found.why}
