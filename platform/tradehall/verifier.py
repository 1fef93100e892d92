"""
Independent verifier 独立复核程序 of Tradehall evidence files (``TH-EVIDENCE-1``).

One file that needs Python 3.11 or later and ``cryptography``, and nothing of the platform: copy it anywhere and run
``python verifier.py FILE [--json] [--node-key KEY] [--witness-key VKEY] [--min-witnesses N]``. It works from the file
and public keys alone, and recomputes what can be recomputed: the container byte for byte, every digest, signature and
log proof, deadlines, the opening set, the decryption of every bid, draws, scores, ranking and award.

Without ``--node-key`` and ``--witness-key`` the keys are those the file itself names; such a run proves that the file
is consistent, not whose it is. Exit status: 0 all checks passed, 1 a check failed (the first bad record is named),
2 usage, 3 the file can't be read. Not checked: revocation of certificates, and content against its schema.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import itertools
import json
import re
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Obj = dict[str, Any]
Bytes = bytes | memoryview
BAD_SHAPES = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)
BID_FAMILIES = ("bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation", "key_release")

# Every rule a finding can name, in Chinese and English.
_RULES = """\
container|容器不是规范格式|the container is not in canonical form
malformed|内容无法复核|the content can't be checked
file-digest|文件缺失、多余或被改动|a file is missing, unlisted or changed
file-name|文件与其摘要名不符|a file is not named by its digest
evidence-signature|证据文件签名无效|the evidence signature does not hold
evidence-format|不是本格式的证据文件|not an evidence file of this format
node-key|不是给定的节点公钥|not the node key that was given
checkpoint-form|检查点格式或来源不符|the checkpoint is malformed or of another log
checkpoint-signature|检查点没有日志的有效签名|the log did not sign the checkpoint
witnesses|有效见证不足|too few valid witness cosignatures
record-form|记录格式不符|not a record in canonical form
record-numbers|记录编号、数量或项目与目录不符|record numbers, counts or cases are not those stated
record-signature|签名无效|the signature does not hold
bid-author|投标记录不是其投标密钥所作|the bid record is not by its bid key
certificate-missing|缺少签名证书|the signer's certificate is not in the file
certificate-chain|证书不是受认可机构签发的|no accepted authority issued the certificate
certificate-expired|证书在受理时无效|the certificate was not valid at that time
certificate-party|证书不属于签名人|the certificate does not name the signer
schema-missing|缺少所引用的数据标准|the schema that is cited is not in the file
schema-pin|同一项目内数据标准版本变动|the schema version changed within the case
log-inclusion|记录不在日志的该位置|the record is not in the log at this place
log-order|编号、日志次序与时间不一致|number, log order and time disagree
bid-late|受理时间不早于投标截止时间|accepted at or after the deadline
opening-early|早于投标截止时间开标|opened before the deadline
opening-set|开标集合与记录不符|the opening set differs from what the records left standing
opening-root|开标记录的集合根不符|the root is not that of the opening
opening-limits|最高限价或最低限价不符|ceiling or floor is not the one in force
opening-bids|开标记录的投标与公布不符|the bids are not as disclosed
disclosure-missing|有投标未公布或重复公布|a bid is disclosed twice or not at all
disclosure-set|公布的投标不在开标集合内|the bid is not in the opening set
disclosure-differs|公布内容与密封内容不符|what is disclosed is not what was sealed
ciphertext-missing|缺少密文，无法复核解密|the ciphertext is not in the file
bid-not-open|该投标实际不能计入|this bid does not open
bid-suppressed|该投标可以打开却未计入|this bid opens, but was not counted
guarantee-differs|公布的保函与密封内容不符|the disclosed guarantee is not the sealed one
guarantee-letter|保函文件与记录不符|the guarantee letter is not the one on record
guarantee-missing|缺少保函文件|the guarantee letter is not in the file
draw-commitment|抽取的专家库或信标未事先承诺|pool or beacon of the draw were not committed beforehand
draw-nonce|随机数与承诺不符|a nonce does not open its commitment
draw-seed|随机种子不符|the seed is not the one computed
draw-members|抽中人数、重复或应回避|wrong number of names, a name twice, or an excluded expert
draw-order|抽取次序不符|the order drawn is another
recusal-order|递补的不是下一名备选|the replacement is not the next reserve
score-commitment|评分表与锁定的摘要不符|the sheet is not the one committed to
score-early|评分在全部锁定之前公开，或非本人所作|shown before all had committed, or not by the expert
score-range|评分缺项或超出范围|points are incomplete or out of range
report-method|评标办法与招标文件不符|the method is not that of the tender document
report-sheets|评分表与评委名单不符|the sheets are not those of the members
report-result|评标报告与复算不符|the report differs from what the records give
report-ties|报告引用的抽签没有记录|a tie draw of the report is not on record
publicity|公示与评标报告不符|the publicity is not that of the report
award-candidate|中标人不是该名次的候选人|the winner is not the candidate of that rank
award-reason|未选第一名而无理由|rank 1 is passed over without a reason
award-publicity|所引公示不存在|the publicity cited is not on record
"""
RULES = {rule: (zh, en) for rule, zh, en in (row.split("|") for row in _RULES.splitlines())}


class Wrong(ValueError):  # noqa: N818 - a verdict, not a malfunction
    """A check failed: which rule, and what about it."""

    def __init__(self, rule: str, detail: object = "") -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule, self.detail = rule, str(detail)[:200]


def need(holds: object, rule: str, detail: object = "") -> None:
    """Raise ``Wrong`` unless the condition holds."""
    if not holds:
        raise Wrong(rule, detail)


class Finding(NamedTuple):
    """One failed check 问题: where (case, record number, family; empty for the file itself), which rule, what."""

    case: str
    number: int
    family: str
    rule: str
    detail: str = ""
    leaf_index: int = -1


@dataclass(slots=True)
class Report:
    """
    What the verification found 复核报告.

    Attributes:
        findings: failed checks, the first bad record first; empty when all is well.
        passed: how often each kind of check was carried out and passed.
        notes: what a reader should know, as (zh, en); they are no failures.
        facts: case, node, log, times, counts and whose keys were trusted, for display.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    passed: Counter[str] = field(default_factory=Counter[str])
    notes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    facts: Obj = field(default_factory=dict[str, Any])

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return not self.findings

    def to_json(self) -> Obj:
        """Return the report as JSON."""
        rows = [f._asdict() | {"zh": RULES[f.rule][0], "en": RULES[f.rule][1]} for f in self.findings]
        return {"ok": self.ok, "facts": self.facts, "checks": self.passed, "findings": rows, "notes": self.notes}


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """
    Keys the reader got elsewhere 可信公钥; the file must use these.

    Attributes:
        node: verifier keys of the log, base64url receipt keys, ``sha256:`` digests of CA certificates; for each of
            the three kinds given, the file's own must be among them.
        witnesses: verifier keys of witnesses.
    """

    node: Sequence[str] = ()
    witnesses: Sequence[str] = ()

    def allows(self, kind: Callable[[str], bool], used: Iterable[str]) -> bool:
        """Tell whether the keys used are among those given of this kind, if any were."""
        given = {key for key in self.node if kind(key)}
        return not given or set(used) <= given


# --- bytes ----------------------------------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form; equal to it because there are no floats and all keys are ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in JSON, where ``true`` is not 1."""
    return canonical(one) == canonical(other)


def parse(raw: Bytes) -> Any:
    """Return canonical JSON; anything else, such as a second spelling of the same value, is a ValueError."""
    text = bytes(raw).decode()
    value = json.loads(text, parse_float=_refuse, parse_constant=_refuse, parse_int=whole, object_pairs_hook=_members)
    if canonical(value) != raw:
        raise ValueError("not in canonical form")
    return value


def _members(pairs: list[tuple[str, Any]]) -> Obj:
    if not "".join(name for name, _ in pairs).isascii():  # beyond ASCII, programs sort names in more than one way
        raise ValueError("a name is not ASCII")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"not an integer: {text[:20]}")


def whole(text: str) -> int:
    """Read an integer within 2^53-1, in its one spelling."""
    if len(text) > 17 or str(int(text)) != text or abs(int(text)) > 2**53 - 1:  # noqa: PLR2004
        raise ValueError("not an integer within 2^53-1")
    return int(text)


def digest_of(data: Bytes) -> str:
    """Return ``sha256:`` and 64 hex digits."""
    return "sha256:" + sha256(data).hexdigest()


