"""
Coverage-guided fuzzing 覆盖引导模糊测试: one target in this process until time is up; ends with an error at the first crash.

Every target says which exceptions it may raise, and holds what it took against an oracle where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["tradehall.", "tradehall_standards."], enable_loader_override=False):
    from torture.first_inputs import EVIDENCE, LETTER, begin_with
    from torture.mutate import is_plain
    from tradehall import verifier
    from tradehall.adapters.identity import ca
    from tradehall.adapters.log import tiles, witness
    from tradehall.adapters.pdf import structure, verify
    from tradehall.kernel import evidence, money, notes, receipts, record
    from tradehall.rules import bid_package, merkle, sealing
    from tradehall_standards import StrictError, canonical, strict

OWN = Path(__file__).parent / "corpus"
"""Inputs that once broke something: base64 in JSON, by target."""

UNIT_SECONDS = 10
"""One input that takes longer fails the target."""
MEMORY_MIB = 3000


class Broken(AssertionError):
    """A target took what it should not have, or gave something else than it was given."""


def need(condition: bool, why: str) -> None:
    if not condition:
        raise Broken(why)


# --- targets: each takes any bytes --------------------------------------------------------------------------------


def strict_parser(data: bytes) -> None:
    try:
        value = strict.parse(data)
    except StrictError:
        return
    need(is_plain(data), "taken though parsers differ over it")
    need(value == json.loads(data), "read as something else than the standard library reads")


def envelope(data: bytes) -> None:
    try:
        value = strict.parse(data)
    except StrictError:
        return
    read = record.read_record(value)
    if isinstance(read, record.Record):
        need(canonical.jcs(strict.parse(read.body)) == read.body, "the signed bytes are not canonical")
        need(strict.parse(read.body) == value["envelope"], "the signed bytes are not what was sent")  # type: ignore[index,call-overload]
        _ = (read.kid, read.wire())


def age_header(data: bytes) -> None:
    try:
        head = sealing.parse_header(data)
    except sealing.NotAnAgeFileError:
        return
    need((len(head.share), len(head.body), len(head.mac)) == (32, 32, 32), "parts of a wrong size")


def commitment(data: bytes) -> None:
    try:
        value = strict.parse(data)
    except StrictError:
        return
    payload = value if isinstance(value, dict) else {}
    findings = sealing.check_commitment(payload)
    try:
        read = sealing.read_commitment(payload)
    except sealing.NotACommitmentError:
        need(bool(findings), "unreadable, but nothing found against it")
        return
    need(sealing.read_commitment(read.to_payload()) == read, "not the same when written and read again")


def package(data: bytes) -> None:
    source = io.BytesIO(data)
    try:
        found = bid_package.read_package(source, len(data))
        for _, located in found.files:
            for _chunk in bid_package.read_entry(source, located):
                pass
        bid_package.check_padding(source, found.padding)
    except bid_package.NotAPackageError:
        return


def log_notes(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for read in (notes.parse_note, notes.parse_checkpoint, notes.parse_vkey):
        try:
            found = read(text)
        except notes.NoteMalformedError:
            continue
        need(str(found) == text, f"{read.__name__} does not give back what it read")
    try:
        witness.parse_request(data)
    except notes.NoteMalformedError:
        return


def log_proofs(data: bytes) -> None:
    reader = atheris.FuzzedDataProvider(data)
    index, size, other = (reader.ConsumeIntInRange(-2, 2**40) for _ in range(3))
    steps = [
        reader.ConsumeBytes(reader.PickValueInList([32, 32, 32, 31])) for _ in range(reader.ConsumeIntInRange(0, 5))
    ]
    root, leaf = reader.ConsumeBytes(32), reader.ConsumeBytes(32)
    need(not merkle.verify_inclusion(leaf, index, size, steps, root) or size == 1, "a proof that nobody made")
    merkle.verify_consistency(index, size, steps, leaf, root)
    merkle.verify_consistency(other, other, [], leaf, leaf)
    text = reader.ConsumeUnicodeNoSurrogates(100)
    with contextlib.suppress(tiles.TileMalformedError):
        need(tiles.parse_path(text).path == text, "two names of one tile")
    try:
        tiles.parse_entry_bundle(reader.ConsumeBytes(400))
    except tiles.TileMalformedError:
        return


def receipt(data: bytes) -> None:
    try:
        value = strict.parse(data, newlines=True)
    except StrictError:
        return
    found = value if isinstance(value, dict) else {}
    key = notes.VerifierKey("x.example/log", notes.ED25519, bytes(32))
    with contextlib.suppress(receipts.ReceiptInvalidError):
        receipts.verify_receipt(
            found,
            public=bytes(32),
            log=key,
            signature={},
            is_included=merkle.verify_inclusion,
            leaf_hash=merkle.leaf_hash,
        )
    try:
        receipts.verify_refusal(found, public=bytes(32))
    except receipts.ReceiptInvalidError:
        return
    raise Broken("a refusal that nobody signed")


def amounts(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        read = money.Money.from_wire({"amount": text, "currency": "CNY"}, signed=True)
    except ValueError:
        return
    need(
        read.to_wire(signed=True) == {"amount": text, "currency": "CNY"},
        "an amount that is written otherwise than it was read",
    )


def csr(data: bytes) -> None:
    try:
        ca.x509.load_der_x509_csr(data)
    except ca._ODD:  # what the authority takes for an odd request
        return


class Patched:
    """A real file with changes in it that the input tells: places and bytes."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole

    def __call__(self, data: bytes) -> bytes:
        reader, made = atheris.FuzzedDataProvider(data), bytearray(self.whole)
        while reader.remaining_bytes() > 4:
            at = reader.ConsumeIntInRange(0, max(0, len(made) - 1))
            cut = reader.PickValueInList([0, 0, 1, 1, 2, 40])
            made[at : at + cut] = reader.ConsumeBytes(reader.ConsumeIntInRange(0, 8))
        return bytes(made)


