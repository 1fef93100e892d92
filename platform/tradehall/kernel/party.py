"""
Parties (主体): whoever acts in a trade, named by one id that tells its kind and nothing secret.

``org:`` a legal entity of the mainland by its unified social credit code, ``foreign:`` one from elsewhere by the code
of its own register, ``person:`` a natural person by a random id, ``bid:`` whoever holds a bid's key, ``node:`` a
centre's platform. Patterns say what an id looks like; whether it exists is the directory's question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NewType

PartyId = NewType("PartyId", str)


class PartyInvalid(ValueError):  # noqa: N818  - says what happened
    """A text that is no party id (主体标识无效)."""


class PartyKind(StrEnum):
    """What kind of party an id names (主体类别); the value is its prefix."""

    ORGANISATION = "org"
    FOREIGN = "foreign"
    PERSON = "person"
    BID_KEY = "bid"
    NODE = "node"


class Role(StrEnum):
    """
    What somebody is in a case or on the platform (角色).

    Registered in the directory are those of ``REGISTERED_ROLES``. ``bidder`` follows from a bid's key, ``participant``
    is every organisation, ``public`` is everyone; all others are relations to one case.
    """

    TENDERER = "tenderer"
    AGENCY = "agency"
    BIDDER = "bidder"
    EXPERT = "expert"
    CENTRE = "centre"
    SUPERVISOR = "supervisor"
    CUSTODIAN = "custodian"
    LEAD_VENUE = "lead_venue"
    VENUE = "venue"
    APPLICANT = "applicant"
    BENEFICIARY = "beneficiary"
    GUARANTOR = "guarantor"
    OFFICER = "officer"
    AUDITOR = "auditor"
    PARTICIPANT = "participant"
    PUBLIC = "public"


REGISTERED_ROLES: Final = frozenset(
    {Role.EXPERT, Role.CENTRE, Role.SUPERVISOR, Role.GUARANTOR, Role.OFFICER, Role.AUDITOR}
)
"""Roles that the directory gives (登记角色); all others follow from a case or a key."""

_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    PartyKind.ORGANISATION: re.compile("[0-9A-HJ-NPQRTUWXY]{18}"),
    PartyKind.FOREIGN: re.compile("[a-z]{2,20}:[A-Za-z0-9-]{1,32}"),
    PartyKind.PERSON: re.compile("[a-z2-7]{16}"),
    PartyKind.BID_KEY: re.compile("[a-z2-7]{32}"),
    PartyKind.NODE: re.compile("[a-z0-9-]{1,32}"),
}


def read_party(text: str) -> PartyId:
    """
    Read a party id (读取主体标识), for instance ``org:91510100MA61RHWX3K``.

    Raises:
        PartyInvalid: ``text`` is not in the form of any kind.
    """
    prefix, _, rest = text.partition(":")
    form = _FORMS.get(prefix)
    if form is None or form.fullmatch(rest) is None:
        raise PartyInvalid(f"no party id: {text!r:.80}")
    return PartyId(text)


def write_party(kind: PartyKind, name: str) -> PartyId:
    """
    Write a party id (生成主体标识).

    Raises:
        PartyInvalid: ``name`` is not in the form of the kind.
    """
    return read_party(f"{kind.value}:{name}")


def kind_of(party: PartyId) -> PartyKind:
    """Return what kind of party an id names (主体类别)."""
    return PartyKind(party.partition(":")[0])
