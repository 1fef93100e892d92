"""Payloads of printed records; names and figures are fictional."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tradehall.adapters.pdf.report import CaseFacts

AT = datetime(2026, 3, 20, 10, 15, 30, tzinfo=timezone(timedelta(hours=8)))
MEMBERS = [f"person:{c * 16}" for c in "abcde"]
NAMES = dict(zip(MEMBERS, ["周启明", "沈若澜", "顾𪟝䶮", "陆承安", "韩秋实"], strict=True))
FIRMS = [
    "安澜水利工程股份有限公司",
    "锦城建设集团有限公司",
    "蓉西市政工程有限公司",
    "雪山路桥建设有限公司",
    "天府机电安装有限公司",
    "𬬭安环保科技有限公司",
]
CASE = "t-abcdefghijklmnopqrstuvwxyz"
ROOT = "5d" * 32


def money(amount):
    return {"amount": amount, "currency": "CNY"}


def firm(n):
    return {"id": f"org:91510100MA6CDXAM{n}J", "name": FIRMS[n % len(FIRMS)]}


def submission(n):
    return "b-" + "abcdefghijklmnopqrstuvwxyz"[n % 26] * 26


FACTS = CaseFacts(
    publisher="示例市公共资源交易平台",
    made_at=AT,
    digest="sha256:" + "3f" * 32,
    case=CASE,
    project_name="兴隆湖片区智慧水务提升工程（施工）",
    project_code="A5101000001000417",
    tenderer={"id": "org:91510100MA6CDXAM3K", "name": "兴隆湖水务投资有限公司"},
    url="https://hall.example/r/3f3f3f3f",
    place="三楼一号开标室",
    bid_deadline="2026-03-25T09:30:00+08:00",
    lot_names={"L1": "管网改造", "L2": "泵站"},
    venues=("主场示例市", "副场北城", "副场南城"),
    names=NAMES,
    positions={MEMBERS[4]: "不同意，理由附后"},
    family_title="投标承诺",
)

REPORT = {
    "lot": "L1",
    "session": "r-abcdefghijklmnopqrstuvwxyz",
    "chair": MEMBERS[1],
    "members": MEMBERS,
    "method": {
        "name": "comprehensive_score",
        "price": {
            "formula": "mean_base",
            "weight_points": "30.00",
            "parameters": {},
            "rounding": {"mode": "half_up", "places": 2},
        },
        "criteria": [
            {"id": f"T{i}", "title": title, "kind": kind, "max": points, "min": "0.00"}
            for i, (title, kind, points) in enumerate(
                [
                    ("施工组织设计", "subjective", "25.00"),
                    ("质量安全保证措施", "subjective", "20.00"),
                    ("类似工程业绩", "objective", "15.00"),
                    ("项目管理机构", "objective", "10.00"),
                ],
                1,
            )
        ],
        "aggregation": "trimmed_mean",
        "adjustments": {},
        "tie_break": ["price", "draw"],
        "reject_above_ceiling": True,
        "reject_below_floor": False,
    },
    "price": {
        "base": "38250000.00",
        "steps": [{"k": "有效报价平均值", "v": "39030612.24"}, {"k": "下浮系数", "v": "0.98"}],
    },
    "bids": [
        {
            "submission": submission(n),
            "bidder": firm(n),
            "price": money(f"{38000000 + 317000 * n}.00"),
            "adjusted": money(f"{38000000 + 317000 * n}.00"),
            "price_score": f"{29.5 - n:.2f}",
            "expert_scores": [{"expert": m, "total": f"{62.25 - n - i / 4:.2f}"} for i, m in enumerate(MEMBERS)],
            "total": f"{91.75 - 2 * n:.2f}",
            "rank": n + 1,
        }
        for n in range(5)
    ]
    + [
        {
            "submission": submission(5),
            "bidder": firm(5),
            "price": money("41900000.00"),
            "rejected": {"ground": "over_ceiling", "explanation": "投标报价高于最高投标限价。"},
        }
    ],
    "tie_draws": [],
    "candidates": [
        {
            "rank": n + 1,
            "bidder": firm(n),
            "submission": submission(n),
            "price": money(f"{38000000 + 317000 * n}.00"),
            "total": f"{91.75 - 2 * n:.2f}",
        }
        for n in range(3)
    ],
    "recommendation": ["评标委员会按照招标文件规定的评标标准和方法完成评审，按综合得分由高到低推荐上列中标候选人。"],
}

OPENING = {
    "lots": [
        {
            "lot": "L1",
            "accepted_root": ROOT,
            "ceiling": money("41800000.00"),
            "bids": [
                {
                    "submission": submission(n),
                    "bidder": firm(n),
                    "price": money(f"{38000000 + 317000 * n}.00"),
                    "outcome": "opened",
                }
                for n in range(34)
            ]
            + [{"submission": submission(25), "outcome": "failed_bidder", "cause": "not_released"}],
            "factors": {"k": "0.98"},
        },
        {
            "lot": "L2",
            "accepted_root": ROOT,
            "ceiling": money("9600000.00"),
            "bids": [
                {"submission": submission(n), "bidder": firm(n), "price": money("9120000.00"), "outcome": "opened"}
                for n in range(3)
            ],
        },
    ],
    "objections": [],
    "closed_at": "2026-03-25T10:02:11.000+08:00",
}

AWARD = {
    "lot": "L1",
    "winner": firm(0),
    "submission": submission(0),
    "price": money("38000000.00"),
    "rank": 1,
    "publicity": "sha256:" + "7a" * 32,
}

RECEIPT = {
    "type": "receipt",
    "record": "sha256:" + "1b" * 32,
    "case": CASE,
    "family": "bid_commitment",
    "schema": {"id": "bid_commitment", "version": "1.0.0", "digest": "sha256:" + "2c" * 32},
    "accepted_at": "2026-03-24T08:41:12.345Z",
    "epsilon_ms": 40,
    "node": "node:example",
    "leaf": {"index": 1841, "salt": "0f" * 16},
    "log": {
        "checkpoint": "hall.example/log\n1842\nXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXQ=\n\n— hall.example/log q1w2e3r4",
        "proof": ["9c" * 32, "4e" * 32, "7d" * 32],
    },
}
