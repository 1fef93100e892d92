"""
What must hold after every fault 不变量 (I1–I12 of ``reference/reliability.md``), as code, written once.

Each function returns sentences that say what is broken; none when all is well. ``Log`` reads the whole log once and
recomputes its tree by the definition, with nothing of the program but the key that opens secret rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag

from tradehall import verifier
from tradehall.adapters.vault import DamagedFileError
from tradehall.desk.accept import Accepted, Filing
from tradehall.desk.journal import Entry, Journal
from tradehall.desk.listing import listing_of
from tradehall.desk.ports import CaseQuery
from tradehall.desk.rebuild import differences, refold
from tradehall.desk.sequencer import Sequencer
from tradehall.kernel import receipts as kernel_receipts
from tradehall.kernel.case import read_instant
from tradehall.kernel.record import read_record
from tradehall.kernel.refusal import Refusal
from tradehall.main import Node, ReceiptCheck

BIDS = ("bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation")
ONCE = ("opening_start", "opening_record", "expert_draw", "award_notice", "guarantee_application", "guarantee_letter")
"""Families of which a case, or a lot of it, has one record at most in the stories that are played here."""

Receipt = Mapping[str, Any]


@dataclass(frozen=True)
class Log:
    """The log of a node, read at one moment: leaves, records by index, and the root at every size."""

    leaves: Sequence[bytes]
    entries: Mapping[int, Entry]
    batches: Mapping[int, bytes]
    roots: Sequence[bytes]

    @property
    def cases(self) -> list[str]:
        return sorted({entry.record.case for entry in self.entries.values()})

    def of(self, *families: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.record.family in families]


def read_log(node: Node) -> Log:
    """Read the whole log; rows that no key opens are decoys."""
    entries: dict[int, Entry] = {}
    batches: dict[int, bytes] = {}
    with node.store.read() as reading:
        journal = Journal(reading, node.door.cloak, node.door.procedures)
        latest = reading.latest()
        size = latest.size if latest else 0
        leaves = reading.leaves(0, size + 1)
        for index in range(size):
            stored = reading.at_index(index)
            if stored is not None:
                try:
                    entries[index] = journal.entry(stored)
                except InvalidTag:
                    continue
        covered = 0
        while (batch := reading.covering(covered)) is not None:
            covered = batch.size
            batches[batch.size] = batch.root
    return Log(leaves, entries, batches, _roots(leaves))


def _roots(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the RFC 6962 root of the first n leaves, for each n."""
    peaks: list[tuple[int, bytes]] = []
    roots = [sha256(b"").digest()]
    for leaf in leaves:
        peaks.append((1, sha256(b"\x00" + leaf).digest()))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            size, right = peaks.pop()
            _, left = peaks.pop()
            peaks.append((2 * size, sha256(b"\x01" + left + right).digest()))
        root = peaks[-1][1]
        for _, left in reversed(peaks[:-1]):
            root = sha256(b"\x01" + left + root).digest()
        roots.append(root)
    return roots


def tree_stands(log: Log) -> list[str]:
    """The journal has every index, each batch the root of what it covers, each row the leaf of its record."""
    broken = []
    size = max(log.batches, default=0)
    if len(log.leaves) != size:
        broken.append(f"tree: {len(log.leaves)} rows, the last batch covers {size}")
    broken += [
        f"tree: batch of {size} has another root"
        for size, root in log.batches.items()
        if size >= len(log.roots) or log.roots[size] != root
    ]
    for index, entry in log.entries.items():
        record = entry.record
        leaf = kernel_receipts.leaf_data(
            record=record.digest,
            case=record.case,
            accepted_at=entry.filed.at,
            salt=bytes.fromhex(entry.salt),
            signature=record.signature,
        )
        if index >= len(log.leaves) or log.leaves[index] != leaf:
            broken.append(f"tree: leaf {index} is not that of its record")
    return broken


