"""
Open tender (公开招标): from the project to the contract, lot by lot, under the tender law or government procurement.

Both regimes run the same table. They differ in the rules that fill the slots below and in nothing else: where a
regime leaves a slot empty, the guard that asks it has nothing to refuse.
"""

from __future__ import annotations

from tradehall.kernel.procedure import Due, Procedure, Step
from tradehall.kernel.refusal import Text
from tradehall.rules import awarding, bidding, objecting, revealing, tendering

TENDERER = ("tenderer", "agency")
ANYONE = ("participant",)

SLOTS = {
    "tender_law": {
        "bid_period": "ZB-002",
        "sale_period": "ZB-001",
        "clarification_lead": "ZB-005",
        "objection_lead": "ZB-007",
        "security_ratio": "ZB-009",
        "security_cap_works": "ZB-010",
        "security_cap_design": "ZB-011",
        "min_bidders": "ZB-016",
        "committee_size": "ZB-020",
        "expert_share": "ZB-021",
        "publicity_start": "ZB-025",
        "publicity": "ZB-026",
        "contract": "ZB-030",
        "grace_seconds": "PF-GRACE",
        "floor_allowed": "PF-FLOOR",
        "custodian_threshold": "PF-CUSTODIANS",
    },
    "gov_procurement": {
        "bid_period": "ZC-001",
        "sale_period": "ZC-002",
        "notice_period": "ZC-003",
        "clarification_lead": "ZC-005",
        "result_objection": "ZC-027",
        "security_ratio": "ZC-007",
        "min_bidders": "PF-MIN-BIDDERS",
        "committee_size": "ZC-011",
        "committee_size_large": "ZC-012",
        "committee_large_budget": "PF-LARGE-BUDGET",
        "expert_share": "ZC-013",
        "price_weight_goods": "ZC-014",
        "price_weight_services": "ZC-015",
        "grace_seconds": "PF-GRACE",
        "floor_allowed": "PF-FLOOR",
        "custodian_threshold": "PF-CUSTODIANS",
    },
    "foreign_sealed": {
        "min_bidders": "PF-MIN-BIDDERS",
        "grace_seconds": "PF-GRACE",
        "floor_allowed": "PF-FLOOR",
        "custodian_threshold": "PF-CUSTODIANS",
    },
}

STATES = {
    "new": Text("新建", "new"),
    "registered": Text("已受理", "registered"),
    "tendering": Text("招标中", "tendering"),
    "opening": Text("开标中", "opening"),
    "opened": Text("已开标", "opened"),
    "reported": Text("已评标", "evaluated"),
    "publicity": Text("候选人公示", "candidates on display"),
    "awarded": Text("已定标", "awarded"),
    "contracted": Text("已签约", "contracted"),
    "failed": Text("流标", "failed"),
    "cancelled": Text("已终止", "cancelled"),
}

