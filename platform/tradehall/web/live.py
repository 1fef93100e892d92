"""
Live records (实时推送): what happens in a case, told to all who watch it; read once and written once, however many.

One thread of the node follows the log: it wakes when this process has written, and looks for the writes of others many
times a second. Each case that somebody watches has a channel of the latest events, ready as bytes. A watcher is a place
in that sequence and pulls from it; one that has fallen behind the channel, or comes back with ``Last-Event-ID``, reads
the journal until it has caught up. So nothing is kept for a slow one, and nobody misses anything.

1. An event's id is the log index of its record; ids of a channel only grow.
2. Up to ``head`` everything is in the journal and has passed the channel; above ``floor`` nothing has dropped out.
3. A watcher at ``cursor >= floor`` takes from the channel what is above it; one below reads the journal.
4. Who takes nothing for ``STUCK_SECONDS`` is cut off; browsers come back by themselves.
"""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import orjson
import structlog
from litestar import Response
from litestar.response.base import ASGIResponse

from tradehall.kernel.case import write_instant

if TYPE_CHECKING:
    from litestar import Litestar
    from litestar.types import Receive, Send

    from tradehall.desk.ports import Store
    from tradehall_standards import Json

POLL_SECONDS: Final = 0.05
"""How often the writes of other processes are looked for while somebody watches."""

HEARTBEAT_SECONDS: Final = 10.0
STUCK_SECONDS: Final = 30.0
KEPT: Final = 512
"""Events that a channel keeps for those who are a little late."""

