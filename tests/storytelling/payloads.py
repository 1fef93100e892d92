"""What people file when a story does not say otherwise 缺省内容: a small road tender, lawful in every number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from storytelling.people import ZONE, Cast

PROJECT_CODE = "E5101000001000001"
STRATA = ({"id": "TECH", "name": "市政工程", "seats": 3}, {"id": "ECON", "name": "工程造价", "seats": 2})


def yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def written(at: datetime) -> str:
    return at.astimezone(ZONE).isoformat(timespec="milliseconds")


def project(cast: Cast, headers: Mapping[str, str], lots: Sequence[str]) -> dict[str, Any]:
    regime = headers.get("regime", "tender_law")
    estimate = headers.get("estimate", "20000000.00")
    total = f"{int(estimate.split('.')[0]) * len(lots)}.{estimate.split('.')[1]}"
    return {
        "project_code": PROJECT_CODE,
        "name": "示例大道市政道路改造工程（虚构）",
        "regime": regime,
        "category": "A",
        "sector": "A02",
        "region": "510100",
        "state_funded": True,
        "tenderer": cast["tenderer"].organisation,
        "agency": cast["agency"].organisation,
        "supervisor": cast["supervisor"].organisation,
        "estimate": yuan(total),
        "procurement_kind": "goods" if regime == "gov_procurement" else "works",
        "lots": [{"id": lot, "name": f"标段 {lot}", "estimate": yuan(estimate)} for lot in lots],
    }


def document() -> dict[str, Any]:
    return {
        "title": "示例大道市政道路改造工程招标文件（虚构）",
        "edition": 1,
        "notice_title": "示例大道市政道路改造工程招标公告（虚构）",
        "qualification": ["具有市政公用工程施工总承包二级及以上资质。"],
        "substantive": ["工期不超过 240 日历天。"],
        "evaluation": {
            "name": "comprehensive_score",
            "price": {
                "formula": "low_price_priority",
                "weight_points": "60.00",
                "parameters": {},
                "rounding": {"mode": "half_up", "places": 2},
            },
            "criteria": [
                {"id": "T1", "title": "施工组织设计", "kind": "subjective", "max": "25.00", "min": "0.00"},
                {"id": "T2", "title": "项目管理机构", "kind": "subjective", "max": "15.00", "min": "0.00"},
            ],
            "aggregation": "mean",
            "adjustments": {},
            "tie_break": ["price", "draw"],
            "reject_above_ceiling": True,
            "reject_below_floor": False,
        },
        "committee": {"size": 5, "experts_min": 5, "strata": [dict(s) for s in STRATA]},
        "bid_validity_days": 90,
        "performance_security_ratio": "0.10",
    }


def notice(
    headers: Mapping[str, str],
    lots: Sequence[str],
    *,
    document: str,
    custodians: Sequence[Mapping[str, Any]],
    at: datetime,
    deadline: datetime,
) -> dict[str, Any]:
    return {
        "title": "示例大道市政道路改造工程招标公告（虚构）",
        "project_code": PROJECT_CODE,
        "document": document,
        "lots": [_lot(headers, lot) for lot in lots],
        "document_sale": {"start": written(at), "end": written(at + timedelta(days=8))},
        "issued_at": written(at),
        "bid_deadline": written(deadline),
        "opening": {"at": written(deadline), "place": "阳光交易大厅（线上）"},
        "bid_validity_days": 90,
        "opening_policy": "bidder_or_custodians",
        "custodians": [dict(c) for c in custodians],
        "threshold": 2,
        "grace_seconds": 0,
        "question_deadline": written(at + timedelta(days=14)),
        "media": ["阳光交易大厅（演示）"],
        "contacts": [{"name": "张示例", "phone": "028-00000000", "email": "tender@tradehall.example"}],
    }


def _lot(headers: Mapping[str, str], lot: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": lot,
        "name": f"标段 {lot}",
        "scope": "道路、排水、照明工程。",
        "ceiling": yuan(headers.get("estimate", "20000000.00")),
    }
    if "security" in headers:
        made["bid_security"] = {"amount": yuan(headers["security"]), "forms": ["guarantee_letter"]}
    if "floor" in headers:
        made["floor"] = yuan(headers["floor"])
    return made


def session(cast: Cast, tender: str, lots: Sequence[str], at: datetime) -> dict[str, Any]:
    return {
        "tender": tender,
        "lots": list(lots),
        "lead_venue": {"id": "CD", "city": "510100", "centre": cast["centre/chengdu"].organisation},
        "remote_venues": [{"id": "DY", "city": "510600", "centre": cast["centre/deyang"].organisation}],
        "starts_at": written(at + timedelta(hours=1)),
        "ends_at": written(at + timedelta(hours=7)),
        "seats_wanted": [{"venue": "CD", "count": 3}, {"venue": "DY", "count": 2}],
        "committee_size": 5,
    }


SEATS = (("CD", "CD-1"), ("CD", "CD-2"), ("CD", "CD-3"), ("DY", "DY-1"), ("DY", "DY-2"))


def draft(family: str, digest: str) -> dict[str, Any]:
    """The draft of a minor version; with the digest of its release's statement it is one for approval."""
    made: dict[str, Any] = {
        "standard": f"{family}/1.1.0",
        "kind": "schema",
        "title": {"zh": "增加联系方式", "en": "A contact is added"},
        "stage": "approval" if digest else "working",
        "baseline": f"{family}/1.0.0",
        "files": [{"path": f"records/{family}/1.1.0/schema.json", "sha256": "d4" * 32}],
        "verdict": {"backward": "proved", "forward": "refuted", "floor": "minor", "witness": "sha256:" + "b2" * 32},
        "summary": ["增加可选字段“联系方式”。"],
    }
    return made | {"statement": digest} if digest else made
