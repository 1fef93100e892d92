"""
The accepted set 开标集合: which bids of a lot stand at the opening, and the root that freezes them.

Two functions that the desk uses to open and that the verifier repeats from the records alone.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tradehall.rules.merkle import Frontier, leaf_hash

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BidFiling:
    """
    What the set needs of one accepted bid record 投标记录 (commitment, ciphertext, withdrawal or confirmation).

    Attributes:
        index: place in the log; later filings have larger ones.
        digest: record digest, ``sha256:`` and 64 hex digits.
        submission: id of the bid.
        author: the bid key's party id, ``bid:…``; only its own filings touch a bid.
        lot: only of a commitment.
        ciphertext: digest of the ciphertext, of a commitment and of a sealed bid.
        answers: digest of the notice or clarification answered, of a commitment and of a confirmation.
        replaces: the earlier bid a commitment takes the place of.
    """

    index: int
    digest: str
    submission: str
    author: str
    lot: str = ""
    ciphertext: str = ""
    answers: str = ""
    replaces: str | None = None


def standing(
    commitments: Collection[BidFiling],
    sealed: Collection[BidFiling],
    withdrawals: Collection[BidFiling],
    confirmations: Collection[BidFiling],
    *,
    answers: str | None = None,
) -> list[BidFiling]:
    """
    Return the commitments of a lot that stand at the deadline 有效投标, sorted by submission id.

    A bid stands if its committed ciphertext arrived, it was neither withdrawn nor replaced by its own key, and it
    answers the latest terms or was confirmed against them. A bid is replaced at the moment the commitment that
    replaces it is accepted, whatever becomes of that one.

    Args:
        commitments: of one lot; of several with the same submission id the first filed counts.
        sealed: ciphertexts accepted in time, of any lot; likewise withdrawals and confirmations.
        withdrawals: see above.
        confirmations: see above.
        answers: digest of the notice, or of the last clarification that outdated earlier bids; None if it does
            not matter.

    Source: 电子招标投标办法 27 (incomplete at the deadline counts as withdrawn); 招标投标法 29 (replace, withdraw).
    """
    bids: dict[str, BidFiling] = {}
    replaced: set[tuple[str, str]] = set()
    for filing in sorted(commitments, key=_by_index):
        if filing.submission not in bids:
            bids[filing.submission] = filing
            if filing.replaces is not None:
                replaced.add((filing.replaces, filing.author))
    complete = {(filing.submission, filing.author, filing.ciphertext) for filing in sealed}
    withdrawn = {(filing.submission, filing.author) for filing in withdrawals} | replaced
    confirmed = {(filing.submission, filing.author): filing.answers for filing in sorted(confirmations, key=_by_index)}
    return [
        bid
        for _, bid in sorted(bids.items())
        if (bid.submission, bid.author, bid.ciphertext) in complete
        and (bid.submission, bid.author) not in withdrawn
        and answers in {None, confirmed.get((bid.submission, bid.author), bid.answers)}
    ]


def accepted_root(digests: Sequence[str]) -> str:
    """
    Return the root of the accepted set 开标集合根, 64 hex digits.

    The RFC 6962 root whose leaf data are the 32 raw bytes of each commitment's record digest.

    Args:
        digests: ``sha256:…`` of the standing commitments, sorted by submission id.

    Raises:
        ValueError: not a record digest.
    """
    for digest in digests:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a record digest: {digest[:80]!r}")
    leaves = (leaf_hash(bytes.fromhex(digest.removeprefix("sha256:"))) for digest in digests)
    return Frontier().extend(leaves).root().hex()


def _by_index(filing: BidFiling) -> int:
    return filing.index
