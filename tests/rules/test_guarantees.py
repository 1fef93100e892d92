"""A guarantee letter at opening: what serves, what does not, and the cap of a bid security."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tradehall.kernel.money import Currency, Money
from tradehall.rules.guarantees import (
    FLAWS,
    Issuer,
    Letter,
    Requirement,
    Wording,
    defect_codes,
    guarantee_flaws,
    read_wording,
    security_cap,
)

DIGEST = "sha256:" + "ab" * 32
TERMS = (
    "本保函为见索即付独立保函，适用URDG758。",
    "我方在收到受益人书面索赔通知及所附单据后七日内付款。",
    "本保函最高担保金额为人民币柒拾万元整。",
)
LETTER = Letter(
    number="BH-2026-1",
    issuer="org:bank",
    applicant="org:alpha",
    beneficiary="org:metro",
    tender="t-one",
    lot="L1",
    amount=Money(Decimal(700000)),
    valid_from=date(2026, 3, 25),
    valid_until=date(2026, 6, 23),
    digest=DIGEST,
    independent=True,
    on_demand=True,
    terms=TERMS,
)
REQUIRED = Requirement(
    "t-one", "L1", "org:metro", "org:alpha", Money(Decimal(700000)), date(2026, 3, 25), date(2026, 6, 23)
)
BANK = Issuer("org:bank")


def checks(letter: Letter = LETTER, issuer: Issuer | None = BANK, digest: str = DIGEST, **changes: Any) -> list[str]:
    flaws = guarantee_flaws(replace(letter, **changes), REQUIRED, issuer, presented_digest=digest)
    assert all("{" not in flaw.reason.zh + flaw.reason.en for flaw in flaws)
    return [flaw.check for flaw in flaws]


def test_a_proper_letter_serves_to_the_last_day_and_the_last_fen() -> None:
    assert checks() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tender": "t-two"}, "wrong_tender"),
        ({"lot": "L2"}, "wrong_lot"),
        ({"beneficiary": "org:other"}, "wrong_beneficiary"),
        ({"applicant": "org:beta"}, "wrong_applicant"),
        ({"amount": Money(Decimal("699999.99"))}, "amount_too_low"),
        ({"amount": Money(Decimal(700000), Currency("USD"))}, "wrong_currency"),
        ({"valid_from": date(2026, 3, 26)}, "not_yet_valid"),
        ({"valid_until": date(2026, 6, 22)}, "expires_early"),
        ({"independent": False}, "not_independent"),
        ({"on_demand": False, "terms": TERMS[1:]}, "not_independent"),
        ({"terms": (TERMS[0], TERMS[2])}, "documents_not_stated"),
        ({"terms": TERMS[:2]}, "maximum_not_stated"),
        ({"digest": "sha256:" + "cd" * 32}, "digest_mismatch"),
    ],
)
def test_each_flaw_is_found_alone(change: dict[str, Any], expected: str) -> None:
    assert checks(**change) == [expected]


def test_an_issuer_must_be_known_and_not_revoked_on_the_day() -> None:
    assert checks(issuer=None) == ["issuer_unknown"]
    assert checks(issuer=Issuer("org:lender")) == ["issuer_unknown"]
    assert checks(issuer=Issuer("org:bank", revoked_on=date(2026, 3, 25))) == ["issuer_revoked"]
    assert checks(issuer=Issuer("org:bank", revoked_on=date(2026, 3, 26))) == []


def test_the_text_may_say_it_instead_of_the_flag() -> None:
    assert checks(on_demand=False) == []


def test_a_tender_may_accept_a_dependent_guarantee() -> None:
    required = replace(REQUIRED, independent=False)
    letter = replace(LETTER, independent=False, terms=("连带责任保证。",))
    assert guarantee_flaws(letter, required, BANK, presented_digest=DIGEST) == ()


def test_all_flaws_come_in_the_order_of_the_table_with_codes_once() -> None:
    letter = replace(
        LETTER, tender="t-two", lot="L2", beneficiary="x", applicant="y", amount=Money(Decimal(1)), valid_from=date(2027, 1, 1),
        valid_until=date(2026, 1, 1), independent=False, terms=("保函",), digest="sha256:0",
    )  # fmt: skip
    flaws = guarantee_flaws(letter, REQUIRED, None, presented_digest=DIGEST)
    found = [flaw.check for flaw in flaws]
    assert found == [name for name in FLAWS if name not in ("issuer_revoked", "wrong_currency")]
    assert defect_codes(flaws) == (
        "issuer_not_accepted", "wrong_tender", "wrong_beneficiary", "wrong_applicant", "amount_short", "period_short",
        "not_independent", "digest_mismatch",
    )  # fmt: skip
    assert all(flaw.clause for flaw in flaws)


def test_the_reason_has_the_actual_values() -> None:
    (flaw,) = guarantee_flaws(replace(LETTER, amount=Money(Decimal("1.00"))), REQUIRED, BANK, presented_digest=DIGEST)
    assert flaw.reason.zh == "金额 1.00 低于要求的 700000"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((), Wording(independent=False, documents=False, maximum=False)),
        (("This independent guarantee",), Wording(independent=True, documents=False, maximum=False)),
        (("pays On First Demand against a Written Demand",), Wording(independent=True, documents=True, maximum=False)),
        (("the tender documents of the Project",), Wording(independent=False, documents=False, maximum=False)),
        (("payable against presentation of documents",), Wording(independent=False, documents=True, maximum=False)),
        (("up to a Maximum Amount of CNY 1.00",), Wording(independent=False, documents=False, maximum=True)),
        (
            ("本保证独立于基础合同", "凭索赔函付款", "累计不超过壹元"),
            Wording(independent=True, documents=True, maximum=True),
        ),
    ],
)
def test_wording_is_read_in_both_languages(terms: tuple[str, ...], expected: Wording) -> None:
    assert read_wording(terms) == expected


def test_the_cap_is_cut_off_and_never_rounded_up() -> None:
    ratio = Decimal("0.02")
    assert security_cap(Decimal("100.99"), ratio=ratio, absolute_cap=None) == Decimal("2.01")
    assert security_cap(Decimal(40000000), ratio=ratio, absolute_cap=Decimal(800000)) == Decimal(800000)
