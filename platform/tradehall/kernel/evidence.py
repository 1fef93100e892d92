"""
Evidence files 证据文件: one archive per case that proves itself without the platform (``TH-EVIDENCE-1``).

The archive is a ZIP that any unzip program opens, in a canonical form: entries are stored, sorted by name, without a
gap, with fixed times and attributes. For given contents there is exactly one byte string, so a verifier rebuilds it
and compares every byte; nothing can hide in the container. ``evidence.json`` lists the digest of every other file and
is signed by the node's receipt key. All inclusion proofs lead to the one checkpoint in ``log/checkpoint``.

Layout: ``evidence.json``, ``evidence.sig``, ``about.txt``, ``keys/node.json``, ``keys/witnesses.json``,
``certificates/<sha256>.der``, ``cases/<case>/<number>.json``, ``log/checkpoint``, ``schemas/<digest>.json``,
``parameters/<digest>.json``, ``attachments/<sha256>``.
"""

import re
import struct
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from zlib import crc32

from tradehall.kernel import notes
from tradehall.kernel.receipts import Sign, instant, sign_detached
from tradehall_standards.canonical import jcs
from tradehall_standards.strict import Json

FORMAT = "TH-EVIDENCE-1"
MAX_SIZE = 0xFFFFFFFF
MAX_FILES = 0xFFFF
MAX_RECORDS = 999_999

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION = 20
_MADE_BY = 3 << 8 | _VERSION
_UTF8 = 1 << 11
_DATE_1980 = 1 << 5 | 1
_MODE = 0o100644 << 16


class EvidenceTooLargeError(ValueError):
    """The archive would need more than 4 GiB or 65,535 files; split the case by its linked cases."""


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """
    One record as it goes into evidence 入证记录.

    Attributes:
        body: canonical bytes of the envelope, exactly what was signed.
        signature: the record's signature object.
        accepted_at: the door's time, whole milliseconds.
        salt: 16 bytes of the leaf.
        leaf_index: place in the log.
        proof: inclusion proof in the evidence's checkpoint.
    """

    body: bytes
    signature: Mapping[str, str]
    accepted_at: datetime
    salt: bytes
    leaf_index: int
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class EvidenceCase:
    """The records of one case in log order, and what the case is to the main one (``main`` for itself)."""

    case: str
    role: str
    records: Sequence[EvidenceRecord]


