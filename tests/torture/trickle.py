"""
Bids that trickle in 慢速上传: begun before the deadline and finished behind it, over real connections.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from torture.racing import CHANCE, Maker, NotInTime, Pen, Tender, catalogue, settings_of, soon
from torture.served import HOST, Reply, call, reply, request_of, serving, token_of
from tradehall.desk.accept import Accepted
from tradehall.kernel.receipts import verify_refusal
from tradehall.main import build_node
from tradehall.rules import sealing

SLOW = 6
"""Bids whose last byte comes late; as many come slowly but in time."""

LATE_SECONDS = 0.1
MOST_LEAD = 40.0


def trickle(folder: Path, mutant: str) -> tuple[dict[str, int], list[str]]:
    """Trickle bids and a file around a deadline; returns what was done and what broke."""
    # The door alone must do: a node that opens at the minute by itself would hide a door that does not look.
    settings = replace(settings_of(folder), due_work=False)
    node = build_node(settings, catalogue=catalogue())
    try:
        maker = Maker(node)
        with serving(settings, mutant=mutant) as (port,):
            token = token_of(node, maker.parties[0].id)
            lead = 1.0
            while True:
                tried = _Trickle(maker, port, {"authorization": f"Bearer {token}"}, lead / 2)
                try:
                    return asyncio.run(tried.run(lead))
                except NotInTime:
                    if lead > MOST_LEAD:
                        raise
                    lead *= 2
    finally:
        node.close()


class _Trickle:
    def __init__(self, maker: Maker, port: int, headers: dict[str, str], early: float) -> None:
        self.maker, self.port, self.headers, self.early = maker, port, headers, early
        self.broken: list[str] = []

    async def run(self, lead: float) -> tuple[dict[str, int], list[str]]:
        (tender,) = self.maker.tenders([soon(lead + self.early)])
        bids = [(self.maker.pen(tender, n), sealing.new_submission(CHANCE)) for n in range(2 * SLOW)]
        data = CHANCE(self.maker.files[0][1])
        pen, name = self.maker.pen(tender, 0), sealing.new_submission(CHANCE)
        pen = Pen(self.maker, tender, pen.key, ("sha256:" + sha256(data).hexdigest(), len(data)))
        self.maker.file([p.commitment(n) for p, n in bids] + [pen.commitment(name)])
        if tender.deadline.timestamp() - time.time() < self.early:
            raise NotInTime(str(tender.deadline))
        ends = [LATE_SECONDS] * SLOW + [-self.early * 0.7] * SLOW
        replies = await asyncio.gather(
            *(self._slowly(tender, p.ciphertext(n), end) for (p, n), end in zip(bids, ends, strict=True)),
            self._upload(tender, pen, name, data),
        )
        for end, answer in zip(ends, replies, strict=False):
            self._judge(answer, end)
        opened = self.maker.node.opening.start(tender.id)[0]
        stands = {n for (_, n), end in zip(bids, ends, strict=True) if end < 0}
        lot: Any = opened.entry.record.payload["lots"] if isinstance(opened, Accepted) else [{"submissions": []}]
        frozen = {s["submission"] for s in lot[0]["submissions"]}
        if frozen != stands:
            self.broken.append(f"frozen are {len(frozen)} bids, {len(stands)} were in time")
        return {"bodies begun in time and finished late": SLOW, "slow bodies finished in time": SLOW}, self.broken

    async def _slowly(self, tender: Tender, body: bytes, end: float) -> Reply:
        """Begin a request before the deadline, and finish it some seconds off the deadline."""
        whole = request_of("POST", "/api/v1/records", body, self.headers)
        await _until(tender.deadline, -self.early)
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            for at in range(0, len(whole) - 1, 200):
                writer.write(whole[at : min(at + 200, len(whole) - 1)])
                await writer.drain()
            await _until(tender.deadline, end)
            writer.write(whole[-1:])
            return await reply(reader)
        finally:
            writer.close()

    def _judge(self, answer: Reply, end: float) -> None:
        if end < 0:
            if answer.code == "BID-LATE":
                raise NotInTime("the machine was too slow for a bid that came in time")
            if answer.status != 201:
                self.broken.append(f"finished in time and not accepted: {answer.status} {answer.body[:300]!r}")
            return
        if answer.code != "BID-LATE":
            self.broken.append(f"finished late and answered {answer.status} {answer.body[:300]!r}")
            return
        public = self.maker.node.keys.node.receipt_public
        if verify_refusal(orjson.loads(answer.body)["refusal"], public=public)["code"] != "BID-LATE":
            self.broken.append("the signed refusal says something else")

    async def _upload(self, tender: Tender, pen: Pen, name: str, data: bytes) -> None:
        """A ciphertext whose last part comes late: its record is refused before for want of it, and late after."""
        path = f"/api/v1/vault/{pen.file[0]}/upload?sealed=1"
        half = len(data) // 2
        await self._put(path, 0, data[:half], len(data))
        body = pen.ciphertext(name)
        early = await call(self.port, "POST", "/api/v1/records", body, headers=self.headers)
        await _until(tender.deadline, LATE_SECONDS)
        whole = await self._put(path, half, data[half:], len(data))
        late = await call(self.port, "POST", "/api/v1/records", body, headers=self.headers)
        if (early.code, whole.json().get("complete"), late.code) != ("ATTACHMENT-MISSING", True, "BID-LATE"):
            self.broken.append(f"a late upload: {early.body[:200]!r}, {whole.body[:200]!r}, {late.body[:200]!r}")

    async def _put(self, path: str, start: int, part: bytes, length: int) -> Reply:
        headers = {
            **self.headers,
            "content-type": "application/octet-stream",
            "upload-offset": str(start),
            "upload-length": str(length),
        }
        return await call(self.port, "PUT", path, part, headers=headers)


async def _until(deadline: datetime, seconds: float) -> None:
    await asyncio.sleep(max(0.0, (deadline - datetime.now(UTC)).total_seconds() + seconds))