def evidence_of(first: Path) -> Callable[[bytes], None]:
    """The verifier on evidence of a node that signs whatever it likes: every digest and signature holds."""
    whole = (first / EVIDENCE).read_bytes()
    files = {name: bytes(content) for name, content in verifier.unzip(whole).items()}
    names = sorted(name for name, content in files.items() if len(content) < 40_000 and name != "evidence.sig")
    names = [n for n in names if not n.startswith(("attachments", "schemas"))] * 3 + names
    index = json.loads(files["evidence.json"])
    verifier.verify_jws = lambda *_: True
    verifier.verify_ed25519 = lambda *_: True
    verifier.certificate_party = lambda _certificate: _Everybody()
    small = {n: c for n, c in files.items() if not n.startswith("attachments") or len(c) < 40_000}

    def run(data: bytes) -> None:
        if data[:1] == b"P":
            verifier.verify_bytes(data)
            return
        reader = atheris.FuzzedDataProvider(data)
        name = reader.PickValueInList(names)
        changed = dict(small)
        changed[name] = _edited(files[name], reader)
        if name != "evidence.json":
            listed = {
                n: verifier.digest_of(c) for n, c in changed.items() if n not in ("evidence.json", "evidence.sig")
            }
            changed["evidence.json"] = canonical.jcs(index | {"files": listed})
        report = verifier.verify_bytes(evidence.canonical_zip(changed))
        list(verifier.lines(report))

    return run


class _Everybody(set[str]):
    """A set that holds every name."""

    def __contains__(self, _name: object) -> bool:
        return True


VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**53 - 1,
    2**70,
    1.5,
    "",
    "a",
    "１",
    "1e9",
    "9" * 400,
    [],
    {},
    [[]],
    "2026-02-30",
)


