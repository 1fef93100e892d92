"""
Guarantee letters (电子保函) as bid security: the check at opening, and the cap of a bid security.

Source: 招标投标法实施条例 26; 最高人民法院关于审理独立保函纠纷案件若干问题的规定 (独立保函规定) 3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Final

from tradehall.kernel.money import Money, exactly
from tradehall.kernel.refusal import Text


@dataclass(frozen=True, slots=True)
class Letter:
    """
    A guarantee letter (保函) as its issuer signed it; ids are PartyIds, days are local dates of the centre.

    Attributes:
        digest: ``sha256:…`` of the letter's PDF, as the issuer's record states it.
        independent: the issuer declares an independent guarantee (独立保函).
        on_demand: payable on first demand (见索即付).
        terms: paragraphs of the text.
    """

    number: str
    issuer: str
    applicant: str
    beneficiary: str
    tender: str
    lot: str
    amount: Money
    valid_from: date
    valid_until: date
    digest: str
    independent: bool
    on_demand: bool
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """A known issuer (开立人): accredited until ``revoked_on``, that day excluded; None while it stands."""

    id: str
    revoked_on: date | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What the tender asks of a bid's security (投标保证金要求).

    Attributes:
        bidder: the bidder of the bid in which the letter lay.
        amount: least amount.
        opened_on: day of the opening.
        covers_until: last day of bid validity (投标有效期).
        independent: only an independent guarantee is accepted.
    """

    tender: str
    lot: str
    beneficiary: str
    bidder: str
    amount: Money
    opened_on: date
    covers_until: date
    independent: bool = True


@dataclass(frozen=True, slots=True)
class Wording:
    """What the text of a letter says (保函文字): independence, demand documents, a maximum amount."""

    independent: bool
    documents: bool
    maximum: bool


@dataclass(frozen=True, slots=True)
class GuaranteeFlaw:
    """
    One reason why a letter does not serve (保函不合格事由).

    Attributes:
        code: code of the code list guarantee_defect.
        check: the check that failed, a key of :data:`FLAWS`; several checks share one code.
    """

    code: str
    check: str
    reason: Text
    clause: str


_VALIDITY: Final = "招标投标法实施条例 26"
_INDEPENDENT: Final = "独立保函规定 3"
_FACE: Final = "独立保函规定 6-8"
FLAWS: Final[dict[str, tuple[str, Text, str]]] = {
    "issuer_unknown": (
        "issuer_not_accepted",
        Text("开立人 {issuer} 未登记", "issuer {issuer} is not known"),
        _INDEPENDENT,
    ),
    "issuer_revoked": (
        "issuer_not_accepted",
        Text("开立人 {issuer} 资格已撤销", "issuer {issuer} is revoked"),
        _INDEPENDENT,
    ),
    "wrong_tender": ("wrong_tender", Text("保函不是为本项目开立", "the letter is for another tender"), _FACE),
    "wrong_lot": ("wrong_tender", Text("保函标段 {lot} 不符", "the letter is for another lot, {lot}"), _FACE),
    "wrong_beneficiary": ("wrong_beneficiary", Text("受益人不是招标人", "the beneficiary is not the tenderer"), _FACE),
    "wrong_applicant": ("wrong_applicant", Text("申请人不是投标人", "the applicant is not the bidder"), _FACE),
    "wrong_currency": (
        "amount_short",
        Text("币种 {currency} 不符", "the currency {currency} is not the one asked for"),
        _FACE,
    ),
    "amount_too_low": (
        "amount_short",
        Text("金额 {amount} 低于要求的 {needed}", "{amount} is less than {needed}"),
        _VALIDITY,
    ),
    "not_yet_valid": (
        "period_short",
        Text("保函自 {valid_from} 起生效，晚于开标日", "valid only from {valid_from}"),
        _VALIDITY,
    ),
    "expires_early": (
        "period_short",
        Text("保函至 {valid_until}，不足投标有效期截止日 {covers_until}", "ends {valid_until}, before {covers_until}"),
        _VALIDITY,
    ),
    "not_independent": ("not_independent", Text("不是独立保函", "not an independent guarantee"), _INDEPENDENT),
    "documents_not_stated": (
        "not_independent",
        Text("未载明据以付款的单据", "states no documents against payment"),
        _INDEPENDENT,
    ),
    "maximum_not_stated": ("not_independent", Text("未载明最高付款金额", "states no maximum amount"), _INDEPENDENT),
    "digest_mismatch": (
        "digest_mismatch",
        Text("保函文件与开立记录摘要不一致", "the file differs from the issuer's record"),
        "电子签名法 5",
    ),
}