def unbase64url(text: str) -> bytes:
    """Return the bytes of canonical base64url without padding."""
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise ValueError("not canonical base64url")
    return data


def unbase64(text: str) -> bytes:
    """Return the bytes of canonical padded base64."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")


def unzip(data: Bytes) -> dict[str, memoryview]:
    """
    Return the files of a canonical stored ZIP, in order; names twice, gaps and every other header are a ValueError.

    The headers are built again from name, size and CRC-32 and compared, so that each byte of the container is
    accounted for. CRC-32 is compared too.
    """
    view = memoryview(data)
    if len(view) < _END.size:
        raise ValueError("too short")
    fields = _END.unpack(view[-_END.size :])
    count, length, offset = fields[4:7]
    if fields != (b"PK\x05\x06", 0, 0, count, count, length, offset, 0) or offset + length + _END.size != len(view):
        raise ValueError("the end record is not canonical")
    files: dict[str, memoryview] = {}
    at, position = offset, 0
    for _ in range(count):
        name, content, at, position = _entry(view, at, position, offset)
        files[name] = content
    if position != offset or at != offset + length or len(files) != count:
        raise ValueError("a name stands twice, or bytes belong to no file")
    return files


def _entry(view: memoryview, at: int, position: int, offset: int) -> tuple[str, memoryview, int, int]:
    """Read the file listed at ``at`` that starts at ``position``; return where the next ones are listed and start."""
    if at + _CENTRAL.size > len(view) - _END.size:
        raise ValueError("the directory is cut short")
    entry = _CENTRAL.unpack(view[at : at + _CENTRAL.size])
    crc, size, name_size = entry[7], entry[9], entry[10]
    name = bytes(view[at + _CENTRAL.size : at + _CENTRAL.size + name_size])
    facts = (1 << 11, 0, 0, 1 << 5 | 1, crc, size, size, len(name))
    central = _CENTRAL.pack(b"PK\x01\x02", 3 << 8 | 20, 20, *facts, 0, 0, 0, 0, 0o100644 << 16, position) + name
    local = _LOCAL.pack(b"PK\x03\x04", 20, *facts, 0) + name
    start = position + len(local)
    content = view[start : start + size]
    is_canonical = (bytes(view[at : at + len(central)]), bytes(view[position:start])) == (central, local)
    if not is_canonical or start + size > offset or crc32(content) != crc:
        raise ValueError(f"the entry {name[:60]!r} is not canonical or has a wrong checksum")
    return name.decode(), content, at + len(central), start + size


# --- signatures, certificates, log ------------------------------------------------------------------------------


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether the Ed25519 signature holds."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_jws(content: Bytes, jws: Obj, key: Any, kid: str) -> bool:
    """Tell whether a detached JWS with exactly our protected header holds for an Ed25519 or P-256 public key."""
    is_ec = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    header = {"alg": "ES256" if is_ec else "Ed25519", "b64": False, "crit": ["b64"], "kid": kid}
    if set(jws) != {"protected", "signature"} or unbase64url(jws["protected"]) != canonical(header):
        return False
    message, signature = jws["protected"].encode() + b"." + content, unbase64url(jws["signature"])
    if isinstance(key, ed25519.Ed25519PublicKey):
        return verify_ed25519(key.public_bytes_raw(), signature, message)
    if not is_ec or len(signature) != 64:  # noqa: PLR2004 - r and s, 32 bytes each
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Tell whether an authority issued and signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
        return authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def certificate_party(certificate: x509.Certificate) -> set[str]:
    """Return the party a certificate names: the serialNumber of its subject."""
    return {str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)}


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof leads from the leaf hash to the root. Source: RFC 9162 section 2.1.3.2."""
    position, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            value = _node(sibling, value)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            value = _node(value, sibling)
        position, last = position >> 1, last >> 1
    return 0 <= index < size and last == 0 and value == root


def tree_root(data: Sequence[bytes]) -> bytes:
    """Return the RFC 6962 root over leaf data, by its definition."""
    if len(data) <= 1:
        return sha256(b"\x00" + data[0] if data else b"").digest()
    k = 1 << (len(data) - 1).bit_length() - 1
    return _node(tree_root(data[:k]), tree_root(data[k:]))


class NoteKey(NamedTuple):
    """A verifier key of c2sp.org/signed-note: name, key id, type (1 log, 4 witness), raw Ed25519 key."""

    name: str
    key_id: bytes
    kind: int
    public: bytes

    @classmethod
    def read(cls, vkey: str, kind: int) -> NoteKey:
        """Read ``name+id+key`` of the type needed; ValueError for anything else."""
        name, key_id, encoded = vkey.split("+", 2)
        material = unbase64(encoded)
        expected = sha256(name.encode() + b"\n" + material).digest()[:4]
        if len(material) != 33 or material[0] != kind or expected.hex() != key_id:  # noqa: PLR2004
            raise ValueError("not a verifier key of the type needed")
        return cls(name, expected, kind, material[1:])

    def holds(self, text: str, signatures: Sequence[tuple[str, bytes]]) -> bool:
        """Tell whether the key signed (type 1) or cosigned (type 4) the text; one bad line of the key spoils it."""
        found = [value[4:] for name, value in signatures if (name, value[:4]) == (self.name, self.key_id)]
        if self.kind == 1:
            return bool(found) and all(verify_ed25519(self.public, value, text.encode()) for value in found)
        stamped = [(f"cosignature/v1\ntime {int.from_bytes(v[:8], 'big')}\n{text}", v[8:]) for v in found]
        return bool(found) and all(verify_ed25519(self.public, s, message.encode()) for message, s in stamped)


