"""Bid folders made by command line."""

from __future__ import annotations

import json
from pathlib import Path

from tradehall.demo.play import organisation


def certified(hall, folder: Path, account: str) -> None:
    code, _, err = hall.run("bid", "certificate", "-o", folder, login=account)
    assert code == 0, err


def packed(hall, tender: str, folder: Path, number: int, *, price="14000000.00", out="bid", replaces=None) -> Path:
    """Certify the bidder of this number unless done, fetch the tender, pack a bid for its second lot."""
    if not (folder / "certificate.pem").exists():
        certified(hall, folder, f"bidder{number}")
    code, _, err = hall.run("bid", "tender", tender, "-o", folder / "tender.json")
    assert code == 0, err
    bid = {
        "lot": "L2",
        "bidder": {"id": organisation(20 + number), "name": f"示例单位{20 + number}有限公司"},
        "price": {"amount": price, "currency": "CNY"},
        "attributes": {"small_or_micro": False, "domestic_product": True},
        "files": ["offer.txt"],
        "guarantee": None,
    }
    (folder / "offer.txt").write_text(f"offer {number} {price}")
    (folder / "bid.json").write_text(json.dumps(bid))
    arguments = ["bid", "pack", folder / "bid.json", folder / "tender.json", folder / out, "--yes"]
    arguments += ["--certificate", folder / "certificate.pem", "--key", folder / "key.pem"]
    code, _, err = hall.run(*arguments, *(["--replaces", replaces] if replaces else []))
    assert code == 0, err
    return folder / out
