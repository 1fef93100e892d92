"""
The other measurements as lines (其他实测): sealing, letters, storage; each is measured by a module of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tradehall.adapters.identity.ca import DemoAuthority, Trust
from tradehall.adapters.issuers.sandbox import Application, SandboxIssuer
from tradehall.adapters.letters import PdfLetters
from tradehall.adapters.pdf.render import Renderer
from tradehall.adapters.pdf.signing import Signatory
from tradehall.bench.figures import Line, rounded
from tradehall.bench.hall import BEGIN, CHANCE, HallError, organisation
from tradehall.bench.letters import bench_letters
from tradehall.bench.sealing import Step
from tradehall.bench.sealing import sealing as measure_sealing
from tradehall.bench.storage import storage as measure_storage

AGE_LEAST: Final = Decimal("0.8")
PEAK_MOST_MIB: Final = 64
LETTERS_LEAST: Final = 12
LETTER_MOST_KIB: Final = 120
PLAIN_LEAST: Final = Decimal("1.4")
_LETTER: Final = "letter laid out and signed"
STORAGE_LEAST: Final = Decimal("0.70")


def sealing_lines(*, size_mib: int = 256, rounds: int = 3, folder: Path | None = None) -> list[Line]:
    """Seal and open one bid of a size beside the age command: throughput and memory (封装与开启)."""
    found = measure_sealing(size_mib, folder, rounds)
    alone = found.decrypt
    # What the library that opens bids does without any check of ours: the limit of opening.
    limit = f"pyrage alone decrypts {size_mib} MiB"
    return [
        *_step("seal", size_mib, found.seal),
        *_step("open", size_mib, found.open),
        Line("sealing", limit, alone.mib_per_second, "MiB/s", "age", alone.age_mib_per_second, alone.times),
    ]


def _step(name: str, size_mib: int, step: Step) -> list[Line]:
    what, small = f"{name} a bid of {size_mib} MiB", step.peak_rss_mib <= PEAK_MOST_MIB
    fast = None if step.times is None else step.times >= AGE_LEAST
    goal = f"≥ {AGE_LEAST}×"
    return [
        Line(
            "sealing",
            what,
            step.mib_per_second,
            "MiB/s",
            "age" if step.times is not None else "age is not installed",
            step.age_mib_per_second,
            step.times,
            goal,
            fast,
        ),
        Line("sealing", f"{what}: peak memory", step.peak_rss_mib, "MiB", goal=f"≤ {PEAK_MOST_MIB} MiB", met=small),
    ]


def letter_lines(*, letters: int = 5, rounds: int = 9) -> list[Line]:
    """Issue and verify guarantee letters one after the other (电子保函)."""
    at = datetime.fromisoformat(BEGIN)
    authority = DemoAuthority.create("Tradehall bench CA", at=at, chance=CHANCE)
    key, party = generate_private_key(SECP256R1()), organisation(6)
    name = "示例银行股份有限公司"
    issued = authority.issue_for(key.public_key(), party=party, name=name, at=at, days=365, chance=CHANCE)
    check = PdfLetters(Trust((authority.certificate,)))

    def verify(pdf: bytes) -> None:
        if check.read(pdf).reasons:
            raise HallError("a letter does not verify")

    # Closing the renderer ends its layout process.
    with closing(Renderer()) as renderer:
        signatory = Signatory(key, x509.load_der_x509_certificate(issued.der))
        issuer = SandboxIssuer({"id": party, "name": name}, signatory, renderer, "https://hall.example/verify?letter=")
        found = bench_letters(issuer, _application(), at=at, verify=verify, letters=letters, rounds=rounds)
    rate, plain = found.race.per_second("ours"), found.race.per_second("plain")
    times = found.race.times("ours", "plain")
    size = rounded(Decimal(found.bytes_each) / 1024)
    return [
        Line("letters", _LETTER, rate, "letters/s", goal=f"≥ {LETTERS_LEAST}/s", met=rate >= LETTERS_LEAST),
        Line(
            "letters",
            _LETTER,
            rate,
            "letters/s",
            "WeasyPrint, system fonts",
            plain,
            times,
            f"≥ {PLAIN_LEAST}×",
            times >= PLAIN_LEAST,
        ),
        Line("letters", "size of a letter", size, "KiB", goal=f"≤ {LETTER_MOST_KIB} KiB", met=size <= LETTER_MOST_KIB),
        Line("letters", "letter verified", found.race.per_second("verify"), "letters/s"),
    ]


def _application() -> Application:
    return {
        "tender": "t-" + "a" * 26,
        "lot": "L1",
        "applicant": {"id": organisation(20), "name": "示例路桥建设有限公司"},
        "beneficiary": {"id": organisation(1), "name": "示例城市建设投资有限公司"},
        "amount": {"amount": "390000.00", "currency": "CNY"},
        "valid_from": "2026-03-16",
        "valid_until": "2026-06-30",
    }


def storage_lines(
    *, batches: Sequence[int] = (1, 16, 256), rows: int = 512, rounds: int = 11, folder: Path | None = None
) -> list[Line]:
    """Append rows through our store and through bare sqlite3 (存储)."""
    return [
        Line(
            "storage",
            f"batches of {found.batch}",
            Decimal(found.rows_per_second),
            "rows/s",
            "bare sqlite3, same rows",
            Decimal(found.bare_rows_per_second),
            found.ratio,
            f"≥ {STORAGE_LEAST}",
            found.ratio >= STORAGE_LEAST,
        )
        for found in measure_storage(batches, rows=rows, rounds=rounds, folder=folder)
    ]
