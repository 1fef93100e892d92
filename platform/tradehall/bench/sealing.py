"""
Sealing measured 封装实测: throughput and memory of sealing and opening one bid, beside the ``age`` command.

Every step runs in a process of its own, round by round, through the code of ``bid pack`` and ``bid inspect``; ours
hashes, packs, signs, splits and checks besides encrypting. The child writes one line of JSON; its memory is the peak of
its resident set, interpreter and libraries included. The decryption alone, by the library that opens bids, is measured
as well: opening cannot be faster.
"""

from __future__ import annotations

import json
import resource
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tradehall.adapters.identity.ca import DemoAuthority, Trust
from tradehall.adapters.sealing import decrypt_stream, open_sealed, seal
from tradehall.cli import bidder
from tradehall.rules import sealing as rules

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB: Final = 1024 * 1024
_PARTY: Final = "org:91510100MA61TYT01A"
_NAME: Final = "示例投标人有限公司"
_AT: Final = datetime(2026, 3, 25, tzinfo=UTC)
_DAYS: Final = 365
_ARGUMENTS: Final = 3
_CUSTODIANS: Final = 5


@dataclass(frozen=True, slots=True)
class Step:
    """
    One measured step (实测步骤).

    Attributes:
        mib_per_second: of plaintext, wall time, median of the rounds.
        start_rss_mib: resident memory of the process before the step, interpreter and libraries.
        peak_rss_mib: its peak during the step.
        age_mib_per_second: of the ``age`` command on the same file; None where it is not installed.
        times: ours to ``age``, median of the rounds' ratios.
    """

    mib_per_second: Decimal
    start_rss_mib: Decimal
    peak_rss_mib: Decimal
    age_mib_per_second: Decimal | None
    times: Decimal | None


@dataclass(frozen=True, slots=True)
class SealingFigures:
    """What sealing and opening of one bid cost (封装与开启实测); ``decrypt`` is what the library alone does."""

    size_mib: int
    seal: Step
    open: Step
    decrypt: Step


_OURS: Final = ("seal", "open", "decrypt")
_Taken = dict[str, list[Decimal]]


def sealing(size_mib: int = 500, folder: Path | None = None, rounds: int = 3) -> SealingFigures:
    """
    Seal and open a bid of one file of ``size_mib`` MiB and encrypt and decrypt the same file by ``age``, in turns.

    Args:
        size_mib: size of the file.
        folder: where the files lie meanwhile, about five times the size. By default in memory where there is room:
            ``bid pack`` waits for the disk and ``age`` does not, and how long a disk takes is not what is measured.
        rounds: rounds that count; the first brings the file into memory and does not.

    Raises:
        subprocess.CalledProcessError: a step failed.
    """
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder or _in_memory(size_mib)) as place:
        where = Path(place)
        _prepare(size_mib, where)
        taken: _Taken = {}
        measured: dict[str, Mapping[str, int]] = {}
        for number in range(rounds + 1):
            spent = _round(where, measured, ours_first=number % 2 == 0)
            for name, seconds in spent.items() if number else ():
                taken.setdefault(name, []).append(seconds)
    return SealingFigures(size_mib, *(_figures(name, size_mib, taken, measured[name]) for name in _OURS))


def _in_memory(size_mib: int) -> Path | None:
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM * size_mib * MIB:
        return _MEMORY
    return None


_MEMORY: Final = Path("/dev/shm")  # noqa: S108  - in a temporary folder of its own
_ROOM: Final = 8


def _prepare(size_mib: int, folder: Path) -> None:
    """Write the file, what the bid says of it, the tender that it answers, a certificate, and a key for ``age``."""
    piece = secrets.token_bytes(MIB)
    with (folder / "offer.bin").open("wb") as stream:
        for _ in range(size_mib):
            stream.write(piece)
    authority = DemoAuthority.create("Tradehall bench CA", at=_AT, chance=secrets.token_bytes)
    key = generate_private_key(SECP256R1())
    issued = authority.issue_for(
        key.public_key(), party=_PARTY, name=_NAME, at=_AT, days=_DAYS, chance=secrets.token_bytes
    )
    (folder / "certificate.der").write_bytes(issued.der)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "tender.json").write_text(json.dumps(_tender()))
    (folder / "bid.json").write_text(json.dumps(_BID))
    secret = rules.new_secret(secrets.token_bytes)
    (folder / "age.key").write_text(rules.encode_secret(secret) + "\n")
    (folder / "age.pub").write_text(rules.recipient_of_secret(secret))


def _money(amount: str) -> Mapping[str, str]:
    return {"amount": amount, "currency": "CNY"}


_BID: Final = {
    "lot": "L1",
    "bidder": {"id": _PARTY, "name": _NAME},
    "price": _money("1980000.00"),
    "attributes": {"small_or_micro": False, "domestic_product": True},
    "files": ["offer.bin"],
    "guarantee": None,
}


