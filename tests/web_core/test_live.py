"""Live records: whoever watches, however often the connection is lost, gets every event once and in order."""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from adapters.making import CASE, OTHER, START, Steady, row
from tradehall.adapters.memory import MemoryStore
from tradehall.web import live as module
from tradehall.web.live import KEPT, Live, Told, Watch, block

NUMBERS = count()


def store() -> MemoryStore:
    return MemoryStore(Steady(), lambda: START)


def write(kept: MemoryStore, case: str | None = CASE, many: int = 1) -> None:
    with kept.write() as writing:
        writing.append([row(next(NUMBERS), case=case) for _ in range(many)])


def told(kept: MemoryStore, page: int = 500) -> Any:
    """The source of all public records of a case, a page at a time."""

    def read(case: str, after: int) -> tuple[list[Told], bool, bool]:
        with kept.read() as reading:
            found = reading.of_case(case, after, page)
        return [Told(x.index, block("record", {}, x.index)) for x in found], len(found) < page, True

    return read


def ids(piece: bytes) -> list[int]:
    return [int(n) for n in re.findall(rb"^id: ([0-9]+)", piece, re.MULTILINE)]


def public(kept: MemoryStore, case: str = CASE) -> list[int]:
    with kept.read() as reading:
        return [x.index for x in reading.of_case(case, -1, 10**6)]


class Reader:
    """A client that comes back with the last id it has seen, as browsers do."""

    def __init__(self, live: Live, source: Any) -> None:
        self.live, self.source = live, source
        self.seen: list[int] = []

    async def stay(self, seconds: float, pause: float = 0) -> None:
        watch = await self.live.watch("records", CASE, self.source, self.seen[-1] if self.seen else -1)

        async def send(message: Any) -> None:
            self.seen += ids(message["body"])
            await asyncio.sleep(pause)

        async def receive() -> Any:
            await asyncio.Event().wait()

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await watch.run(send, receive)

    async def until(self, last: int) -> None:
        while not self.seen or self.seen[-1] < last:
            await self.stay(0.2)


@pytest.mark.parametrize("seed", range(4))
def test_connections_lost_at_random_lose_no_event(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 8)  # so that readers often fall behind the channel
    chance = random.Random(seed)
    kept = store()

    async def play() -> None:
        live = Live(kept, asyncio.get_running_loop())
        readers = [Reader(live, told(kept, chance.choice([3, 500]))) for _ in range(12)]
        ended = False

        async def come_and_go(reader: Reader) -> None:
            while not ended:
                await reader.stay(chance.random() * 0.05, chance.choice([0, 0, 0.01]))

        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(come_and_go(reader))
            for _ in range(150):
                await asyncio.to_thread(write, kept, chance.choice([CASE, CASE, OTHER, None]), chance.randint(1, 4))
                if chance.random() < 0.5:
                    live.wake()
                await asyncio.sleep(chance.random() * 0.005)
            ended = True
        expected = public(kept)
        for reader in readers:
            await asyncio.wait_for(reader.until(expected[-1]), 20)
            assert reader.seen == expected
        live.end()

    asyncio.run(play())


def test_a_channel_that_forgets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: were late readers not sent to the journal, the comparison would fail."""
    monkeypatch.setattr(module, "KEPT", 8)
    kept = store()

    async def play() -> list[int]:
        live = Live(kept, asyncio.get_running_loop())
        reader = Reader(live, told(kept))
        staying = asyncio.create_task(reader.stay(1.5, pause=0.3))
        await asyncio.sleep(0.1)
        for _ in range(60):
            write(kept)
            live.wake()
            await asyncio.sleep(0.01)
            for channel in live._channels.values():
                channel.floor = -1  # the defence: where the channel's memory begins
        await staying
        live.end()
        return reader.seen

    assert asyncio.run(play()) != public(kept)


def test_an_event_is_read_and_written_once_for_all_watchers() -> None:
    kept = store()
    write(kept, many=3)
    reads: list[int] = []
    source = told(kept)

    def counted(case: str, after: int) -> Any:
        reads.append(after)
        return source(case, after)

    async def play() -> None:
        live = Live(kept, asyncio.get_running_loop())
        readers = [Reader(live, counted) for _ in range(300)]
        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.stay(1.0))
            await asyncio.sleep(0.5)
            write(kept)
            live.wake()
        assert all(reader.seen == public(kept) for reader in readers)
        live.end()

    asyncio.run(play())
    assert len(reads) <= 3


def test_a_write_of_another_process_is_noticed_without_being_told() -> None:
    kept = store()

    async def play() -> None:
        live = Live(kept, asyncio.get_running_loop())
        reader = Reader(live, told(kept))
        staying = asyncio.create_task(reader.stay(1.0))
        await asyncio.sleep(0.2)
        write(kept)
        await staying
        assert reader.seen == public(kept)
        live.end()

    asyncio.run(play())


def test_whoever_reads_nothing_is_cut_off_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(module, "STUCK_SECONDS", 0.1)
    kept = store()
    write(kept)

    async def play() -> None:
        live = Live(kept, asyncio.get_running_loop())
        watch = await live.watch("records", CASE, told(kept), -1)

        async def never(_: Any = None) -> Any:
            await asyncio.Event().wait()

        await asyncio.wait_for(watch.run(never, never), 5)
        assert live._channels == {}
        live.end()

    asyncio.run(play())


def test_whoever_goes_is_forgotten() -> None:
    kept = store()

    async def play() -> None:
        live = Live(kept, asyncio.get_running_loop())
        watch = await live.watch("records", CASE, told(kept), -1)

        async def send(_: Any) -> None:
            pass

        async def receive() -> Any:
            await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        await asyncio.wait_for(watch.run(send, receive), 5)
        assert live._channels == {}
        live.end()

    asyncio.run(play())


def test_a_quiet_case_sends_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    kept = store()

    async def play() -> list[bytes]:
        live = Live(kept, asyncio.get_running_loop())
        watch: Watch = await live.watch("records", CASE, told(kept), -1)
        found: list[bytes] = []
        async for piece in watch.blocks():
            found.append(piece)
            live.beat = block("heartbeat", {"now": str(len(found))})
            if len(found) == 3:
                break
        live.end()
        return found

    assert all(piece.startswith(b"event: heartbeat\r\ndata: {") for piece in asyncio.run(play()))
    assert module.HEARTBEAT_SECONDS < 15 < KEPT