# Markers, not law: they find what the usual texts say. The committee may read the letter itself.
_SAYS_INDEPENDENT: Final = re.compile(
    r"见索即付|独立保函|独立于|独立的付款|URDG\s*758|(?i:independent|on first demand)"
)
_SAYS_DOCUMENTS: Final = re.compile(
    r"单据|索赔通知|索赔函|书面索赔|付款通知|付款请求|(?i:written demand|presentation of documents|against documents)"
)
_SAYS_MAXIMUM: Final = re.compile(r"最高(?:付款|赔付|担保|保证)?(?:金额|限额)|不超过|(?i:maximum amount|not exceed)")


def read_wording(terms: Sequence[str]) -> Wording:
    """Read what the paragraphs of a letter say about independence, documents and the maximum amount."""
    text = "\n".join(terms)
    return Wording(*(bool(mark.search(text)) for mark in (_SAYS_INDEPENDENT, _SAYS_DOCUMENTS, _SAYS_MAXIMUM)))


def guarantee_flaws(
    letter: Letter, required: Requirement, issuer: Issuer | None, *, presented_digest: str
) -> tuple[GuaranteeFlaw, ...]:
    """
    Check a guarantee letter at opening (开标时核验保函); empty when it serves as bid security.

    Args:
        letter: the letter of the issuer's record.
        required: what the tender asks.
        issuer: the register's entry for ``letter.issuer``, None when there is none.
        presented_digest: ``sha256:…`` of the letter file that lay in the bid.

    Returns:
        Every flaw, in the order of :data:`FLAWS`.

    Source: 招标投标法实施条例 26; 独立保函规定 3, 6-8.
    """
    broken = {
        **_issuer_is_wrong(letter, required, issuer),
        "wrong_tender": letter.tender != required.tender,
        "wrong_lot": letter.lot != required.lot,
        "wrong_beneficiary": letter.beneficiary != required.beneficiary,
        "wrong_applicant": letter.applicant != required.bidder,
        **_amount_is_wrong(letter.amount, required.amount),
        "not_yet_valid": letter.valid_from > required.opened_on,
        "expires_early": letter.valid_until < required.covers_until,
        **(_wording_is_wrong(letter) if required.independent else {}),
        "digest_mismatch": letter.digest != presented_digest,
    }
    values = {
        "issuer": letter.issuer,
        "lot": letter.lot,
        "currency": letter.amount.currency,
        "amount": f"{letter.amount.amount:f}",
        "needed": f"{required.amount.amount:f}",
        "valid_from": letter.valid_from.isoformat(),
        "valid_until": letter.valid_until.isoformat(),
        "covers_until": required.covers_until.isoformat(),
    }
    return tuple(_flaw(check, values) for check, is_so in broken.items() if is_so)


def defect_codes(flaws: Sequence[GuaranteeFlaw]) -> tuple[str, ...]:
    """Return the codes of guarantee_defect once each, as a bid_disclosure record lists them."""
    return tuple(dict.fromkeys(flaw.code for flaw in flaws))


def _flaw(check: str, values: dict[str, str]) -> GuaranteeFlaw:
    code, text, clause = FLAWS[check]
    return GuaranteeFlaw(code, check, text.filled(values), clause)


def _issuer_is_wrong(letter: Letter, required: Requirement, issuer: Issuer | None) -> dict[str, bool]:
    if issuer is None or issuer.id != letter.issuer:
        return {"issuer_unknown": True}
    return {"issuer_revoked": issuer.revoked_on is not None and issuer.revoked_on <= required.opened_on}


def _amount_is_wrong(amount: Money, needed: Money) -> dict[str, bool]:
    if amount.currency != needed.currency:
        return {"wrong_currency": True}
    return {"amount_too_low": amount < needed}


def _wording_is_wrong(letter: Letter) -> dict[str, bool]:
    """Ask for all three of art. 3: independence by declaration and text, documents, a maximum amount."""
    wording = read_wording(letter.terms)
    return {
        "not_independent": not (letter.independent and (letter.on_demand or wording.independent)),
        "documents_not_stated": not wording.documents,
        "maximum_not_stated": not wording.maximum,
    }


@exactly
def security_cap(estimate: Decimal, *, ratio: Decimal, absolute_cap: Decimal | None) -> Decimal:
    """
    Return the highest lawful bid security (投标保证金上限): the smaller of ratio × estimate and the absolute cap.

    A fraction of a fen is cut off, never rounded up: the cap MUST hold. ``absolute_cap`` is None where the
    regime has none.

    Source: 招标投标法实施条例 26; 30号令 37; 2号令 24; 政府采购法实施条例 33.
    """
    share = (estimate * ratio).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return share if absolute_cap is None else min(share, absolute_cap.quantize(Decimal("0.01"), rounding=ROUND_DOWN))
