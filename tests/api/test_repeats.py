"""Sending again and asking again: one receipt for one record, one key for one record, nothing sent twice."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from api.contract import Contract
from tradehall.kernel.record import SchemaRef, envelope_bytes
from tradehall.kernel.signing import EcSigner, sign_detached
from web_core.hall import CASE, PARTY, PAYLOADS, Answer, Hall

PROJECT = json.loads((PAYLOADS / "project/1.0.0/examples/valid/works.json").read_text(encoding="utf-8"))
RECORDS = "/api/v1/records"


@dataclass
class Clerk:
    """Signs and files records of projects, each in a case of its own."""

    hall: Hall
    kid: str
    key: EllipticCurvePrivateKey

    def record(self, case: str, payload: Any = PROJECT, nonce: str = "m" * 22) -> dict[str, Any]:
        found = self.hall.call("GET", "/api/v1/schemas/project").json()
        envelope, signed = envelope_bytes(
            schema=SchemaRef("project", found["version"], found["digest"]),
            case=case,
            author=PARTY,
            filed_by=PARTY,
            nonce=nonce,
            payload=payload,
        )
        return {"envelope": envelope, "signature": sign_detached(signed, EcSigner(self.kid, self.key))}

    def file(self, record: Any, key: str = "", role: str = "party", **headers: str) -> Answer:
        sent = headers | ({"idempotency-key": key} if key else {})
        return self.hall.call("POST", RECORDS, body=record, headers=sent, role=role)

    @property
    def size(self) -> int:
        return int(self.hall.call("GET", "/healthz").json()["log_size"])


@pytest.fixture(scope="module")
def clerk(hall: Hall) -> Clerk:
    """Somebody with a certificate."""
    key = derive_private_key(0xC1E7C, SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    body = {"csr": b64encode(csr.public_bytes(Encoding.DER)).decode()}
    issued = hall.call("POST", "/api/v1/certificates", body=body, role="party")
    return Clerk(hall, issued.json()["kid"], key)


def case(letter: str) -> str:
    return "t-" + letter * 26


# --- idempotency ----------------------------------------------------------------------------------------------------


def test_the_same_record_gets_the_same_receipt_with_or_without_a_key(clerk: Clerk, contract: Contract) -> None:
    record = clerk.record(case("b"))
    first = clerk.file(record, "key-b")
    assert first.status == 201
    size = clerk.size
    for key in ("key-b", "", "another"):
        again = clerk.file(record, key)
        assert again.status == 200, again.body
        assert again.body == first.body
        assert again.header("location") == first.header("location")
        assert again.header("etag") == first.header("etag")
        assert contract.broken("record.file", again.status, again.headers, again.body) == []
    assert clerk.size == size
    assert contract.broken("record.file", first.status, first.headers, first.body) == []
    at = first.header("location")
    assert clerk.hall.call("GET", at).json() == record
    assert clerk.hall.call("GET", at + "/receipt").json() == first.json()


def test_a_key_is_for_one_record_and_the_second_is_not_stored(clerk: Clerk, contract: Contract) -> None:
    first = clerk.file(clerk.record(case("c")), "key-c")
    size = clerk.size
    other = clerk.record(case("d"))
    refused = clerk.file(other, "key-c")
    assert (refused.status, refused.code) == (409, "IDEMPOTENCY-CONFLICT")
    assert contract.broken("record.file", refused.status, refused.headers, refused.body) == []
    assert first.json()["receipt"]["record"] in refused.json()["messages"]["en"]
    digest = refused.json()["refusal"]["refusal"]["record"]
    assert clerk.size == size
    for path in (f"{RECORDS}/{digest}", f"{RECORDS}/{digest}/receipt", f"/api/v1/cases/{case('d')}"):
        assert clerk.hall.call("GET", path, role="party").status == 404, path
    assert clerk.file(other, "key-d").status == 201


def test_a_key_that_came_with_a_record_known_before_is_for_that_record_too(clerk: Clerk) -> None:
    record = clerk.record(case("l"))
    assert clerk.file(record).status == 201
    assert clerk.file(record, "key-l").status == 200
    refused = clerk.file(clerk.record(case("m")), "key-l")
    assert (refused.status, refused.code) == (409, "IDEMPOTENCY-CONFLICT")


def test_a_key_is_of_one_party(clerk: Clerk) -> None:
    assert clerk.file(clerk.record(case("e")), "shared").status == 201
    assert clerk.file(clerk.record(case("f")), "shared", role="centre").code != "IDEMPOTENCY-CONFLICT"


def test_a_refused_record_uses_up_no_key(clerk: Clerk) -> None:
    wrong = clerk.record(case("g"), PROJECT | {"name": 7})
    assert clerk.file(wrong, "key-g").code == "SCHEMA-INVALID"
    assert clerk.file(clerk.record(case("g")), "key-g").status == 201


@pytest.mark.parametrize("key", ["two words", "a" * 129, "é", "\x7f"])
def test_a_key_that_is_none_is_refused_and_stores_nothing(clerk: Clerk, contract: Contract, key: str) -> None:
    size = clerk.size
    answer = clerk.file(clerk.record(case("h")), key)
    assert (answer.status, answer.code) == (400, "PARAMETER-INVALID")
    assert contract.broken("record.file", answer.status, answer.headers, answer.body) == []
    assert clerk.size == size


# --- entity tags ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tagged(clerk: Clerk) -> dict[str, str]:
    """What sends an ETag, by its operation; the openapi document is none of itself."""
    filed = clerk.file(clerk.record(case("i")))
    return {
        "record.see": filed.header("location"),
        "schema.see": "/api/v1/schemas/project/1.0.0",
        "openapi": "/openapi.json",
    }


TAGGED = ("record.see", "schema.see", "openapi")


@pytest.mark.parametrize("name", TAGGED)
def test_what_is_at_hand_is_not_sent_again(clerk: Clerk, tagged: dict[str, str], contract: Contract, name: str) -> None:
    whole = clerk.hall.call("GET", tagged[name])
    tag = whole.header("etag")
    assert whole.status == 200
    assert tag.startswith('"sha256:')
    for sent in (tag, f'"other", {tag}', f"W/{tag}", f'{tag}, "other"'):
        kept = clerk.hall.call("GET", tagged[name], headers={"if-none-match": sent})
        assert (kept.status, kept.body, kept.header("etag")) == (304, b"", tag), sent
        assert kept.header("cache-control") == whole.header("cache-control")
        if name != "openapi":
            assert contract.broken(name, 304, kept.headers, kept.body) == []
    for sent in ('"other"', "", tag.strip('"'), tag[:-2] + '"', '"sha256:0"'):
        anew = clerk.hall.call("GET", tagged[name], headers={"if-none-match": sent})
        assert (anew.status, anew.body) == (200, whole.body), sent


@pytest.mark.parametrize("name", ["record.see", "schema.see"])
def test_any_tag_will_do_where_the_star_says_so(clerk: Clerk, tagged: dict[str, str], name: str) -> None:
    """RFC 9110 13.1.2."""
    answer = clerk.hall.call("GET", tagged[name], headers={"if-none-match": "*"})
    assert (answer.status, answer.body) == (304, b"")


def test_the_tag_of_one_record_is_not_that_of_another(clerk: Clerk, tagged: dict[str, str]) -> None:
    tag = clerk.hall.call("GET", tagged["record.see"]).header("etag")
    other = clerk.file(clerk.record(case("j"))).header("location")
    assert clerk.hall.call("GET", other, headers={"if-none-match": tag}).status == 200


def test_no_tag_tells_that_a_record_is_there(clerk: Clerk) -> None:
    digest = "sha256:" + "0" * 64
    for sent in (f'"{digest}"', "*"):
        answer = clerk.hall.call("GET", f"{RECORDS}/{digest}", headers={"if-none-match": sent})
        assert (answer.status, answer.code) == (404, "NOT-FOUND")


def test_lists_are_never_answered_from_what_was_before(clerk: Clerk) -> None:
    """They carry no tag, so what came since is always in the next answer."""
    path = "/api/v1/changes?after=-1"
    before = clerk.hall.call("GET", path)
    clerk.file(clerk.record(case("k")))
    after = clerk.hall.call("GET", path, headers={"if-none-match": before.header("etag") or '"x"'})
    assert after.status == 200
    assert len(after.json()["items"]) == len(before.json()["items"]) + 1
    assert clerk.hall.call("GET", f"/api/v1/cases/{CASE}/records").status == 200
