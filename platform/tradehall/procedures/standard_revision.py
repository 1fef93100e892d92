"""
Revision of a standard (标准修订): draft, consultation, approval by two officers, publication, review, end.

When a version is in force is told by signed dates, not by a state here: the state says what may be decided next.
"""

from __future__ import annotations

from tradehall.kernel.procedure import Procedure, Step
from tradehall.kernel.refusal import Text
from tradehall.rules import revising

OFFICER = ("officer",)
ANYBODY = ("participant", "expert", "supervisor", "officer")
OUR_RULE = "阳光交易大厅标准目录"
CONSULTATION = "标准化法 15"
REVIEW = "标准化法 29"

STATES = {
    "new": Text("新建", "new"),
    "drafting": Text("起草", "drafting"),
    "consultation": Text("征求意见", "consultation"),
    "for_approval": Text("报批", "for approval"),
    "approved": Text("已批准", "approved"),
    "published": Text("已发布", "published"),
    "under_review": Text("复审", "under review"),
    "deprecated": Text("停止推荐", "deprecated"),
    "withdrawn": Text("废止", "withdrawn"),
    "abandoned": Text("终止制修订", "abandoned"),
}

STEPS = (
    Step("new", OFFICER, "standard_draft", "drafting", (revising.draft_is_working,), OUR_RULE),
    Step(
        "drafting",
        OFFICER,
        "standard_draft",
        "drafting",
        (revising.draft_is_working, revising.draft_is_of_the_same_standard),
        OUR_RULE,
    ),
    Step(
        "drafting",
        OFFICER,
        "standard_consultation",
        "consultation",
        (revising.draft_is_the_latest, revising.consultation_lasts),
        CONSULTATION,
    ),
    Step(
        "consultation",
        ANYBODY,
        "standard_comment",
        None,
        (revising.draft_is_the_latest, revising.consultation_is_open),
        CONSULTATION,
    ),
    Step("consultation", OFFICER, "standard_comment_reply", None, (revising.comment_is_known,), CONSULTATION),
    Step(
        "consultation",
        OFFICER,
        "standard_draft",
        "for_approval",
        (
            revising.draft_is_for_approval,
            revising.draft_is_of_the_same_standard,
            revising.consultation_has_ended,
            revising.comments_are_answered,
        ),
        CONSULTATION,
    ),
    Step(
        "for_approval",
        OFFICER,
        "standard_approval",
        revising.approval_moves,
        (revising.draft_is_the_latest, revising.checker_is_no_maker, revising.approval_is_of_the_statement),
        OUR_RULE,
    ),
    Step(
        "approved",
        OFFICER,
        "standard_publication",
        "published",
        (revising.publication_is_what_was_approved,),
        OUR_RULE,
    ),
    Step("published", OFFICER, "standard_review", "under_review", (revising.review_opens,), REVIEW),
    Step("under_review", OFFICER, "standard_review", "published", (revising.review_concludes,), REVIEW),
    *(
        Step(
            state,
            OFFICER,
            "standard_deprecation",
            "deprecated",
            (revising.another_officer_acts, revising.end_is_not_past),
            OUR_RULE,
        )
        for state in ("published", "under_review")
    ),
    *(
        Step(
            state,
            OFFICER,
            "standard_withdrawal",
            "withdrawn",
            (revising.another_officer_acts, revising.end_is_not_past),
            REVIEW,
        )
        for state in ("published", "under_review", "deprecated")
    ),
    *(
        Step(state, OFFICER, "standard_withdrawal", "abandoned", (), OUR_RULE)
        for state in ("drafting", "consultation", "for_approval", "approved")
    ),
)

STANDARD_REVISION = Procedure(
    id="standard_revision",
    title=Text("标准修订", "Revision of a standard"),
    prefix="s",
    states=STATES,
    terminal=frozenset({"withdrawn", "abandoned"}),
    steps=STEPS,
    folds={
        "standard_draft": revising.draft_folds,
        "standard_consultation": revising.consultation_folds,
        "standard_comment": revising.comment_folds,
        "standard_comment_reply": revising.reply_folds,
        "standard_approval": revising.approval_folds,
        "standard_publication": revising.publication_folds,
        "standard_review": revising.officer_folds,
        "standard_deprecation": revising.officer_folds,
    },
    slots={},
    listed=False,
)
