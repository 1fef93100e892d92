"""
Guarantee letter (电子保函): apply, underwrite, issue, verify at opening, claim or release.

Its cases are secret: that a letter exists tells that somebody bids. So the beneficiary learns of one only when the
opening has found it valid; of letters that were never used it does not learn at all.
"""

from __future__ import annotations

from tradehall.kernel.procedure import Procedure, Step
from tradehall.kernel.refusal import Text
from tradehall.rules import guaranteeing

ACTORS = ("guarantor", "beneficiary", "applicant", "centre")

STATES = {
    "new": Text("新建", "new"),
    "submitted": Text("待审核", "submitted"),
    "approved": Text("待支付", "approved, premium due"),
    "refused": Text("审核不通过", "refused"),
    "awaiting_issue": Text("待开具", "awaiting issue"),
    "issued": Text("已开立（密封）", "issued, sealed"),
    "cancelled": Text("已注销", "cancelled before the deadline"),
    "verified": Text("开标核验通过", "verified at opening"),
    "claimed": Text("已索赔", "claim presented"),
    "examined": Text("索赔审查", "claim examined"),
    "paid": Text("已赔付", "paid"),
    "released": Text("已解除", "released"),
    "expired": Text("已失效", "expired"),
}

STEPS = (
    Step(
        "new",
        ("participant",),
        "guarantee_application",
        "submitted",
        (guaranteeing.applicant_applies, guaranteeing.guarantor_is_known, guaranteeing.dates_are_ordered),
        "独立保函规定 1, 3",
    ),
    Step("submitted", ("guarantor",), "guarantee_decision", guaranteeing.decision_moves, (), "独立保函规定 1"),
    Step(
        "awaiting_issue",
        ("guarantor",),
        "guarantee_letter",
        "issued",
        (guaranteeing.dates_are_ordered, guaranteeing.letter_fits_application),
        "独立保函规定 3, 4",
    ),
    *(
        Step(
            state,
            ACTORS,
            "guarantee_event",
            guaranteeing.event_moves,
            (guaranteeing.event_fits,),
            "独立保函规定 6, 8, 11",
        )
        for state in ("approved", "issued", "verified", "claimed", "examined")
    ),
)

GUARANTEE_LETTER = Procedure(
    id="guarantee_letter",
    title=Text("电子保函", "Guarantee letter"),
    prefix="g",
    states=STATES,
    terminal=frozenset({"refused", "cancelled", "paid", "released", "expired"}),
    steps=STEPS,
    folds={
        "guarantee_application": guaranteeing.application_folds,
        "guarantee_letter": guaranteeing.letter_folds,
    },
    secret=True,
    withheld={
        "beneficiary": frozenset(
            {"new", "submitted", "approved", "refused", "awaiting_issue", "issued", "cancelled", "expired"}
        )
    },
    secret_families=frozenset({"guarantee_application", "guarantee_decision", "guarantee_letter", "guarantee_event"}),
    slots={},
)