def receipts_stand(node: Node, log: Log, given: Iterable[Receipt]) -> list[str]:
    """I1: every receipt is signed, is of a journal row with the same bytes and time, and proves inclusion now."""
    broken = []
    check = ReceiptCheck(node)
    size = len(log.leaves)
    with node.store.read() as reading:
        for signed in given:
            told = signed["receipt"]
            name = f"receipt {told['record'][:15]}… ({told['family']})"
            index = int(told["leaf"]["index"])
            entry = log.entries.get(index)
            if entry is None or entry.record.digest != told["record"]:
                broken.append(f"{name}: row {index} is gone")
                continue
            if kernel_receipts.instant(entry.filed.at) != told["accepted_at"] or entry.salt != told["leaf"]["salt"]:
                broken.append(f"{name}: another time or salt")
            if "sha256:" + sha256(entry.record.body).hexdigest() != told["record"]:
                broken.append(f"{name}: other bytes")
            if not check.verify(dict(signed))["valid"]:
                broken.append(f"{name}: does not verify")
            broken += [f"{name}: {why}" for why in checkpoint_stands(log, str(told["log"]["checkpoint"]))]
            leaf = sha256(b"\x00" + log.leaves[index]).digest()
            if not verifier.is_included(leaf, index, size, list(reading.inclusion(index, size)), log.roots[size]):
                broken.append(f"{name}: not included in the present tree")
    return broken


def checkpoint_stands(log: Log, note: str) -> list[str]:
    """A checkpoint that was handed out is a root that the log still has."""
    text, _ = verifier.read_note(note)
    size, root = int(text.split("\n")[1]), verifier.unbase64(text.split("\n")[2])
    if size >= len(log.roots) or log.roots[size] != root:
        return [f"the tree is not consistent with the checkpoint of {size}"]
    return []


def no_late_bid(node: Node, log: Log) -> list[str]:
    """I2: no bid is stamped at or after the deadline, and none lies behind the opening."""
    broken = []
    for case in log.cases:
        if node.door.procedure(case).id != "open_tender":
            continue
        folded, _ = refold(node.door, case)
        deadline = folded.text("deadline")
        opened = [e.filed.index for e in log.of("opening_start") if e.record.case == case]
        for entry in log.of(*BIDS):
            late = bool(deadline) and entry.filed.at >= read_instant(deadline)
            if entry.record.case == case and (late or any(entry.filed.index > o for o in opened)):
                broken.append(f"I2: {entry.record.family} at {entry.filed.at} is late")
    return broken


def each_once(log: Log) -> list[str]:
    """I3, I5, I8, I9: one record each, one opening, one sheet of each expert, one letter."""
    broken = [
        f"I3: {n} rows of {d}" for d, n in Counter(e.record.digest for e in log.entries.values()).items() if n > 1
    ]
    seen: Counter[tuple[str, ...]] = Counter()
    for entry in log.entries.values():
        p, family, case = entry.record.payload, entry.record.family, entry.record.case
        if family == "opening_start":
            seen.update((family, case, str(lot["lot"])) for lot in p["lots"])
        elif family in ("score_sheet", "score_commitment"):
            seen[family, case, str(p["lot"]), str(p["expert"])] += 1
        elif family == "bid_disclosure":
            seen[family, case, str(p["submission"])] += 1
        elif family in ONCE:
            seen[family, case, str(p.get("lot", ""))] += 1
    return broken + [f"I3/I5/I8/I9: {n} of {' '.join(what)}" for what, n in seen.items() if n > 1]


def repeats_alike(node: Node, sequencer: Sequencer, filed: Iterable[tuple[Mapping[str, Any], Receipt]]) -> list[str]:
    """I3: a record that was accepted gives the same row and the same receipt when it is filed again."""
    broken = []
    for wire, before in filed:
        record = read_record(wire)
        if isinstance(record, Refusal):
            broken.append(f"I3: the record can't be read again: {record.code}")
            continue
        answer = sequencer.settle([Filing(record)])[0]
        if not isinstance(answer.outcome, Accepted) or not answer.outcome.repeated or answer.receipt is None:
            broken.append(f"I3: {record.family} was not known when filed again")
        elif json.dumps(answer.receipt, sort_keys=True) != json.dumps(before, sort_keys=True):
            broken.append(f"I3: {record.family} got another receipt when filed again")
    return broken


