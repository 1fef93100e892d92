"""Files in parts over HTTP: parts that meet, parts that repeat, and gaps."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from random import Random
from typing import Any

from web_core.hall import Hall

DATA = Random(7).randbytes(1_000_003)
DIGEST = "sha256:" + sha256(DATA).hexdigest()
PART = 50_000


def parts(hall: Hall, order: list[int], digest: str = DIGEST) -> list[Any]:
    """Send parts, by their starts, all at once; returns the answers."""

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(hall.put_part(digest, at, DATA[at : at + PART], len(DATA)) for at in order))

    return hall.runner.run(all_at_once())


def test_two_writers_of_one_upload_do_not_harm_each_other(hall: Hall) -> None:
    """Both tabs send every part; whoever comes second finds the part there, and the file is whole."""
    starts = list(range(0, len(DATA), PART))
    for at in starts[:-1]:
        assert [answer.status for answer in parts(hall, [at, at, at])] == [200] * 3
    last = parts(hall, [starts[-1]] * 3)
    assert [answer.json() for answer in last] == [{"complete": True, "offset": len(DATA)}] * 3
    asked = hall.call("GET", f"/api/v1/vault/{DIGEST}/upload", role="party")
    assert asked.json() == {"complete": True, "offset": len(DATA)}


def test_a_gap_is_told_where_to_go_on(hall: Hall) -> None:
    other = "sha256:" + sha256(b"another").hexdigest()
    (answer,) = parts(hall, [PART], other)
    assert (answer.status, answer.code) == (409, "OFFSET-WRONG")


def test_a_file_that_is_not_what_its_digest_says_is_refused_and_can_begin_anew(hall: Hall) -> None:
    other = "sha256:" + sha256(b"a third").hexdigest()
    headers = {"upload-offset": "0", "upload-length": "7", "content-type": "application/octet-stream"}
    path = f"/api/v1/vault/{other}/upload"
    answer = hall.call("PUT", path, body=b"a fourt", headers=headers, role="party")
    assert (answer.status, answer.code) == (422, "UPLOAD-WRONG")
    assert hall.call("GET", path, role="party").json() == {"complete": False, "offset": 0}
    again = hall.call("PUT", path, body=b"a third", headers=headers, role="party")
    assert again.json() == {"complete": True, "offset": 7}


def test_a_file_larger_than_any_bid_is_refused_before_its_first_byte(hall: Hall) -> None:
    other = "sha256:" + sha256(b"endless").hexdigest()
    answer = hall.runner.run(hall.put_part(other, 0, b"x", (4 << 30) + 1))
    assert (answer.status, answer.code) == (413, "TOO-LARGE")
    assert hall.call("GET", f"/api/v1/vault/{other}/upload", role="party").json() == {"complete": False, "offset": 0}
