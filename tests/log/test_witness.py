"""Witnesses cosign one history of a log and no other; the answers are those of c2sp.org/tlog-witness."""

from base64 import b64encode
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.adapters.log import witness as w
from tradehall.kernel import notes
from tradehall.rules import merkle

AT = datetime(2026, 3, 25, 1, 30, tzinfo=UTC)
ORIGIN = "chengdu.example/log"


def key_pair(seed: int, name: str, kind: int) -> tuple[notes.VerifierKey, notes.Sign]:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return notes.VerifierKey(name, kind, key.public_key().public_bytes_raw()), key.sign


LOG, LOG_SIGN = key_pair(1, ORIGIN, notes.ED25519)
WITNESS, WITNESS_SIGN = key_pair(2, "deyang.example/witness", notes.COSIGNATURE)


def tree(count: int, salt: bytes = b"") -> merkle.MemoryNodes:
    return merkle.MemoryNodes(merkle.leaf_hash(salt + bytes([index])) for index in range(count))


def signed(nodes: merkle.MemoryNodes, size: int, *, sign: notes.Sign = LOG_SIGN, origin: str = ORIGIN) -> str:
    text = str(notes.Checkpoint(origin, size, merkle.root(nodes, size)))
    return str(notes.Note(text, (notes.sign(text, notes.VerifierKey(origin, 1, LOG.public), sign),)))


def make_witness(store: w.WitnessStore | None = None) -> w.Witness:
    return w.Witness(key=WITNESS, signer=WITNESS_SIGN, logs={ORIGIN: [LOG]}, store=store or w.MemoryWitnessStore())


def ask(server: w.Witness, nodes: merkle.MemoryNodes, old: int, size: int) -> w.Answer:
    proof = merkle.consistency_proof(nodes, old, size)
    return server.add_checkpoint(w.request_body(signed(nodes, size), old, proof), AT)


def test_a_growing_log_is_cosigned_step_by_step() -> None:
    server, nodes = make_witness(), tree(40)
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 27), (27, 40)):
        answer = ask(server, nodes, old, size)
        assert answer.status == 200, answer
        note = notes.parse_note(signed(nodes, size)).with_signatures(notes.parse_signatures(answer.body))
        assert notes.cosigned_at(note, WITNESS) == AT


def test_another_old_size_is_a_conflict_that_names_ours() -> None:
    server, nodes = make_witness(), tree(40)
    ask(server, nodes, 0, 8)
    for old in (0, 7, 9):
        answer = ask(server, nodes, old, 40)
        assert (answer.status, answer.body, answer.media_type) == (409, "8\n", "text/x.tlog.size")


def test_a_second_history_is_never_cosigned() -> None:
    server, nodes, other = make_witness(), tree(40), tree(40, b"other")
    ask(server, nodes, 0, 8)
    assert ask(server, other, 8, 20).status == 422
    same_size = server.add_checkpoint(w.request_body(signed(other, 8), 8, []), AT)
    assert (same_size.status, same_size.body) == (409, "8\n")
    assert ask(server, nodes, 8, 20).status == 200


def test_a_log_may_not_shrink() -> None:
    server, nodes = make_witness(), tree(40)
    ask(server, nodes, 0, 20)
    assert server.add_checkpoint(w.request_body(signed(nodes, 8), 20, []), AT).status == 400
    assert server.add_checkpoint(w.request_body(signed(nodes, 8), 8, []), AT).status == 409


@pytest.mark.parametrize("step", range(4))
def test_every_wrong_proof_is_unprocessable(step: int) -> None:
    server, nodes = make_witness(), tree(40)
    ask(server, nodes, 0, 13)
    proof = merkle.consistency_proof(nodes, 13, 40)
    wrong = [*proof[:step], bytes(32), *proof[step + 1 :]]
    assert server.add_checkpoint(w.request_body(signed(nodes, 40), 13, wrong), AT).status == 422
    assert server.add_checkpoint(w.request_body(signed(nodes, 40), 13, proof[:step]), AT).status == 422


def test_a_first_checkpoint_takes_no_proof() -> None:
    nodes = tree(3)
    assert make_witness().add_checkpoint(w.request_body(signed(nodes, 3), 0, [bytes(32)]), AT).status == 422


def test_unknown_logs_and_foreign_signatures_are_turned_away() -> None:
    server, nodes = make_witness(), tree(3)
    assert server.add_checkpoint(w.request_body(signed(nodes, 3, origin="other.example"), 0, []), AT).status == 404
    forged = signed(nodes, 3, sign=WITNESS_SIGN)
    assert server.add_checkpoint(w.request_body(forged, 0, []), AT).status == 403


