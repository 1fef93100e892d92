"""One tender by command line alone: from the certificate to the opened bid."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cli.folders import packed
from tradehall.adapters import sealing as disk

AGE = "/usr/bin/age"


@pytest.fixture(scope="module")
def opening(make_hall, tmp_path_factory):
    """A hall of its own, whose clock goes to the opening."""
    hall = make_hall()
    for number in range(1, 5):
        hall.enrol(20 + number, f"bidder{number}")
    return hall


def test_bids_travel_from_certificate_to_opening(opening, tmp_path):  # noqa: PLR0915  - one story
    hall, run = opening, opening.run
    tender = hall.announce(tmp_path)

    # certificate, tender, pack
    folders = {n: packed(hall, tender, tmp_path / f"bidder{n}", n, price=f"14{n}00000.00") for n in range(1, 5)}

    # submit; a second run changes nothing
    for n in range(1, 5):
        code, out, err = run("bid", "submit", folders[n], "--json", login=f"bidder{n}")
        assert code == 0, err
        assert [row["family"] for row in json.loads(out)] == ["bid_commitment", "sealed_bid"]
    before = {p.name: p.read_bytes() for p in (folders[1] / "filed").iterdir()}
    code, out, err = run("bid", "submit", folders[1], login="bidder1")
    assert (code, "Handed in before" in err) == (0, True), err
    assert {p.name: p.read_bytes() for p in (folders[1] / "filed").iterdir()} == before

    # replace 1, withdraw 4
    second = packed(hall, tender, tmp_path / "bidder1", 1, price="13900000.00", out="second", replaces=folders[1])
    code, _, err = run("bid", "replace", folders[1], second, login="bidder1")
    assert code == 0, err
    code, _, err = run("bid", "withdraw", folders[4], answer="y\n", login="bidder4")
    assert code == 0, err
    for folder, word in ((folders[1], "withdrawn or replaced"), (folders[4], "withdrawn"), (second, "handed in;")):
        code, out, _ = run("bid", "status", folder)
        assert (code, word in out) == (0, True)

    # nothing is revealed, checked or released before the opening
    for arguments in (
        ["bid", "reveal", second],
        ["custodian", "check", tender, "--key", hall.custody["deyang"]],
    ):
        code, _, err = run(*arguments, login="bidder1")
        assert code == 1
        assert "opening has not started" in err or "not opened yet" in err
    assert not (second / "filed" / "key_release.record.json").exists()

    # the opening
    hall.advance("2026-03-25T09:30:00+08:00")
    started = hall.operator.client.post(f"/cases/{tender}/opening", {"act": "start"})["records"]
    assert {r["family"] for r in started} == {"failed_tender", "opening_start"}
    code, out, _ = run("bid", "status", second)
    assert "run bid reveal" in out
    for folder, n in ((second, 1), (folders[2], 2)):
        code, out, err = run("bid", "reveal", folder, "--json", login=f"bidder{n}")
        assert code == 0, err
        assert json.loads(out)[0]["family"] == "key_release"
    code, _, err = run("bid", "reveal", folders[4], login="bidder4")
    assert (code, "not part of it" in err) == (1, True)

    # the third bidder is absent: two custodians release their shares
    code, out, _ = run("custodian", "check", tender, "--key", hall.custody["deyang"], "--json")
    assert code == 0
    boxes = {box["submission"]: box for box in json.loads(out)}
    assert len(boxes) == 3
    assert sum(box["key_released"] for box in boxes.values()) == 2
    untrue_shares_are_told(hall, tender)
    for name in ("tenderer", "deyang"):
        released = release(hall, tender, tmp_path, name)
        assert [row["family"] for row in released] == ["share_release"]
        assert release(hall, tender, tmp_path, name) == []

    # announced
    disclosed = hall.operator.client.post(f"/cases/{tender}/opening", {"act": "disclose"})["records"]
    assert [r["envelope"]["payload"]["outcome"] for r in disclosed] == ["opened"] * 3
    prices = {
        r["envelope"]["payload"]["bidder"]["name"]: r["envelope"]["payload"]["price"]["amount"] for r in disclosed
    }
    assert prices["示例单位21有限公司"] == "13900000.00"
    code, out, _ = run("bid", "status", second, "--json")
    status = json.loads(out)
    assert status["hall"]["outcome"] == "opened"
    assert status["hall"]["price"] == {"amount": "13900000.00", "currency": "CNY"}
    assert "opened: 13900000.00 CNY" in run("bid", "status", second)[1]

    # anyone opens the ciphertext with the revealed key
    released = json.loads((second / "filed" / "key_release.record.json").read_bytes())
    key = tmp_path / "revealed.txt"
    key.write_text(released["envelope"]["payload"]["secret_key"] + "\n")
    command = [AGE, "-d", "-i", str(key), str(second / "ciphertext.age")]
    assert b"13900000.00" in subprocess.run(command, check=True, capture_output=True).stdout

    proofs_hold(hall, second)
    evidence_verifies(hall, tender, tmp_path)


def untrue_shares_are_told(hall, tender: str) -> None:
    """A box that holds no true share is told with exit code 4, and nothing of it is released."""
    true, hall.take_share = hall.take_share, lambda *_: disk.BoxFault("the share does not fit")
    try:
        code, out, err = hall.run("custodian", "check", tender, "--key", hall.custody["deyang"])
        assert (code, out.count("the share does not fit"), "bidder answers" in err) == (4, 3, True)
    finally:
        hall.take_share = true


def proofs_hold(hall, folder: Path) -> None:
    """Receipts come again; each verifies offline with the hall's keys, and the log proves it."""
    code, out, _ = hall.run("bid", "receipt", folder, "--json")
    assert (code, len(json.loads(out))) == (0, 3)
    keys = json.loads((folder / "filed" / "hall.json").read_bytes())
    for receipt in (folder / "filed").glob("*.receipt.json"):
        arguments = ["verify", receipt, "--node-key", keys["log"], "--node-key", keys["receipt_key"], "--json"]
        code, out, err = hall.run(*arguments, TRADEHALL_URL="")
        assert code == 0, err
        assert json.loads(out)["checks"] == ["signature", "checkpoint", "inclusion"]
    digest = json.loads(hall.run("bid", "status", folder, "--json")[1])["records"][0]["record"]
    for record in (digest, folder / "filed" / "sealed_bid.receipt.json"):
        code, out, err = hall.run("log", "prove", record, "--json")
        assert code == 0, err
        assert json.loads(out)["proof"]


