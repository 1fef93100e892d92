"""
Preparing what the committee and the centre file (评审准备): the report's figures, the draw among tied bids.

Prepared here, judged at the door: the same pure function computes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tradehall.desk.accept import Outcome
from tradehall.desk.filing import CaseView, Desk
from tradehall.kernel.payload import Obj, obj
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import drawing, evaluating

if TYPE_CHECKING:
    from tradehall_standards import Json


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Prepares reports and tie draws (评审准备)."""

    desk: Desk

    def prepare(
        self, tender: str, lot: str, *, session: str | None, chair: str | None, decided: Mapping[str, Obj] | None = None
    ) -> dict[str, Json] | Refusal:
        """
        Return the payload of an evaluation report as the records give it (评标报告草稿), for the chair to file.

        Args:
            session: the ended remote session; None where the regime has no committee.
            decided: rejections by an authority without a committee: submission → ``{ground, explanation}``.
        """
        view = self.desk.look(tender)
        seats = self.desk.look(session) if session else None
        if view is None or (session and seats is None):
            return refuse("CASE-UNKNOWN", case=session or tender)
        if lot not in cast("list[str]", view.case.head.get("lots", [])):
            return refuse("LOT-UNKNOWN", lot=lot, pointer="/lot")
        result = evaluating.recompute(view.case, view.facts, lot, sheets=_sheets(seats, lot), decided=decided or {})
        if isinstance(result, Refusal):
            return result
        members: list[Json] = list(seats.case.table("members")) if seats else []
        payload: dict[str, Json] = {
            "lot": lot,
            "members": sorted(cast("list[str]", members)),
            "method": dict(view.case.table("evaluation")),
            **result,
            "recommendation": _recommendation(cast("list[Obj]", result["candidates"])),
        }
        if session and chair:
            payload |= {"session": session, "chair": chair}
        return payload

    def ties(
        self, tender: str, lot: str, *, session: str | None, decided: Mapping[str, Obj] | None = None
    ) -> tuple[str, ...]:
        """
        Return all bids that tie for a candidate's rank, sorted; empty when none does (同分投标).

        One draw orders every group of them: the lot keeps one draw, a second would take the place of the first.
        """
        view = self.desk.look(tender)
        if view is None:
            return ()
        seats = self.desk.look(session) if session else None
        result = evaluating.evaluate(view.case, view.facts, lot, sheets=_sheets(seats, lot), decided=decided or {})
        return () if isinstance(result, Refusal) else tuple(sorted(s for group in result.unresolved for s in group))

    def draw_tie(self, tender: str, lot: str, submissions: tuple[str, ...], nonces: Mapping[str, str]) -> Outcome:
        """File the draw among tied bids (同分抽签), from the nonces its holders revealed."""
        view = self.desk.look(tender)
        if view is None:
            return refuse("CASE-UNKNOWN", case=tender)
        seed = evaluating.tie_seed(view.case, lot, submissions, nonces, beacon={})
        payload: dict[str, Json] = {
            "lot": lot,
            "submissions": list(submissions),
            "commitments": [{"holder": h, "commitment": drawing.commit(n)} for h, n in sorted(nonces.items())],
            "nonces": [{"holder": h, "nonce": n} for h, n in sorted(nonces.items())],
            "seed": seed,
            "order": list(drawing.tie_order(seed, lot, submissions)),
        }
        return self.desk.file(tender, "tie_draw", payload)


def _sheets(seats: CaseView | None, lot: str) -> list[Obj]:
    if seats is None:
        return []
    return [obj(s) for key, s in seats.facts.all("sheet") if key.startswith(f"{lot}:")]


def _recommendation(candidates: list[Obj]) -> list[Json]:
    if not candidates:
        return ["无合格投标，建议否决全部投标。", "No bid qualifies; all bids are to be rejected."]
    names = "、".join(f"第{c['rank']}名 {obj(c['bidder'])['name']}" for c in candidates)
    return [f"推荐中标候选人：{names}。", f"Recommended: {len(candidates)} candidates in the order of rank."]
