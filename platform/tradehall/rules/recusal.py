"""
Recusal (回避) and the lawful committee (评标委员会组成): who may not evaluate, and whether the rest suffice.

The functions judge facts that others have gathered; a fact nobody states can't be found. Numbers of the law
are arguments.

Source: 招标投标法 37; 招标投标法实施条例 46; 评标委员会和评标方法暂行规定 (12号令) 12; 87号令 47.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from tradehall.kernel.refusal import Text

BIDDER: Final = "bidder"
TENDERER: Final = "tenderer"
AGENCY: Final = "agency"
OWNER: Final = "owner"
SUPERVISOR: Final = "supervisor"
AUTHORITY: Final = "authority"


@dataclass(frozen=True, slots=True)
class Employment:
    """Work for an organisation (任职); ``ended_on`` is None while it lasts."""

    party: str
    ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Expert:
    """
    What is known about an expert (评标专家).

    Attributes:
        id: PersonId.
        employments: present and former employers.
        close_relatives: ids of close relatives (近亲属).
        interests: ids of parties with which there is an economic interest (经济利益关系).
        punished: punished before for unlawful acts in tendering (曾受行政或刑事处罚).
    """

    id: str
    employments: tuple[Employment, ...] = ()
    close_relatives: frozenset[str] = frozenset()
    interests: frozenset[str] = frozenset()
    punished: bool = False


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """
    What is known about one party of the tender (当事人).

    Attributes:
        id: PartyId.
        role: bidder, tenderer, agency, owner, supervisor or authority.
        name: as printed in the reason.
        heads: ids of its principal persons (主要负责人); a bidder who is a person is its own head.
        affiliates: ids of organisations that control it, are controlled by it or belong to its group.
    """

    id: str
    role: str
    name: str
    heads: frozenset[str] = frozenset()
    affiliates: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ground:
    """
    One ground to stand aside (回避事由).

    Attributes:
        code: code of the code list recusal_ground; ``employer`` is an organisation of a bidder's group.
        party: the party concerned, None for what the expert did.
        avoid_reason: code of the code list avoid_reason: 1 bidder, 2 tenderer, 3 authority, 4 agency, 9 other.
    """

    code: str
    party: str | None
    avoid_reason: str
    reason: Text
    clause: str


_BID_12: Final = "12号令 12"
_REGULATION_46: Final = "招标投标法实施条例 46"
_KINDS: Final[dict[str, tuple[str, str, Text]]] = {
    "close_relative": (
        "1",
        f"{_BID_12}(一)",
        Text("系投标人“{name}”或其主要负责人的近亲属", "is a close relative of bidder '{name}' or its head"),
    ),
    "authority": (
        "3",
        f"{_BID_12}(二)",
        Text("系项目主管部门“{name}”的人员", "is on the staff of the authority in charge, '{name}'"),
    ),
    "supervisor": (
        "3",
        f"{_BID_12}(二); {_REGULATION_46}",
        Text("系行政监督部门“{name}”的人员", "is on the staff of the supervisor '{name}'"),
    ),
    "economic_interest": (
        "1",
        f"{_BID_12}(三)",
        Text("与投标人“{name}”有经济利益关系", "has an economic interest in bidder '{name}'"),
    ),
    "punished": (
        "9",
        f"{_BID_12}(四)",
        Text("曾因招标投标活动中的违法行为受过处罚", "was punished before for unlawful acts in tendering"),
    ),
    "bidder": (
        "1",
        f"{_BID_12}(三); {_REGULATION_46}",
        Text("在投标人“{name}”任职", "works or lately worked for bidder '{name}'"),
    ),
    "employer": (
        "1",
        f"{_BID_12}(三); {_REGULATION_46}",
        Text(
            "所在单位与投标人“{name}”有控股、管理或同一集团关系",
            "works for an organisation of the group of bidder '{name}'",
        ),
    ),
    "tenderer": (
        "2",
        _REGULATION_46,
        Text("在招标人或业主“{name}”任职", "works or lately worked for the tenderer or owner '{name}'"),
    ),
    "agency": (
        "4",
        _REGULATION_46,
        Text("在招标代理机构“{name}”任职", "works or lately worked for the agency '{name}'"),
    ),
}
# The owner (业主) of a project stands on the tenderer's side.
_EMPLOYED_BY: Final = {
    BIDDER: "bidder",
    TENDERER: "tenderer",
    OWNER: "tenderer",
    AGENCY: "agency",
    SUPERVISOR: "supervisor",
    AUTHORITY: "authority",
}


def grounds_against(
    expert: Expert, parties: Sequence[PartyFacts], *, former_since: date | None = None
) -> tuple[Ground, ...]:
    """
    Find every ground on which an expert must stand aside (应当回避的事由); empty when there is none.

    Args:
        expert: what is known about the expert.
        parties: tenderer, agency, owner, authorities, supervisors and every bidder.
        former_since: an employment which ended on or after this day still counts; None counts present ones only.

    Returns:
        Grounds sorted by code and party, whatever the order of the parties.

    Raises:
        KeyError: a party with a role unknown here.

    Source: 12号令 12; 招标投标法实施条例 46.
    """
    found = {_ground(code, party) for party in parties for code in _codes(expert, party, former_since)}
    if expert.punished:
        found.add(_ground("punished", None))
    return tuple(sorted(found, key=lambda ground: (ground.code, ground.party or "")))


def _codes(expert: Expert, party: PartyFacts, former_since: date | None) -> Iterable[str]:
    employers = {job.party for job in expert.employments if _counts(job, former_since)}
    if party.id in employers or expert.id in party.heads or expert.id == party.id:
        yield _EMPLOYED_BY[party.role]
    if party.role != BIDDER:
        return
    if employers & party.affiliates:
        yield "employer"
    if expert.close_relatives & (party.heads | {party.id}):
        yield "close_relative"
    if party.id in expert.interests:
        yield "economic_interest"


def _counts(job: Employment, former_since: date | None) -> bool:
    return job.ended_on is None or (former_since is not None and job.ended_on >= former_since)


def _ground(code: str, party: PartyFacts | None) -> Ground:
    avoid_reason, clause, text = _KINDS[code]
    name = "" if party is None else party.name
    return Ground(code, None if party is None else party.id, avoid_reason, text.filled({"name": name}), clause)


@dataclass(frozen=True, slots=True)
class CommitteeRules:
    """
    What the law asks of a committee (评标委员会的法定要求), each number out of the parameters.

    Attributes:
        members_min: least number of members.
        expert_share: least share of experts as a fraction (numerator, denominator).
        clause: source of these.
        odd: the number must be odd.
        enlarged_from: estimate or budget from which ``enlarged_min`` applies, None for never.
        enlarged_min: least number of members then.
        representatives_max: most representatives of the tenderer, None where only the share counts.
    """

    members_min: int
    expert_share: tuple[int, int]
    clause: str
    odd: bool = True
    enlarged_from: Decimal | None = None
    enlarged_min: int = 0
    representatives_max: int | None = None


@dataclass(frozen=True, slots=True)
class CommitteeFlaw:
    """
    One way in which a committee is not lawful (组成不合法之处).

    Attributes:
        code: ``members_do_not_add_up``, ``too_few_members``, ``even_number``, ``too_few_experts`` or
            ``too_many_representatives``.
    """

    code: str
    reason: Text
    clause: str


_FLAWS: Final = {
    "members_do_not_add_up": Text(
        "专家 {experts} 人与招标人代表 {representatives} 人之和不等于 {size} 人",
        "{experts} experts and {representatives} representatives do not make {size}",
    ),
    "too_few_members": Text("应有 {needed} 人以上，实际 {size} 人", "{needed} members are needed, there are {size}"),
    "even_number": Text("成员应为单数，实际 {size} 人", "the number of members must be odd, it is {size}"),
    "too_few_experts": Text(
        "专家不得少于成员总数的 {share}，实际 {experts}/{size}",
        "experts must be {share} or more, they are {experts}/{size}",
    ),
    "too_many_representatives": Text(
        "招标人代表不得超过 {most} 人，实际 {representatives} 人",
        "at most {most} representatives are allowed, there are {representatives}",
    ),
}


def committee_flaws(
    size: int, experts: int, representatives: int, rules: CommitteeRules, *, estimate: Decimal | None = None
) -> tuple[CommitteeFlaw, ...]:
    """
    Say why a committee is not lawful (评标委员会组成审查); empty when it is.

    Args:
        size: all members.
        experts: drawn technical and economic experts among them.
        representatives: representatives of the tenderer among them.
        rules: what the law asks.
        estimate: estimate or budget of the lot, for the enlarged committee; None when unknown or irrelevant.

    Source: 招标投标法 37; 87号令 47.
    """
    enlarged = rules.enlarged_from is not None and estimate is not None and estimate >= rules.enlarged_from
    needed = max(rules.members_min, rules.enlarged_min) if enlarged else rules.members_min
    numerator, denominator = rules.expert_share
    most = rules.representatives_max
    broken = {
        "members_do_not_add_up": experts + representatives != size,
        "too_few_members": size < needed,
        "even_number": rules.odd and size % 2 == 0,
        "too_few_experts": experts * denominator < size * numerator,
        "too_many_representatives": most is not None and representatives > most,
    }
    values = {
        "size": str(size),
        "experts": str(experts),
        "representatives": str(representatives),
        "needed": str(needed),
        "share": f"{numerator}/{denominator}",
        "most": str(most),
    }
    return tuple(
        CommitteeFlaw(code, _FLAWS[code].filled(values), rules.clause) for code, is_so in broken.items() if is_so
    )


def committee_is_lawful(
    size: int, experts: int, representatives: int, rules: CommitteeRules, *, estimate: Decimal | None = None
) -> bool:
    """Say whether a committee has no flaw, see :func:`committee_flaws`."""
    return not committee_flaws(size, experts, representatives, rules, estimate=estimate)
