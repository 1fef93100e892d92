"""A bid made in a real browser: sealed there, cut off and resumed, replaced, and opened by the hall."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from portal.support import browse
from stories.conftest import cast, template  # noqa: F401  - fixtures
from storytelling.people import Cast
from storytelling.script import read_story
from storytelling.stage import Stage
from storytelling.ways import HttpWay, by_http
from tradehall.adapters.identity.passwords import Cost, hash_password
from tradehall.adapters.sealing import rebuild_key, take_share
from tradehall.kernel.money import chinese_amount
from tradehall.main import build_context
from tradehall.rules.sealing import (
    RebuiltKey,
    ReleasedShare,
    encode_secret,
    read_commitment,
    recipient_is_usable,
    recipient_of_secret,
)
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS
from tradehall_standards import Catalogue

WORD = "a password of some length"
PHRASE = "correct horse battery"
CHEAP = Cost(16, 1, 1)


@dataclass
class Room:
    """A played tender, the same node on an address of its own, and a bidder's page."""

    stage: Stage
    way: HttpWay
    page: Page
    url: str
    sent: list[bytes] = field(default_factory=list)

    @property
    def case(self) -> str:
        return self.stage.tender

    def tell(self, folder: Path, text: str) -> None:
        """Go on with the story."""
        path = folder / f"more_{time.monotonic_ns()}.txt"
        path.write_text(f"# 继续\nprocedure open_tender\n{text}\n", "utf-8")
        self.stage.story = read_story(path)
        self.stage.play()


