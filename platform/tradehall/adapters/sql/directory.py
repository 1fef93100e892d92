"""
The directory (主体库): parties, certificates, roles, experts, accounts, sessions and tokens in the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, delete, insert, select, update

from tradehall.adapters.sql import tables as t
from tradehall.adapters.sql.store import SqlStore, instant, milliseconds
from tradehall.desk.ports import Certificate
from tradehall.kernel.procedure import Expert

_CERTIFICATE = select(t.certificate).where(t.certificate.c.kid == bindparam("kid"))
_PARTY = select(t.party).where(t.party.c.id == bindparam("id"))


class SqlDirectory:
    """Who is who, in the node's database (主体库)."""

    def __init__(self, store: SqlStore) -> None:
        self._read: Engine = store.engine
        self._write: Engine = store.writer
        self._certificates: dict[str, Certificate] = {}
        self._roles: dict[str, frozenset[str]] = {}

    # --- parties ----------------------------------------------------------------------------------------------

    def register(self, party: str, name: str, roles: frozenset[str] = frozenset(), facts: Mapping[str, Any] | None = None) -> None:
        """Register a party, or change its name, roles and facts (主体登记)."""
        row = {"name": name, "roles": " ".join(sorted(roles)), "facts": json.dumps(facts or {}, ensure_ascii=False)}
        with self._write.begin() as connection:
            changed = connection.execute(update(t.party).where(t.party.c.id == party).values(**row))
            if changed.rowcount == 0:
                connection.execute(insert(t.party).values(id=party, **row))
        self._roles.pop(party, None)

    def name(self, party: str) -> str:
        """Return the party's name, empty when unknown."""
        row = self._party(party)
        return "" if row is None else str(row.name)

    def roles(self, party: str) -> frozenset[str]:
        """Return registered roles."""
        known = self._roles.get(party)
        if known is None:
            row = self._party(party)
            known = frozenset() if row is None else frozenset(str(row.roles).split())
            self._roles[party] = known
        return known

    def _party(self, party: str) -> Any:
        with self._read.begin() as connection:
            return connection.execute(_PARTY, {"id": party}).one_or_none()

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
            rows = connection.execute(select(t.party).where(t.party.c.id.startswith("person:")).order_by(t.party.c.id)).all()
        return {row.id: _expert(row.id, json.loads(row.facts)) for row in rows if "expert" in row.roles.split()}

    # --- certificates -----------------------------------------------------------------------------------------

    def certificate(self, kid: str) -> Certificate | None:
        """Return a registered certificate."""
        known = self._certificates.get(kid)
        if known is not None:
            return known
        with self._read.begin() as connection:
            row = connection.execute(_CERTIFICATE, {"kid": kid}).one_or_none()
        if row is None:
            return None
        revoked = None if row.revoked_at is None else instant(row.revoked_at)
        found = Certificate(row.kid, row.party, row.der, instant(row.not_before), instant(row.not_after), revoked)
        self._certificates[kid] = found
        return found

    def add_certificate(self, certificate: Certificate) -> None:
        """Register a certificate; a second time changes nothing."""
        with self._write.begin() as connection:
            if connection.execute(_CERTIFICATE, {"kid": certificate.kid}).one_or_none() is None:
                connection.execute(
                    insert(t.certificate).values(
                        kid=certificate.kid,
                        party=certificate.party,
                        der=certificate.der,
                        not_before=milliseconds(certificate.not_before),
                        not_after=milliseconds(certificate.not_after),
                    )
                )

    def revoke(self, kid: str, at: datetime) -> None:
        """Revoke a certificate from an instant on (吊销)."""
        with self._write.begin() as connection:
            connection.execute(update(t.certificate).where(t.certificate.c.kid == kid).values(revoked_at=milliseconds(at)))
        self._certificates.pop(kid, None)

    # --- accounts, sessions, tokens ---------------------------------------------------------------------------

    def set_account(self, name: str, party: str, password: str) -> None:
        """Set an account's party and password record."""
        with self._write.begin() as connection:
            connection.execute(delete(t.account).where(t.account.c.name == name))
            connection.execute(insert(t.account).values(name=name, party=party, password=password))

    def account(self, name: str) -> tuple[str, str] | None:
        """Return party and password record of an account."""
        with self._read.begin() as connection:
            row = connection.execute(select(t.account).where(t.account.c.name == name)).one_or_none()
        return None if row is None else (row.party, row.password)

    def open_session(self, digest: str, party: str, secret: bytes, expires: datetime) -> None:
        """Keep a session by the digest of its id."""
        with self._write.begin() as connection:
            connection.execute(insert(t.session).values(digest=digest, party=party, secret=secret, expires=milliseconds(expires)))

    def session(self, digest: str, at: datetime) -> tuple[str, bytes] | None:
        """Return party and secret of a session that has not expired."""
        with self._read.begin() as connection:
            row = connection.execute(select(t.session).where(t.session.c.digest == digest)).one_or_none()
        return None if row is None or instant(row.expires) <= at else (row.party, row.secret)

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
        with self._read.begin() as connection:
            row = connection.execute(select(t.token).where(t.token.c.digest == digest)).one_or_none()
        return None if row is None or instant(row.expires) <= at else str(row.party)

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
            row = connection.execute(select(t.failure).where(t.failure.c.who == who)).one_or_none()
        return None if row is None else (row.count, instant(row.last))

    def note_login(self, who: str, at: datetime, *, failed: bool) -> None:
        """Count a failed login, or forget earlier ones after a good one."""
        before = self.failures(who)
        with self._write.begin() as connection:
            connection.execute(delete(t.failure).where(t.failure.c.who == who))
            if failed:
                count = (before[0] if before else 0) + 1
                connection.execute(insert(t.failure).values(who=who, count=count, last=milliseconds(at)))


def _expert(party: str, facts: Mapping[str, Any]) -> Expert:
    conflicts = tuple((str(p), str(g)) for p, g in facts.get("conflicts", []))
    return Expert(party, str(facts["stratum"]), str(facts["city"]), str(facts["employer"]), conflicts)
