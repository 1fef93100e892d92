"""
A server that was replaced is not written again, and nothing is promised that only one server holds 写入隔离.

Each test says what PostgreSQL does by itself, which is not always what one would think.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from adapters.making import Steady, row
from adapters.replicas import CONFIRMING, DATABASE, Replicas, Server, awaited, replicas
from tradehall.adapters.sql import fence as fences
from tradehall.adapters.sql.engines import DurabilityError
from tradehall.adapters.sql.fence import Fence, FencedError
from tradehall.adapters.sql.store import SqlStore

pytestmark = pytest.mark.slow


@pytest.fixture
def group() -> Iterator[Replicas]:
    with replicas() as group:
        yield group


@pytest.fixture
def pair(group: Replicas) -> tuple[Server, Server]:
    one = group.primary("one")
    two = group.standby("two", one)
    group.synchronous(one, ["two"])
    return one, two


def opened(group: Replicas, *names: str, require: bool = True, memory: Path | None = None) -> closing[SqlStore]:
    fence = Fence(memory, require_standby=require)
    store = SqlStore(group.url(*names), Steady(), fence)
    fence.vouch = lambda: None
    return closing(store)


def size(server: Server) -> int:
    return int(server.ask("SELECT count(*) FROM journal", database=DATABASE))


def write(store: SqlStore, number: int) -> int:
    with store.write() as writing:
        return writing.append([row(number)]).size


def alone(group: Replicas, pair: tuple[Server, Server]) -> Server:
    """Lose the standby for good."""
    one, two = pair
    two.kill()
    awaited(lambda: int(one.ask(CONFIRMING)) == 0, "the standby is still there")
    return one


def test_sqlite_has_no_standby(tmp_path: Path) -> None:
    with pytest.raises(DurabilityError, match="no standby"):
        SqlStore(f"sqlite:///{tmp_path}/node.db", Steady(), Fence(require_standby=True))


def test_what_is_committed_lies_on_the_standby(group: Replicas, pair: tuple[Server, Server]) -> None:
    with opened(group, "one") as store:
        for number in range(5):
            assert write(store, number) == number + 1
            assert size(pair[1]) == number + 1


def test_without_a_standby_nothing_is_written(group: Replicas, pair: tuple[Server, Server]) -> None:
    with opened(group, "one") as store:
        write(store, 0)
        one = alone(group, pair)
        with pytest.raises(FencedError, match="no standby confirms"):
            write(store, 1)
        assert size(one) == 1


def test_the_same_without_the_fence_is_accepted_once_somebody_empties_the_setting(
    group: Replicas, pair: tuple[Server, Server]
) -> None:
    """Negative control: PostgreSQL alone would hold the commit only as long as its own setting says so."""
    with opened(group, "one", require=False) as store:
        alone(group, pair).set(synchronous_standby_names="")
        assert write(store, 0) == 1


def test_a_standby_that_goes_away_in_the_middle_leaves_a_promise_to_nobody(
    group: Replicas, pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends a wait that is given up as a success with a warning, and shows the row from then on."""
    monkeypatch.setattr(fences, "COMMIT_SECONDS", 0.5)
    one, two = pair
    with opened(group, "one") as store:
        write(store, 0)
        frozen = two.freeze("walreceiver")
        assert frozen
        with pytest.raises(FencedError, match="on no standby"):
            write(store, 1)
        assert size(one) == 2, "committed on its own disk"
        for ident in frozen:
            fences.os.kill(ident, 9)
        two.kill()
        # The record is found there and would get a receipt, but nobody vouches for it.
        with pytest.raises(FencedError):
            store.assure(2)
        store.assure(1)


def test_emptying_the_setting_while_a_commit_waits_is_no_confirmation(
    group: Replicas, pair: tuple[Server, Server]
) -> None:
    one, two = pair
    with opened(group, "one") as store:
        write(store, 0)
        two.freeze("walreceiver")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

        def give_up() -> None:
            awaited(lambda: int(one.ask(waits)) > 0, "no commit waits")
            one.set(synchronous_standby_names="")

        thread = threading.Thread(target=give_up)
        thread.start()
        with pytest.raises(FencedError, match="emptied"):
            write(store, 1)
        thread.join()
    two.kill()