def test_malformed_requests_are_bad_requests() -> None:
    server, note = make_witness(), signed(tree(3), 3)
    step = b64encode(bytes(32)).decode()
    for body in (
        "",
        note,
        f"old 0\n{note}",
        f"old 00\n\n{note}",
        f"old -1\n\n{note}",
        f"Old 0\n\n{note}",
        f"old 0\nAAAA\n\n{note}",
        f"old 0\n{step[:-2]}B=\n\n{note}",
        f"old 0\n{step}é\n\n{note}",
        "old 0\n" + f"{step}\n" * 64 + f"\n{note}",
        "old 0\n\ntext\n\n— name AAAAAAA=\n",
    ):
        assert server.add_checkpoint(body.encode(), AT).status == 400, body
    assert server.add_checkpoint(b"\xff", AT).status == 400
    assert server.add_checkpoint(b"x" * (1 << 20) + b"x", AT).status == 400


def test_a_request_that_comes_between_wins() -> None:
    nodes = tree(40)

    class Raced(w.MemoryWitnessStore):
        def advance(self, old: notes.Checkpoint | None, new: notes.Checkpoint) -> bool:
            between = notes.Checkpoint(ORIGIN, 20, merkle.root(nodes, 20))
            if new != between:
                super().advance(old, between)
            return super().advance(old, new)

    answer = ask(make_witness(Raced()), nodes, 0, 8)
    assert (answer.status, answer.body) == (409, "20\n")


def served(server: w.Witness) -> httpx.Client:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/witness/add-checkpoint"
        answer = server.add_checkpoint(request.content, AT)
        return httpx.Response(answer.status, text=answer.body, headers={"content-type": answer.media_type})

    return httpx.Client(transport=httpx.MockTransport(handle))


def test_the_client_catches_up_with_a_witness_that_stands_elsewhere() -> None:
    server, nodes = make_witness(), tree(40)
    ask(server, nodes, 0, 8)
    with served(server) as http:
        client = w.WitnessClient(http, "http://deyang.example/witness", WITNESS)
        answer = client.catch_up(signed(nodes, 40), 0, lambda old: merkle.consistency_proof(nodes, old, 40))
        assert isinstance(answer, w.Cosigned)
        note = notes.parse_note(signed(nodes, 40)).with_signatures([answer.signature])
        assert notes.cosigned_at(note, WITNESS) == AT
        assert client.cosign(signed(nodes, 40), 3, []) == w.Conflict(40)
        other = tree(40, b"other")
        proof = merkle.consistency_proof(other, 40, 40)
        assert client.catch_up(signed(other, 40), 40, lambda _: proof) == w.Conflict(40)


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (403, b"no\n", w.NotCosigned(403, "no")),
        (409, b"08\n", w.NotCosigned(409, "the conflict does not name a size")),
        (200, b"thanks\n", w.NotCosigned(200, "the answer is not signature lines")),
        (200, b"\xff\n", w.NotCosigned(200, "the answer is not signature lines")),
        (200, b"", w.NotCosigned(200, "no valid cosignature by deyang.example/witness")),
        (200, b"x" * 70_000, w.NotCosigned(502, "the answer is too long")),
    ],
)
def test_the_client_believes_no_odd_answer(status: int, body: bytes, found: w.NotCosigned) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    with httpx.Client(transport=transport) as http:
        assert w.WitnessClient(http, "http://deyang.example", WITNESS).cosign(signed(tree(3), 3), 0, []) == found


def test_the_client_verifies_the_cosignature() -> None:
    nodes = tree(3)
    text = notes.parse_note(signed(nodes, 3)).text
    for key, sign, body in (
        (LOG, LOG_SIGN, text),
        (WITNESS, LOG_SIGN, text),
        (WITNESS, WITNESS_SIGN, text.replace("3", "4")),
    ):
        line = str(notes.cosign(body, key, sign, AT))
        transport = httpx.MockTransport(lambda _, line=line: httpx.Response(200, text=line))
        with httpx.Client(transport=transport) as http:
            answer = w.WitnessClient(http, "http://deyang.example", WITNESS).cosign(signed(nodes, 3), 0, [])
        assert isinstance(answer, w.NotCosigned)


def test_a_dead_network_is_an_answer_too() -> None:
    def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down", request=request)

    with httpx.Client(transport=httpx.MockTransport(dead)) as http:
        answer = w.WitnessClient(http, "http://deyang.example", WITNESS).cosign(signed(tree(3), 3), 0, [])
    assert answer == w.NotCosigned(0, "deyang.example/witness: ConnectError")