def _tender() -> Mapping[str, object]:
    custodians = [
        {
            "party": {"id": f"org:custodian-{place}", "name": "示例保管方"},
            "recipient": rules.recipient_of_secret(rules.new_secret(secrets.token_bytes)),
        }
        for place in range(_CUSTODIANS)
    ]
    notice = {
        "title": "示例招标（虚构）",
        "lots": [{"id": "L1", "name": "示例标段", "ceiling": _money("2000000.00")}],
        "custodians": custodians,
        "threshold": 3,
        "opening_policy": "bidder_or_custodians",
    }
    return {"case": "t-" + "a" * 26, "answers": "sha256:" + "0" * 64, "notice": notice}


# --- rounds ---------------------------------------------------------------------------------------------------


def _round(folder: Path, measured: dict[str, Mapping[str, int]], *, ours_first: bool) -> dict[str, Decimal]:
    """Let each do its work once; both sides write new files."""
    spent: dict[str, Decimal] = {}

    def ours() -> None:
        for name in _OURS:
            measured[name] = _child(name, folder)
            spent[name] = Decimal(measured[name]["nanoseconds"]).scaleb(-9)

    def theirs() -> None:
        program = shutil.which("age")
        if program is not None:
            spent["age-seal"] = _timed([program, "-r", (folder / "age.pub").read_text(), "-o"], folder, "offer.bin")
            spent["age-open"] = _timed([program, "-d", "-i", str(folder / "age.key"), "-o"], folder, "age-seal")

    for act in (ours, theirs) if ours_first else (theirs, ours):
        act()
    for made in ("age-seal", "age-open"):
        (folder / made).unlink(missing_ok=True)
    shutil.rmtree(folder / "bid")
    return spent


def _timed(command: list[str], folder: Path, read: str) -> Decimal:
    """Return the seconds that ``age`` takes, its start of some milliseconds included."""
    made = "age-seal" if read == "offer.bin" else "age-open"
    start = time.perf_counter_ns()
    subprocess.run([*command, str(folder / made), str(folder / read)], check=True)  # noqa: S603  - a tool of the system
    return Decimal(time.perf_counter_ns() - start).scaleb(-9)


def _child(name: str, folder: Path) -> Mapping[str, int]:
    command = [sys.executable, "-m", "tradehall.bench.sealing", name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  - our own module
    found: Mapping[str, int] = json.loads(done.stdout)
    return found


def _figures(name: str, size_mib: int, taken: Mapping[str, Sequence[Decimal]], last: Mapping[str, int]) -> Step:
    theirs = taken.get("age-seal" if name == "seal" else "age-open")
    pairs = zip(taken[name], theirs or (), strict=theirs is not None)
    return Step(
        mib_per_second=(size_mib / median(taken[name])).quantize(Decimal(1)),
        start_rss_mib=_mib(last["start_rss_kib"]),
        peak_rss_mib=_mib(last["peak_rss_kib"]),
        age_mib_per_second=None if theirs is None else (size_mib / median(theirs)).quantize(Decimal(1)),
        times=None if theirs is None else median(age / ours for ours, age in pairs).quantize(Decimal("0.01")),
    )


def _mib(kib: int) -> Decimal:
    return (Decimal(kib) / 1024).quantize(Decimal("0.1"))


# --- one step, in a process of its own --------------------------------------------------------------------------


def _seal(folder: Path) -> None:
    identity = bidder.read_identity(folder / "certificate.der", folder / "key.pem", lambda: b"")
    spec = bidder.read_bid(folder / "bid.json", identity.certificate)
    tender = bidder.read_tender(folder / "tender.json")
    bidder.pack(spec, tender, folder / "bid", identity=identity, confirm=lambda _: True, tools=_TOOLS)


def _open(folder: Path) -> None:
    found = bidder.inspect(folder / "bid", _TOOLS, folder)
    if not found.is_sound or found.read_back is None:
        raise SystemExit(str(found.failure or found.findings))


def _decrypt(folder: Path) -> None:
    key = bidder.read_key_text(folder / "bid" / bidder.PRIVATE / bidder.AGE_KEY)
    plain = folder / "plain"
    with (folder / "bid" / bidder.CIPHERTEXT).open("rb") as source, plain.open("wb") as target:
        decrypt_stream(source, target, key)
    plain.unlink()


_TOOLS: Final = bidder.BidTools(seal, open_sealed, Trust.party_of, secrets.token_bytes)
_STEPS: Final[Mapping[str, Callable[[Path], None]]] = {"seal": _seal, "open": _open, "decrypt": _decrypt}
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


def _run(arguments: list[str]) -> None:
    if len(arguments) != _ARGUMENTS or arguments[1] not in _STEPS:
        raise SystemExit(f"usage: {'|'.join(_STEPS)} FOLDER")
    _forget_the_peak()
    before, start = _rss_kib("VmRSS"), time.perf_counter_ns()
    _STEPS[arguments[1]](Path(arguments[2]))
    spent = time.perf_counter_ns() - start
    measured = {"nanoseconds": spent, "start_rss_kib": before, "peak_rss_kib": _rss_kib("VmHWM")}
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    _run(sys.argv)