def state_is_fold(node: Node, log: Log) -> list[str]:
    """Every head, fact and line of the public list is what the records give: no more and no less."""
    broken = []
    for case in log.cases:
        procedure = node.door.procedure(case)
        broken += [f"state: {case}: {what}" for what in differences(node.door, case)]
        folded, facts = refold(node.door, case)
        with node.store.read() as reading:
            journal = Journal(reading, node.door.cloak, node.door.procedures)
            kept = journal.facts(case)
            broken += [
                f"state: {case}: {len(kept.all(kind))} {kind} kept, {len(told)} in the records"
                for kind, told in facts.kinds.items()
                if kind not in procedure.unlisted_kinds and len(kept.all(kind)) != len(told)
            ]
            entries = [e.filed.index for e in journal.entries(case)]
            listed = [line for line in reading.search(CaseQuery(limit=1000)) if line.case == case]
        if entries != sorted(i for i, e in log.entries.items() if e.record.case == case):
            broken.append(f"state: {case}: its records are not those of the log")
        wanted = listing_of(folded, procedure)
        if listed != ([wanted] if wanted else []):
            broken.append(f"state: {case}: another line in the public list")
    return broken


def vault_stands(node: Node, log: Log) -> list[str]:
    """Every file that a record names is in the vault, whole, with its digest."""
    broken = []
    for entry in log.entries.values():
        secret = entry.record.family in node.door.procedure(entry.record.case).secret_families
        for attachment in entry.record.attachments:
            try:
                with node.vault.read(attachment.sha256, secret=secret) as chunks:
                    size = sum(map(len, chunks))
                if size != attachment.size or node.vault.has(attachment.sha256, secret=secret) != size:
                    broken.append(f"vault: {attachment.name} has {size} bytes, {attachment.size} were promised")
            except (LookupError, DamagedFileError) as lost:
                broken.append(f"vault: {attachment.name} of {entry.record.family}: {type(lost).__name__}")
    return broken


def letters_are_filed(node: Node, log: Log) -> list[str]:
    """I9: a guarantee is issued exactly when its letter stands in the journal."""
    broken = []
    letters = {e.record.case: str(e.record.payload["letter"]) for e in log.of("guarantee_letter")}
    for case in (c for c in log.cases if node.door.procedure(c).id == "guarantee_letter"):
        view = node.desk.look(case)
        kept = view.case.text("letter") if view else ""
        if kept != letters.get(case, ""):
            broken.append(f"I9: {case} says letter {kept or 'none'}, the journal {letters.get(case, 'none')}")
    return broken


def versions_are_named(node: Node, log: Log) -> list[str]:
    """I12: every record names the version and digest of its standard, as published."""
    broken = []
    for entry in log.entries.values():
        ref = entry.record.schema
        version = node.door.catalogue.version(ref.id, ref.version)
        if version is None or version.digest != ref.digest:
            broken.append(f"I12: {ref} is not in the catalogue")
    return broken


def evidence_verifies(node: Node, log: Log) -> list[str]:
    """I7: the verifier, which shares no code, recomputes every tender that may be shown from its evidence alone."""
    broken = []
    for case in log.cases:
        if node.door.procedure(case).id != "open_tender":
            continue
        linked = {c: "session" for c in log.cases if _is_session_of(node, c, case)}
        made = node.exporter.export(case, linked=linked)
        if isinstance(made, Refusal):
            if made.code != "OPENING-EARLY":
                broken.append(f"I7: {made.code}")
            continue
        report = verifier.verify_bytes(made)
        broken += [f"I7: {f.family} {f.number}: {f.rule} {f.detail}" for f in report.findings]
    return broken


def _is_session_of(node: Node, case: str, tender: str) -> bool:
    view = node.desk.look(case) if node.door.procedure(case).id == "remote_evaluation" else None
    return view is not None and view.case.text("tender") == tender


def everything(node: Node, given: Sequence[Receipt] = (), log: Log | None = None) -> list[str]:
    """All of it, for one node."""
    log = log or read_log(node)
    return [
        *tree_stands(log),
        *receipts_stand(node, log, given),
        *no_late_bid(node, log),
        *each_once(log),
        *state_is_fold(node, log),
        *vault_stands(node, log),
        *letters_are_filed(node, log),
        *versions_are_named(node, log),
        *evidence_verifies(node, log),
    ]
