"""``tradehall ocds export`` 导出命令: from a hall and from an evidence file, the same facts."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from ocds.gathering import Standard, releases
from tradehall.cli.client import Client
from tradehall.cli.ocds import ocds_commands
from tradehall.commands import cli
from tradehall.ocds import numbers, packages
from tradehall.ocds.told import Told

Cases = dict[str, tuple[str, list[Told]]]
Wires = dict[str, list[dict[str, Any]]]


def evidence(folder: Path, case: str, records: list[dict[str, Any]]) -> Path:
    path = folder / "evidence.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("evidence.json", json.dumps({"case": case, "created_at": "2026-05-01T00:00:00.000Z"}))
        for number, record in enumerate(records, 1):
            packed.writestr(f"cases/{case}/{number:06d}.json", json.dumps(record))
    return path


def export(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["ocds", "export", *(str(a) for a in arguments)])


@pytest.mark.parametrize("form", ["release", "record", "jsonl"])
def test_an_evidence_file_gives_a_valid_package(
    form: str, tmp_path: Path, stories: Cases, wires: Wires, standard: Standard
) -> None:
    case, records = stories["whole_tender"]
    path = evidence(tmp_path, case, wires["whole_tender"])
    done = export("--evidence", path, "--form", form, "--prefix", "ocds-213czf")
    assert done.exit_code == 0, done.output
    if form == "jsonl":
        ids = [json.loads(line)["id"] for line in done.stdout.splitlines()]
        assert [i.replace("213czf", "xxxxxx") for i in ids] == [r["id"] for r in releases(case, records)]
    else:
        assert standard.faults(json.loads(done.stdout)) == []


def test_what_is_sealed_in_the_evidence_stays_out_of_the_package(tmp_path: Path, stories: Cases, wires: Wires) -> None:
    case, records = stories["whole_tender"]
    at = next(i for i, r in enumerate(records) if r.family == "opening_start")
    assert any(r.family == "sealed_bid" for r in records[:at])
    found = export("--evidence", evidence(tmp_path, case, wires["whole_tender"][:at])).stdout
    assert '"bids"' not in found
    assert not any(str(r.payload["submission"]) in found for r in records[:at] if "submission" in r.payload)


def test_a_file_that_is_no_evidence_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / "odd.zip"
    odd.write_bytes(b"PK not really")
    done = export("--evidence", odd)
    assert done.exit_code == 1
    assert "odd.zip" in done.stderr
    assert export("--evidence", odd, "--all").exit_code == 2
    assert export("t-x").exit_code == 1, "no address of a hall"


def test_a_hall_is_asked_page_by_page(stories: Cases) -> None:
    case, records = stories["whole_tender"]
    found = releases(case, records)
    package = numbers.write(packages.release_package(packages.unregistered(), "http://hall.example/p", found))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/ocds.jsonl"):
            if "after" in request.url.params:
                return httpx.Response(200, content=numbers.write(found[1]) + b"\n")
            link = {"Link": '</api/v1/ocds.jsonl?limit=100&after=x>; rel="next"'}
            return httpx.Response(200, content=numbers.write(found[0]) + b"\n", headers=link)
        return httpx.Response(200, content=package)

    def connect(url: str) -> Client:
        return Client(httpx.Client(base_url=url, transport=httpx.MockTransport(answer)))

    command = ocds_commands(connect)
    every = CliRunner().invoke(command, ["export", "--all", "--url", "http://hall.example"])
    assert [json.loads(line)["id"] for line in every.stdout.splitlines()] == [r["id"] for r in found[:2]]
    one = CliRunner().invoke(command, ["export", case, "--url", "http://hall.example"])
    assert one.stdout_bytes == package
    lines = CliRunner().invoke(command, ["export", case, "--form", "jsonl", "--url", "http://hall.example"])
    assert lines.stdout_bytes == b"".join(numbers.write(r) + b"\n" for r in found)
