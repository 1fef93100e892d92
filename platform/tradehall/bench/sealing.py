"""
Sealing measured 封装实测: throughput and memory of sealing and opening one bid, each in a process of its own.

The child process writes one line of JSON; memory is the peak of its resident set since it started.
"""

from __future__ import annotations

import json
import resource
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tradehall.adapters.sealing import open_sealed, seal
from tradehall.kernel.money import Money
from tradehall.rules import sealing as rules
from tradehall.rules.bid_package import Bidder, Offer, OpeningFailure, SourceFile, Target

MIB: Final = 1024 * 1024
_TENDER: Final = "t-" + "a" * 26
_PARTY: Final = "org:91510100MA61TYT01A"
_AT: Final = datetime(2026, 3, 25, tzinfo=UTC)
_ARGUMENTS: Final = 4


@dataclass(frozen=True, slots=True)
class Step:
    """
    One measured step (实测步骤).

    Attributes:
        seconds: wall time.
        mib_per_second: of plaintext.
        start_rss_mib: resident memory of the process before the step, interpreter and libraries.
        peak_rss_mib: its peak during the step.
    """

    seconds: Decimal
    mib_per_second: Decimal
    start_rss_mib: Decimal
    peak_rss_mib: Decimal


@dataclass(frozen=True, slots=True)
class SealingFigures:
    """What sealing and opening of one bid cost (封装与开启实测)."""

    size_mib: int
    seal: Step
    open: Step


def sealing(size_mib: int = 500, folder: Path | None = None) -> SealingFigures:
    """
    Seal and open a bid of one file of ``size_mib`` MiB, and measure both.

    Hashing, CRC, packing, signing, splitting, writing and every opening check are included; the file is made of
    repeated random MiB, so reading it costs nothing.

    Args:
        size_mib: size of the file.
        folder: where the files lie meanwhile, about twice the size; a temporary folder by default.

    Raises:
        subprocess.CalledProcessError: a step failed.
    """
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
        sealed = _step("seal", size_mib, Path(place))
        opened = _step("open", size_mib, Path(place))
    return SealingFigures(size_mib, sealed, opened)


def _step(name: str, size_mib: int, folder: Path) -> Step:
    command = [sys.executable, "-m", "tradehall.bench.sealing", name, str(size_mib), str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  - our own module
    measured = json.loads(done.stdout, parse_float=Decimal)
    seconds = Decimal(measured["nanoseconds"]).scaleb(-9)
    return Step(
        seconds=seconds.quantize(Decimal("0.001")),
        mib_per_second=(size_mib / seconds).quantize(Decimal("0.1")),
        start_rss_mib=_mib(measured["start_rss_kib"]),
        peak_rss_mib=_mib(measured["peak_rss_kib"]),
    )


def _mib(kib: int) -> Decimal:
    return (Decimal(kib) / 1024).quantize(Decimal("0.1"))


def _seal(size_mib: int, folder: Path) -> None:
    custodians = tuple(
        rules.Custodian(f"org:custodian-{place}", rules.recipient_of_secret(rules.new_secret(secrets.token_bytes)))
        for place in range(5)
    )
    offer = Offer(
        bidder=Bidder(_PARTY, "投标人", b"certificate"),
        price=Money(Decimal("1980000.00")),
        small_or_micro=False,
        domestic_product=True,
        files=(SourceFile("技术标.pdf", lambda: _repeated(size_mib)),),
    )
    terms = rules.SealingTerms(custodians, 3, "bidder_or_custodians")
    target = Target(_TENDER, "L1", "sha256:" + "0" * 64)
    sealed = seal(offer, target, terms, sign=_sign, out=folder / "bid.age", rng=secrets.token_bytes)
    kept = {"commitment": sealed.commitment, "secret_key": sealed.secret_key}
    (folder / "bid.json").write_text(json.dumps(kept))


def _open(_: int, folder: Path) -> None:
    kept = json.loads((folder / "bid.json").read_text())
    opened = open_sealed(
        rules.read_commitment(kept["commitment"]),
        folder / "bid.age",
        kept["secret_key"],
        tender=_TENDER,
        submitted_at=_AT,
        verify_signature=_accept,
        party_of=lambda _: _PARTY,
        work=folder / "work",
    )
    if isinstance(opened, OpeningFailure):
        raise SystemExit(opened.why)


def _accept(raw: bytes, signature: Mapping[str, str], certificate: bytes, at: datetime) -> None:
    """Accept any signature: verifying one takes microseconds and is measured elsewhere."""


def _sign(_: bytes) -> Mapping[str, str]:
    return {"protected": "e30", "signature": "e30"}


def _repeated(size_mib: int) -> Iterator[bytes]:
    piece = bytes(range(256)) * (MIB // 256)
    for _ in range(size_mib):
        yield piece


_STATUS: Final = Path("/proc/self/status")


def _forget_the_peak() -> None:
    """Let the kernel count the peak from now on, where it can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _rss_kib(field: str) -> int:
    """Return ``VmRSS`` (now) or ``VmHWM`` (peak) of this program."""
    # ru_maxrss still counts the pages of the parent before exec, so it serves only where there is no /proc.
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines[field].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _child(arguments: list[str]) -> None:
    if len(arguments) != _ARGUMENTS or arguments[1] not in {"seal", "open"}:
        raise SystemExit("usage: seal|open SIZE_MIB FOLDER")
    step = _seal if arguments[1] == "seal" else _open
    _forget_the_peak()
    before, start = _rss_kib("VmRSS"), time.perf_counter_ns()
    step(int(arguments[2]), Path(arguments[3]))
    spent = time.perf_counter_ns() - start
    measured = {"nanoseconds": spent, "start_rss_kib": before, "peak_rss_kib": _rss_kib("VmHWM")}
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    _child(sys.argv)
