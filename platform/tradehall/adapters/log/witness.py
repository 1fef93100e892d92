"""
Witnesses of the log 日志见证: one city cosigns the checkpoints of another (c2sp.org/tlog-witness).

``Witness`` is the serving side: a state machine over a store that remembers, for each log, the latest checkpoint it
cosigned. It never cosigns two histories of one log. ``WitnessClient`` is the asking side.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

import httpx

from tradehall.kernel import notes
from tradehall.kernel.notes import Checkpoint, Note, NoteMalformedError, NoteSignature, VerifierKey
from tradehall.rules.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency

MAX_PROOF = 63
MAX_REQUEST = 1 << 20
MAX_ANSWER = 1 << 16
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


class WitnessStore(Protocol):
    """The latest cosigned checkpoint of each log, kept durably."""

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the checkpoint last cosigned for this log, or None."""
        ...

    def advance(self, old: Checkpoint | None, new: Checkpoint) -> bool:
        """
        Replace the latest checkpoint of ``new.origin``, if it is still ``old``.

        Comparing and writing MUST be one atomic step, and the new value MUST be durable before True is returned.
        """
        ...


class MemoryWitnessStore:
    """A store for demos and tests; forgets everything with the process."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: dict[str, Checkpoint] = {}

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the checkpoint last cosigned for this log, or None."""
        return self._latest.get(origin)

    def advance(self, old: Checkpoint | None, new: Checkpoint) -> bool:
        """Replace the latest checkpoint if it is still ``old``."""
        if self._latest.get(new.origin) != old:
            return False
        self._latest[new.origin] = new
        return True


@dataclass(frozen=True, slots=True)
class Answer:
    """What the witness answers over HTTP."""

    status: int
    body: str
    media_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The parsed body of an ``add-checkpoint`` request."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


def request_body(note: str, old_size: int, proof: Sequence[bytes]) -> bytes:
    """Return the body of an ``add-checkpoint`` request."""
    lines = [f"old {old_size}\n", *(b64encode(step).decode("ascii") + "\n" for step in proof), "\n", note]
    return "".join(lines).encode()


def parse_request(body: bytes) -> AddCheckpoint:
    """
    Return the request that ``body`` writes.

    Raises:
        NoteMalformedError: not in the form of c2sp.org/tlog-witness.
    """
    if len(body) > MAX_REQUEST:
        raise NoteMalformedError("the request is larger than 1 MiB")
    try:
        head, separator, note_text = body.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise NoteMalformedError("the request is not UTF-8") from error
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    if not separator or old is None or len(lines) > MAX_PROOF:
        raise NoteMalformedError("a request has an old size, at most 63 proof lines, an empty line and a checkpoint")
    note = notes.parse_note(note_text)
    proof = tuple(_proof_step(line) for line in lines)
    return AddCheckpoint(int(old[1]), proof, note, notes.parse_checkpoint(note.text))


