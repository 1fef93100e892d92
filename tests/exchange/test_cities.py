"""Two nodes with a database each: what a remote venue's node takes, keeps, passes on and knows while the link is cut."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.contract import Contract
from storytelling.people import CITY, Cast, Person
from storytelling.script import STORIES, _act, read_story
from storytelling.stage import Stage
from storytelling.ways import CityWay, Denied, by_city, fill_template
from tradehall.desk.exchange import NOT_YET, CityKeys, Courier, back_off, decided
from tradehall.desk.filing import signed_record
from tradehall.desk.rebuild import refold
from tradehall.kernel.record import Record, read_record
from tradehall.kernel.refusal import KINDS
from tradehall_standards import Catalogue, canonical


class Room:
    """A running session at the lead venue, and one of its experts at the remote one."""

    def __init__(self, stage: Stage, way: CityWay) -> None:
        self.stage, self.way = stage, way

    def member(self, number: int) -> Person:
        return self.stage.person(f"member/{number}")

    def tell(self, text: str) -> None:
        line = _act("test", 0, f"{self.stage.at.isoformat()} {text}")
        self.stage._tell(line)

    def later(self, **time: int) -> None:
        self.stage.at += timedelta(**time)
        self.way.advance(self.stage.at)

    def signed(self, who: Person, family: str, payload: dict[str, Any], case: str = "") -> dict[str, Any]:
        case = case or self.stage.session
        return signed_record(
            signer=who.signer,
            author=who.party,
            schema=self.way.schema(who, case, family),
            case=case,
            nonce=secrets.token_bytes(16),
            payload=payload,
        )

    def lock(self, number: int) -> dict[str, Any]:
        """Return a member's signed score commitment."""
        who = self.member(number)
        act = type("Act", (), {"who": who, "changes": {}})()
        sheet = self.stage._sheet(act, "L1")
        payload = {"expert": who.party, "lot": "L1", "digest": canonical.digest(sheet)}
        return self.signed(who, "score_commitment", payload)

    def filed(self, family: str) -> list[str]:
        """Return the authors of what the lead venue's log holds of a family."""
        found = self.way._call(self.way._cast["centre"], "GET", f"/cases/{self.stage.session}/records?family={family}")
        return [item["author"] for item in found["items"]]


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return Cast(tmp_path_factory.mktemp("cast") / "keys")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, cast: Cast, catalogue: Catalogue) -> Path:
    return fill_template(cast, catalogue, tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def room(cast: Cast, catalogue: Catalogue, template: Path, tmp_path: Path) -> Iterator[Room]:
    story = read_story(STORIES / "beginnings" / "running.txt")
    with by_city(cast, catalogue, story.start, template, tmp_path) as way:
        stage = Stage(story, way, cast, catalogue, tmp_path)
        stage.play()
        yield Room(stage, way)


def digest(kept: dict[str, Any]) -> str:
    return str(kept["custody"]["custody"]["record"])


def test_a_locked_score_survives_a_cut_and_is_accepted_once(room: Room) -> None:
    room.way.round()
    room.way.bridge.to_cut = True
    who, record = room.member(1), room.lock(1)
    kept = room.way.leave(who, record)
    assert (kept["state"], kept["answer"]) == ("waiting", None)
    assert "NOT a receipt of acceptance" in kept["custody"]["custody"]["says"]["en"]
    assert "不表示受理" in kept["custody"]["custody"]["says"]["zh"]
    verdict = room.way.local.post("/api/v1/receipts/verify", json=kept["custody"]).json()
    assert (verdict["valid"], verdict["kind"]) == (True, "custody")
    assert room.way.leave(who, record) == kept
    assert room.way.round() is False
    assert room.filed("score_commitment") == []

    room.way.bridge.to_cut, room.way.bridge.back_cut = False, True  # it gets there, but the answer is lost
    for _ in range(3):
        assert room.way.round() is False
    assert room.way.fetch(who, digest(kept))["state"] == "waiting"
    assert room.filed("score_commitment") == [who.party]

    room.way.bridge.back_cut = False
    assert room.way.round() is True
    answered = room.way.fetch(who, digest(kept))
    assert answered["state"] == "accepted"
    assert room.way.verify(answered["answer"])["valid"] is True
    assert room.filed("score_commitment") == [who.party]


def test_what_is_not_due_yet_waits_and_holds_up_nothing(room: Room) -> None:
    room.tell("member/1..4 commits the scores for L1")
    room.tell("centre/deyang suspends the session")
    who = room.member(5)
    locked, shown = room.lock(5), room.signed(who, "score_sheet", room.stage.sheets["L1", who.party])
    first, second = room.way.leave(who, locked), room.way.leave(who, shown)
    room.way.round()
    waiting = room.way.fetch(who, digest(first))
    assert (waiting["state"], waiting["answer"]["refusal"]["code"], waiting["tries"]) == ("waiting", "STEP-CLOSED", 1)
    assert room.way.fetch(who, digest(second))["state"] == "waiting"
    room.tell("member/1..5 checks in")  # the fifth by way of custody too, behind the locked score
    room.tell("centre/chengdu resumes the session")
    room.way.round()
    assert room.way.fetch(who, digest(first))["tries"] == 1  # not before it is due
    room.later(seconds=30)
    room.way.round()
    assert [room.way.fetch(who, digest(kept))["state"] for kept in (first, second)] == ["accepted", "accepted"]


def test_a_check_in_speaks_of_its_moment_and_is_not_sent_again(room: Room) -> None:
    who = room.member(4)
    venue, seat = room.stage.drawn["seats"][who.party]
    payload = {
        "expert": who.party, "venue": venue, "seat": seat,
        "methods": ["id_card"], "pledge": True, "no_conflict": True,
    }  # fmt: skip
    kept = room.way.leave(who, room.signed(who, "check_in", payload))
    room.way.round()
    found = room.way.fetch(who, digest(kept))
    assert (found["state"], found["answer"]["refusal"]["code"]) == ("refused", "STEP-CLOSED")


def test_what_is_still_not_due_after_a_day_is_refused(room: Room) -> None:
    who = room.member(1)
    room.tell("centre/deyang suspends the session")
    kept = room.way.leave(who, room.lock(1))
    room.later(hours=24)
    room.way.round()
    found = room.way.fetch(who, digest(kept))
    assert (found["state"], found["answer"]["refusal"]["code"]) == ("refused", "STEP-CLOSED")


def test_nothing_waits_for_a_session_that_has_ended(room: Room) -> None:
    for text in ("member/1..5 commits the scores for L1", "member/1..5 shows the scores for L1"):
        room.tell(text)
    room.tell("centre/chengdu ends the session")
    kept = room.way.leave(room.member(1), room.lock(1))
    room.way.round()  # this node does not know yet
    room.later(seconds=30)
    room.way.round()
    found = room.way.fetch(room.member(1), digest(kept))
    assert (found["state"], found["answer"]["refusal"]["code"]) == ("refused", "STEP-CLOSED")


def test_a_refusal_is_final_until_its_author_leaves_the_record_again(room: Room) -> None:
    who = room.member(1)
    record = room.signed(who, "score_sheet", {**room.stage._sheet(type("A", (), {"who": who, "changes": {}})(), "L1")})
    stranger = room.stage.cast["expert/1"]
    wrong = room.signed(
        stranger, "score_commitment", {"expert": stranger.party, "lot": "L1", "digest": "sha256:" + "0" * 64}
    )
    kept = room.way.leave(stranger, wrong)
    room.way.round()
    assert room.way.fetch(stranger, digest(kept))["answer"]["refusal"]["code"] == "ROLE-NOT-ALLOWED"
    assert room.way.exchange.store.waiting(CITY, 10) == []
    assert room.way.leave(stranger, wrong)["state"] == "waiting"
    room.way.round()
    assert room.way.fetch(stranger, digest(kept))["state"] == "refused"
    assert room.way.leave(who, record)["state"] == "waiting"


def test_the_remote_node_knows_the_session_while_it_is_cut_off(room: Room, cast: Cast) -> None:
    room.tell("member/1..4 commits the scores for L1")
    room.way.round()
    room.way.bridge.to_cut = True
    found = room.way.state(room.member(5), room.stage.session)
    assert found["lots"] == {"*": "running"}
    assert found["scores"] == [{"lot": "L1", "members": 5, "locked": 4, "shown": 0}]
    with pytest.raises(Denied, match="NOT-FOUND"):
        room.way.state(cast["stranger"], room.stage.session)
    with pytest.raises(Denied, match="NOT-FOUND"):
        room.way.state(room.member(5), "r-" + "a" * 26)


def test_the_copies_fold_to_what_the_lead_venue_has(room: Room) -> None:
    room.tell("member/1..5 commits the scores for L1")
    room.tell("member/1..5 shows the scores for L1")
    room.way.round()
    followed = room.way.exchange.state(CITY, room.stage.session)
    case, facts = refold(room.way._node.door, room.stage.session)
    assert followed is not None
    outside = {"regime", "region"}  # they come from the tender, which is not followed
    assert {k: v for k, v in followed.case.head.items() if k not in outside | {"parties"}} == {
        k: v for k, v in case.head.items() if k not in outside | {"parties"}
    }
    assert followed.case.tracks == case.tracks
    assert followed.facts.kinds == facts.kinds


def test_a_page_with_a_gap_a_stranger_or_a_changed_record_is_not_kept(room: Room) -> None:
    exchange, case = room.way.exchange, room.stage.session
    rows = room.way._call(room.way._cast["centre"], "GET", f"/cases/{case}/records?after=-1")["items"]
    other = exchange.cursor(CITY, case)
    store = replace(exchange, cities=exchange.cities)
    assert other >= 0  # the ways of the beginning have followed already
    fresh = {**store.cities, "elsewhere": exchange.cities[CITY]}
    store = replace(store, cities=fresh)
    assert store.follow("elsewhere", case, -1, [rows[1], rows[0]]) is False
    assert store.follow("elsewhere", "r-" + "a" * 26, -1, rows) is False
    changed = {**rows[0], "envelope": {**rows[0]["envelope"], "nonce": "A" * 22}}
    assert store.follow("elsewhere", case, -1, [changed]) is False
    assert store.follow("elsewhere", case, -1, [{**rows[0], "accepted_at": "yesterday"}]) is False
    assert store.follow("elsewhere", case, -1, ["text"]) is False
    assert store.cursor("elsewhere", case) == -1
    assert store.follow("elsewhere", case, -1, rows) is True


def test_only_what_can_wait_and_can_be_checked_is_taken(room: Room, cast: Cast) -> None:
    who, record = room.member(1), room.lock(1)
    with pytest.raises(Denied, match="CUSTODY-NOT-TAKEN"):
        room.way.leave(cast["agency"], room.signed(cast["agency"], "question", {"text": ["?"]}, room.stage.tender))
    changed = {**record, "envelope": {**record["envelope"], "nonce": "A" * 22}}
    with pytest.raises(Denied, match="SIGNATURE-INVALID"):
        room.way.leave(who, changed)
    with pytest.raises(Denied, match="SCHEMA-INVALID"):
        room.way.leave(who, room.signed(who, "score_commitment", {"expert": who.party}))
    with pytest.raises(Denied, match="FORM-INVALID"):
        room.way.leave(who, {**record, "envelope": {**record["envelope"], "case": "elsewhere"}})
    room.way.here.directory.revoke(who.certificate.kid, room.way.here.store.now())
    with pytest.raises(Denied, match="CERTIFICATE-NOT-VALID"):
        room.way.leave(who, record)
    for method, path in (("POST", "/records"), ("GET", f"/records/{digest_of(record)}"), ("GET", "/records/x")):
        with pytest.raises(Denied, match="NOT-FOUND"):
            room.way._call(who, method, f"/cities/meishan{path}", record if method == "POST" else None)
    with pytest.raises(Denied, match="NOT-FOUND"):
        room.way.fetch(who, "sha256:" + "0" * 64)
    assert room.way.local.post(f"/api/v1/cities/{CITY}/records", json=record).status_code == 401


def test_a_case_that_is_hosted_here_is_not_taken_for_elsewhere(room: Room) -> None:
    record = read_record(room.lock(1))
    assert isinstance(record, Record)
    lead = replace(room.way.exchange, door=room.way._node.door)
    assert lead.take(CITY, record).code == "CUSTODY-NOT-TAKEN"  # type: ignore[union-attr]


def test_an_answer_counts_only_signed_by_that_city_and_about_that_record(room: Room) -> None:
    who = room.member(1)
    wire, other = room.lock(1), room.lock(2)
    record = read_record(wire)
    assert isinstance(record, Record)
    keys = room.way.exchange.cities[CITY].keys
    receipt = room.way._call(who, "POST", "/records", wire)
    found = decided(receipt, record, keys)
    assert found is not None
    assert found.state == "accepted"
    another = read_record(other)
    assert isinstance(another, Record)
    assert decided(receipt, another, keys) is None
    here = room.way.here.keys.node
    assert decided(receipt, record, CityKeys(keys.node, here.receipt_public, keys.log)) is None
    assert decided(receipt, record, CityKeys("node:meishan", keys.receipt, keys.log)) is None
    assert decided({}, record, keys) is None
    assert decided({"refusal": {"code": "X"}, "signature": {}}, record, keys) is None


def test_the_operator_sees_the_links(room: Room, cast: Cast) -> None:
    assert room.way.local.get("/api/v1/cities", headers={"authorization": f"Bearer {cast['centre'].token}"}).json() == {
        "items": [{"city": CITY, "node": "node:chengdu", "held_at": None, "fault": ""}]
    }


def test_every_answer_keeps_to_the_interface_document(room: Room, cast: Cast, catalogue: Catalogue) -> None:
    contract = Contract(room.way.local.get("/openapi.json").content, catalogue)
    who, record = room.member(1), room.lock(1)
    told = {"authorization": f"Bearer {who.token}"}
    base = f"/api/v1/cities/{CITY}"
    answers = [("city.take", room.way.local.post(f"{base}/records", json=record, headers=told))]
    room.way.round()
    answers.append(("city.take", room.way.local.post(f"{base}/records", json=record, headers=told)))
    answers.append(("city.record", room.way.local.get(f"{base}/records/{digest_of(record)}", headers=told)))
    answers.append(("city.case", room.way.local.get(f"{base}/cases/{room.stage.session}", headers=told)))
    centre = {"authorization": f"Bearer {cast['centre'].token}"}
    answers.append(("city.list", room.way.local.get("/api/v1/cities", headers=centre)))
    assert [answer.status_code for _, answer in answers] == [202, 202, 200, 200, 200]
    for name, answer in answers:
        headers = [(k.lower(), v) for k, v in answer.headers.items()]
        assert contract.broken(name, answer.status_code, headers, answer.content) == []


def test_the_waits_between_tries_grow_to_a_limit_and_every_not_yet_is_a_refusal() -> None:
    assert [back_off(n) for n in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert set(KINDS) >= NOT_YET


class Down:
    """A city that never answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def file(self, record: bytes) -> None:
        assert record

    async def sessions(self) -> None:
        self.asked += 1

    async def close(self) -> None:
        return


def test_what_is_left_while_the_link_is_down_does_not_make_the_next_try_come_later(room: Room) -> None:
    """Ten records left in a cut of a second would else wait half a minute for the link that is there again."""

    async def leave_ten(courier: Courier, down: Down) -> int:
        courier.start()
        for number in range(1, 11):
            while down.asked < number:  # noqa: ASYNC110  - the courier's threads are real
                await asyncio.sleep(0.001)
            courier.wake(CITY)
        while down.asked < 11:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        failures = courier.links[CITY].failures
        await courier.stop()
        return failures

    down = Down()
    exchange = replace(room.way.exchange, cities={CITY: down})  # type: ignore[dict-item]
    assert asyncio.run(leave_ten(Courier(exchange), down)) <= 2  # a second may pass meanwhile on a busy machine


def digest_of(record: dict[str, Any]) -> str:
    return canonical.digest(record["envelope"])