def release(hall, tender: str, folder: Path, name: str) -> list[dict]:
    certificate, key = folder / f"{name}.der", folder / f"{name}.pem"
    if not certificate.exists():
        code, _, err = hall.run("bid", "certificate", "-o", folder / name, login=name)
        assert code == 0, err
        certificate.write_bytes((folder / name / "certificate.pem").read_bytes())
        key.write_bytes((folder / name / "key.pem").read_bytes())
    arguments = ["custodian", "release", tender, "--key", hall.custody[name], "--certificate", certificate]
    arguments += ["--signing-key", key, "-o", folder / f"{name}-shares", "--json"]
    code, out, err = hall.run(*arguments, login=name)
    assert code == 0, err
    return json.loads(out)


def evidence_verifies(hall, tender: str, folder: Path) -> None:
    evidence = folder / "evidence.zip"
    evidence.write_bytes(hall.operator.client.call("GET", f"/cases/{tender}/evidence").content)
    key = str(hall.node.keys.node.log)
    code, out, _ = hall.run("verify", evidence, "--node-key", key, "--json")
    assert (code, json.loads(out)["ok"]) == (0, True), out[:2000]
    data = bytearray(evidence.read_bytes())
    data[len(data) // 2] ^= 1
    evidence.write_bytes(data)
    code, out, _ = hall.run("verify", evidence, "--node-key", key)
    assert (code, "FIRST" in out) == (1, True)