RETRY_MILLISECONDS: Final = 2000
PAGE: Final = 500
_NEWS_MAX: Final = 5000
_READS_MAX: Final = 64
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it is sent (推送事件)."""

    index: int
    block: bytes


def block(event: str, data: Mapping[str, Json], index: int | None = None) -> bytes:
    """Return an event as bytes: with an id and the time after which to come back, or without."""
    text = orjson.dumps(data)
    if index is None:
        return b"event: %b\r\ndata: %b\r\n\r\n" % (event.encode(), text)
    return b"id: %d\r\nevent: %b\r\ndata: %b\r\nretry: %d\r\n\r\n" % (index, event.encode(), text, RETRY_MILLISECONDS)


class Source(Protocol):
    """Where a kind of channel reads its events; called in threads."""

    def __call__(self, case: str, after: int) -> tuple[Sequence[Told], bool, bool]:
        """Return events above an index in order, whether that is all there is, and whether more may ever come."""
        ...


_Read: TypeAlias = "tuple[Sequence[Told], bool, bool]"


@dataclass(slots=True, eq=False)
class Channel:
    """The latest events of one case for one kind of watcher (频道); touched in the event loop only."""

    source: Source
    case: str
    head: int
    floor: int = field(init=False)
    live: bool = True
    recent: list[Told] = field(default_factory=list[Told])
    watches: set[Watch] = field(default_factory=set["Watch"])
    _reads: dict[int, tuple[int, asyncio.Task[_Read]]] = field(
        default_factory=dict[int, "tuple[int, asyncio.Task[_Read]]"]
    )

    def __post_init__(self) -> None:
        self.floor = self.head

    def tell(self, events: Sequence[Told], head: int, *, live: bool) -> None:
        """Take events in, and wake those who wait for them."""
        self.recent.extend(told for told in events if told.index > self.head)
        self.head, self.live = max(head, self.head, *(told.index for told in events)), live
        if len(self.recent) > 2 * KEPT:
            self.floor = self.recent[-KEPT - 1].index
            del self.recent[:-KEPT]
        self.wake()

    def skip(self, head: int) -> None:
        """Leave everything up to ``head`` to the journal."""
        self.head = self.floor = max(head, self.head)
        self.recent.clear()
        self.wake()

    def wake(self) -> None:
        """Let all watchers look."""
        for watch in self.watches:
            watch.wake()

    def above(self, cursor: int) -> list[Told]:
        """Return the events that a watcher at or above the floor has not had."""
        if not self.recent or self.recent[-1].index <= cursor:
            return []
        return self.recent[bisect_right(self.recent, cursor, key=_index) :]

    async def journal(self, cursor: int) -> tuple[int, _Read]:
        """Read from the journal what is above a cursor, once for all who are there; and up to where it joins."""
        mark, task = self._reads.get(cursor, (-1, None))
        if task is None or mark < self.floor or mark < self.head - KEPT:
            if len(self._reads) >= _READS_MAX:
                self._reads.clear()
            mark, task = self.head, asyncio.create_task(asyncio.to_thread(self.source, self.case, cursor))
            self._reads[cursor] = mark, task
        try:
            return mark, await asyncio.shield(task)
        except BaseException:
            self._reads.pop(cursor, None)
            raise


def _index(told: Told) -> int:
    return told.index


class Watch:
    """One watcher (观看者): a place in the events of a channel, and the connection that they go to."""

    def __init__(self, live: Live, channel: Channel, cursor: int) -> None:
        self.channel = channel
        self.since: float | None = None
        self._live = live
        self._cursor = cursor
        self._waiting: asyncio.Future[None] | None = None
        self._gone = False
        self._cut = False
        self._task: asyncio.Task[Any] | None = None

    def wake(self) -> None:
        """Let it look for events."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def cut(self) -> None:
        """End the connection of somebody who does not read."""
        self._cut = True
        if self._task is not None:
            self._task.cancel()

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield everything above the cursor as it comes, and heartbeats."""
        channel, beat, joined = self.channel, b"", False
        while not self._gone:
            if not joined or self._cursor < channel.floor:
                mark, (events, whole, live) = await channel.journal(self._cursor)
                if events:
                    self._cursor = events[-1].index
                    yield b"".join(told.block for told in events)
                if not whole:
                    continue
                self._cursor, joined = max(self._cursor, mark), True
                if not live:
                    return
            if events := channel.above(self._cursor) if self._cursor >= channel.floor else ():
                self._cursor = events[-1].index
                yield b"".join(told.block for told in events)
            elif beat is not self._live.beat:
                beat = self._live.beat
                yield beat
            elif not channel.live:
                return
            elif self._cursor >= channel.floor:
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting

    async def run(self, send: Send, receive: Receive) -> None:
        """Send the events until the watcher goes, the case has ended, or nobody reads them."""
        loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        listener = loop.create_task(self._listen(receive))
        try:
            async for piece in self.blocks():
                self.since = loop.time()
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self.since = None
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not self._cut:
                raise
        finally:
            listener.cancel()
            self._live.leave(self)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self.wake()


_Changed: TypeAlias = "dict[Channel, tuple[Sequence[Told], bool] | None]"


class Live:
    """All channels of a node in one event loop, and the thread that follows its log (实时推送)."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.beat = b""
        self._store = store
        self._channels: dict[tuple[str, str], Channel] = {}
        self._woken = threading.Event()
        self._ending = False
        self._after = -1
        self._thread: threading.Thread | None = None
        self._beating: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look at the log now, for something has been written; from any thread."""
        self._woken.set()

    def end(self) -> None:
        """End all streams and the thread."""
        self._ending = True
        self._woken.set()
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._end_streams)

    def _end_streams(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
        for channel in self._channels.values():
            channel.live = False
            channel.wake()

    async def watch(self, kind: str, case: str, source: Source, after: int) -> Watch:
        """Return a watcher of a case who has had everything up to ``after``."""
        if self._thread is None:
            self._after = self._latest()
            self.beat = self._beat_now()
            self._beating = self.loop.create_task(self._beats())
            self._thread = threading.Thread(target=self._follow, args=(self._after,), name="live", daemon=True)
            self._thread.start()
        channel = self._channels.get((kind, case))
        if channel is None:
            channel = self._channels[kind, case] = Channel(source, case, self._after)
            self._woken.set()
        watch = Watch(self, channel, after)
        channel.watches.add(watch)
        return watch

    def leave(self, watch: Watch) -> None:
        """Forget a watcher, and the channel with the last of them."""
        channel = watch.channel
        channel.watches.discard(watch)
        if not channel.watches:
            self._channels = {key: known for key, known in self._channels.items() if known is not channel}

    # --- following the log ------------------------------------------------------------------------------------

    def _latest(self) -> int:
        with self._store.read() as reading:
            latest = reading.latest()
        return latest.size - 1 if latest else -1

    def _follow(self, after: int) -> None:
        while not self._ending:
            self._woken.wait(POLL_SECONDS if self._channels else None)
            self._woken.clear()
            try:
                after = self._round(after)
            except Exception as error:  # noqa: BLE001  - a database that is away comes back; watchers wait meanwhile
                if self.loop.is_closed():
                    return
                structlog.get_logger().error("live", error=type(error).__name__)
                time.sleep(_PAUSE_SECONDS)

    def _round(self, after: int) -> int:
        """Read what is new, and hand it to the event loop."""
        head, cases = self._news(after)
        if head <= after:
            return after
        changed: _Changed = {}
        for channel in tuple(self._channels.values()):
            if cases is None:
                changed[channel] = None
            elif channel.case in cases:
                events, whole, live = channel.source(channel.case, after)
                changed[channel] = (events, live) if whole else None
        if not self._ending:
            self.loop.call_soon_threadsafe(self._tell, changed, cases, head)
        return head

    def _news(self, after: int) -> tuple[int, set[str | None] | None]:
        """Return up to where the log has been read, and the cases with something new; None when that is too much."""
        latest = self._latest()
        if latest - after > _NEWS_MAX:
            return latest, None
        cases: set[str | None] = set()
        with self._store.read() as reading:
            at = after
            while at < latest and (found := reading.changes(at, PAGE)):
                cases.update(stored.row.case for stored in found)
                at = found[-1].index
        return max(at, latest), cases

    def _tell(self, changed: _Changed, cases: set[str | None] | None, head: int) -> None:
        self._after = head
        for channel in self._channels.values():
            news = changed.get(channel)
            if news is not None:
                channel.tell(news[0], head, live=news[1])
            elif cases is None or channel.case in cases:
                channel.skip(head)  # also one that somebody has begun to watch while the log was read
            else:
                channel.head = max(channel.head, head)

    # --- signs of life ----------------------------------------------------------------------------------------

    def _beat_now(self) -> bytes:
        return block("heartbeat", {"now": write_instant(self._store.now())})

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(Exception):  # a database that is away says so where it is asked for something
                self.beat = await asyncio.to_thread(self._beat_now)
            late = self.loop.time() - STUCK_SECONDS
            for channel in tuple(self._channels.values()):
                channel.wake()
                for watch in tuple(channel.watches):
                    if watch.since is not None and watch.since < late:
                        watch.cut()


def live_of(app: Litestar, store: Store) -> Live:
    """Return the live records that an application serves in this event loop; made with the first watcher."""
    known, loop = app.state.get("live"), asyncio.get_running_loop()
    if isinstance(known, Live) and known.loop is loop:
        return known
    if isinstance(known, Live):
        known.end()
    made = Live(store, loop)
    app.state["live"] = made
    return made


class Watching(Response[bytes]):
    """The answer to a watcher (实时推送应答)."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(
            b"", media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
        self._watch = watch

    def to_asgi_response(self, *_: Any, is_head_response: bool = False, **__: Any) -> ASGIResponse:
        """Return what sends it."""
        return _Sending(self._watch, headers=dict(self.headers), is_head_response=is_head_response)


class _Sending(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, watch: Watch, *, headers: dict[str, Any], is_head_response: bool) -> None:
        super().__init__(headers=headers, media_type="text/event-stream", is_head_response=is_head_response)
        self._watch = watch

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send events as they come."""
        await self._watch.run(send, receive)
