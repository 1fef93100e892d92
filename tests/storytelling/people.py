"""The people of the stories 剧中人: real keys, real certificates of one demonstration authority, made once a session."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from tradehall.adapters.keyfolder import KeyFolder, open_keys
from tradehall.desk.ports import Certificate
from tradehall.kernel.procedure import Expert
from tradehall.kernel.signing import EcSigner
from tradehall_standards.identifiers import uscc_check

ZONE = timezone(timedelta(hours=8))
FIRST_INSTANT = datetime(2026, 1, 1, tzinfo=ZONE)
CITY = "chengdu"
ORIGIN = "stories.tradehall.example/chengdu"
PUBLIC_URL = "http://stories.tradehall.example"
BIDDERS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
EXPERTS = 16


@dataclass(frozen=True)
class Person:
    """Somebody who acts: a party with a key and a certificate."""

    handle: str
    party: str
    name: str
    roles: frozenset[str]
    facts: Mapping[str, Any]
    key: EllipticCurvePrivateKey = field(repr=False)
    certificate: Certificate = field(repr=False)

    @property
    def token(self) -> str:
        return f"th_story-{self.party}"

    @cached_property
    def signer(self) -> EcSigner:
        return EcSigner(self.certificate.kid, self.key)

    @property
    def organisation(self) -> dict[str, str]:
        return {"id": self.party, "name": self.name}


def organisation(number: int) -> str:
    body = f"9151010000T{number:05d}0"
    return f"org:{body}{uscc_check(body)}"


def person(number: int) -> str:
    return "person:" + b32encode(sha256(f"expert {number}".encode()).digest()).decode().lower()[:16]


class Cast:
    """Everybody, by handle (``agency``, ``bidder/alpha``, ``expert/3``)."""

    def __init__(self, folder: Path) -> None:
        self.keys: KeyFolder = open_keys(
            folder, city=CITY, origin=ORIGIN, at=FIRST_INSTANT.astimezone(UTC), chance=secrets.token_bytes
        )
        self.folder = folder
        self.people: dict[str, Person] = {}
        self._add("centre", organisation(999), "示例交易中心（虚构）", "centre")
        self._add("tenderer", organisation(1), "示例城市建设投资有限公司")
        self._add("agency", organisation(2), "示例招标代理有限公司")
        self._add("supervisor", organisation(3), "示例市住房和城乡建设局", "supervisor")
        self._add("centre/chengdu", organisation(4), "成都示例公共资源交易中心")
        self._add("centre/deyang", organisation(5), "德阳示例公共资源交易中心")
        self._add("bank", organisation(6), "示例银行股份有限公司", "guarantor")
        for n in (1, 2, 3):
            self._add(f"officer/{n}", person(900 + n), f"标准官员{n}（虚构）", "officer")
        self._add("stranger", organisation(7), "无关示例有限公司")
        for n, name in enumerate(BIDDERS):
            self._add(f"bidder/{name}", organisation(20 + n), f"{name.capitalize()} 示例路桥有限公司")
        # Two experts must never sit: the first works for the tenderer, the fourth for alpha.
        employers = {1: organisation(1), 4: organisation(20)}
        for n in range(1, EXPERTS + 1):
            facts = {
                "stratum": ("TECH", "ECON")[n % 2],
                "city": ("510100", "510600")[n // 2 % 2],
                "employer": employers.get(n, organisation(60 + n)),
            }
            self._add(f"expert/{n}", person(n), f"专家{n:02d}（虚构）", "expert", facts=facts)
        self._by_party = {p.party: p for p in self.people.values()}

    def _add(self, handle: str, party: str, name: str, *roles: str, facts: Mapping[str, Any] | None = None) -> None:
        key = generate_private_key(SECP256R1())
        issued = self.keys.authority.issue_for(
            key.public_key(),
            party=party,
            name=name,
            at=FIRST_INSTANT.astimezone(UTC),
            days=1000,
            chance=secrets.token_bytes,
        )
        self.people[handle] = Person(handle, party, name, frozenset(roles), facts or {}, key, issued)

    def __getitem__(self, handle: str) -> Person:
        return self.people[handle]

    def of_party(self, party: str) -> Person:
        return self._by_party[party]


class MemoryDirectory:
    """The directory port over the cast (内存主体库)."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        node = cast.keys
        self._certificates = {p.certificate.kid: p.certificate for p in cast.people.values()}
        self._certificates[node.certificate.kid] = node.certificate
        self._roles = {p.party: p.roles for p in cast.people.values()} | {node.node.name: frozenset({"centre"})}
        self._names = {p.party: p.name for p in cast.people.values()} | {node.node.name: node.node.name}

    def certificate(self, kid: str) -> Certificate | None:
        return self._certificates.get(kid)

    def revoke(self, kid: str, at: datetime) -> None:
        old = self._certificates[kid]
        self._certificates[kid] = Certificate(old.kid, old.party, old.der, old.not_before, old.not_after, at)

    def name(self, party: str) -> str:
        return self._names.get(party, "")

    def roles(self, party: str) -> frozenset[str]:
        return self._roles.get(party, frozenset())

    def issuers(self) -> Mapping[str, str]:
        return {p.party: p.name for p in self._cast.people.values() if "guarantor" in p.roles}

    def experts(self) -> Mapping[str, Expert]:
        found = sorted((p for p in self._cast.people.values() if "expert" in p.roles), key=lambda p: p.party)
        return {p.party: Expert(p.party, p.facts["stratum"], p.facts["city"], p.facts["employer"]) for p in found}