def test_what_another_process_left_is_vouched_for_by_a_commit_behind_it(
    group: Replicas, pair: tuple[Server, Server]
) -> None:
    with opened(group, "one") as store, opened(group, "one") as other:
        write(store, 0)
        other.assure(1)
        alone(group, pair)
        other.assure(1)
        with opened_later(group) as third, pytest.raises(FencedError):
            third.assure(1)


def opened_later(group: Replicas) -> closing[SqlStore]:
    """Open without asking for a standby, then ask for one."""
    fence = Fence()
    store = SqlStore(group.url("one"), Steady(), fence)
    fence.require_standby = True
    return closing(store)


def test_a_failover_is_followed_and_the_old_server_is_refused_when_it_returns(
    group: Replicas, pair: tuple[Server, Server], tmp_path: Path
) -> None:
    one, two = pair
    memory = tmp_path / "timeline"
    with opened(group, "one", "two", memory=memory) as store:
        write(store, 0)
        assert memory.read_text() == "1"
        one.kill()
        two.promote()
        third = group.standby("three", two)
        group.synchronous(two, ["three"])
        with pytest.raises(psycopg.OperationalError):
            write(store, 1)
        assert write(store, 1) == 2
        assert (memory.read_text(), size(third)) == ("2", 2)
        one.start()
        assert write(store, 2) == 3, "the old one is first in the list, and is passed over or refused"
        assert size(two) == 3
    # With a standby again and a fresh process the old server looks like any other; only the memory tells.
    one.set(synchronous_standby_names="")
    with pytest.raises(FencedError, match="timeline 1; this node has served on 2"):
        opened(group, "one", memory=memory, require=False)
    with opened(group, "one", require=False) as forgetful:  # negative control
        assert write(forgetful, 7) == 2


def test_a_new_timeline_needs_the_witnesses(group: Replicas, pair: tuple[Server, Server], tmp_path: Path) -> None:
    one, two = pair
    fence = Fence(tmp_path / "timeline")
    with closing(SqlStore(group.url("one", "two"), Steady(), fence)) as store:
        asked: list[int] = []

        def vouch() -> None:
            with store.read() as reading:
                latest = reading.latest()
            asked.append(latest.size if latest else 0)
            if len(asked) == 2:
                raise FencedError("a witness knows another log")

        fence.vouch = vouch
        assert write(store, 0) == 1
        one.kill()
        two.promote()
        with pytest.raises(psycopg.OperationalError):
            write(store, 1)
        with pytest.raises(FencedError, match="another log"):
            write(store, 1)
        assert (fence.timeline, size(two)) == (1, 1)
        assert write(store, 1) == 2
        assert (fence.timeline, asked) == (2, [0, 1, 1])


def test_nothing_is_read_from_a_standby(group: Replicas, pair: tuple[Server, Server]) -> None:
    with opened(group, "one") as store:
        write(store, 0)
    url = group.url("two").replace("&target_session_attrs=primary", "")
    with pytest.raises(FencedError, match="standby"):
        SqlStore(url, Steady(), Fence())


def test_a_log_that_went_back_behind_a_process_is_refused(group: Replicas, pair: tuple[Server, Server]) -> None:
    """A standby that lagged was promoted: the process knows more than the server."""
    one, two = pair
    one.set(synchronous_standby_names="")
    with opened(group, "one", "two", require=False) as store:
        write(store, 0)
        awaited(lambda: size(two) == 1, "the standby does not follow")
        frozen = two.freeze("walreceiver")
        write(store, 1)
        write(store, 2)
        one.kill()
        for ident in frozen:
            fences.os.kill(ident, 9)
        time.sleep(0.2)
        two.promote()
        with pytest.raises(psycopg.OperationalError):
            write(store, 3)
        with pytest.raises(FencedError, match="went back"):
            write(store, 3)
    assert size(two) == 1
