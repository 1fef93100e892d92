"""
Nothing is changed unseen 篡改必现: bits of an evidence file, rows of the database, a log rebuilt with the node's own
keys, a second history for another reader, letters, schemas, transcripts of draws; two verifiers that must agree.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

from officers.signing import release
from torture.apart import apart
from torture.harness import Part, Run, Said
from torture.tamper_rows import opened, restore, rows
from torture.tamper_world import World, make_world
from tradehall import verifier
from tradehall.adapters.log.witness import request_body
from tradehall.adapters.pdf.verify import verify_letter
from tradehall.kernel import evidence as evidence_files
from tradehall.kernel import notes, receipts
from tradehall.kernel.case import read_instant, write_instant
from tradehall.rules import merkle
from tradehall_standards import Catalogue, canonical
from tradehall_standards.build import build
from tradehall_standards.catalogue import CatalogueError
from verifier import making
from verifier.node import ask
from verifier.test_tampering import INSIDERS, altered, on, parts

MEGABYTE = 1_000_000
DRAWS = ("draw_commitment", "expert_draw", "recusal", "opening_record")


def body(run: Run) -> None:
    """Carry out every attack on one played case, then the controls."""
    with ExitStack() as stack:
        world = make_world(run.folder, stack)
        evidence = world.export()
        run.holds(world.verify(evidence).ok, "the untouched evidence does not pass")
        run.holds(len(evidence) >= MEGABYTE, f"the case has only {len(evidence)} bytes")
        run.count("bytes in the evidence file", len(evidence))
        rebuilt(run, world)
        split_view(run, world)
        letters(run, world)
        catalogue_bytes(run)
        transcripts(run)
        second_verifier(run, world, evidence)
        mutants(run)
        rows(run, world)
        bits(run, evidence)


# --- bits -----------------------------------------------------------------------------------------------------


def bits(run: Run, evidence: bytes) -> None:
    """
    Flip bits of the exported case; the long form flips every one.

    The verifier reads a container entry by entry and stops at the first that does not fit, so a flip is shown to the
    code of the entry in which it lies, and every so many of them to the whole verifier.
    """
    whole = run.of(60, 2000)
    rng = random.Random(run.seed)
    for place in (rng.randrange(8 * len(evidence)) for _ in range(whole)):
        changed = bytearray(evidence)
        changed[place // 8] ^= 1 << place % 8
        run.holds(not verifier.verify_bytes(changed).ok, f"bit {place} of the evidence: unseen")
    run.count("bits flipped, whole file verified", whole)
    spans = sorted(entries_of(evidence), key=lambda span: span[3])
    step = run.of(149, 1)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count() or 1) as pool:
        jobs = [
            (evidence[at : at + head], evidence[start : start + size], start, step) for at, head, start, size in spans
        ]
        for flipped, unseen in pool.imap_unordered(flip_entry, jobs):
            run.count("bits flipped, their entry read", flipped)
            run.holds(not unseen, f"bits of one entry unseen: {unseen[:5]}")
            if run.long and run.left() < 0:
                pool.terminate()
                run.note("the time was over before every bit was flipped; the counts say how many were")
                break
    end = bytearray(evidence)
    for bit in range(8 * 22):
        end[-1 - bit // 8] ^= 1 << bit % 8
        run.holds(raises(end), f"bit {bit} of the end record: unseen")
        end[-1 - bit // 8] ^= 1 << bit % 8
    run.count("bits flipped, their entry read", 8 * 22)


def entries_of(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield each entry: where it is listed and in how many bytes, where it starts and how long it is."""
    view = memoryview(data)
    count, _, offset = verifier._END.unpack(view[-verifier._END.size :])[4:7]
    at, position = offset, 0
    for _ in range(count):
        _, _, after, end = verifier._entry(view, at, position, offset)
        yield at, after - at, position, end - position
        at, position = after, end


