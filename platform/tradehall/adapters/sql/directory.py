"""
The directory (主体库): parties, certificates, roles, experts, accounts, sessions and tokens in the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Table, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from tradehall.adapters.sql import tables as t
from tradehall.adapters.sql.store import SqlStore, instant, milliseconds
from tradehall.desk.ports import Certificate
from tradehall.kernel.procedure import Expert

# Asked for every request or record that comes in, so they go to the driver as they stand.
_CERTIFICATE = "SELECT kid, party, der, not_before, not_after, revoked_at FROM certificate WHERE kid = ?"
_PARTY = "SELECT name, roles FROM party WHERE id = ?"
_SESSION = "SELECT party, secret, expires FROM session WHERE digest = ?"
_TOKEN = "SELECT party, expires FROM token WHERE digest = ?"  # noqa: S105  - a statement, not a secret

_EXPERTS = select(t.party).where(t.party.c.id.startswith("person:")).order_by(t.party.c.id)


class SqlDirectory:
    """
    Who is who, in the node's database (主体库).

    Nothing is remembered between questions: what another process changed, a revocation above all, holds at once.
    """

    def __init__(self, store: SqlStore) -> None:
        self._read: Engine = store.engine
        self._write: Engine = store.writer
        self._ask = store.questions.one
        sqlite = store.engine.dialect.name == "sqlite"
        self._insert: Any = sqlite_insert if sqlite else postgres_insert
        self._mark = "?" if sqlite else "%s"

    def _one(self, statement: str, value: str) -> Any:
        return self._ask(statement.replace("?", self._mark), value)

    def _put(self, table: Table, row: Mapping[str, Any], **changed: Any) -> None:
        """Insert a row, or change the one with its primary key: to ``row``, or only as ``changed`` says."""
        keys = [column.name for column in table.primary_key]
        rest = changed or {name: value for name, value in row.items() if name not in keys}
        statement = self._insert(table).values(**row).on_conflict_do_update(index_elements=keys, set_=rest)
        with self._write.begin() as connection:
            connection.execute(statement)

    # --- parties ----------------------------------------------------------------------------------------------

    def register(
        self, party: str, name: str, roles: frozenset[str] = frozenset(), facts: Mapping[str, Any] | None = None
    ) -> None:
        """Register a party, or change its name, roles and facts (主体登记)."""
        told = json.dumps(facts or {}, ensure_ascii=False)
        self._put(t.party, {"id": party, "name": name, "roles": " ".join(sorted(roles)), "facts": told})

    def name(self, party: str) -> str:
        """Return the party's name, empty when unknown."""
        row = self._one(_PARTY, party)
        return "" if row is None else str(row[0])

    def roles(self, party: str) -> frozenset[str]:
        """Return registered roles."""
        row = self._one(_PARTY, party)
        return frozenset[str]() if row is None else frozenset(str(row[1]).split())

    def parties(self) -> list[tuple[str, str, frozenset[str]]]:
        """Return all parties: id, name, roles."""
        with self._read.begin() as connection:
            rows = connection.execute(select(t.party).order_by(t.party.c.id)).all()
        return [(row.id, row.name, frozenset(row.roles.split())) for row in rows]

    def issuers(self) -> Mapping[str, str]:
        """Return those who may issue guarantee letters."""
        return {party: name for party, name, roles in self.parties() if "guarantor" in roles}

    def experts(self) -> Mapping[str, Expert]:
        """Return the experts of the shared pool."""
        with self._read.begin() as connection:
            rows = connection.execute(_EXPERTS).all()
        return {row.id: _expert(row.id, json.loads(row.facts)) for row in rows if "expert" in row.roles.split()}

    # --- certificates -----------------------------------------------------------------------------------------

    def certificate(self, kid: str) -> Certificate | None:
        """Return a registered certificate."""
        row = self._one(_CERTIFICATE, kid)
        if row is None:
            return None
        found, party, der, not_before, not_after, revoked_at = row
        revoked = None if revoked_at is None else instant(revoked_at)
        return Certificate(found, party, der, instant(not_before), instant(not_after), revoked)

    def add_certificate(self, certificate: Certificate) -> None:
        """Register a certificate; a second time changes nothing, a revocation least of all."""
        statement = self._insert(t.certificate).values(
            kid=certificate.kid,
            party=certificate.party,
            der=certificate.der,
            not_before=milliseconds(certificate.not_before),
            not_after=milliseconds(certificate.not_after),
        )
        with self._write.begin() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def revoke(self, kid: str, at: datetime) -> None:
        """Revoke a certificate from an instant on (吊销); a later second revocation does not move the first."""
        c = t.certificate.c
        earlier = or_(c.revoked_at.is_(None), c.revoked_at > milliseconds(at))
        with self._write.begin() as connection:
            connection.execute(update(t.certificate).where(c.kid == kid, earlier).values(revoked_at=milliseconds(at)))

    # --- accounts, sessions, tokens ---------------------------------------------------------------------------

    def set_account(self, name: str, party: str, password: str) -> None:
        """Set an account's party and password record."""
        self._put(t.account, {"name": name, "party": party, "password": password})

    def disable_accounts(self, party: str) -> None:
        """Let no password fit a party's accounts until they are set anew (停用账户)."""
        with self._write.begin() as connection:
            connection.execute(update(t.account).where(t.account.c.party == party).values(password=""))

    def account(self, name: str) -> tuple[str, str] | None:
        """Return party and password record of an account."""
        with self._read.begin() as connection:
            row = connection.execute(select(t.account).where(t.account.c.name == name)).one_or_none()
        return None if row is None else (row.party, row.password)

    def open_session(self, digest: str, party: str, secret: bytes, expires: datetime) -> None:
        """Keep a session by the digest of its id."""
        with self._write.begin() as connection:
            connection.execute(
                insert(t.session).values(digest=digest, party=party, secret=secret, expires=milliseconds(expires))
            )

    def session(self, digest: str, at: datetime) -> tuple[str, bytes, datetime] | None:
        """Return party, secret and end of a session that has not expired."""
        row = self._one(_SESSION, digest)
        return None if row is None or instant(row[2]) <= at else (str(row[0]), bytes(row[1]), instant(row[2]))

    def keep_session(self, digest: str, until: datetime) -> None:
        """Move the end of a session that is still there."""
        statement = update(t.session).where(t.session.c.digest == digest).values(expires=milliseconds(until))
        with self._write.begin() as connection:
            connection.execute(statement)

    def sessions(self, party: str, at: datetime) -> list[tuple[str, datetime]]:
        """Return a party's sessions that have not expired: digest and end."""
        c = t.session.c
        open_ones = select(t.session).where(c.party == party, c.expires > milliseconds(at)).order_by(c.digest)
        with self._read.begin() as connection:
            rows = connection.execute(open_ones).all()
        return [(row.digest, instant(row.expires)) for row in rows]

    def end_sessions(self, party: str, *, but: str = "", tokens: bool = False) -> None:
        """Forget a party's sessions except one, and its tokens where asked; they are refused from now on."""
        with self._write.begin() as connection:
            connection.execute(delete(t.session).where(t.session.c.party == party, t.session.c.digest != but))
            if tokens:
                connection.execute(delete(t.token).where(t.token.c.party == party))

    def close_session(self, digest: str) -> None:
        """Forget a session; it is refused from the next request on."""
        with self._write.begin() as connection:
            connection.execute(delete(t.session).where(t.session.c.digest == digest))

    def add_token(self, ident: str, digest: str, party: str, label: str, expires: datetime) -> None:
        """Keep an API token by its digest."""
        with self._write.begin() as connection:
            connection.execute(
                insert(t.token).values(id=ident, digest=digest, party=party, label=label, expires=milliseconds(expires))
            )

    def token(self, digest: str, at: datetime) -> str | None:
        """Return the party of a token that has not expired."""
        row = self._one(_TOKEN, digest)
        return None if row is None or instant(row[1]) <= at else str(row[0])

    def tokens(self, party: str) -> list[tuple[str, str, datetime]]:
        """Return a party's tokens: id, label, expiry."""
        with self._read.begin() as connection:
            rows = connection.execute(select(t.token).where(t.token.c.party == party).order_by(t.token.c.id)).all()
        return [(row.id, row.label, instant(row.expires)) for row in rows]

    def drop_token(self, ident: str, party: str) -> bool:
        """Revoke a party's token; whether there was one."""
        with self._write.begin() as connection:
            gone = connection.execute(delete(t.token).where(t.token.c.id == ident, t.token.c.party == party))
        return gone.rowcount > 0

    def failures(self, who: str) -> tuple[int, datetime] | None:
        """Return how often a login failed in a row, and when last."""
        with self._read.begin() as connection:
            row = connection.execute(select(t.failure).where(t.failure.c.who == who)).mappings().one_or_none()
        return None if row is None else (int(row["count"]), instant(row["last"]))

    def note_login(self, who: str, at: datetime, *, failed: bool) -> None:
        """Count a failed login, or forget earlier ones after a good one."""
        if failed:
            last = milliseconds(at)
            self._put(t.failure, {"who": who, "count": 1, "last": last}, count=t.failure.c["count"] + 1, last=last)
            return
        with self._write.begin() as connection:
            connection.execute(delete(t.failure).where(t.failure.c.who == who))


def _expert(party: str, facts: Mapping[str, Any]) -> Expert:
    conflicts = tuple((str(p), str(g)) for p, g in facts.get("conflicts", []))
    return Expert(party, str(facts["stratum"]), str(facts["city"]), str(facts["employer"]), conflicts)