def read_note(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a signed note and its signatures as (name, key id and value)."""
    body, separator, lines = text.rpartition("\n\n")
    rows = lines.split("\n")
    signatures = [row.split(" ") for row in rows[:-1]]
    if not separator or rows[-1] or not signatures or any(len(s) != 3 or s[0] != "\u2014" for s in signatures):  # noqa: PLR2004
        raise ValueError("not a signed note")
    return body + "\n", [(row[1], unbase64(row[2])) for row in signatures]


# --- age files --------------------------------------------------------------------------------------------------

ORDER = 2**252 + 27742317777372353535851937790883648493
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_AGE = re.compile(
    rb"age-encryption\.org/v1\n-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n--- ([A-Za-z0-9+/]{43})\n"
)


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check


def bech32(prefix: str, data: bytes) -> str:
    """Write bytes as bech32 (BIP 173), lower case."""
    bits = "".join(f"{byte:08b}" for byte in data)
    values = [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]
    expanded = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]
    rest = _polymod([*expanded, *values, *[0] * 6]) ^ 1
    return prefix + "1" + "".join(_BECH32[v] for v in [*values, *(rest >> 5 * (5 - i) & 31 for i in range(6))])


def read_secret(text: str) -> bytes:
    """Read ``AGE-SECRET-KEY-1…``; ValueError for anything else."""
    bits = "".join(f"{_BECH32.index(c):05b}" for c in text.lower().removeprefix("age-secret-key-1")[:-6])
    secret = bytes(int(bits[i : i + 8], 2) for i in range(0, 256, 8))
    if bech32("age-secret-key-", secret).upper() != text:
        raise ValueError("not an age secret key")
    return secret


def recipient_of(secret: bytes) -> str:
    """Return the age recipient of a secret key."""
    return bech32("age", x25519.X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())


def combine(shares: Mapping[int, int], recipient: str) -> bytes | None:
    """
    Rebuild the secret key from shares over the scalar field; None if it is not that of the recipient.

    The shares give s = K mod L. K is a multiple of 8 in [2^254, 2^255) congruent to s or to -s: both give the same
    Montgomery point, and a dealer who knows that could otherwise deal an s that lifts to nothing.
    """
    total = 0
    for i, share in shares.items():
        weight = 1
        for j in shares:
            weight = weight if i == j else weight * j * pow(j - i, -1, ORDER) % ORDER
        total = (total + share * weight) % ORDER
    for residue in (total, -total % ORDER):
        lifted = residue + (-residue * pow(ORDER, -1, 8) % 8) * ORDER
        if 2**254 <= lifted < 2**255 and recipient_of(lifted.to_bytes(32, "little")) == recipient:
            return lifted.to_bytes(32, "little")
    return None


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def age_decrypt(data: memoryview, secret: bytes) -> bytes:
    """Return the plaintext of an age v1 file with exactly one X25519 stanza; ValueError if it is not one for us."""
    found = _AGE.match(bytes(data[:168]))
    if found is None:
        raise ValueError("not an age file with one X25519 recipient")
    share, body, mac = (unbase64(part.decode() + "=") for part in found.groups())
    key = x25519.X25519PrivateKey.from_private_bytes(secret)
    shared = key.exchange(x25519.X25519PublicKey.from_public_bytes(share))
    salt = share + key.public_key().public_bytes_raw()
    try:
        wrap = ChaCha20Poly1305(_hkdf(shared, salt, b"age-encryption.org/v1/X25519"))
        file_key = wrap.decrypt(bytes(12), body, None)
        header = bytes(data[: found.start(3) - 1])
        if not hmac.compare_digest(hmac.digest(_hkdf(file_key, b"", b"header"), header, "sha256"), mac):
            raise InvalidTag  # noqa: TRY301 - the same verdict
        payload, nonce = data[found.end() + 16 :], bytes(data[found.end() : found.end() + 16])
        cipher, step = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload")), 65536 + 16
        starts = range(0, max(len(payload), 1), step)
        marks = [i.to_bytes(11, "big") + bytes([i == len(starts) - 1]) for i in range(len(starts))]
        return b"".join(cipher.decrypt(m, payload[s : s + step], None) for m, s in zip(marks, starts, strict=True))
    except InvalidTag as error:
        raise ValueError("the ciphertext is not for this key or was changed") from error


# --- records ---------------------------------------------------------------------------------------------------

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_RECORD_FILE = re.compile(r"cases/([tgrs]-[a-z2-7]{26})/(\d{6})\.json", re.ASCII)
_HEX = re.compile("[0-9a-f]{64}")
_SALT = re.compile("[0-9a-f]{32}")
_MEMBERS = {"envelope", "signature", "accepted_at", "salt", "leaf_index", "proof"}
_ENVELOPE = {"suite", "schema", "case", "author", "filed_by", "nonce", "payload", "attachments"}


class Record(NamedTuple):
    """One record of a case, as read; ``at`` is ``accepted_at``, ``proof`` are the hashes up to the root."""

    case: str
    number: int
    envelope: Obj
    signature: Obj
    accepted_at: str
    at: datetime
    salt: str
    leaf_index: int
    proof: list[bytes]
    digest: str
    family: str
    author: str
    payload: Obj


def instant(text: str) -> datetime:
    """Read an RFC 3339 instant with offset."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"not an instant: {text[:40]}")
    return datetime.fromisoformat(text).astimezone(UTC)


def read_record(case: str, number: int, raw: bytes) -> Record:
    """Read a record file; ValueError, KeyError or TypeError if it is not one in canonical form."""
    value, text = parse(raw), raw.decode()
    # In canonical form a control character is always escaped with another letter than quote and backslash.
    if re.search("[\x7f-\x9f]", text) or any(escape[1] not in '"\\' for escape in re.findall(r"\\.", text)):
        raise ValueError("control characters")
    envelope, at, schema = value["envelope"], value["accepted_at"], value["envelope"]["schema"]
    is_record = set(value) == _MEMBERS and set(envelope) == _ENVELOPE and set(schema) == {"id", "version", "digest"}
    hexes = [*map(_HEX.fullmatch, value["proof"]), _SALT.fullmatch(value["salt"])]
    if not (is_record and envelope["suite"] == "TH1" and _UTC.fullmatch(at) and all(hexes)):
        raise ValueError("not a record of suite TH1")
    if envelope["case"] != case or not isinstance(envelope["payload"], dict):
        raise ValueError("of another case, or without payload")
    texts = (schema["id"], schema["digest"], envelope["author"], envelope["filed_by"])
    if not all(isinstance(text, str) for text in texts) or type(value["leaf_index"]) is not int:
        raise ValueError("a member of another type")
    digest, proof = digest_of(canonical(envelope)), [bytes.fromhex(step) for step in value["proof"]]
    outer = (case, number, envelope, value["signature"], at, instant(at), value["salt"], value["leaf_index"])
    return Record(*outer, proof, digest, schema["id"], envelope["author"], envelope["payload"])


# --- the verification -----------------------------------------------------------------------------------------


class Opened(NamedTuple):
    """What came out of a sealed bid, as a disclosure must repeat it, and the digest of the letter inside."""

    shown: Obj
    claim: Obj | None
    letter: str | None


class Verification:
    """One run over one file; every check adds to the report, and none stops the others."""

    def __init__(self, files: dict[str, memoryview], trusted: TrustedKeys, min_witnesses: int, report: Report) -> None:
        self.files, self.trusted, self.min_witnesses, self.report = files, trusted, min_witnesses, report
        self.index: Obj = {}
        self.records: list[Record] = []
        self.by_digest: dict[str, Record] = {}
        self.sorted: dict[tuple[str, str], list[Record]] = defaultdict(list)
        self.certificates: dict[bytes, x509.Certificate] = {}
        self.root, self.size = b"", 0

    def of(self, family: str, case: str, **members: Any) -> list[Record]:
        """Return the records of a family and case, in log order, whose payload has these members."""
        rows = self.sorted[family, case]
        return [r for r in rows if all(r.payload.get(name) == value for name, value in members.items())]

    def lots_of(self, family: str, case: str) -> list[Obj]:
        """Return the entries by lot of all records of a family."""
        return [lot for record in self.of(family, case) for lot in record.payload["lots"]]

    def attempt(self, check: Callable[..., Any], record: Record | None, *more: Any) -> None:
        """Run one check; what it finds wrong, or can't read, becomes a finding about the record."""
        try:
            check(*([] if record is None else [record]), *more)
        except Wrong as wrong:
            self.found(record, wrong.rule, wrong.detail)
        except BAD_SHAPES as error:
            self.found(record, "malformed", f"{type(error).__name__}: {error}"[:200])
        else:
            self.report.passed[check.__name__] += 1

    def found(self, record: Record | None, rule: str, detail: str = "") -> None:
        """Add a finding."""
        place = (record.case, record.number, record.family) if record else ("", 0, "")
        self.report.findings.append(Finding(*place, rule, detail, record.leaf_index if record else -1))

    # --- the file, its keys, the log ---

    def check_index(self) -> None:
        """Every file is listed with its digest, and the list is signed by the receipt key."""
        raw = self.files["evidence.json"]
        index, node = parse(raw), parse(self.files["keys/node.json"])
        listed, others = index["files"], self.files.keys() - {"evidence.json", "evidence.sig"}
        self.index = index
        for name in sorted(others | listed.keys()):
            same = name in listed and name in others and digest_of(self.files[name]) == listed[name]
            need(same, "file-digest", name)
        for name in sorted(others):
            folder, _, rest = name.partition("/")
            stem = "sha256:" + rest.removesuffix({"certificates": ".der", "attachments": ""}.get(folder, ".json"))
            is_named = folder not in {"certificates", "attachments", "schemas", "parameters"} or listed[name] == stem
            need(is_named, "file-name", name)
        public = unbase64url(node["receipt_key"])
        key = ed25519.Ed25519PublicKey.from_public_bytes(public)
        need(verify_jws(raw, parse(self.files["evidence.sig"]), key, digest_of(public)), "evidence-signature")
        need((self.index["format"], self.index["node"]) == ("TH-EVIDENCE-1", node["node"]), "evidence-format")

    def check_keys(self) -> None:
        """The node's keys are those given by the reader, and well formed."""
        node, allows = parse(self.files["keys/node.json"]), self.trusted.allows
        authorities = [unbase64url(text) for text in node["ca_certificates"]]
        self.authorities = [x509.load_der_x509_certificate(der) for der in authorities]
        self.log = NoteKey.read(node["log_key"], 1)
        need(allows(lambda key: "+" in key, [node["log_key"]]), "node-key", node["log_key"])
        need(allows(lambda key: "+" not in key and ":" not in key, [node["receipt_key"]]), "node-key", "receipt key")
        need(allows(lambda key: key.startswith("sha256:"), map(digest_of, authorities)), "node-key", "authority")

    def check_checkpoint(self) -> None:
        """The log signed the checkpoint, and enough witnesses cosigned it."""
        text, signatures = read_note(bytes(self.files["log/checkpoint"]).decode())
        origin, size, root, end = text.split("\n")
        self.size, self.root = whole(size), unbase64(root)
        need(origin == self.log.name == self.index["log"]["origin"] and not end, "checkpoint-form")
        need(self.log.holds(text, signatures), "checkpoint-signature")
        self.report.facts["checkpoint"] = {"origin": origin, "size": self.size, "root": self.root.hex()}
        stated = parse(self.files["keys/witnesses.json"])
        needed = max(int(stated["required"]), self.min_witnesses)
        wanted = [(stated["witnesses"], needed)]
        if self.trusted.witnesses:
            few = min(len(self.trusted.witnesses), max(1, needed))
            wanted.append((self.trusted.witnesses, self.min_witnesses or few))
        for vkeys, count in wanted:
            keys = [NoteKey.read(vkey, 4) for vkey in vkeys]
            good = {key.public: key.name for key in keys if key.holds(text, signatures)}
            need(len(good) >= count, "witnesses", f"{len(good)} / {count}")
            self.report.facts["witnesses"] = sorted(good.values())

    # --- every record ---

    def read_records(self) -> None:
        """Read all record files; those that can't be read become findings."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for name in sorted(name for name in self.files if name.startswith("cases/")):
            found = _RECORD_FILE.fullmatch(name)
            case, number = (found[1], int(found[2])) if found else ("", 0)
            numbers[case].append(number)
            try:
                self.records.append(read_record(case, number, bytes(self.files[name])))
            except BAD_SHAPES as error:
                self.report.findings.append(Finding(case, number, "", "record-form", f"{error}"[:200]))
        self.records.sort(key=lambda record: (record.leaf_index, record.case, record.number))
        self.by_digest = {record.digest: record for record in reversed(self.records)}
        for record in self.records:
            self.sorted[record.family, record.case].append(record)
        stated = {case: count for case, count in self.index["counts"].items() if count}
        known = {self.index["case"], *(link["case"] for link in self.index["linked"])}
        is_gapless = all(found == list(range(1, len(found) + 1)) for found in numbers.values())
        is_counted = stated == {case: len(found) for case, found in numbers.items()}
        need(is_gapless and is_counted and set(self.index["counts"]) == known, "record-numbers")

    def check_record(self, record: Record) -> None:
        """Signature, schema and place in the log of one record."""
        bundle = f"schemas/{record.envelope['schema']['digest'].removeprefix('sha256:')}.json"
        need(bundle in self.files, "schema-missing", record.envelope["schema"])
        self.check_signature(record)
        leaf = {"accepted_at": record.accepted_at, "case": record.case, "record": record.digest, "salt": record.salt}
        leaf["signature"] = digest_of(canonical(record.signature))
        leaf_hash = sha256(b"\x00" + sha256(canonical(leaf)).digest()).digest()
        place = (record.leaf_index, self.size, record.proof, self.root)
        need(is_included(leaf_hash, *place), "log-inclusion", record.leaf_index)

    def check_signature(self, record: Record) -> None:
        """The author, or who filed for it, signed the envelope with a certificate valid then; bids by their own key."""
        author, filed_by = record.author, str(record.envelope["filed_by"])
        if record.family in BID_FAMILIES or author.startswith("bid:") or filed_by.startswith("bid:"):
            raw = unbase64url(record.payload["bid_key"])
            kid = "bid:" + base64.b32encode(sha256(raw).digest()).decode().lower()[:32]
            need(record.family in BID_FAMILIES and author == filed_by == kid, "bid-author", author)
            key: Any = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        else:
            kid = str(parse(unbase64url(record.signature["protected"]))["kid"])
            der = self.files.get(f"certificates/{kid.removeprefix('sha256:')}.der")
            need(der is not None, "certificate-missing", kid)
            key = self.certified(bytes(der or b""), record.at, {author, filed_by})
        need(verify_jws(canonical(record.envelope), record.signature, key, kid), "record-signature")

    def certified(self, der: bytes, at: datetime, parties: set[str]) -> Any:
        """Return the public key of a certificate that names a party and was valid then, as was who issued it."""
        certificate = self.certificates.setdefault(der, x509.load_der_x509_certificate(der))
        issuers = [authority for authority in self.authorities if issued_by(certificate, authority)]
        need(issuers, "certificate-chain", certificate.subject.rfc4514_string())
        times = [(c.not_valid_before_utc, c.not_valid_after_utc) for c in (certificate, *issuers)]
        is_valid = [start <= at <= end for start, end in times]
        need(is_valid[0] and any(is_valid[1:]), "certificate-expired", f"{times[0][0]} – {times[0][1]}")
        need(parties & certificate_party(certificate), "certificate-party", sorted(parties))
        return certificate.public_key()

    def check_order(self) -> None:
        """In each case numbers, log order and times go forward, none comes twice, each family keeps to one schema."""
        last: dict[str, Record] = {}
        pinned: dict[tuple[str, str], str] = {}
        for place, record in enumerate(self.records):
            before, schema = last.get(record.case, record), record.envelope["schema"]["digest"]
            is_alone = place == 0 or self.records[place - 1].leaf_index < record.leaf_index
            is_alone &= self.by_digest[record.digest] is record
            if not is_alone or before.number > record.number or before.at > record.at:
                self.found(record, "log-order")
            if pinned.setdefault((record.case, record.family), schema) != schema:
                self.found(record, "schema-pin")
            last[record.case] = record

    # --- deadlines and opening ---

    def check_deadlines(self, case: str) -> None:
        """No bid record is stamped at or after the deadline then in force, and no opening before it."""
        deadline: datetime | None = None
        grace, opened = timedelta(0), set[str]()
        lots = {r.payload["submission"]: r.payload["lot"] for r in self.of("bid_commitment", case)}
        for record in [r for r in self.records if r.case == case]:
            p, family = record.payload, record.family
            if family in {"tender_notice", "deadline_extension"}:
                deadline, grace = instant(p["bid_deadline"]), timedelta(seconds=p.get("grace_seconds", grace.seconds))
            elif family == "clarification" and "bid_deadline" in p.get("changes", {}):
                deadline = instant(p["changes"]["bid_deadline"])
            elif family == "outage_record" and deadline is not None:
                deadline = self.postponed(deadline, p)
            elif family == "opening_start":
                opened |= {lot["lot"] for lot in p["lots"]}
                if deadline is None or record.at < deadline:
                    self.found(record, "opening-early", f"{record.accepted_at} < {deadline}")
            elif family in BID_FAMILIES[:4]:
                limit = deadline + grace if deadline and family == "sealed_bid" else deadline
                if limit is None or record.at >= limit or lots.get(p["submission"]) in opened:
                    self.found(record, "bid-late", f"{record.accepted_at} ≥ {limit}")

    def postponed(self, deadline: datetime, outage: Obj) -> datetime:
        """Return the deadline after an outage: two hours after its end, or a day and on to a working day."""
        start, end = instant(outage["from"]), instant(outage["to"])
        if not start <= deadline <= end or outage["policy"] != "postpone_2h":
            return deadline
        if end - start <= timedelta(hours=2):
            return end + timedelta(hours=2)
        note = ("故障顺延至工作日，按十二天核对", "moved by an outage to a working day: checked to 12 days")
        self.report.notes.append(note)
        return end + timedelta(days=13)

    def standing(self, case: str, lot: str, until: int) -> list[Record]:
        """Return the commitments of a lot that stood before a place in the log, sorted by submission."""
        answers = ""
        bids: dict[str, Record] = {}
        complete, gone, answered = set[tuple[str, ...]](), set[tuple[str, str]](), dict[tuple[str, str], str]()
        for r in [r for r in self.records if r.case == case and r.leaf_index < until]:
            p, bid = r.payload, (str(r.payload.get("submission")), r.author)
            if r.family == "tender_notice" or (r.family == "clarification" and p["invalidates_bids"]):
                answers = r.digest
            elif r.family == "bid_commitment" and p["lot"] == lot and bid[0] not in bids:
                bids[bid[0]], answered[bid] = r, p["answers"]
                gone |= {(p["replaces"], r.author)} if "replaces" in p else set()
            elif r.family == "sealed_bid":
                complete.add((*bid, p["ciphertext"]["sha256"]))
            elif r.family == "bid_withdrawal":
                gone.add(bid)
            elif r.family == "bid_confirmation":
                answered[bid] = p["answers"]
        rows = [((submission, r.author), r) for submission, r in sorted(bids.items())]
        rows = [(bid, r) for bid, r in rows if (*bid, r.payload["ciphertext"]["sha256"]) in complete]
        return [r for bid, r in rows if bid not in gone and answered[bid] == answers]

    def check_opening_set(self, start: Record) -> None:
        """The set frozen at the opening is exactly what the records left standing."""
        for stated in start.payload["lots"]:
            bids = self.standing(start.case, stated["lot"], start.leaf_index)
            listed = [{"submission": r.payload["submission"], "commitment": r.digest} for r in bids]
            root = tree_root([bytes.fromhex(r.digest.removeprefix("sha256:")) for r in bids]).hex()
            expected = {"lot": stated["lot"], "accepted_root": root, "count": len(bids), "submissions": listed}
            need(same(stated, expected), "opening-set", stated["lot"])

    def secret_of(self, bid: Record) -> tuple[bytes | None, str]:
        """Return the secret key of a bid and how it came (``bidder_key``, ``custodians``), or None and the cause."""
        p, recipient = bid.payload, bid.payload["recipient"]
        for release in self.of("key_release", bid.case, submission=p["submission"]):
            secret = read_secret(release.payload["secret_key"])
            if release.author == bid.author and recipient_of(secret) == recipient:
                return secret, "bidder_key"
        released = [r.payload for r in self.of("share_release", bid.case, submission=p["submission"])]
        shares = {int(s["index"]): int.from_bytes(bytes.fromhex(s["share"]), "little") for s in released}
        threshold = len(p["commitments"])
        for chosen in itertools.combinations(sorted(shares), threshold):
            rebuilt = combine({index: shares[index] for index in chosen}, recipient)
            if rebuilt is not None:
                return rebuilt, "custodians"
        return None, "bad_shares" if len(shares) >= threshold else "not_released"

    def open_bid(self, bid: Record, secret: bytes) -> Opened:
        """Open a sealed bid; ``Wrong`` with the cause as its detail when it can't count."""
        p, rule = bid.payload, "bid-not-open"
        data = self.files.get(f"attachments/{p['ciphertext']['sha256'].removeprefix('sha256:')}")
        need(data is not None, "ciphertext-missing", p["submission"])
        need(len(data or b"") == p["ciphertext"]["size"], rule, "digest_mismatch")
        try:
            inner = unzip(age_decrypt(memoryview(data or b""), secret))
            raw, signature = inner["manifest.json"], parse(inner["manifest.sig"])
            manifest = parse(raw)
            bidder, files, letter = manifest["bidder"], manifest["files"], inner.get("guarantee/letter.pdf")
            der = unbase64url(bidder["certificate"])
            names = ["manifest.json", "manifest.sig", *("files/" + file["name"] for file in files)]
            names += ["guarantee/letter.pdf", "padding"] if letter is not None else ["padding"]
            need(list(inner) == names and bytes(inner["padding"]).count(0) == len(inner["padding"]), rule, "malformed")
            for file in files:
                content = inner["files/" + file["name"]]
                need((digest_of(content), len(content)) == (file["sha256"], file["size"]), rule, "malformed")
            need(manifest["format"] == "TH-BID-1", rule, "malformed")
        except Wrong:
            raise
        except BAD_SHAPES as error:
            raise Wrong(rule, "malformed") from error
        try:
            key = self.certified(der, bid.at, {bidder["id"]})
        except ValueError as error:
            raise Wrong(rule, "bad_signature") from error
        need(verify_jws(raw, signature, key, digest_of(der)), rule, "bad_signature")
        outer = {"tender": bid.case} | {name: p[name] for name in ("lot", "submission", "bid_key")}
        need(all(manifest[name] == value for name, value in outer.items()), rule, "wrong_binding")
        shown = {name: manifest[name] for name in ("price", "attributes", "files")} | {"manifest": digest_of(raw)}
        shown["bidder"] = {"id": bidder["id"], "name": bidder["name"], "certificate": digest_of(der)}
        return Opened(shown, manifest["guarantee"], None if letter is None else digest_of(letter))

    def check_disclosure(self, disclosure: Record) -> None:
        """What was disclosed of a bid is what is inside its seal; what is called unopened can't be opened."""
        p, case = disclosure.payload, disclosure.case
        lots = self.lots_of("opening_start", case)
        frozen = {s["submission"]: s["commitment"] for lot in lots for s in lot["submissions"]}
        bid = self.by_digest.get(frozen.get(p["submission"], ""))
        if bid is None or bid.payload["lot"] != p["lot"]:
            raise Wrong("disclosure-set", p["submission"])
        need(self.of("bid_disclosure", case, submission=p["submission"])[0] is disclosure, "disclosure-missing")
        earlier = [r.payload for r in self.of("bid_commitment", case) if r.leaf_index < bid.leaf_index]
        seals = {seal for e in earlier for seal in (e["recipient"], e["ciphertext"]["sha256"])}
        secret, way = self.secret_of(bid)
        try:
            need(not {bid.payload["recipient"], bid.payload["ciphertext"]["sha256"]} & seals, "bid-not-open", "copied")
            need(secret is not None, "bid-not-open", way)
            opened = self.open_bid(bid, secret or b"")
        except Wrong as wrong:
            is_lost = wrong.rule == "ciphertext-missing" and p.get("cause") == "no_ciphertext"
            if p["outcome"] == "opened" or (wrong.rule != "bid-not-open" and not is_lost):
                raise
            if wrong.detail != p.get("cause"):
                differs = f"{p['submission']}: {p.get('cause')} ≠ {wrong.detail}"
                self.report.notes.append((f"未开启原因与复核不同 {differs}", f"another cause was found {differs}"))
            return
        if p["outcome"] == "opened":
            self.compare(p, opened, way)
            self.compare_letter(case, p)
        else:
            need(p.get("cause") == "guarantee", "bid-suppressed", p["submission"])

    def compare(self, p: Obj, opened: Opened, way: str) -> None:
        """What is disclosed of an opened bid is what was in it."""
        for name, value in (opened.shown | {"opened_by": way}).items():
            need(p.get(name) == value, "disclosure-differs", name)
        claim, shown = opened.claim, p.get("guarantee") or {"result": "absent"}
        if claim is None:
            need(shown["result"] != "valid", "guarantee-differs")
            return
        need(all(shown.get(name, value) == value for name, value in claim.items()), "guarantee-differs")
        is_valid, is_absent = shown["result"] == "valid", "guarantee" in p and shown["result"] == "absent"
        need(not (is_absent and opened.letter), "guarantee-differs")
        need(not is_valid or opened.letter == claim["letter"] == shown.get("letter"), "guarantee-letter")

    def compare_letter(self, case: str, bid: Obj) -> None:
        """A guarantee that counts is the one issued, where its case is in the file."""
        claim: Obj = bid.get("guarantee") or {}
        for issued in (record.payload for record in self.records if record.family == "guarantee_letter"):
            if claim.get("result") == "valid" and claim["number"] == issued["number"]:
                names = ("amount", "valid_until", "letter")
                stated = [claim["issuer"], case, bid["lot"], bid["bidder"]["id"], *(claim[name] for name in names)]
                parties = issued["issuer"]["id"], issued["tender"], issued["lot"], issued["applicant"]["id"]
                need(stated == [*parties, *(issued[name] for name in names)], "guarantee-differs", claim["number"])

    def check_opening_record(self, record: Record) -> None:
        """The opening record repeats the disclosures, the roots and the price limits."""
        starts = {lot["lot"]: lot for lot in self.lots_of("opening_start", record.case)}
        ceilings, floors = self.limits(record.case)
        for lot in record.payload["lots"]:
            name = lot["lot"]
            need(lot["accepted_root"] == starts[name]["accepted_root"], "opening-root", name)
            need((lot["ceiling"], lot.get("floor")) == (ceilings.get(name), floors.get(name)), "opening-limits", name)
            expected: dict[str, Obj] = {}
            for p in (r.payload for r in self.of("bid_disclosure", record.case, lot=name)):
                expected[p["submission"]] = {k: p[k] for k in ("submission", "outcome", "price", "cause") if k in p}
                if "bidder" in p:
                    expected[p["submission"]]["bidder"] = {k: p["bidder"][k] for k in ("id", "name")}
            need({row["submission"] for row in starts[name]["submissions"]} == expected.keys(), "disclosure-missing")
            need({bid["submission"]: bid for bid in lot["bids"]} == expected, "opening-bids", name)
            need(len(lot["bids"]) == len(expected), "opening-bids", name)

    def limits(self, case: str) -> tuple[dict[str, Obj], dict[str, Obj]]:
        """Return ceilings and floors by lot, as the notice and later clarifications set them."""
        ceilings: dict[str, Obj] = {}
        floors: dict[str, Obj] = {}
        for record in [r for r in self.records if r.case == case]:
            if record.family == "tender_notice":
                ceilings |= {lot["id"]: lot["ceiling"] for lot in record.payload["lots"]}
                floors |= {lot["id"]: lot["floor"] for lot in record.payload["lots"] if "floor" in lot}
            elif record.family == "clarification":
                changed = record.payload.get("changes", {}).get("ceilings", [])
                ceilings |= {change["lot"]: change["ceiling"] for change in changed}
        return ceilings, floors

    # --- draws and scores ---

    def check_draw(self, draw: Record) -> None:
        """The experts drawn are those the committed nonces and pool give."""
        p, size = draw.payload, draw.payload["pool_size"]
        before = [r.payload for r in self.of("draw_commitment", draw.case) if r.leaf_index < draw.leaf_index]
        terms = {"pool_root": p["pool_root"], "pool_size": size, "beacon_source": p["beacon"]["source"]}
        need(before and all(before[-1][k] == v for k, v in terms.items()), "draw-commitment")
        check_nonces(before[-1]["holders"], p["nonces"])
        seed = draw_seed(p, f"experts:{draw.case}", p["pool_root"], size)
        need(seed == p["seed"], "draw-seed", seed)
        used = [row["expert"] for row in p["excluded"]]
        for stratum in p["strata"]:
            names = [*stratum["members"], *stratum["reserves"]]
            need(len(stratum["members"]) == stratum["seats"], "draw-members", stratum["stratum"])
            need(names == drawn_order(seed, stratum["stratum"], names), "draw-order", stratum["stratum"])
            used += names
        need(len(used) == len(set(used)) <= size, "draw-members")
        # Where every stratum of the pool was drawn from, its names are all here: then none was left out or added.
        pool = tree_root([name.encode() for name in sorted(used)]).hex()
        need(len(used) < size or pool == p["pool_root"], "draw-members", "pool")

    def check_tie_draw(self, draw: Record) -> None:
        """A tie was drawn by the committed nonces."""
        p, names = draw.payload, sorted(draw.payload["submissions"])
        check_nonces(p["commitments"], p["nonces"])
        pool = sha256(",".join(names).encode()).hexdigest()
        seed = draw_seed(p, f"tie:{draw.case}:{p['lot']}", pool, len(names))
        need(seed == p["seed"], "draw-seed", seed)
        need(p["order"] == drawn_order(seed, f"tie:{p['lot']}", names), "draw-order")

    def check_recusal(self, recusal: Record) -> None:
        """Who is replaced is followed by the next reserve of the same stratum."""
        seated: dict[str, str] = {}
        reserves: dict[str, list[str]] = {}
        following = None
        for record in [r for r in self.records if r.case == recusal.case and r.leaf_index <= recusal.leaf_index]:
            p = record.payload
            if record.family == "expert_draw":
                seated |= {member: s["stratum"] for s in p["strata"] for member in s["members"]}
                reserves = {s["stratum"]: list(s["reserves"]) for s in p["strata"]}
            elif record.family == "recusal":
                stratum = seated.pop(p["expert"])
                following = reserves[stratum].pop(0) if reserves[stratum] else None
                seated |= {following: stratum} if following else {}
        need(recusal.payload.get("replaced_by") == following, "recusal-order", following)

    def check_sheet(self, sheet: Record) -> None:
        """A score sheet is the one its expert committed to, and was shown after all had committed."""
        p, committed = sheet.payload, self.of("score_commitment", sheet.case, lot=sheet.payload["lot"])
        mine = [r.payload["digest"] for r in committed if r.payload["expert"] == p["expert"]]
        need(mine == [digest_of(canonical(p))], "score-commitment", p["expert"])
        is_after = all(r.leaf_index < sheet.leaf_index for r in committed)
        need(is_after and sheet.author == p["expert"], "score-early", p["expert"])

    # --- report and award ---

    def check_report(self, report: Record) -> None:
        """Prices, scores, ranking and candidates follow from the opened bids and the sheets."""
        p, case, lot = report.payload, report.case, report.payload["lot"]
        notice = self.of("tender_notice", case)[-1]
        need(p["method"] == self.by_digest[notice.payload["document"]].payload["evaluation"], "report-method")
        bids = [r.payload for r in self.of("bid_disclosure", case, lot=lot, outcome="opened")]
        sheets = [r.payload for r in self.of("score_sheet", p["session"], lot=lot)] if "session" in p else []
        is_panel = "session" not in p or sorted(s["expert"] for s in sheets) == sorted(p["members"])
        need(is_panel, "report-sheets")
        ceilings, floors = self.limits(case)
        decided = {b["submission"]: b["rejected"]["ground"] for b in p["bids"] if "rejected" in b and not sheets}
        records = [o for o in self.lots_of("opening_record", case) if o["lot"] == lot]
        orders = {r.payload["seed"]: r.payload["order"] for r in self.of("tie_draw", case, lot=lot)}
        evaluation = Evaluation(
            method=p["method"],
            bids={bid["submission"]: bid for bid in sorted(bids, key=lambda bid: str(bid["submission"]))},
            sheets=sheets,
            ceiling=Decimal(ceilings[lot]["amount"]) if lot in ceilings else None,
            floor=Decimal(floors[lot]["amount"]) if lot in floors else None,
            factors={name: value for record in records for name, value in record.get("factors", {}).items()},
            decided=decided,
            orders=orders,
            one_bid_each=all(r.payload["regime"] != "foreign_sealed" for r in self.of("project", case)),
        )
        with localcontext(Context(prec=60, rounding=ROUND_HALF_UP)):
            expected = evaluation.result()
        stated = {"base": p["price"].get("base"), "candidates": p["candidates"]}
        by_figures = {row["submission"] for row in expected["bids"] if row.get("rejected") == "*"}
        grounds = {b["submission"]: b["rejected"]["ground"] for b in p["bids"] if "rejected" in b}
        grounds |= dict.fromkeys(grounds.keys() & by_figures, "*")
        rejected = {submission: {"rejected": ground} for submission, ground in grounds.items()}
        stated["bids"] = [row | rejected.get(row["submission"], {}) for row in p["bids"]]
        for name, value in expected.items():
            need(same(stated[name], value), "report-result", name)
        for tie in p["tie_draws"]:
            drawn = [s for s in orders.get(tie["seed"], ()) if s in tie["submissions"]]
            need(drawn and drawn == tie["order"], "report-ties", tie["seed"])

    def check_publicity(self, publicity: Record) -> None:
        """The candidates shown are those of the report."""
        p, report = publicity.payload, self.by_digest.get(publicity.payload["report"])
        keys = ("rank", "bidder", "price", "total")
        shown = [{k: c[k] for k in keys if k in c} for c in report.payload["candidates"]] if report else None
        need(report and report.payload["lot"] == p["lot"] and p["candidates"] == shown, "publicity")

    def check_award(self, award: Record) -> None:
        """The winner is a candidate at its price, the first unless a reason is on record."""
        p, before = award.payload, self.of("evaluation_report", award.case, lot=award.payload["lot"])
        reports = [r.payload for r in before if r.leaf_index < award.leaf_index]
        candidates: list[Obj] = reports[-1]["candidates"] if reports else []
        chosen = [c for c in candidates if same(c["rank"], p["rank"])]
        stated = {"bidder": p["winner"], "submission": p["submission"], "price": p["price"]}
        need(len(chosen) == 1 and all(chosen[0][k] == v for k, v in stated.items()), "award-candidate", p["rank"])
        need(p["rank"] == 1 or "reason" in p, "award-reason")
        shown = {r.digest for r in self.of("candidate_publicity", award.case, lot=p["lot"])}
        need("publicity" not in p or p["publicity"] in shown, "award-publicity")

    def check_letter(self, letter: Record) -> None:
        """The letter's PDF is in the file."""
        p = letter.payload
        need([a["sha256"] for a in letter.envelope["attachments"]] == [p["letter"]], "guarantee-letter")
        need(f"attachments/{p['letter'].removeprefix('sha256:')}" in self.files, "guarantee-missing")

    def run(self) -> None:
        """Carry out every check; where the file or its keys don't hold, nothing further is looked at."""
        for check in (self.check_index, self.check_keys):
            self.attempt(check, None)
            if not self.report.ok:
                return
        for check in (self.check_checkpoint, self.read_records, self.check_order):
            self.attempt(check, None)
        for case in sorted({record.case for record in self.records}):
            self.attempt(self.check_deadlines, None, case)
        by_family: dict[str, Callable[[Record], None]] = {
            "opening_start": self.check_opening_set,
            "bid_disclosure": self.check_disclosure,
            "opening_record": self.check_opening_record,
            "expert_draw": self.check_draw,
            "tie_draw": self.check_tie_draw,
            "recusal": self.check_recusal,
            "score_sheet": self.check_sheet,
            "evaluation_report": self.check_report,
            "candidate_publicity": self.check_publicity,
            "award_notice": self.check_award,
            "guarantee_letter": self.check_letter,
        }
        for record in self.records:
            self.attempt(self.check_record, record)
            if record.family in by_family:
                self.attempt(by_family[record.family], record)
        self.report.findings.sort(key=lambda finding: (finding.leaf_index, finding.case, finding.number))


# --- draws -----------------------------------------------------------------------------------------------------


def draw_seed(p: Obj, purpose: str, pool_root: str, pool_size: int) -> str:
    """Return the seed that the nonces and the beacon of a draw give."""
    nonces = [row["nonce"] for row in sorted(p["nonces"], key=lambda row: str(row["holder"]))]
    members = {"beacon": p.get("beacon"), "domain": "tradehall/draw/v1", "nonces": nonces, "purpose": purpose}
    return sha256(canonical(members | {"pool_root": pool_root, "pool_size": pool_size})).hexdigest()


def drawn_order(seed: str, stratum: str, names: Iterable[str]) -> list[str]:
    """Return names by their tickets, the smallest first."""
    return sorted(names, key=lambda name: sha256(f"{seed},{stratum},{name}".encode()).hexdigest())


def check_nonces(commitments: Sequence[Obj], nonces: Sequence[Obj]) -> None:
    """Require that each holder revealed the nonce it had committed to, with or without its own id as salt."""
    committed = {row["holder"]: row["commitment"] for row in commitments}
    need(nonces and sorted(committed) == sorted(row["holder"] for row in nonces), "draw-nonce")
    for holder, nonce in ((row["holder"], row["nonce"]) for row in nonces):
        forms = {sha256(text.encode()).hexdigest() for text in (nonce, f"{holder},{nonce}")}
        need(committed[holder] in forms, "draw-nonce", holder)


# --- evaluation ------------------------------------------------------------------------------------------------

_ZERO = Decimal(0)


def rounded(value: Decimal, places: int = 2) -> Decimal:
    """Round half up."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def mean(values: Sequence[Decimal], trim_from: int | None = None) -> Decimal:
    """Return the mean to two places, without one highest and lowest from ``trim_from`` (three or more) values on."""
    kept = sorted(values)
    kept = kept[1:-1] if trim_from is not None and len(kept) >= max(trim_from, 3) else kept
    return rounded(sum(kept, _ZERO) / len(kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """
    A lot evaluated again 复算, from the law and the catalogue's text, not from the platform's program.

    Rounding is half up: adjusted price, mean and base to two places, deviation to four, price score as the method
    says, expert mean to two.

    Attributes:
        bids: disclosed bids by submission, sorted.
        decided: grounds on which an authority without a committee rejected bids.
        orders: recorded tie draws, seed to order.
        one_bid_each: whether several bids of one bidder are all out, as mainland law says.
    """

    method: Obj
    bids: dict[str, Obj]
    sheets: Sequence[Obj]
    ceiling: Decimal | None
    floor: Decimal | None
    factors: Mapping[str, str]
    decided: Mapping[str, str]
    orders: Mapping[str, Sequence[str]]
    one_bid_each: bool = True

    def result(self) -> Obj:
        """Return ``base``, ``bids`` and ``candidates`` as the report must have them."""
        opening = {submission: self.out_by_figures(bid) for submission, bid in self.bids.items()}
        rejected = {s: ground or self.out_by_committee(s) for s, ground in opening.items()}
        valid = [s for s in self.bids if not rejected[s]]
        all_count = self.parameter("base_set") == "opened" and valid
        compared = self.compared([s for s in self.bids if not opening[s]] if all_count else valid)
        base = self.base(list(compared.values())) if valid else None
        rows = self.ranked({s: self.row(self.bids[s], compared[s], base) for s in valid}, compared)
        names = ("rank", "bidder", "submission", "price", "total")
        candidates = [{name: row[name] for name in names if name in row} for row in rows[:3]]
        rows += [self.head(self.bids[s]) | {"rejected": rejected[s]} for s in self.bids if rejected[s]]
        return {"base": None if base is None else f"{rounded(base):f}", "bids": rows, "candidates": candidates}

    def parameter(self, name: str) -> str | None:
        """Return a drawn factor, or else a parameter of the document."""
        value: str | None = self.factors.get(name, self.method["price"].get("parameters", {}).get(name))
        return value

    def number(self, name: str, default: str = "") -> Decimal:
        """Return a parameter as a number."""
        return Decimal(self.parameter(name) or default)

    @staticmethod
    def head(bid: Obj) -> Obj:
        """Return what every row of a report begins with."""
        bidder = {name: bid["bidder"][name] for name in ("id", "name")}
        return {"submission": bid["submission"], "bidder": bidder, "price": bid["price"]}

    def out_by_figures(self, bid: Obj) -> str:
        """Return the ground on which a bid is out before it is scored; ``*`` is any of the figures' own grounds."""
        price = Decimal(bid["price"]["amount"])
        # One bidder, one bid: several of one bidder are out together, whatever else is wrong with them.
        same = sum(other["bidder"]["id"] == bid["bidder"]["id"] for other in self.bids.values())
        if self.one_bid_each and same > 1:
            return self.decided.get(bid["submission"], "*")
        if bid["submission"] in self.decided or bid.get("guarantee", {}).get("result") == "invalid":
            return self.decided.get(bid["submission"], "RJ-G1")
        is_above = self.method["reject_above_ceiling"] and self.ceiling is not None and price > self.ceiling
        is_below = self.method["reject_below_floor"] and self.floor is not None and price < self.floor
        return "*" if not price or is_above or is_below else ""

    def marks(self, submission: str) -> list[tuple[str, Obj]]:
        """Return what each expert, sorted, says about a bid."""
        rows = [(s["expert"], row) for s in self.sheets for row in s["scores"] if row["submission"] == submission]
        return sorted(rows, key=lambda row: str(row[0]))

    def out_by_committee(self, submission: str) -> str:
        """Return the ground named most often where more than half of the sheets reject a bid."""
        votes = [row["reject"]["ground"] for _, row in self.marks(submission) if "reject" in row]
        named = sorted(Counter(votes).items(), key=lambda item: (-item[1], item[0]))
        return named[0][0] if len(votes) * 2 > len(self.sheets) else ""

    def compared(self, submissions: Sequence[str]) -> dict[str, Decimal]:
        """Return the prices used for comparison; the domestic factor counts only where both kinds compete."""
        prices = {s: Decimal(self.bids[s]["price"]["amount"]) for s in submissions}
        terms: Obj = self.method.get("adjustments", {})
        attributes: dict[str, Obj] = {s: self.bids[s].get("attributes", {}) for s in submissions}
        is_mixed = len({bool(a.get("domestic_product")) for a in attributes.values()}) > 1
        for s, a in attributes.items():
            rate = Decimal(terms.get("small_micro_rate", "0")) if a.get("small_or_micro") else _ZERO
            counts = is_mixed and a.get("domestic_product")
            factor = Decimal(terms.get("domestic_factor", "1")) if counts else Decimal(1)
            prices[s] = rounded(prices[s] * (1 - rate) * factor)
        return prices

    def base(self, prices: Sequence[Decimal]) -> Decimal | None:
        """Return the base price of the formula, None without one."""
        formula = self.method["price"]["formula"]
        kind = (self.parameter("base") or "mean") if formula == "interval" else formula
        if self.method["name"] != "comprehensive_score" or kind == "none":
            return None
        if kind in {"low_price_priority", "lowest"}:
            return min(prices)
        if kind == "ceiling":
            return self.ceiling
        middle = mean(prices, 4 if formula == "utility" else int(self.parameter("trim_from") or 0) or None)
        if kind == "composite":
            a, k1, k2 = (self.number(name) for name in ("a", "k1", "k2"))
            return rounded((self.ceiling or _ZERO) * k1 * a + middle * k2 * (1 - a))
        return rounded(middle * (1 - self.number("k", "0")))

    def price_score(self, price: Decimal, base: Decimal) -> Decimal:
        """Return the points for a price."""
        terms = self.method["price"]
        weight, places = Decimal(terms["weight_points"]), terms["rounding"]["places"]
        if terms["formula"] == "low_price_priority":
            return rounded(base * weight / price, places)
        if terms["formula"] == "interval":
            for low, high, first, last in (map(Decimal, band) for band in terms["bands"]):
                if low * base <= price <= high * base:
                    return rounded(first + (last - first) * (price - low * base) / ((high - low) * base), places)
            return rounded(_ZERO, places)
        off = rounded((price - base) / base, 4) * 100
        return rounded(max(weight - abs(off) * self.number("e_hi" if off > 0 else "e_lo"), _ZERO), places)

    def row(self, bid: Obj, price: Decimal, base: Decimal | None) -> Obj:
        """Return a bid's row of the report without its rank; ``_experts`` is kept for ties."""
        row, terms = self.head(bid), self.method.get("adjustments", {})
        rates = Decimal(terms.get("small_micro_rate", "0")), Decimal(terms.get("domestic_factor", "1"))
        if self.method["name"] == "lowest_evaluated_price" or rates != (_ZERO, Decimal(1)):
            row["adjusted"] = {"amount": f"{rounded(price):f}", "currency": bid["price"]["currency"]}
        if self.method["name"] != "comprehensive_score":
            return row
        score = _ZERO if base is None else self.price_score(price, base)
        totals = self.expert_totals(bid["submission"])
        experts = self.aggregated(list(totals.values())) if totals else _ZERO
        row |= {} if base is None else {"price_score": f"{rounded(score):f}"}
        listed = [{"expert": expert, "total": f"{rounded(total):f}"} for expert, total in totals.items()]
        row |= {"expert_scores": listed} if listed else {}
        return row | {"total": f"{rounded(score + experts):f}", "_experts": experts}

    def expert_totals(self, submission: str) -> dict[str, Decimal]:
        """Return each expert's points for a bid; who gave none, being outvoted, is left out."""
        ranges = {c["id"]: (Decimal(c["min"]), Decimal(c["max"])) for c in self.method["criteria"]}
        totals: dict[str, Decimal] = {}
        for expert, row in self.marks(submission):
            points = {item["criterion"]: Decimal(item["points"]) for item in row["items"]}
            is_complete = points.keys() == ranges.keys() and len(points) == len(row["items"])
            is_sound = is_complete and all(ranges[c][0] <= v <= ranges[c][1] for c, v in points.items())
            need(is_sound or (not points and "reject" in row), "score-range", expert)
            totals |= {expert: sum(points.values(), _ZERO)} if points else {}
        return totals

    def aggregated(self, scores: list[Decimal]) -> Decimal:
        """Return the experts' score of a bid: mean, trimmed mean, or the mean of those not abnormal."""
        ratio, n, total = self.parameter("abnormal_ratio"), len(scores) - 1, sum(scores, _ZERO)
        if self.method["aggregation"] == "replace_abnormal" and ratio is not None and n:
            near = [s for s in scores if abs(s * n - (total - s)) <= Decimal(ratio) * (total - s)]
            return mean(near or scores)
        return mean(scores, 3 if self.method["aggregation"] == "trimmed_mean" else None)

    def ranked(self, rows: dict[str, Obj], compared: Mapping[str, Decimal]) -> list[Obj]:
        """Return the rows in order with their ranks: by total or price, the document's list, then a recorded draw."""
        listed: list[str] = self.method["tie_break"]
        words = listed[: listed.index("draw")] if "draw" in listed else listed

        def key(submission: str) -> tuple[Decimal, ...]:
            row, price = rows[submission], Decimal(self.bids[submission]["price"]["amount"])
            first = -Decimal(row["total"]) if "total" in row else compared[submission]
            return first, *(price if word == "price" else -row.get("_experts", _ZERO) for word in words)

        ranked: list[Obj] = []
        for _, equal in itertools.groupby(sorted(rows, key=lambda s: (key(s), s)), key=key):
            group, rank = list(equal), len(ranked) + 1
            draws = [order for _, order in sorted(self.orders.items()) if set(group) <= set(order) and len(group) > 1]
            group = [s for s in draws[0] if s in group] if draws else group
            ranked += [rows[s] | {"rank": rank + (place if draws else 0)} for place, s in enumerate(group)]
        return [{name: value for name, value in row.items() if name != "_experts"} for row in ranked]


# --- from outside ----------------------------------------------------------------------------------------------


def verify_bytes(data: Bytes, *, trusted_keys: TrustedKeys | None = None, min_witnesses: int = 0) -> Report:
    """Verify an evidence file in memory; see ``verify``."""
    report, trusted = Report(), trusted_keys or TrustedKeys()
    try:
        files = unzip(data)
        need(list(files) == sorted(files), "container", "not sorted")
    except (ValueError, struct.error) as error:
        report.findings.append(Finding("", 0, "", "container", str(error)))
        return report
    run = Verification(files, trusted, min_witnesses, report)
    run.run()
    report.facts |= {name: run.index.get(name) for name in ("case", "node", "created_at", "counts", "linked")}
    report.facts["trust"] = {"node": bool(trusted.node), "witnesses": bool(trusted.witnesses)}
    return report


def verify(path: str | Path, *, trusted_keys: TrustedKeys | None = None, min_witnesses: int = 0) -> Report:
    """
    Verify an evidence file 复核证据文件.

    Args:
        path: the file.
        trusted_keys: keys the reader got elsewhere; without them the file's own are taken.
        min_witnesses: how many witnesses must have cosigned; the file's own number if that is larger.

    Raises:
        OSError: the file can't be read.
    """
    return verify_bytes(Path(path).read_bytes(), trusted_keys=trusted_keys, min_witnesses=min_witnesses)


def lines(report: Report) -> Iterator[str]:
    """Return the report for people, in Chinese and English."""
    facts = report.facts
    if facts.get("case"):
        yield f"项目 Case       {facts['case']}"
        yield f"节点 Node       {facts['node']}    生成 Created  {facts['created_at']}"
        checkpoint = facts.get("checkpoint", {})
        yield f"日志 Log        {checkpoint.get('origin', '—')}  {checkpoint.get('size', '')}"
        yield f"见证 Witnesses  {', '.join(facts.get('witnesses', [])) or '—'}"
        if not facts["trust"]["node"]:
            yield "注意 Note       未给定节点公钥，采用文件自带公钥 / no node key given: the file's own keys were taken"
    yield from (f"说明 Note       {zh} / {en}" for zh, en in report.notes)
    for place, finding in enumerate(report.findings):
        where = f"{finding.case} #{finding.number:06d} {finding.family}" if finding.case else "文件 file"
        yield f"{'又 ALSO        ' if place else '首个问题 FIRST '} {where}  [{finding.rule}]"
        yield f"                {' / '.join(RULES[finding.rule])}{': ' if finding.detail else ''}{finding.detail}"
    total, failed = sum(report.passed.values()), len(report.findings)
    yield f"通过 PASSED     {total}" if report.ok else f"未通过 FAILED   {failed}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit status is described at the top of this file."""
    parser = argparse.ArgumentParser(prog="verifier.py", description="复核证据文件 / verify a Tradehall evidence file")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出 / print the report as JSON")
    add = parser.add_argument
    add("--node-key", action="append", default=[], metavar="KEY", help="log vkey, receipt key, or sha256: of a CA")
    add("--witness-key", action="append", default=[], metavar="VKEY", help="见证公钥 / verifier key of a witness")
    add("--min-witnesses", type=int, default=0, metavar="N", help="至少见证数 / witnesses that must have cosigned")
    options = parser.parse_args(argv)
    trusted = TrustedKeys(options.node_key, options.witness_key)
    try:
        report = verify(options.file, trusted_keys=trusted, min_witnesses=options.min_witnesses)
    except OSError as error:
        print(f"无法读取 / can't read: {error}", file=sys.stderr)  # noqa: T201
        return 3
    text = json.dumps(report.to_json(), ensure_ascii=False, indent=2) if options.json else "\n".join(lines(report))
    print(text)  # noqa: T201
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