STEPS = (
    # 招
    Step(
        "new",
        ANYONE,
        "project",
        "registered",
        (tendering.speaks_for_tenderer, tendering.project_is_consistent),
        "招标投标法 9",
    ),
    Step("registered", TENDERER, "tender_document", None, (tendering.method_is_lawful,), "招标投标法 19"),
    Step(
        "registered",
        TENDERER,
        "tender_notice",
        "tendering",
        (
            tendering.document_is_filed,
            tendering.notice_fits_project,
            tendering.notice_is_timely,
            tendering.notice_is_long_enough,
            tendering.prices_are_allowed,
            tendering.security_is_capped,
            tendering.custodians_are_fit,
            tendering.grace_is_lawful,
        ),
        "招标投标法 16, 24",
    ),
    Step("tendering", ANYONE, "question", None, (tendering.question_is_in_time,), "招标投标法实施条例 21"),
    Step(
        "tendering",
        TENDERER,
        "clarification",
        None,
        (tendering.clarification_is_in_time, tendering.clarification_fits_lots, tendering.clarification_leaves_time),
        "招标投标法 23; 招标投标法实施条例 21",
    ),
    Step(
        "tendering",
        TENDERER,
        "deadline_extension",
        None,
        (tendering.extension_is_later, tendering.outage_is_recorded, tendering.second_person_approved),
        "招标投标法 23",
    ),
    Step("tendering", ("centre", "supervisor"), "outage_record", None, (), "电子招标投标办法 31"),
    Step("tendering", ANYONE, "objection", None, (objecting.objection_is_in_time,), "招标投标法实施条例 22"),
    Step("tendering", TENDERER, "objection_reply", None, (objecting.objection_is_open,), "招标投标法实施条例 22"),
    # 投
    Step(
        "tendering",
        ("bidder",),
        "bid_commitment",
        None,
        (
            bidding.bid_is_in_time,
            bidding.bid_key_is_author,
            bidding.commitment_is_sound,
            bidding.commitment_is_fresh,
            bidding.commitment_answers_latest,
            bidding.replaced_bid_is_own,
        ),
        "招标投标法 28; 电子招标投标办法 26, 27",
    ),
    Step(
        "tendering",
        ("bidder",),
        "sealed_bid",
        None,
        (
            bidding.ciphertext_is_in_time,
            bidding.bid_key_is_author,
            bidding.bid_is_own,
            bidding.bid_stands,
            bidding.ciphertext_is_committed,
        ),
        "电子招标投标办法 27",
    ),
    Step(
        "tendering",
        ("bidder",),
        "bid_confirmation",
        None,
        (
            bidding.bid_is_in_time,
            bidding.bid_key_is_author,
            bidding.bid_is_own,
            bidding.bid_stands,
            bidding.commitment_answers_latest,
        ),
        "招标投标法 23, 29",
    ),
    Step(
        "tendering",
        ("bidder",),
        "bid_withdrawal",
        None,
        (bidding.bid_is_in_time, bidding.bid_key_is_author, bidding.bid_is_own, bidding.bid_stands),
        "招标投标法 29; 招标投标法实施条例 35",
    ),
    # 开
    Step(
        "tendering",
        ("centre",),
        "opening_start",
        "opening",
        (
            revealing.deadline_has_come,
            tendering.not_paused,
            revealing.questions_are_answered,
            revealing.enough_bids,
            revealing.opening_set_is_exact,
        ),
        "招标投标法 34, 36",
    ),
    Step(
        "tendering",
        ("centre",),
        "failed_tender",
        "failed",
        (revealing.deadline_has_come, revealing.too_few_bids),
        "招标投标法 28",
    ),
    Step(
        "opening",
        ("bidder",),
        "key_release",
        None,
        (bidding.bid_key_is_author, revealing.bid_is_in_opening, revealing.bidder_key_may_open, revealing.key_fits_bid),
        "电子招标投标办法 30",
    ),
    Step(
        "opening",
        ("custodian",),
        "share_release",
        None,
        (revealing.bid_is_in_opening, revealing.share_fits_bid),
        "电子招标投标办法 30",
    ),
    Step(
        "opening",
        ("centre",),
        "bid_disclosure",
        None,
        (revealing.bid_is_in_opening, revealing.not_yet_disclosed, revealing.failure_is_not_early),
        "招标投标法 36; 电子招标投标办法 30, 31",
    ),
    Step("opening", ANYONE, "objection", None, (objecting.objection_is_in_time,), "招标投标法实施条例 44"),
    Step("opening", TENDERER, "objection_reply", None, (objecting.objection_is_open,), "招标投标法实施条例 44"),
    Step(
        "opening",
        ("centre",),
        "opening_record",
        "opened",
        (tendering.not_paused, revealing.all_are_disclosed, revealing.record_repeats_disclosures),
        "招标投标法 36; 电子招标投标办法 32",
    ),
    # 评
    Step("opened", ("centre", "supervisor"), "tie_draw", None, (awarding.tie_draw_repeats,), "招标文件; 87号令 57"),
    Step(
        "opened",
        ("expert", "centre"),
        "evaluation_report",
        "reported",
        (tendering.not_paused, awarding.report_has_session, awarding.report_recomputes),
        "招标投标法 40; 招标投标法实施条例 53",
    ),
    Step("opened", ("centre", *TENDERER), "failed_tender", "failed", (revealing.none_is_valid,), "招标投标法 42"),
    Step("reported", ("expert",), "report_signature", None, (awarding.signer_is_member,), "招标投标法实施条例 53"),
    Step(
        "reported",
        ("centre", *TENDERER),
        "failed_tender",
        "failed",
        (awarding.report_is_signed, revealing.none_is_valid),
        "招标投标法 42",
    ),
    # 定
    Step(
        "reported",
        TENDERER,
        "candidate_publicity",
        "publicity",
        (
            tendering.not_paused,
            awarding.report_is_signed,
            awarding.publicity_repeats_report,
            awarding.publicity_is_long_enough,
        ),
        "招标投标法实施条例 54",
    ),
    Step(
        "reported",
        TENDERER,
        "award_notice",
        "awarded",
        (
            tendering.not_paused,
            awarding.publicity_is_not_required,
            awarding.report_is_signed,
            awarding.award_follows_ranking,
        ),
        "政府采购法实施条例 43",
    ),
    Step("publicity", ANYONE, "objection", None, (objecting.objection_is_in_time,), "招标投标法实施条例 54"),
    Step(
        "publicity",
        TENDERER,
        "objection_reply",
        objecting.reply_moves,
        (objecting.objection_is_open,),
        "招标投标法实施条例 54",
    ),
    Step(
        "publicity",
        TENDERER,
        "award_notice",
        "awarded",
        (tendering.not_paused, awarding.publicity_is_over, awarding.award_follows_ranking),
        "招标投标法 45; 招标投标法实施条例 55",
    ),
    Step("awarded", ANYONE, "objection", None, (objecting.objection_is_in_time,), "政府采购法 52"),
    Step("awarded", TENDERER, "objection_reply", None, (objecting.objection_is_open,), "政府采购法 53"),
    Step(
        "awarded",
        TENDERER,
        "award_notice",
        "awarded",
        (tendering.not_paused, awarding.award_goes_down_the_ranking, awarding.award_follows_ranking),
        "招标投标法实施条例 55; 政府采购法实施条例 49",
    ),
    Step(
        "awarded",
        TENDERER,
        "contract_filing",
        "contracted",
        (tendering.not_paused, awarding.contract_keeps_award),
        "招标投标法 46; 招标投标法实施条例 57",
    ),
    # 监督与终止
    *(
        Step(state, ANYONE, "complaint", None, (objecting.complaint_follows_objection,), "招标投标法实施条例 60")
        for state in ("tendering", "opened", "reported", "publicity", "awarded")
    ),
    *(
        Step(
            state, ("supervisor",), "complaint_decision", None, (objecting.complaint_is_open,), "招标投标法实施条例 61"
        )
        for state in ("tendering", "opened", "reported", "publicity", "awarded")
    ),
    *(
        Step(state, (*TENDERER, "centre", "supervisor"), "proposal", None, (), "双人复核")
        for state in ("registered", "tendering", "opening", "opened", "reported", "publicity", "awarded")
    ),
    *(
        Step(
            state,
            (*TENDERER, "supervisor"),
            "cancellation",
            "cancelled",
            (tendering.second_person_approved,),
            "招标投标法实施条例 31",
        )
        for state in ("registered", "tendering", "opening", "opened", "reported", "publicity")
    ),
    # An award binds the tenderer; only the supervisor can declare it void.
    Step(
        "awarded",
        ("supervisor",),
        "cancellation",
        "cancelled",
        (tendering.second_person_approved,),
        "招标投标法 45; 招标投标法实施条例 81",
    ),
)

