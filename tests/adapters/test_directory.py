"""Who is who: what one process changes holds for all at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.making import START
from tradehall.adapters.sql.directory import SqlDirectory
from tradehall.desk.ports import Certificate
from tradehall.kernel.procedure import Expert

Stores = Callable[..., Any]
DAY = timedelta(days=1)
CERTIFICATE = Certificate("sha256:ab", "org:x", b"\x30\x00", START, START + 365 * DAY, None)


@pytest.fixture
def directory(open_sql: Stores) -> SqlDirectory:
    return SqlDirectory(open_sql())


@pytest.fixture
def elsewhere(open_sql: Stores) -> SqlDirectory:
    """The same directory in another process."""
    return SqlDirectory(open_sql())


def test_a_party_is_registered_and_changed(directory: SqlDirectory, elsewhere: SqlDirectory) -> None:
    assert (directory.name("org:x"), directory.roles("org:x")) == ("", frozenset())
    directory.register("org:x", "成都公共资源交易中心", frozenset({"centre", "officer"}))
    assert elsewhere.name("org:x") == "成都公共资源交易中心"
    assert elsewhere.roles("org:x") == {"centre", "officer"}
    elsewhere.register("org:x", "改名", frozenset({"guarantor"}))
    assert (directory.name("org:x"), directory.roles("org:x")) == ("改名", {"guarantor"})
    assert directory.parties() == [("org:x", "改名", frozenset({"guarantor"}))]
    assert directory.issuers() == {"org:x": "改名"}


def test_experts_are_persons_with_that_role(directory: SqlDirectory) -> None:
    facts = {"stratum": "civil", "city": "510100", "employer": "org:y", "conflicts": [["org:z", "employment"]]}
    directory.register("person:a", "甲", frozenset({"expert"}), facts)
    directory.register("person:b", "乙", frozenset({"officer"}), {})
    directory.register("org:e", "丙", frozenset({"expert"}), {})
    assert directory.experts() == {
        "person:a": Expert("person:a", "civil", "510100", "org:y", (("org:z", "employment"),))
    }


def test_a_revocation_holds_in_every_process_at_once(directory: SqlDirectory, elsewhere: SqlDirectory) -> None:
    directory.add_certificate(CERTIFICATE)
    assert elsewhere.certificate("sha256:ab") == directory.certificate("sha256:ab") == CERTIFICATE
    directory.revoke("sha256:ab", START + DAY)
    assert elsewhere.certificate("sha256:ab") == replace(CERTIFICATE, revoked_at=START + DAY)


def test_a_revocation_is_neither_moved_later_nor_undone(directory: SqlDirectory) -> None:
    directory.add_certificate(CERTIFICATE)
    directory.revoke("sha256:ab", START + DAY)
    directory.revoke("sha256:ab", START + 2 * DAY)
    directory.add_certificate(CERTIFICATE)
    assert directory.certificate("sha256:ab") == replace(CERTIFICATE, revoked_at=START + DAY)
    directory.revoke("sha256:ab", START)
    assert directory.certificate("sha256:ab") == replace(CERTIFICATE, revoked_at=START)
    directory.revoke("sha256:none", START)
    assert directory.certificate("sha256:none") is None


def test_an_account_has_one_password(directory: SqlDirectory) -> None:
    assert directory.account("wang") is None
    directory.set_account("wang", "org:x", "first")
    directory.set_account("wang", "org:y", "second")
    assert directory.account("wang") == ("org:y", "second")


def test_a_session_ends_at_its_instant_and_when_it_is_closed(directory: SqlDirectory, elsewhere: SqlDirectory) -> None:
    for digest in ("a", "b"):
        directory.open_session(digest, "org:x", b"secret", START + DAY)
    assert elsewhere.session("a", START + DAY - timedelta(milliseconds=1)) == (
        "org:x",
        b"secret",
        START + DAY,
    )
    assert elsewhere.session("a", START + DAY) is None
    directory.close_session("b")
    assert elsewhere.session("b", START) is None


def test_a_token_works_until_it_expires_or_its_party_drops_it(directory: SqlDirectory) -> None:
    directory.add_token("1", "digest-1", "org:x", "脚本", START + DAY)
    directory.add_token("2", "digest-2", "org:y", "", START + DAY)
    assert directory.token("digest-1", START) == "org:x"
    assert directory.token("digest-1", START + DAY) is directory.token("none", START) is None
    assert directory.tokens("org:x") == [("1", "脚本", START + DAY)]
    assert not directory.drop_token("1", "org:y"), "another party's"
    assert directory.drop_token("1", "org:x")
    assert directory.token("digest-1", START) is None
    assert directory.token("digest-2", START) == "org:y"


def test_failed_logins_are_all_counted_and_forgotten_after_a_good_one(
    directory: SqlDirectory, elsewhere: SqlDirectory
) -> None:
    assert directory.failures("wang") is None

    def fail(which: SqlDirectory) -> None:
        for _ in range(10):
            which.note_login("wang", START, failed=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fail, (directory, elsewhere)))
    elsewhere.note_login("wang", START + DAY, failed=True)
    assert directory.failures("wang") == (21, START + DAY)
    directory.note_login("wang", START, failed=False)
    directory.note_login("nobody", START, failed=False)
    assert directory.failures("wang") is elsewhere.failures("nobody") is None