def _edited(content: bytes, reader: Any) -> bytes:
    """Change JSON by its structure, anything else by its bytes."""
    try:
        value = json.loads(content)
    except ValueError:
        return Patched(content)(reader.ConsumeBytes(40))
    for _ in range(reader.ConsumeIntInRange(1, 3)):
        holder = value
        for _ in range(reader.ConsumeIntInRange(0, 8)):
            inner = [
                v for v in (holder.values() if isinstance(holder, dict) else holder) if isinstance(v, dict | list) and v
            ]
            if not inner:
                break
            holder = reader.PickValueInList(inner)
        if not holder:
            break
        key = (
            reader.PickValueInList(sorted(holder))
            if isinstance(holder, dict)
            else reader.ConsumeIntInRange(0, len(holder) - 1)
        )
        if reader.ConsumeIntInRange(0, 4) == 0:
            del holder[key]
        else:
            holder[key] = (
                reader.PickValueInList(list(VALUES)) if reader.ConsumeBool() else reader.ConsumeUnicodeNoSurrogates(20)
            )
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def pdf_of(first: Path) -> Callable[[bytes], None]:
    """The reader of uploaded PDFs on a real letter with changes in it, or on any bytes."""
    logging.disable()  # the library below tells every signature that it does not trust
    patched = Patched((first / LETTER).read_bytes())

    def run(data: bytes) -> None:
        whole = data if data.startswith(b"%PDF") else patched(data)
        with contextlib.suppress(structure.UnreadablePdf):
            structure.inspect(whole)
        verdict = verify.verify_letter(whole, trust_roots=[], register=None)
        need(not verdict.ok, "a letter without a trusted root stands")

    return run


# --- planted bugs: the controls -------------------------------------------------------------------------------------


def planted_bug(data: bytes) -> None:
    """The strict parser with a slip behind two letters of a key: coverage shows the way to the second."""
    if data[2:3] == b"f":
        _first_letter()
        if data[3:4] == b"u":
            raise IndexError("planted")
    strict_parser(data)


def planted_hang(data: bytes) -> None:
    """The strict parser with an endless loop behind a letter."""
    while data[:2] == b'{"' and data[2:3] == b"q":
        pass
    strict_parser(data)


def planted_hoard(data: bytes) -> None:
    """The strict parser with a greedy corner."""
    if data[:2] == b'{"' and data[2:3] == b"m":
        HOARD.append(bytes(MEMORY_MIB << 20))
        HOARD.extend(b"x" * (1 << 24) for _ in range(400))
    strict_parser(data)


HOARD: list[bytes] = []


@atheris.instrument_func
def _first_letter() -> None:
    return


SIMPLE: dict[str, Callable[[bytes], None]] = {
    "strict": strict_parser,
    "envelope": envelope,
    "age": age_header,
    "commitment": commitment,
    "package": package,
    "notes": log_notes,
    "proofs": log_proofs,
    "receipt": receipt,
    "money": amounts,
    "csr": csr,
    "planted_bug": planted_bug,
    "planted_hang": planted_hang,
    "planted_hoard": planted_hoard,
}
SCENIC: dict[str, Callable[[Path], Callable[[bytes], None]]] = {"evidence": evidence_of, "pdf": pdf_of}


def kept(name: str) -> Iterator[bytes]:
    """Yield inputs that once broke a target."""
    path = OWN / f"{name}.json"
    if path.is_file():
        for text in json.loads(path.read_text("ascii")):
            yield b64decode(text)


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("target", choices=sorted((*SIMPLE, *SCENIC)))
    reader.add_argument("--first", type=Path, required=True, help="folder of first inputs (first_inputs.py)")
    reader.add_argument("--folder", type=Path, required=True)
    reader.add_argument("--seconds", type=int, default=5)
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    name = asked.target
    target = SIMPLE[name] if name in SIMPLE else SCENIC[name](asked.first)
    corpus = asked.folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate((*begin_with(asked.first, name), *kept(name))):
        (corpus / f"seed-{number}").write_bytes(data)
        if not name.startswith("planted"):
            target(data)
    if name.startswith("planted"):
        target = atheris.instrument_func(target)
    options = [
        f"-max_total_time={asked.seconds}",
        f"-timeout={UNIT_SECONDS if asked.seconds > UNIT_SECONDS or name != 'planted_hang' else 2}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-seed={asked.seed}",
        f"-max_len={16 if name.startswith('planted') else 8192}",
        "-print_final_stats=1",
        "-reduce_inputs=0",
        f"-artifact_prefix={asked.folder}/",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