def flip_entry(job: tuple[bytes, bytes, int, int]) -> tuple[int, list[int]]:
    """Flip every ``step``-th bit of an entry and of its line in the directory; returns how many, and which went unseen."""
    listed, stored, start, step = job
    # The entry stands where it stood, with nothing before it, so that its position is the one its line states.
    data = bytearray(start) + bytearray(stored) + bytearray(listed) + bytearray(verifier._END.size)
    offset, view = start + len(stored), memoryview(data)
    verifier._entry(view, offset, start, offset)
    unseen, flipped = [], 0
    for bit in range(8 * start, 8 * (offset + len(listed)), step):
        data[bit // 8] ^= 1 << bit % 8
        try:
            _, _, at, end = verifier._entry(view, offset, start, offset)
            if (at, end) == (offset + len(listed), offset):
                unseen.append(bit)
        except ValueError:
            pass
        data[bit // 8] ^= 1 << bit % 8
        flipped += 1
    return flipped, unseen


def raises(data: bytearray) -> bool:
    """Tell whether the container is refused."""
    try:
        verifier.unzip(data)
    except ValueError:
        return True
    return False


# --- the log --------------------------------------------------------------------------------------------------


def rebuilt(run: Run, world: World) -> None:
    """Alter a record and rebuild leaves, roots and checkpoint with the node's own keys: only the witness is missing."""
    with opened(world) as (database, kept):
        try:
            rebuild(database, kept)
            world.node.witnessing.witnesses, asked = [], world.node.witnessing.witnesses
            data = world.export()
            world.node.witnessing.witnesses = asked
            report = world.verify(data)
            run.holds(("", "witnesses") in {(f.case, f.rule) for f in report.findings}, "a rebuilt log passes")
            forged = resign(parts(data), world)
            run.holds(not world.verify(forged).ok, "a rebuilt log that names no witness passes")
            alone = verifier.verify_bytes(forged)
            run.control(
                "evidence without a witness",
                caught=alone.ok,
                how=f"the rebuilt log passes: it is the witness that shows it {[f.rule for f in alone.findings][:3]}",
            )
            answers = {cosigned(world, data, old)[0] for old in (0, world.seen.size)}
            run.holds(answers <= {409, 422}, f"the witness answered a rebuilt log with {answers}")
            run.count("logs rebuilt with the node's keys")
        finally:
            restore(database, kept)


def rebuild(database: sqlite3.Cursor, kept: dict[str, list[tuple[Any, ...]]]) -> None:
    """Backdate a question: its leaf is another, and every root above it is made to fit."""
    victim = next(row for row in kept["journal"] if row[4] == "question")
    body = json.loads(victim[6])
    at = read_instant(body["accepted_at"]) - timedelta(milliseconds=1)
    leaf = receipts.leaf_data(
        record=canonical.digest(body["envelope"]),
        case=body["envelope"]["case"],
        accepted_at=at,
        salt=bytes.fromhex(body["salt"]),
        signature=body["signature"],
    )
    altered_body = canonical.jcs(body | {"accepted_at": write_instant(at)})
    leaves = [leaf if row[0] == victim[0] else row[1] for row in kept["journal"]]
    nodes = merkle.MemoryNodes(merkle.leaf_hash(found) for found in leaves)
    changed = (leaf, victim[5] - 1, altered_body, victim[0])
    database.execute("BEGIN")
    database.execute("UPDATE journal SET leaf = ?, at = ?, body = ? WHERE idx = ?", changed)
    database.execute("DELETE FROM cosignature")
    for row in kept["batch"]:
        database.execute("UPDATE batch SET root = ? WHERE size = ?", (merkle.root(nodes, row[0]), row[0]))
    for level, index, hashes in kept["tile"]:
        below = [nodes.node(8 * level, 256 * index + place) for place in range(len(hashes) // 32)]
        database.execute("UPDATE tile SET hashes = ? WHERE level = ? AND idx = ?", (b"".join(below), level, index))
    database.execute("COMMIT")


def resign(files: dict[str, bytes], world: World) -> bytes:
    """Write an evidence file again that asks for no witness, signed by the node's own receipt key."""
    keys = world.node.keys.node
    files["keys/witnesses.json"] = canonical.jcs({"required": 0, "witnesses": []})
    index = json.loads(files.pop("evidence.json"))
    files.pop("evidence.sig")
    index["files"] = {name: "sha256:" + sha256(content).hexdigest() for name, content in files.items()}
    files["evidence.json"] = raw = canonical.jcs(index)
    files["evidence.sig"] = canonical.jcs(evidence_files.sign_detached(raw, keys.receipt_public, keys.sign_receipt))
    return evidence_files.canonical_zip(files)


def cosigned(world: World, data: bytes, old: int) -> tuple[int, str]:
    """Ask the witness to cosign the checkpoint of an evidence file."""
    text = parts(data)["log/checkpoint"].decode()
    return world.cosign(request_body(text, old, []))


def split_view(run: Run, world: World) -> None:
    """Show another log to another reader, at the same size, larger, and smaller: the witness cosigns none of them."""
    keys, seen, refused = world.node.keys.node, world.seen, 0
    other = merkle.MemoryNodes(merkle.leaf_hash(bytes([index % 256]) * 32) for index in range(seen.size + 40))
    for size in (1, seen.size - 1, seen.size, seen.size + 1, seen.size + 40):
        text = str(notes.Checkpoint(keys.origin, size, merkle.root(other, size)))
        note = str(notes.Note(text, (notes.sign(text, keys.log, keys.sign_log),)))
        for old in {0, min(seen.size, size), size}:
            proof = merkle.consistency_proof(other, old, size) if old <= size else []
            status, _ = world.cosign(request_body(note, old, proof))
            run.holds(status in {400, 409, 422}, f"another log of {size} leaves after {old}: {status}")
            refused += 1
    run.holds(world.seen == seen, "the witness moved on to another history")
    run.count("second histories refused by the witness", refused)


# --- letters, schemas, transcripts --------------------------------------------------------------------------------


def letters(run: Run, world: World) -> None:
    """Change bytes of a guarantee letter: the offline check refuses each."""
    path = Path(next(iter(world.facts["letter_files"].values()))[0])
    good, roots = path.read_bytes(), [world.node.keys.authority.certificate]
    run.holds(verify_letter(good, trust_roots=roots, register=None).ok, "the untouched letter does not pass")
    rng = random.Random(run.seed)
    places = list(range(len(good))) if run.long else [*range(20), *range(len(good) - 20, len(good))]
    if run.long:
        rng.shuffle(places)
    else:
        places += rng.sample(range(len(good)), 40)
    seconds = run.left() / 6
    for place in places:
        changed = bytearray(good)
        changed[place] ^= 1 << rng.randrange(8)
        found = verify_letter(bytes(changed), trust_roots=roots, register=None)
        run.holds(not found.ok, f"byte {place} of a letter: unseen")
        run.count("bytes of a letter changed")
        if run.long and run.left() < 5 * seconds:
            break


def catalogue_bytes(run: Run) -> None:
    """Change bytes of a published schema: it is not loaded, and it can't be published again under its version."""
    from standards import mini

    root = mini.write(run.folder / "mini")
    build(root)
    release(root, "2026.1", date(2026, 1, 1))
    Catalogue.load(root)
    files = sorted(root.rglob("schema.json"))
    rng = random.Random(run.seed)
    for path in files:
        good = path.read_bytes()
        for place in range(0, len(good), run.of(29, 1)):
            changed = bytearray(good)
            changed[place] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            run.holds(refused(Catalogue.load, root), f"{path.name} byte {place}: loaded")
            run.count("bytes of a schema changed")
        weaker = good.replace(b'"maxLength"', b'"minLength"', 1)
        if weaker != good:
            path.write_bytes(weaker)
            run.holds(refused(build, root), f"{path.name}: published twice under one version")
            run.count("versions published again")
        path.write_bytes(good)
    Catalogue.load(root)
    shutil.rmtree(root)


def refused(act: Any, root: Path) -> bool:
    """Tell whether the catalogue refuses."""
    try:
        act(root)
    except CatalogueError:
        return True
    return False


def transcripts(run: Run) -> None:
    """Change what an insider with every key of the hall signs about draws, openings and reports."""
    chosen = INSIDERS if run.long else [row for row in INSIDERS if row[0] in DRAWS]
    for family, alter, rule in chosen:
        report = verifier.verify_bytes(making.play(on(family, alter)).evidence())
        run.holds(not report.ok, f"{family}: a transcript that should show {rule} passes")
        run.count("transcripts altered by an insider")


# --- the second verifier, and controls ------------------------------------------------------------------------------


def second_verifier(run: Run, world: World, evidence: bytes) -> None:
    """Both verifiers say the same of mutated files: bits, and bytes inside a container that was written again."""
    rng, asked, known = random.Random(run.seed), [], []
    small = making.play_small().evidence()
    samples = [evidence, small]
    for _ in range(run.of(200, 2000)):
        if rng.randrange(2):
            changed = bytearray(small)
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        else:
            files = parts(small)
            name = rng.choice(sorted(name for name in files if files[name]))
            content = bytearray(files[name])
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            changed = bytearray(evidence_files.canonical_zip(files | {name: bytes(content)}))
        samples.append(bytes(changed))
    for number, data in enumerate(samples):
        path = run.folder / f"sample-{number}.zip"
        path.write_bytes(data)
        asked.append({"file": str(path)})
        known.append(verifier.verify_bytes(data).to_json())
    for number, (told, report) in enumerate(zip(ask(asked), known, strict=True)):
        rules = [[(f["case"], f["number"], f["rule"]) for f in found["findings"]] for found in (told, report)]
        run.holds(rules[0] == rules[1] and told["ok"] == (number < 2), f"sample {number}: {rules}")
        run.count("files on which both verifiers agree")


def mutants(run: Run) -> None:
    """A verifier without one of its checks lets a tampering through, which the checks above would report."""

    leaf = altered(lambda r: replace(r, salt=bytes(16)))
    signature = altered(lambda r: replace(r, signature={**r.signature, "signature": "A" * 86}))
    hall = making.play_small()
    hall.leaves[1] = sha256(b"another past").digest()
    nodes = merkle.MemoryNodes(merkle.leaf_hash(found) for found in hall.leaves)
    past = hall.evidence(
        checkpoint=making.checkpoint(merkle.root(nodes, len(nodes)), len(nodes), hall.now, cosigned=False)
    )
    real = verifier.NoteKey.holds

    def lax(key: Any, text: str, lines: Any) -> bool:
        return key.kind == 4 or real(key, text, lines)

    everything = {"is_included": lambda *_: True, "verify_jws": lambda *_: True}
    controls: tuple[tuple[str, Any, dict[str, Any], bytes], ...] = (
        ("verifier without the leaf check", verifier, {"is_included": everything["is_included"]}, leaf),
        ("verifier without the cosignature check", verifier.NoteKey, {"holds": lax}, past),
        # A changed signature is also another leaf: both defences have to be off.
        ("verifier without the signature and leaf checks", verifier, everything, signature),
    )
    for title, owner, off, data in controls:
        found = verifier.verify_bytes(data).findings
        with mock.patch.multiple(owner, **off):
            passed = verifier.verify_bytes(data).ok
        run.control(title, caught=bool(found) and passed, how=f"it passes what the real one calls {found[0].rule}")


def main(run: Run) -> None:
    apart(run, body)


PART = Part(
    name="tamper",
    title=Said("篡改", "Tampering"),
    promise=Said(
        "证据文件的每一位、数据库的每一行、用平台密钥重建的整个日志，改动都能离线查出",
        "Every changed bit of evidence, row of the database and log rebuilt with the platform's keys is detected offline",
    ),
    cases=(19, 20, 21, 22, 23, 41),
    run=main,
    short=100,
    weight=3,
)
