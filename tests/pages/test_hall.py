"""The opening hall and its live record."""

from __future__ import annotations

import json
import re

from pages.stage import Stage


def rail(page: str) -> list[str]:
    return re.findall(r'class="rail-step rail-(\w+)"', page)


def test_a_hall_from_waiting_to_closed(stage: Stage) -> None:
    assert rail(stage.shots["sealed"]("/openings/*")) == ["current"] + ["upcoming"] * 6
    assert rail(stage.shots["late"]("/openings/*")) == ["done"] * 2 + ["current"] + ["upcoming"] * 4
    assert rail(stage.shots["counted"]("/openings/*")) == ["done"] * 3 + ["current"] + ["upcoming"] * 3
    assert rail(stage.shots["closed"]("/openings/*")) == ["done"] * 7
    assert "距开标" in stage.shots["sealed"]("/openings/*")
    assert "Until the opening" in stage.shots["sealed"]("/openings/*", "en")


def test_rows_go_from_sealed_to_opened(stage: Stage) -> None:
    counted, released, closed = (stage.shots[s]("/openings/*") for s in ("counted", "released", "closed"))
    assert counted.count('class="row-sealed"') == 4
    assert released.count('class="row-decrypting"') == 4
    assert closed.count('class="row-decrypted"') == 4
    assert "共 4 份" in counted
    assert "由密钥保管人共同解密" in closed
    assert "金额不足" in closed
    root = stage.node.desk.look(stage.tender).case.table("roots")["L1"]  # type: ignore[union-attr]
    assert str(root) in counted
    for bid in stage.play.bids:
        if bid.lot == "L1":
            assert f'data-row="{bid.submission}"' in counted


def test_the_failed_lot_says_why(stage: Stage) -> None:
    page = stage.shots["counted"]("/openings/*")
    assert "投标人少于三个" in page
    assert "投标文件原样退回，不解密。" in page


def test_the_feed_follows_the_log(stage: Stage) -> None:
    lines = stage.shots["closed"].feed
    assert [line.sequence for line in lines] == sorted({line.sequence for line in lines})
    records = {i["index"]: i["family"] for i in stage.http.get(f"/api/v1/cases/{stage.tender}/records").json()["items"]}
    families = [records[line.sequence] for line in lines]
    assert set(families) == {
        "failed_tender",
        "opening_start",
        "key_release",
        "share_release",
        "bid_disclosure",
        "opening_record",
    }
    assert families[-1] == "opening_record"
    texts = " ".join(line.text.zh + line.text.en for line in lines)
    assert "德阳示例公共资源交易中心放行密钥份额" in texts
    assert not any(bid.actor.name in texts for bid in stage.play.bids)
    assert len(stage.shots["counted"].feed) == 2


def test_a_bidder_sees_the_own_bid_and_a_custodian_the_own_task(stage: Stage) -> None:
    login = {"username": "bidder1", "password": "sunshine-2026"}
    stage.http.post("/login", data=login, follow_redirects=False)
    page = stage.get(f"/openings/{stage.tender}").text
    assert page.count("本单位") == 1
    assert "您的投标已解密" in page
    stage.http.cookies.clear()
    assert "本单位" not in stage.get(f"/openings/{stage.tender}").text


# --- server-sent events -------------------------------------------------------------------------------------------


def events(text: str) -> list[dict[str, str]]:
    blocks = [b for b in re.split(r"\r?\n\r?\n", text) if b.strip()]
    return [dict(line.split(": ", 1) for line in re.split(r"\r?\n", b) if ": " in line) for b in blocks]


def test_the_stream_of_a_closed_hall_is_framed_and_ends(stage: Stage) -> None:
    answer = stage.http.get(f"/openings/{stage.tender}/feed")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "no-store" in answer.headers["cache-control"]
    found = events(answer.text)
    lines = stage.shots["closed"].feed
    assert [e["id"] for e in found] == [str(line.sequence) for line in lines]
    assert {e["event"] for e in found} == {"entry"}
    data = json.loads(found[0]["data"])
    assert data.keys() == {"sequence", "at", "zh", "en", "tone"}
    assert data["sequence"] == lines[0].sequence
    assert data["at"].endswith("+08:00")


def test_the_stream_continues_without_gap_or_repetition(stage: Stage) -> None:
    lines = stage.shots["closed"].feed
    path, middle = f"/openings/{stage.tender}/feed", lines[3].sequence
    rest = [str(line.sequence) for line in lines[4:]]
    by_header = stage.http.get(path, headers={"last-event-id": str(middle)})
    assert [e["id"] for e in events(by_header.text)] == rest
    by_query = stage.http.get(f"{path}?after={middle}")
    assert [e["id"] for e in events(by_query.text)] == rest
    both = stage.http.get(f"{path}?after=0", headers={"last-event-id": str(middle)})
    assert [e["id"] for e in events(both.text)] == rest
    assert len(events(stage.http.get(f"{path}?after=-5x").text)) == len(lines)


def test_who_has_seen_all_of_a_closed_hall_is_sent_away(stage: Stage) -> None:
    last = stage.shots["closed"].feed[-1].sequence
    answer = stage.http.get(f"/openings/{stage.tender}/feed?after={last}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_stream_of_an_unknown_hall_is_refused(stage: Stage) -> None:
    assert stage.http.get("/openings/t-" + "a" * 26 + "/feed").status_code == 404
