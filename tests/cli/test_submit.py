"""Handing in over a network that fails, with keys and files that are wrong, and what becomes of refusals."""

from __future__ import annotations

import json
import shutil

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.folders import packed
from tradehall.cli.words import keep
from tradehall.rules import sealing
from tradehall_standards import canonical

PARTS = 3
PART = 32 * 1024


@pytest.fixture(scope="module")
def tender(hall, tmp_path_factory) -> str:
    hall.enrol(21, "bidder1")
    return hall.announce(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def sealed(hall, tender, tmp_path_factory):
    """One packed bid, never handed in."""
    return packed(hall, tender, tmp_path_factory.mktemp("bidder"), 1)


@pytest.fixture
def bid(hall, tender, sealed, tmp_path):
    """A fresh bid with the certificate of the first."""
    folder = tmp_path / "bidder"
    shutil.copytree(sealed.parent, folder, ignore=shutil.ignore_patterns("bid"))
    return packed(hall, tender, folder, 1)


@pytest.fixture(autouse=True)
def whole_network(hall):
    hall.net.left, hall.net.method, hall.net.path, hall.net.forge = None, "POST", "", None
    hall.net.calls.clear()


def submit(hall, folder, *more: str) -> tuple[int, str, str]:
    return hall.run("bid", "submit", folder, *more, login="bidder1")


def files(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (folder / "filed").iterdir()}


# --- cuts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [0, 1])
def test_a_lost_answer_costs_nothing(hall, bid, answers):
    hall.net.left, hall.net.path = answers, "/records"
    code, _, err = submit(hall, bid)
    assert (code, "try again" in err) == (3, True)
    signed = {name: data for name, data in files(bid).items() if name.endswith("record.json")}
    assert len(signed) == answers + 1
    hall.net.left = None
    code, out, err = submit(hall, bid, "--json")
    assert code == 0, err
    assert [row["state"] for row in json.loads(out)] == ["receipt", "receipt"]
    assert signed.items() <= files(bid).items()


def test_the_hall_has_each_record_once(hall, bid):
    hall.net.left, hall.net.path = 0, "/records"
    submit(hall, bid)
    hall.net.left = None
    submit(hall, bid)
    size = hall.operator.client.http.get("/healthz").json()["log_size"]
    submission = json.loads((bid / "commitment.json").read_bytes())["submission"]
    assert submit(hall, bid)[0] == 0
    assert hall.operator.client.http.get("/healthz").json()["log_size"] == size
    assert submission.startswith("b-")


def test_an_upload_goes_on_where_it_stopped(hall, bid, monkeypatch):
    monkeypatch.setattr("tradehall.cli.client.PART", PART)
    hall.net.left, hall.net.method = 1, "PUT"
    assert submit(hall, bid)[0] == 3
    first = [path for method, path in hall.net.calls if method == "PUT"]
    # One part arrived and was acknowledged, the next arrived unheard, and was tried once more.
    assert len(first) == 1 + 2
    hall.net.left = None
    hall.net.calls.clear()
    code, _, err = submit(hall, bid)
    assert code == 0, err
    size = (bid / "ciphertext.age").stat().st_size
    assert len([1 for method, _ in hall.net.calls if method == "PUT"]) == -(-size // PART) - 2


def test_a_dead_hall_is_told_apart_from_a_refusal(hall, bid):
    code, _, err = hall.run("bid", "submit", bid, "--url", "http://127.0.0.1:9", login="bidder1")
    assert (code, "can't be reached" in err) == (3, True)
    code, out, err = hall.run("bid", "status", bid, "--json", "--url", "http://127.0.0.1:9")
    assert (code, json.loads(out)["hall"]) == (3, None)


# --- what is wrong is not sent -------------------------------------------------------------------------------


def test_a_wrong_bid_key_is_refused_before_anything_is_sent(hall, bid):
    other = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keep(bid / "secret" / "bid-key.pem", other)
    hall.net.calls.clear()
    code, _, err = submit(hall, bid)
    assert (code, "not the key of this bid" in err) == (1, True)
    (bid / "secret" / "bid-key.pem").unlink()
    assert submit(hall, bid)[0] == 1
    assert not hall.net.calls


def test_a_wrong_age_key_is_never_revealed(hall, bid):
    assert submit(hall, bid)[0] == 0
    hall.net.calls.clear()
    keep(bid / "secret" / "age-key.txt", sealing.encode_secret(sealing.clamp(bytes(32))).encode())
    code, _, err = hall.run("bid", "reveal", bid, login="bidder1")
    assert (code, "not the key of this bid" in err) == (1, True)
    assert not hall.net.calls


@pytest.mark.parametrize("by_node", [True, False])
def test_a_forged_opening_does_not_get_the_key(hall, bid, tender, by_node):
    """Whoever stands between bidder and hall can show an opening, but not sign it."""
    assert submit(hall, bid)[0] == 0
    submission = json.loads((bid / "commitment.json").read_bytes())["submission"]
    commitment = json.loads((bid / "filed" / "bid_commitment.receipt.json").read_bytes())["receipt"]["record"]
    frozen = {"lot": "L2", "submissions": [{"submission": submission, "commitment": commitment}]}

    def forge(path: str, data: bytes) -> bytes:
        if path != f"/api/v1/cases/{tender}/records":
            return data
        items = json.loads(data)["items"]
        notice = next(item for item in items if item["family"] == "tender_notice")
        author = hall.node.keys.node.name if by_node else notice["envelope"]["author"]
        envelope = notice["envelope"] | {"author": author, "payload": {"lots": [frozen]}}
        envelope["schema"] = envelope["schema"] | {"id": "opening_start"}
        made = notice | {"envelope": envelope, "digest": canonical.digest(envelope), "family": "opening_start"}
        return json.dumps({"items": [*items, made]}).encode()

    hall.net.forge = forge
    hall.net.calls.clear()
    code, _, err = hall.run("bid", "reveal", bid, login="bidder1")
    assert (code, "not signed as required" in err or "key was not sent" in err) == (4 if by_node else 1, True)
    assert "key_release.record.json" not in files(bid)
    assert ("POST", "/api/v1/records") not in hall.net.calls


def test_a_changed_ciphertext_is_found_before_anything_is_sent(hall, bid):
    data = bytearray((bid / "ciphertext.age").read_bytes())
    data[-1] ^= 1
    (bid / "ciphertext.age").write_bytes(data)
    hall.net.calls.clear()
    code, _, err = submit(hall, bid)
    assert (code, "was changed" in err) == (4, True)
    assert not hall.net.calls


def test_a_dry_run_sends_nothing(hall, bid):
    hall.net.calls.clear()
    code, out, err = submit(hall, bid, "--dry-run")
    assert (code, out, "nothing was sent" in err) == (0, "", True)
    assert not hall.net.calls
    assert not (bid / "filed").exists()


def test_a_hall_with_other_keys_is_not_talked_to(hall, bid):
    assert submit(hall, bid)[0] == 0
    path = bid / "filed" / "hall.json"
    known = json.loads(path.read_bytes())
    path.write_text(json.dumps(known | {"receipt_key": "00" * 32}))
    code, _, err = hall.run("bid", "withdraw", bid, "--yes", login="bidder1")
    assert (code, "other keys" in err) == (4, True)


def test_a_forged_receipt_is_kept_apart_and_the_true_one_can_still_be_had(hall, bid):
    def forge(path: str, data: bytes) -> bytes:
        return data.replace(b'"index":', b'"index":1') if path == "/api/v1/records" else data

    hall.net.forge = forge
    code, _, err = submit(hall, bid)
    assert (code, "does not verify" in err) == (4, True)
    assert "bid_commitment.bad-receipt.json" in files(bid)
    assert "bid_commitment.receipt.json" not in files(bid)
    hall.net.forge = None
    assert submit(hall, bid)[0] == 0


def test_a_receipt_for_another_record_is_not_taken(hall, bid, sealed, tender, tmp_path):
    assert submit(hall, bid)[0] == 0
    stolen = (bid / "filed" / "bid_commitment.receipt.json").read_bytes()
    hall.net.forge = lambda path, data: stolen if path == "/api/v1/records" else data
    other = tmp_path / "other"
    shutil.copytree(sealed.parent, other, ignore=shutil.ignore_patterns("bid"))
    code, _, err = submit(hall, packed(hall, tender, other, 1))
    assert (code, "does not verify" in err) == (4, True)


# --- refusals, confirmations, replacements -------------------------------------------------------------------


def test_a_refusal_is_kept_signed_and_verifies(hall, bid, tender):
    path = bid / "commitment.json"
    payload = json.loads(path.read_bytes())
    keep(path, json.dumps(payload | {"answers": "sha256:" + "0" * 64}).encode())
    code, _, err = submit(hall, bid)
    assert (code, "BID-STALE" in err) == (1, True)
    assert {"bid_commitment.refusal.json", "bid_commitment.refused.json"} <= files(bid).keys()
    assert "bid_commitment.record.json" not in files(bid)
    found = json.loads(hall.run("bid", "status", bid, "--json")[1])
    assert [r["code"] for r in found["refusals"]] == ["BID-STALE"]
    assert "refused" in hall.run("bid", "status", bid)[1]
    refusal = bid / "filed" / "bid_commitment.refusal.json"
    code, out, _ = hall.run("verify", refusal, "--json")
    assert (code, json.loads(out)["content"]["code"]) == (0, "BID-STALE")
    # Once mended, the same command goes through.
    keep(path, json.dumps(payload).encode())
    assert submit(hall, bid)[0] == 0


def test_a_clarification_outdates_a_bid_until_it_is_confirmed(hall, sealed, tmp_path):
    tender = hall.announce(tmp_path)
    folder = tmp_path / "bidder"
    shutil.copytree(sealed.parent, folder, ignore=shutil.ignore_patterns("bid"))
    bid = packed(hall, tender, folder, 1)
    assert submit(hall, bid)[0] == 0
    code, out, err = hall.run("bid", "confirm", bid, "--json", login="bidder1")
    assert (code, json.loads(out), "nothing to confirm" in err) == (0, [], True)
    ceiling = {"lot": "L2", "ceiling": {"amount": "13000000.00", "currency": "CNY"}}
    payload = {
        "number": 1,
        "answers": [],
        "text": ["二标段限价调整。"],
        "affects_preparation": False,
        "invalidates_bids": True,
        "changes": {"ceilings": [ceiling]},
    }
    hall.who.agency.file(tender, "clarification", payload)
    assert "outdated by a clarification" in hall.run("bid", "status", bid)[1]
    assert hall.run("bid", "confirm", bid, answer="n\n", login="bidder1")[0] == 1
    code, out, err = hall.run("bid", "confirm", bid, answer="y\n", login="bidder1")
    assert (code, "二标段限价调整" in err) == (0, True)
    assert "handed in; the deadline" in hall.run("bid", "status", bid)[1]
    # Fetched again, the data carries the changed ceiling, of which the next bid is warned.
    code, _, _ = hall.run("bid", "tender", tender, "-o", folder / "tender.json")
    arguments = ["bid", "pack", folder / "bid.json", folder / "tender.json", folder / "new", "--yes"]
    arguments += ["--certificate", folder / "certificate.pem", "--key", folder / "key.pem"]
    code, _, err = hall.run(*arguments)
    assert (code, "above the ceiling 13000000.00" in err) == (0, True)


def test_only_a_bid_packed_to_replace_another_replaces_it(hall, tender, bid):
    other = packed(hall, tender, bid.parent, 1, out="other")
    code, _, err = hall.run("bid", "replace", bid, other, login="bidder1")
    assert (code, "--replaces" in err) == (1, True)
    new = packed(hall, tender, bid.parent, 1, out="new", replaces=bid)
    code, _, err = hall.run("bid", "replace", bid, new, login="bidder1")
    assert (code, "never handed in" in err) == (1, True)
    assert submit(hall, bid)[0] == 0
    # The upload fails: the old bid still stands, and no commitment of the new one was sent.
    hall.net.left, hall.net.method = 0, "PUT"
    assert hall.run("bid", "replace", bid, new, login="bidder1")[0] == 3
    assert not (new / "filed" / "bid_commitment.record.json").exists()
    hall.net.left = None
    for _ in range(2):
        code, out, err = hall.run("bid", "replace", bid, new, "--json", login="bidder1")
        assert code == 0, err
    assert [row["state"] for row in json.loads(out)] == ["receipt", "receipt"]
    code, _, err = submit(hall, bid)
    assert (code, "replaced" in err) == (1, True)


def test_a_withdrawal_is_asked_for_and_final(hall, bid):
    code, _, err = hall.run("bid", "withdraw", bid, "--yes", login="bidder1")
    assert (code, "never handed in" in err) == (1, True)
    assert submit(hall, bid)[0] == 0
    assert hall.run("bid", "withdraw", bid, answer="n\n", login="bidder1")[0] == 1
    assert "bid_withdrawal.record.json" not in files(bid)
    for _ in range(2):
        code, out, err = hall.run("bid", "withdraw", bid, "--yes", "--json", login="bidder1")
        assert code == 0, err
    assert json.loads(out)[0]["family"] == "bid_withdrawal"
    code, out, _ = hall.run("bid", "status", bid, "--offline", "--json")
    assert (json.loads(out)["withdrawn"], json.loads(out)["hall"]) == (True, None)


def test_a_receipt_lost_on_its_way_is_fetched(hall, bid):
    hall.net.left, hall.net.path = 0, "/records"
    submit(hall, bid)
    hall.net.left = None
    code, out, _ = hall.run("bid", "receipt", bid, "--json")
    assert (code, [row["state"] for row in json.loads(out)]) == (0, ["receipt"])
    (bid / "filed" / "bid_commitment.receipt.json").unlink()
    assert submit(hall, bid)[0] == 0


def test_nothing_filed_has_no_receipt(hall, bid):
    code, _, err = hall.run("bid", "receipt", bid)
    assert (code, "nothing of this bid was filed" in err) == (1, True)


# --- usage ---------------------------------------------------------------------------------------------------


def test_a_missing_address_or_login_is_a_usage_error(hall, bid):
    code, _, err = hall.run("bid", "submit", bid, TRADEHALL_URL="")
    assert (code, "--url" in err) == (2, True)
    code, _, err = hall.run("bid", "submit", bid, "--url", "hall.example", login="bidder1")
    assert code == 2
    code, _, err = hall.run("bid", "submit", bid)
    assert (code, "--login" in err) == (2, True)
    assert hall.run("bid", "submit", bid.parent / "none", login="bidder1")[0] == 2


def test_an_address_without_a_hall_is_told(hall, bid):
    for answer in (b"<html>", b"[]", b"{}"):
        hall.net.forge = lambda *_, answer=answer: answer
        code, _, err = submit(hall, bid)
        assert (code, "no hall at this address" in err) == (3, True)
    hall.net.forge = None
    code, _, err = hall.run("bid", "submit", bid, "--url", f"{hall.url}/elsewhere", login="bidder1")
    assert (code, "no hall at this address" in err) == (3, True)


def test_a_bad_token_is_refused(hall, bid):
    code, _, err = hall.run("bid", "submit", bid, "--token", "th_wrong")
    assert (code, "LOGIN-REQUIRED" in err) == (1, True)


def test_messages_come_in_chinese_too(hall, bid):
    code, _, err = hall.run("bid", "withdraw", bid, "--yes", "--lang", "zh", login="bidder1")
    assert (code, "错误：此投标没有递交" in err) == (1, True)


def test_a_folder_that_holds_no_bid_is_told(hall, tmp_path):
    code, _, err = hall.run("bid", "status", tmp_path)
    assert (code, "commitment.json" in err) == (1, True)


def test_a_tender_without_notice_or_unknown_is_told(hall, tmp_path):
    code, _, err = hall.run("bid", "tender", "t-" + "a" * 26, "-o", tmp_path / "t.json")
    assert (code, "NOT-FOUND" in err) == (1, True)
    assert not (tmp_path / "t.json").exists()


def test_a_tampered_notice_is_not_taken(hall, tender, tmp_path):
    hall.net.forge = lambda path, data: (
        data.replace(b'"threshold":2', b'"threshold":3') if path.endswith("/records") else data
    )
    code, _, err = hall.run("bid", "tender", tender, "-o", tmp_path / "t.json")
    assert (code, "digest" in err) == (4, True)
    assert not (tmp_path / "t.json").exists()


def test_a_badly_signed_notice_is_not_taken(hall, tender, tmp_path):
    items = hall.operator.client.get(f"/cases/{tender}/records")["items"]
    value = next(i for i in items if i["family"] == "tender_notice")["signature"]["signature"]
    other = ("B" if value[0] == "A" else "A") + value[1:]
    hall.net.forge = lambda path, data: data.replace(value.encode(), other.encode()) if "/records" in path else data
    code, _, err = hall.run("bid", "tender", tender, "-o", tmp_path / "t.json")
    assert (code, "not signed as required" in err) == (4, True)


# --- custodians ----------------------------------------------------------------------------------------------


def test_a_custodian_key_is_made_once(hall, tmp_path):
    code, first, _ = hall.run("custodian", "key", tmp_path / "k")
    assert (code, first.startswith("age1")) == (0, True)
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    code, second, _ = hall.run("custodian", "key", tmp_path / "k", "--json")
    assert json.loads(second)["recipient"] == first.strip()
    (tmp_path / "k").write_text("nothing")
    assert hall.run("custodian", "key", tmp_path / "k")[0] == 1


def test_a_key_of_no_custodian_is_told(hall, tender, tmp_path):
    hall.run("custodian", "key", tmp_path / "k")
    code, _, err = hall.run("custodian", "check", tender, "--key", tmp_path / "k")
    assert (code, "names no custodian" in err) == (1, True)
