"""Packages for tests: small bids in memory."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

from tradehall.kernel.money import Money
from tradehall.rules import bid_package, sealing

SIGNATURE = {"protected": "cHJvdGVjdGVk", "signature": "c2lnbmF0dXJl"}
FILES = {"商务标.pdf": b"%PDF business", "技术标.pdf": b"%PDF technical" * 100}
LETTER = b"%PDF letter"


def packed(files=FILES) -> tuple[bid_package.PackedFile, ...]:
    measured = {name: bid_package.measure([data]) for name, data in files.items()}
    return tuple(bid_package.PackedFile(name, m.sha256, m.size) for name, m in measured.items())


def guarantee() -> bid_package.GuaranteeClaim:
    return bid_package.GuaranteeClaim(
        "BH-2026-0001",
        "org:91510100MA61TYT01B",
        Money(Decimal("200000.00")),
        date(2026, 7, 1),
        bid_package.measure([LETTER]).sha256,
    )


def manifest(**changes) -> bid_package.Manifest:
    made = bid_package.Manifest(
        binding=bid_package.Binding("t-" + "a" * 26, "L1", "b-" + "b" * 26, "A" * 43),
        answers="sha256:" + "0" * 64,
        bidder=bid_package.Bidder("org:91510100MA61TYT01A", "成都测试建设有限公司", b"certificate"),
        price=Money(Decimal("1980000.00")),
        small_or_micro=True,
        domestic_product=False,
        files=packed(),
        guarantee=guarantee(),
    )
    return replace(made, **changes)


def entries(made: bid_package.Manifest, files=FILES, letter: bytes | None = LETTER) -> list[bid_package.Entry]:
    parts = [
        bid_package.entry_of_bytes(bid_package.MANIFEST, made.to_bytes()),
        bid_package.entry_of_bytes(bid_package.SIGNATURE, bid_package.signature_bytes(SIGNATURE)),
        *(bid_package.entry_of_bytes(bid_package.FILES + name, data) for name, data in files.items()),
    ]
    return parts if letter is None else [*parts, bid_package.entry_of_bytes(bid_package.LETTER, letter)]


def container(parts: list[bid_package.Entry]) -> bytes:
    return b"".join(bid_package.write_package(parts, sealing.size_class))


def read(data: bytes) -> bid_package.Package:
    """Read a container and all its entries."""
    source = io.BytesIO(data)
    package = bid_package.read_package(source, len(data))
    for _, located in package.files:
        for _ in bid_package.read_entry(source, located):
            pass
    bid_package.check_padding(source, package.padding)
    return package