@contextmanager
def served(way: HttpWay) -> Iterator[str]:
    with socket.socket() as ear:
        ear.bind(("127.0.0.1", 0))
        ear.listen(128)
        app = build_app(build_context(way._node), HANDLERS)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [ear]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{ear.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browse() as found:
        yield found


@pytest.fixture
def room(
    browser: Browser,
    cast: Cast,  # noqa: F811
    catalogue: Catalogue,
    template: Path,  # noqa: F811
    tmp_path: Path,
) -> Iterator[Room]:
    story = tmp_path / "begin.txt"
    story.write_text("# 开始\ncontinues announced\n", "utf-8")
    begun = read_story(story)
    with by_http(cast, catalogue, begun.start, template, tmp_path) as way:
        assert isinstance(way, HttpWay)
        stage = Stage(begun, way, cast, catalogue, tmp_path)
        stage.play()
        who = cast["bidder/alpha"]
        way._node.directory.set_account("alpha", who.party, hash_password(WORD, secrets.token_bytes, cost=CHEAP))
        with served(way) as url:
            context = browser.new_context(base_url=url, accept_downloads=True, viewport={"width": 390, "height": 844})
            page = context.new_page()
            page.set_default_timeout(15_000)
            room = Room(stage, way, page, url)
            page.on("request", lambda request: room.sent.append(request.post_data_buffer or b""))
            page.on("dialog", lambda dialog: dialog.accept())
            yield room
            context.close()


def sign_in(page: Page, account: str = "alpha") -> None:
    page.fill("#username", account)
    page.fill("#password", WORD)
    page.click("main button[type=submit]")


def enter(room: Room, folder: Path) -> None:
    page = room.page
    page.goto(f"/login?next=/notices/{room.case}")
    sign_in(page)
    page.click(f'a[href="/work/bids/{room.case}"]')
    expect(page.locator("[data-part=no-key]")).to_be_visible()
    page.click("text=申请或恢复证书")
    page.fill("#make-passphrase", PHRASE)
    page.fill("#make-again", PHRASE)
    with page.expect_download():
        page.click("text=生成密钥并申请")
    expect(page.locator("[data-part=list] li")).to_have_count(1)
    page.goto(f"/work/bids/{room.case}")
    expect(page.locator("[data-part=no-key]")).to_be_hidden()
    (folder / "施工组织设计.pdf").write_bytes(b"%PDF-1.7 fictional " + bytes(range(256)) * 2000)
    (folder / "offer.txt").write_bytes(b"a second file")


def make(room: Room, folder: Path, price: str) -> dict[str, Any]:
    """Fill in, check, seal and hand in; returns what the backup file says of itself."""
    page = room.page
    page.fill("#bid-amount", price)
    page.set_input_files("#bid-files", [folder / "施工组织设计.pdf", folder / "offer.txt"])
    page.check("#bid-domestic")
    page.click("[data-part=form] >> text=核对")
    expect(page.locator("#check-title")).to_be_focused()
    page.fill("#seal-passphrase", PHRASE)
    page.fill("#seal-again", PHRASE)
    with page.expect_download() as backup:
        page.click("text=签名、封装并递交")
    backup.value.save_as(folder / "bid.json")
    expect(page.locator("[data-part=state]")).to_contain_text("投标已递交")
    return dict(json.loads((folder / "bid.json").read_text("utf-8")))


def test_a_bid_is_sealed_cut_off_replaced_and_opened(room: Room, tmp_path: Path) -> None:
    page = room.page
    enter(room, tmp_path)
    page.fill("#bid-amount", "十八")
    page.click("[data-part=form] >> text=核对")
    expect(page.locator("[data-part=failure]")).to_contain_text("请选择投标文件")

    # what is read back comes from the bytes that are signed
    page.fill("#bid-amount", "18,600,000.5")
    expect(page.locator("#bid-words")).to_have_text(words("18600000.50"))

    # the first parts of the upload meet a dead line
    cut: list[str] = []

    def dead(route: Route) -> None:
        if len(cut) < 2 and route.request.method == "PUT":
            cut.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/vault/**", dead)
    first = make(room, tmp_path, "18,600,000.5")
    assert len(cut) == 2
    page.unroute("**/api/v1/vault/**")
    expect(page.locator("[data-part=mine] li")).to_have_count(1)
    expect(page.locator("[data-part=mine] .chip")).to_have_text("已递交")

    # another price before the deadline
    page.click("text=替换")
    second = make(room, tmp_path, "18500000")
    assert second["submission"] != first["submission"]
    expect(page.locator("[data-part=mine] .chip")).to_have_text(["已递交", "已被替换"])

    # nothing that left the device tells price, files or keys
    everything = b"".join(room.sent)
    for secret in (b"18500000", b"18600000", b"AGE-SECRET-KEY", "施工组织设计".encode(), b"a second file"):
        assert secret not in everything
    assert first["submission"].encode() in everything

    # any two custodians could open it
    bid = commitment_of(room, second["submission"])
    holders = [("tenderer", 0), ("centre/deyang", 2)]
    shares = [take_share(bid, room.stage.cast[handle].party, custody(room, handle)) for handle, _ in holders]
    assert all(isinstance(share, ReleasedShare) for share in shares)
    assert isinstance(rebuild_key(bid, [s for s in shares if isinstance(s, ReleasedShare)]), RebuiltKey)

    # the opening: the bidder reveals the key, the hall opens the bid
    room.tell(
        tmp_path,
        "2026-03-24T15:01:00+08:00 bidder/beta hands in a bid of 18700000.00 for L1\n"
        "2026-03-24T15:02:00+08:00 bidder/gamma hands in a bid of 18800000.00 for L1\n"
        "2026-03-25T09:30:00+08:00 centre opens the bids\n"
        "2026-03-25T09:31:00+08:00 bidder/beta,gamma releases the key",
    )
    page.reload()  # the session of yesterday is over: signing in leads back here
    page.click("main a:has-text('登录')")
    sign_in(page)
    expect(page.locator("main")).to_contain_text("现在不接受投标")
    expect(page.locator("[data-part=mine] .chip").first).to_have_text("正在开标，请解密")
    page.click("[data-part=reveal] >> visible=true")
    expect(page.locator("[data-part=mine] .chip").first).to_have_text("密钥已公布")
    room.tell(
        tmp_path,
        "2026-03-25T09:35:00+08:00 centre discloses the bids\n2026-03-25T09:40:00+08:00 centre closes the opening",
    )
    told = {d["submission"]: d for d in room.way.payloads(room.case, "bid_disclosure")}
    opened = told[second["submission"]]
    assert opened["price"] == {"amount": "18500000.00", "currency": "CNY"}
    assert opened["bidder"]["id"] == room.stage.cast["bidder/alpha"].party
    assert [f["name"] for f in opened["files"]] == ["施工组织设计.pdf", "offer.txt"]
    assert first["submission"] not in told


def test_an_absent_bidder_is_opened_by_custodians_and_the_centre_in_browsers(
    room: Room, browser: Browser, tmp_path: Path
) -> None:
    room.tell(
        tmp_path,
        "2026-03-24T15:01:00+08:00 bidder/alpha hands in a bid of 18600000.00 for L1\n"
        "2026-03-24T15:02:00+08:00 bidder/beta hands in a bid of 18700000.00 for L1\n"
        "2026-03-24T15:03:00+08:00 bidder/gamma hands in a bid of 18800000.00 for L1\n"
        "2026-03-25T09:30:00+08:00 bidder/gamma hands in a bid of 18500000.00 for L1   refused BID-LATE",
    )
    with person(room, browser, "centre") as centre:
        centre.goto("/work")
        centre.click(f'main h2 a[href="/work/cases/{room.case}"]')
        centre.click("text=开始开标")
        expect(centre.locator("main")).to_contain_text("开标中")
        room.tell(tmp_path, "2026-03-25T09:31:00+08:00 bidder/alpha,beta releases the key")
        for handle in ("tenderer", "centre/deyang"):
            with person(room, browser, handle) as custodian:
                release(room, custodian, handle)
        centre.reload()
        centre.click("text=公布已解密的投标")
        expect(centre.locator("main")).to_contain_text("投标内容公开")
        centre.click("text=结束开标")
        expect(centre.locator("main")).to_contain_text("已开标")
    told = [d["opened_by"] for d in room.way.payloads(room.case, "bid_disclosure")]
    assert sorted(told) == ["bidder_key", "bidder_key", "custodians"]


@contextmanager
def person(room: Room, browser: Browser, handle: str) -> Iterator[Page]:
    """Somebody else's browser, signed in and with a certificate made there."""
    who, account = room.stage.cast[handle], handle.replace("/", "-")
    room.way._node.directory.set_account(account, who.party, hash_password(WORD, secrets.token_bytes, cost=CHEAP))
    context = browser.new_context(base_url=room.url, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/login?next=/work/keys")
    sign_in(page, account)
    page.fill("#make-passphrase", PHRASE)
    page.fill("#make-again", PHRASE)
    with page.expect_download():
        page.click("text=生成密钥并申请")
    expect(page.locator("[data-part=list] li")).to_have_count(1)
    yield page
    context.close()


KEEP = """(one) => new Promise((done, failed) => {
  const opening = indexedDB.open("tradehall", 1);
  opening.onsuccess = () => {
    const put = opening.result.transaction("custody", "readwrite").objectStore("custody").put(one);
    put.onsuccess = () => { opening.result.close(); done(); };
    put.onerror = failed;
  };
})"""


def release(room: Room, page: Page, handle: str) -> None:
    """Bring the custodian's key of the notice to this browser, and release what waits."""
    page.goto(f"/work/custody/{room.case}")
    expect(page.locator("[data-part=missing]")).to_be_visible()
    secret = room.stage.custody[handle]
    party = room.stage.cast[handle].party
    page.evaluate(
        KEEP,
        {
            "recipient": recipient_of_secret(secret),
            "party": party,
            "secret": encode_secret(secret),
            "note": "示例",
            "at": 0,
        },
    )
    page.reload()
    expect(page.locator("[data-part=missing]")).to_be_hidden()
    page.click("[data-part=release]")
    expect(page.locator(".chip-running")).to_have_count(1)


def test_a_custodian_makes_a_key_and_brings_it_back(room: Room, browser: Browser, tmp_path: Path) -> None:
    with person(room, browser, "centre/deyang") as page:
        page.goto("/work/custody")
        page.fill("#custody-note", "示例项目")
        page.fill("#custody-passphrase", PHRASE)
        page.fill("#custody-again", PHRASE)
        with page.expect_download() as backup:
            page.click("[data-part=make] button")
        backup.value.save_as(tmp_path / "custody.json")
        recipient = page.locator("[data-part=recipient]").inner_text()
        assert recipient_is_usable(recipient)
        assert "AGE-SECRET-KEY" not in (tmp_path / "custody.json").read_text("utf-8")
        page.evaluate("indexedDB.deleteDatabase('tradehall')")
        page.reload()
        expect(page.locator("[data-part=none]")).to_be_visible()
        page.set_input_files("#custody-file", tmp_path / "custody.json")
        page.fill("#custody-open", PHRASE)
        page.click("[data-part=restore] button")
        expect(page.locator("[data-part=recipient]")).to_have_text(recipient)


def test_a_bid_comes_back_on_another_device(room: Room, tmp_path: Path) -> None:
    page = room.page
    enter(room, tmp_path)
    made = make(room, tmp_path, "18600000")
    page.evaluate("indexedDB.deleteDatabase('tradehall')")
    page.reload()
    expect(page.locator("[data-part=mine-panel]")).to_be_hidden()
    page.click("text=从备份恢复投标")
    page.set_input_files("#bid-backup", tmp_path / "bid.json")
    page.fill("#bid-backup-passphrase", "not the passphrase")
    page.click("[data-part=restore] button")
    expect(page.locator("[data-part=failure]")).to_contain_text("口令有误")
    page.set_input_files("#bid-backup", tmp_path / "bid.json")
    page.fill("#bid-backup-passphrase", PHRASE)
    page.click("[data-part=restore] button")
    expect(page.locator("[data-part=submission]")).to_have_text(made["submission"])


AMOUNTS = (
    "0.01",
    "0.10",
    "1.05",
    "10.00",
    "107.00",
    "1000000.00",
    "10000000.30",
    "100020003.45",
    "999999999999.99",
    "20000000000000.00",
)


def test_words_of_amounts_are_the_halls(room: Room, tmp_path: Path) -> None:
    enter(room, tmp_path)
    for amount in AMOUNTS:
        room.page.fill("#bid-amount", amount)
        expect(room.page.locator("#bid-words")).to_have_text(words(amount))


def words(amount: str) -> str:
    return chinese_amount(Decimal(amount))


def commitment_of(room: Room, submission: str) -> Any:
    view = room.way._node.desk.look(room.case, sealed=True)
    assert view is not None
    found = next(e for e in view.of("bid_commitment") if e.record.payload["submission"] == submission)
    return read_commitment(found.record.payload)


def custody(room: Room, handle: str) -> str:
    return encode_secret(room.stage.custody[handle])