FOLDS = {
    "project": tendering.project_folds,
    "tender_document": tendering.document_folds,
    "tender_notice": tendering.notice_folds,
    "question": tendering.question_folds,
    "clarification": tendering.clarification_folds,
    "deadline_extension": tendering.extension_folds,
    "proposal": tendering.proposal_folds,
    "outage_record": tendering.outage_folds,
    "objection": objecting.objection_folds,
    "objection_reply": objecting.reply_folds,
    "complaint": objecting.complaint_folds,
    "complaint_decision": objecting.complaint_decision_folds,
    "bid_commitment": bidding.commitment_folds,
    "sealed_bid": bidding.ciphertext_folds,
    "bid_confirmation": bidding.confirmation_folds,
    "bid_withdrawal": bidding.withdrawal_folds,
    "opening_start": revealing.opening_folds,
    "key_release": revealing.key_folds,
    "share_release": revealing.share_folds,
    "bid_disclosure": revealing.disclosure_folds,
    "opening_record": revealing.opening_record_folds,
    "tie_draw": awarding.tie_draw_folds,
    "evaluation_report": awarding.report_folds,
    "report_signature": awarding.signature_folds,
    "candidate_publicity": awarding.publicity_folds,
    "award_notice": awarding.award_folds,
}

LATE_STATES = ("opening", "opened", "reported", "publicity", "awarded", "contracted", "failed")

OPEN_TENDER = Procedure(
    id="open_tender",
    title=Text("公开招标", "Open tender"),
    prefix="t",
    states=STATES,
    terminal=frozenset({"contracted", "failed", "cancelled"}),
    steps=STEPS,
    folds=FOLDS,
    closed={
        (family, state): bidding.late
        for family in ("bid_commitment", "sealed_bid", "bid_confirmation", "bid_withdrawal")
        for state in LATE_STATES
    },
    secret_families=frozenset({"bid_commitment", "sealed_bid", "bid_confirmation", "bid_withdrawal"}),
    secret_kinds=bidding.SECRET_KINDS,
    unlisted_kinds=frozenset(
        {"recipient", "ciphertext", "key", "report_signature", "objection", "complaint", "proposal", "outage"}
    ),
    slots=SLOTS,
    due=(Due("opening", "tendering", "deadline"),),
)