class Witness:
    """
    The serving side 见证方 of ``POST <prefix>/add-checkpoint``.

    Args:
        key: our cosignature key (type 0x04).
        signer: signs with it.
        logs: keys trusted for each log, by origin.
        store: the latest cosigned checkpoint of each log.
    """

    __slots__ = ("_key", "_logs", "_signer", "_store")

    def __init__(
        self, *, key: VerifierKey, signer: notes.Sign, logs: Mapping[str, Sequence[VerifierKey]], store: WitnessStore
    ) -> None:
        self._key = key
        self._signer = signer
        self._logs = logs
        self._store = store

    def add_checkpoint(self, body: bytes, at: datetime) -> Answer:
        """
        Judge a checkpoint and cosign it, or say why not; the order of the checks is the specification's.

        Returns:
            200 with one cosignature line; 400 malformed or an old size above the new one; 404 unknown log;
            403 no signature by a trusted key; 409 with the size we know; 422 the proof does not hold.
        """
        request = self._known_and_signed(body)
        if isinstance(request, Answer):
            return request
        # 3. from where we stand
        new, latest = request.checkpoint, self._store.latest(request.checkpoint.origin)
        known_size, known_root = (latest.size, latest.root) if latest else (0, EMPTY_ROOT)
        if request.old_size != known_size or (new.size == known_size and new.root != known_root):
            return _conflict(known_size)
        # 4. nothing changed or taken away
        if not verify_consistency(known_size, new.size, request.proof, known_root, new.root):
            return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the consistency proof does not hold")
        # 5. remembered before it is said; whoever came between wins, and the asker proves again from there
        if new != latest and not self._store.advance(latest, new):
            current = self._store.latest(new.origin)
            return _conflict(current.size if current else 0)
        return Answer(HTTPStatus.OK, str(notes.cosign(request.note.text, self._key, self._signer, at)))

    def _known_and_signed(self, body: bytes) -> AddCheckpoint | Answer:
        # 1. form
        try:
            request = parse_request(body)
        except NoteMalformedError as error:
            return _answer(HTTPStatus.BAD_REQUEST, str(error))
        # 2. a log we know, signed by its key
        keys = self._logs.get(request.checkpoint.origin)
        if keys is None:
            return _answer(HTTPStatus.NOT_FOUND, "unknown log")
        if not any(notes.signed_by(request.note, key) for key in keys):
            return _answer(HTTPStatus.FORBIDDEN, "no valid signature by a key of this log")
        if request.old_size > request.checkpoint.size:
            return _answer(HTTPStatus.BAD_REQUEST, "the old size is larger than the new one")
        return request


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The witness cosigned; the signature has been verified."""

    signature: NoteSignature


@dataclass(frozen=True, slots=True)
class Conflict:
    """The witness stands at another size; prove from there. The same size again means two histories."""

    known_size: int


@dataclass(frozen=True, slots=True)
class NotCosigned:
    """The witness refused or could not be reached; ``status`` 0 is a failure of the network."""

    status: int
    reason: str


class WitnessClient:
    """
    The asking side 请求方 of one witness.

    Args:
        client: an HTTP client with the time limits to use.
        prefix: the witness's submission prefix, without a slash at the end.
        key: its cosignature key (type 0x04).
    """

    __slots__ = ("_client", "_prefix", "key")

    def __init__(self, client: httpx.Client, prefix: str, key: VerifierKey) -> None:
        self._client = client
        self._prefix = prefix
        self.key = key

    def cosign(self, checkpoint: str, old_size: int, proof: Sequence[bytes]) -> Cosigned | Conflict | NotCosigned:
        """
        Ask for a cosignature on a signed checkpoint note.

        Args:
            checkpoint: the note with the log's signature.
            old_size: size of the checkpoint the witness is thought to have cosigned last; 0 if unknown.
            proof: consistency proof from ``old_size`` to the checkpoint.
        """
        try:
            status, body = self._post(request_body(checkpoint, old_size, proof))
        except httpx.HTTPError as error:
            return NotCosigned(0, f"{self.key.name}: {type(error).__name__}")
        if status == HTTPStatus.CONFLICT:
            size = _SIZE.fullmatch(body)
            return Conflict(int(size[1])) if size else NotCosigned(status, "the conflict does not name a size")
        if status != HTTPStatus.OK:
            return NotCosigned(status, body[:200].decode("utf-8", "replace").strip())
        return self._verified(notes.parse_note(checkpoint), body)

    def catch_up(
        self, checkpoint: str, old_size: int, prove: Callable[[int], Sequence[bytes]]
    ) -> Cosigned | Conflict | NotCosigned:
        """
        Ask for a cosignature; where the witness stands elsewhere, prove once more from there.

        Args:
            checkpoint: the note with the log's signature.
            old_size: where the witness is thought to stand; 0 if unknown.
            prove: gives the consistency proof from a size to the checkpoint.
        """
        size = notes.parse_checkpoint(notes.parse_note(checkpoint).text).size
        answer = self.cosign(checkpoint, old_size, prove(old_size))
        if isinstance(answer, Conflict) and answer.known_size != old_size and answer.known_size <= size:
            return self.cosign(checkpoint, answer.known_size, prove(answer.known_size))
        return answer

    def _post(self, content: bytes) -> tuple[int, bytes]:
        """Send the request and read at most 64 KiB of the answer."""
        body = b""
        with self._client.stream("POST", f"{self._prefix}/add-checkpoint", content=content) as response:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER:
                    return HTTPStatus.BAD_GATEWAY, b"the answer is too long"
            return response.status_code, body

    def _verified(self, note: Note, body: bytes) -> Cosigned | NotCosigned:
        try:
            lines = notes.parse_signatures(body.decode())
        except (UnicodeDecodeError, NoteMalformedError):
            return NotCosigned(HTTPStatus.OK, "the answer is not signature lines")
        for line in lines:
            if notes.cosigned_at(Note(note.text, (line,)), self.key) is not None:
                return Cosigned(line)
        return NotCosigned(HTTPStatus.OK, f"no valid cosignature by {self.key.name}")


def _answer(status: HTTPStatus, reason: str) -> Answer:
    return Answer(status, reason + "\n")


def _conflict(size: int) -> Answer:
    return Answer(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)


def _proof_step(line: str) -> bytes:
    try:
        step = b64decode(line.encode("ascii"), validate=True)
    except ValueError as error:
        raise NoteMalformedError("a proof line is not base64") from error
    if len(step) != HASH_SIZE or b64encode(step).decode("ascii") != line:
        raise NoteMalformedError("a proof line is not one hash in canonical base64")
    return step