@dataclass(frozen=True, slots=True)
class PreviousKey:
    """A key of the node that was in use until an instant; ``kind`` is ``log``, ``receipt`` or ``ca``."""

    kind: str
    key: str
    until: datetime


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """
    Public keys of the node 节点公钥.

    Attributes:
        node: ``node:<name>``.
        log: verifier key of its log.
        receipt: raw Ed25519 public key that signs receipts and evidence.
        ca_certificates: DER certificates of the authorities whose certificates this node accepts.
        previous: keys used before.
    """

    node: str
    log: notes.VerifierKey
    receipt: bytes
    ca_certificates: Sequence[bytes]
    previous: Sequence[PreviousKey] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What goes into an evidence file 证据内容.

    Attributes:
        cases: the main case first, then the linked ones.
        checkpoint: the note all proofs lead to, with its cosignatures.
        witnesses: cosignature keys of the cities that witness this log, and how many of them must have cosigned.
        certificates: DER certificates of all signers.
        schemas: schema bundles by digest, 64 hex digits.
        parameters: parameters of law in force, by SHA-256 in hex.
        attachments: ciphertexts, letters and documents by SHA-256 in hex.
    """

    cases: Sequence[EvidenceCase]
    created_at: datetime
    keys: NodeKeys
    checkpoint: str
    witnesses: Sequence[notes.VerifierKey] = ()
    witnesses_required: int = 0
    certificates: Sequence[bytes] = ()
    schemas: Mapping[str, bytes] | None = None
    parameters: Mapping[str, bytes] | None = None
    attachments: Mapping[str, bytes] | None = None


def build_evidence(evidence: Evidence, *, signer: Sign) -> bytes:
    """
    Return the evidence file 证据文件, byte for byte the same for the same contents.

    Args:
        evidence: what goes in; proofs and checkpoint are taken as they are, the verifier judges them.
        signer: signs with the node's receipt key.

    Raises:
        EvidenceTooLargeError: over 4 GiB or 65,535 files.
    """
    files = _case_files(evidence.cases) | _key_files(evidence)
    files["log/checkpoint"] = evidence.checkpoint.encode()
    files |= {f"certificates/{sha256(der).hexdigest()}.der": der for der in evidence.certificates}
    files |= {f"schemas/{digest}.json": data for digest, data in (evidence.schemas or {}).items()}
    files |= {f"parameters/{digest}.json": data for digest, data in (evidence.parameters or {}).items()}
    files |= {f"attachments/{digest}": data for digest, data in (evidence.attachments or {}).items()}
    files["about.txt"] = _about(evidence).encode()
    index = jcs(_index(evidence, files))
    files["evidence.json"] = index
    files["evidence.sig"] = jcs(sign_detached(index, evidence.keys.receipt, signer))
    return canonical_zip(files)


def canonical_zip(files: Mapping[str, bytes]) -> bytes:
    """
    Return the one canonical stored ZIP 规范压缩包 of these files.

    Stored entries sorted by name, version 2.0 made on Unix, UTF-8 flag, 1980-01-01 00:00:00, mode 0100644; no extra
    fields, comments, descriptors or ZIP64 records.

    Raises:
        ValueError: a name is not a plain relative ASCII path.
        EvidenceTooLargeError: over 4 GiB or 65,535 files.
    """
    body: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name in sorted(files):
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a plain name: {name!r:.80}")
        data, raw = files[name], name.encode()
        facts = (_UTF8, 0, 0, _DATE_1980, crc32(data), len(data), len(data), len(raw))
        if offset + len(data) > MAX_SIZE or len(files) > MAX_FILES:
            raise EvidenceTooLargeError("an evidence file has at most 4 GiB and 65,535 files")
        body += [_LOCAL.pack(b"PK\x03\x04", _VERSION, *facts, 0), raw, data]
        directory.append(_CENTRAL.pack(b"PK\x01\x02", _MADE_BY, _VERSION, *facts, 0, 0, 0, 0, _MODE, offset) + raw)
        offset += _LOCAL.size + len(raw) + len(data)
    listing = b"".join(directory)
    if offset + len(listing) > MAX_SIZE:
        raise EvidenceTooLargeError("an evidence file has at most 4 GiB and 65,535 files")
    end = _END.pack(b"PK\x05\x06", 0, 0, len(directory), len(directory), len(listing), offset, 0)
    return b"".join([*body, listing, end])


def _index(evidence: Evidence, files: Mapping[str, bytes]) -> dict[str, Json]:
    main, *linked = evidence.cases
    return {
        "format": FORMAT,
        "case": main.case,
        "linked": [{"case": case.case, "role": case.role} for case in linked],
        "node": evidence.keys.node,
        "created_at": instant(evidence.created_at),
        "files": {name: "sha256:" + sha256(data).hexdigest() for name, data in files.items()},
        "log": {"origin": evidence.keys.log.name},
        "counts": {case.case: len(case.records) for case in evidence.cases},
    }


def _case_files(cases: Sequence[EvidenceCase]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for case in cases:
        if len(case.records) > MAX_RECORDS:
            raise EvidenceTooLargeError("a case has at most 999,999 records in evidence")
        for number, record in enumerate(case.records, start=1):
            files[f"cases/{case.case}/{number:06d}.json"] = _record(record)
    return files


def _record(record: EvidenceRecord) -> bytes:
    """Return the canonical bytes of a record file; the envelope's bytes go in as they were signed."""
    head = jcs({"accepted_at": instant(record.accepted_at)})[:-1]
    rest: dict[str, Json] = {
        "leaf_index": record.leaf_index,
        "proof": [step.hex() for step in record.proof],
        "salt": record.salt.hex(),
        "signature": dict(record.signature),
    }
    return head + b',"envelope":' + record.body + b"," + jcs(rest)[1:]


def _key_files(evidence: Evidence) -> dict[str, bytes]:
    keys = evidence.keys
    node: dict[str, Json] = {
        "node": keys.node,
        "log_key": str(keys.log),
        "receipt_key": _b64url(keys.receipt),
        "ca_certificates": [_b64url(der) for der in keys.ca_certificates],
        "previous": [{"kind": old.kind, "key": old.key, "until": instant(old.until)} for old in keys.previous],
    }
    witnesses: dict[str, Json] = {
        "required": evidence.witnesses_required,
        "witnesses": [str(key) for key in evidence.witnesses],
    }
    return {"keys/node.json": jcs(node), "keys/witnesses.json": jcs(witnesses)}


def _about(evidence: Evidence) -> str:
    main = evidence.cases[0]
    linked = "".join(f"  {case.case}  {case.role}  {len(case.records)}\n" for case in evidence.cases[1:])
    return (
        f"证据文件 Evidence file ({FORMAT})\n\n"
        f"项目 Case      {main.case}\n"
        f"记录 Records   {len(main.records)}\n"
        f"节点 Node      {evidence.keys.node}\n"
        f"生成 Created   {instant(evidence.created_at)}\n"
        f"日志 Log       {evidence.keys.log.name}\n"
        + (f"关联 Linked\n{linked}" if linked else "")
        + "\n任何人可用独立程序 verifier.py 脱离平台复核本文件：\n"
        "Anyone can verify this file without the platform, with the single program verifier.py:\n"
        "  python verifier.py FILE\n\n"
        "复核内容：每个字节、每份签名、日志与见证、截止时间、开标集合与解密、抽取、评分、排序和定标。\n"
        "It checks every byte, every signature, log and witnesses, deadlines, the opening set and\n"
        "decryption, draws, scores, ranking and award.\n"
    )


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")
