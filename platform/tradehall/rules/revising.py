"""
The revision of a standard (标准修订): a draft, comments with replies, two officers who did not make it, one release.

What officers sign is the statement of a release (``tradehall_standards.release``); the records of the case carry their
signatures, and the published file is an attachment of the publication.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tradehall.kernel.case import Effects, Fact
from tradehall.kernel.payload import obj
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, refuse

if TYPE_CHECKING:
    from tradehall_standards import Json

APPROVERS = 2
"""Officers who must approve beside those who made the draft (双人复核)."""


def draft_is_working(view: View) -> Refusal | None:
    """Refuse a draft for approval before anybody was consulted."""
    return _stage(view, "working")


def draft_is_for_approval(view: View) -> Refusal | None:
    """Refuse a working draft where one for approval is due."""
    return _stage(view, "approval")


def _stage(view: View, stage: str) -> Refusal | None:
    if view.payload["stage"] == stage:
        return None
    return refuse("REVISION-WRONG", why=f"阶段应为 {stage} / stage", pointer="/stage")


def draft_is_of_the_same_standard(view: View) -> Refusal | None:
    """Refuse a draft of another standard than the case is about."""
    if view.payload["standard"] == view.case.text("standard"):
        return None
    return refuse("REVISION-WRONG", why=f"标准 / {view.case.text('standard')}", pointer="/standard")


def draft_is_the_latest(view: View) -> Refusal | None:
    """Refuse what speaks of another draft than the latest one."""
    if view.payload["draft"] == view.case.text("draft"):
        return None
    return refuse("REVISION-WRONG", why="不是最新草案 / not the latest draft", pointer="/draft")


def consultation_lasts(view: View) -> Refusal | None:
    """Refuse a consultation that ends before the day after it begins."""
    if date.fromisoformat(str(view.payload["ends_on"])) > view.today:
        return None
    return refuse("REVISION-WRONG", why="征求意见截止日期 / last day", pointer="/ends_on")


def consultation_is_open(view: View) -> Refusal | None:
    """Refuse a comment after the last day."""
    if view.today.isoformat() <= view.case.text("consultation_ends"):
        return None
    return refuse("REVISION-WRONG", why=f"征求意见已截止 / ended on {view.case.text('consultation_ends')}")


def consultation_has_ended(view: View) -> Refusal | None:
    """Refuse to go on while comments may still come."""
    if view.today.isoformat() > view.case.text("consultation_ends"):
        return None
    return refuse("REVISION-WRONG", why=f"征求意见未截止 / open until {view.case.text('consultation_ends')}")


def comments_are_answered(view: View) -> Refusal | None:
    """Refuse to go on while a comment has no reply."""
    if all(answered is True for _, answered in view.facts.all("comment")):
        return None
    return refuse("REVISION-WRONG", why="有意见未处理 / a comment has no reply")


def comment_is_known(view: View) -> Refusal | None:
    """Refuse a reply to what is no comment of this case, or was replied to."""
    if view.facts.get("comment", str(view.payload["comment"])) is False:
        return None
    return refuse("REVISION-WRONG", why="没有这条待处理意见 / no such open comment", pointer="/comment")


def checker_is_no_maker(view: View) -> Refusal | None:
    """Refuse an approval by whoever made a draft of this case, and a second one by the same officer."""
    made = view.facts.get("maker", view.author) is not None
    approved = view.facts.get("approval", _approval(view)) is not None
    return refuse("FOUR-EYES") if made or approved else None


def approval_is_of_the_statement(view: View) -> Refusal | None:
    """Refuse a signature on another statement than the draft names."""
    if view.payload["decision"] == "refuse" or view.payload["statement"] == view.case.text("statement"):
        return None
    return refuse("REVISION-WRONG", why="发布声明与草案不符 / another statement", pointer="/statement")


def publication_is_what_was_approved(view: View) -> Refusal | None:
    """Refuse to publish another statement than was approved, or without its signed file."""
    if view.payload["statement"] != view.case.text("statement"):
        return refuse("REVISION-WRONG", why="发布声明与批准不符 / another statement", pointer="/statement")
    attached = [attachment.sha256 for attachment in view.filed.record.attachments]
    if attached != [view.payload["envelope"]]:
        return refuse("ATTACHMENT-WRONG", why="签名文件 / signed file", pointer="/envelope")
    return None


def review_opens(view: View) -> Refusal | None:
    """Refuse an outcome of a review that was not opened."""
    opened = view.payload["outcome"] == "opened"
    return None if opened else refuse("REVISION-WRONG", why="尚未启动复审 / no review is open", pointer="/outcome")


def review_concludes(view: View) -> Refusal | None:
    """Refuse to open a review twice."""
    opened = view.payload["outcome"] == "opened"
    return refuse("REVISION-WRONG", why="复审已启动 / a review is open", pointer="/outcome") if opened else None


def another_officer_acts(view: View) -> Refusal | None:
    """Refuse to end a standard by whoever took the last decision on it."""
    return refuse("FOUR-EYES") if view.author == view.case.text("officer") else None


def end_is_not_past(view: View) -> Refusal | None:
    """Refuse to end a standard from a day that has passed: records of that day were lawful."""
    if date.fromisoformat(str(view.payload["on"])) >= view.today:
        return None
    return refuse("REVISION-WRONG", why="生效日期已过 / the day has passed", pointer="/on")


def approval_moves(view: View) -> str:
    """Return the state after an approval: a refusal leads back to the draft, the second approval on."""
    if view.payload["decision"] == "refuse":
        return "drafting"
    draft = view.case.text("draft")
    given = sum(key.startswith(f"{draft} ") for key, _ in view.facts.all("approval"))
    return "approved" if given + 1 >= APPROVERS else "for_approval"


def _approval(view: View) -> str:
    return f"{view.case.text('draft')} {view.author}"


def draft_folds(view: View) -> Effects:
    """Note the latest draft and everybody who made one (草案)."""
    p = view.payload
    head: dict[str, Json] = {
        "parties": {},
        "regime": "",
        "region": "",
        "title": obj(p["title"])["zh"],
        "standard": p["standard"],
        "draft": view.digest,
        "statement": p.get("statement"),
    }
    return Effects(head=head, facts=(Fact("maker", view.author, value=True),))


def consultation_folds(view: View) -> Effects:
    """Note until when comments may come (征求意见)."""
    return Effects(head={"consultation_ends": view.payload["ends_on"]})


def comment_folds(view: View) -> Effects:
    """Note a comment that waits for its reply (意见)."""
    return Effects(facts=(Fact("comment", view.digest, value=False),))


def reply_folds(view: View) -> Effects:
    """Note that a comment has its reply (意见处理)."""
    return Effects(facts=(Fact("comment", str(view.payload["comment"]), value=True),))


def approval_folds(view: View) -> Effects:
    """Note who approved the latest draft, with the signature (批准)."""
    if view.payload["decision"] == "refuse":
        return Effects()
    signature = {"key": view.payload["key"], "signature": view.payload["signature"]}
    return Effects(facts=(Fact("approval", _approval(view), signature),))


def publication_folds(view: View) -> Effects:
    """Note release and dates (发布)."""
    p = view.payload
    return Effects(head={"release": p["release"], "in_force_from": p["in_force_from"], "officer": view.author})


def officer_folds(view: View) -> Effects:
    """Note who took the last decision on the standard (复审、停止推荐、废止)."""
    return Effects(head={"officer": view.author})
