"""
Draws (抽取) that anyone can draw again: seed, tickets, members and reserves.

Everyone's ticket is ``SHA-256("seed,stratum,id")`` and the smallest tickets win. A ticket depends on nobody
else, so taking one expert out (回避) moves no other, and a longer draw begins with the same names. The same
result comes out of ``sha256sum | sort | head`` (:func:`shell_line`).

Source: 招标投标法实施条例 46 (random draw); 87号令 57 (ties).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

DOMAIN: Final = "tradehall/draw/v1"

# No comma, blank or shell sign may stand in a name: the ticket text stays unambiguous and the shell line safe.
_NAME: Final = re.compile(r"[A-Za-z0-9:-]{1,128}", re.ASCII)
_SEED: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONCE: Final = re.compile(r"(?:[0-9a-f]{2}){16,64}", re.ASCII)


class PoolTooSmall(Exception):  # noqa: N818  - says what happened
    """Fewer eligible names than seats (候选人数不足): the pool must be widened before a draw."""

    def __init__(self, stratum: str, *, eligible: int, seats: int) -> None:
        super().__init__(f"stratum {stratum}: {eligible} eligible for {seats} seats")
        self.stratum = stratum
        self.eligible = eligible
        self.seats = seats


def seed(
    *,
    pool_root: str,
    pool_size: int,
    nonces: Mapping[str, str],
    purpose: str,
    beacon: Mapping[str, str] | None = None,
) -> str:
    """
    Compute the seed (随机种子) of a draw from what was fixed before and revealed after.

    Args:
        pool_root: hex root of the pool as it was committed, before any exclusion.
        pool_size: number of names in that pool.
        nonces: holder → revealed nonce in lower-case hex; the seed takes them in the order of the holders.
        purpose: what is drawn, so that one reveal never serves two draws.
        beacon: public randomness ``{"source", "value"}`` named in advance, None when there is none.

    Returns:
        SHA-256 as 64 hex characters over the canonical JSON of these members and :data:`DOMAIN`.

    Raises:
        ValueError: no nonce at all, or one that is not 16 to 64 bytes of lower-case hex.
    """
    if not nonces:
        raise ValueError("a draw needs at least one nonce")
    for holder, nonce in nonces.items():
        if _NONCE.fullmatch(nonce) is None:
            raise ValueError(f"the nonce of {holder} is not lower-case hex of 16 to 64 bytes")
    members = {
        "beacon": None if beacon is None else dict(beacon),
        "domain": DOMAIN,
        "nonces": [nonces[holder] for holder in sorted(nonces)],
        "pool_root": pool_root,
        "pool_size": pool_size,
        "purpose": purpose,
    }
    # Equals JCS here: ASCII names, no fractions, and the standard library escapes text as RFC 8785 does.
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def commit(nonce: str, salt: str = "") -> str:
    """
    Commit to a nonce (承诺): SHA-256 of its hex text, or of ``salt,nonce`` when there is a salt.

    A holder's id makes a good salt: then nobody can repeat another holder's commitment as their own.
    """
    return hashlib.sha256((f"{salt},{nonce}" if salt else nonce).encode()).hexdigest()


def unproved(commitments: Mapping[str, str], nonces: Mapping[str, str], *, salted: bool = False) -> tuple[str, ...]:
    """
    Name the holders whose reveal (揭示) does not open their commitment, sorted.

    A holder without a reveal, or a reveal without a commitment, is named too. ``salted`` means that each
    holder's id was the salt.
    """
    holders = sorted(commitments.keys() | nonces.keys())
    return tuple(h for h in holders if not _opens(h, commitments.get(h), nonces.get(h), salted=salted))


def _opens(holder: str, commitment: str | None, nonce: str | None, *, salted: bool) -> bool:
    return nonce is not None and commit(nonce, holder if salted else "") == commitment


def ticket(draw_seed: str, stratum: str, name: str) -> str:
    """Return the ticket (签号) of one name: SHA-256 of ``seed,stratum,name`` in hex."""
    return hashlib.sha256(f"{draw_seed},{stratum},{name}".encode("ascii")).hexdigest()


def order(draw_seed: str, stratum: str, ids: Sequence[str]) -> tuple[str, ...]:
    """
    Put names in the order of their tickets, smallest first, whatever order they came in.

    Raises:
        ValueError: a seed that is not 64 hex characters, a name or stratum outside ``[A-Za-z0-9:-]``, or a
            name twice.
    """
    if _SEED.fullmatch(draw_seed) is None:
        raise ValueError("the seed is not 64 lower-case hex characters")
    for name in (stratum, *ids):
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not a name that can be drawn: {name!r}")
    if len(set(ids)) != len(ids):
        raise ValueError("a name stands twice in the pool")
    return tuple(sorted(ids, key=lambda name: ticket(draw_seed, stratum, name)))


def draw(draw_seed: str, stratum: str, ids: Sequence[str], seats: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Draw evaluation experts (抽取评标专家) of one stratum.

    Args:
        draw_seed: from :func:`seed`.
        stratum: the speciality drawn from.
        ids: eligible names after recusal, in any order.
        seats: how many members this stratum sends.

    Returns:
        Members in ticket order and all others as reserves in the order in which they are called.

    Raises:
        PoolTooSmall: fewer names than seats.
        ValueError: as :func:`order`, or a negative number of seats.

    Source: 招标投标法 37; 招标投标法实施条例 46.
    """
    if seats < 0:
        raise ValueError("seats can't be negative")
    if len(ids) < seats:
        raise PoolTooSmall(stratum, eligible=len(ids), seats=seats)
    drawn = order(draw_seed, stratum, ids)
    return drawn[:seats], drawn[seats:]


def tie_order(draw_seed: str, lot: str, submissions: Sequence[str]) -> tuple[str, ...]:
    """Order equal bids (并列投标) of a lot by ticket; the stratum is ``tie:<lot>``. Raises as :func:`order`."""
    return order(draw_seed, f"tie:{lot}", submissions)


def shell_line(draw_seed: str, stratum: str, ids: Sequence[str], seats: int) -> str:
    """
    Write the shell line that repeats a draw with ``sha256sum``, ``sort`` and ``head``.

    It prints the members in ticket order, one a line. The names stand in it in sorted order, so the line is
    the same for the same pool. Raises as :func:`draw`.
    """
    draw(draw_seed, stratum, ids, seats)
    return (
        f"for i in {' '.join(sorted(ids))}; do "
        f'printf \'%s,%s,%s\' {draw_seed} {stratum} "$i" | sha256sum | sed "s/ .*/ $i/"; '
        f"done | LC_ALL=C sort | head -n {seats} | cut -d ' ' -f 2"
    )
