"""The verifier's own arts against the platform's, against another library, and against published values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing.chance import repeatable
from tradehall import verifier
from tradehall.rules import drawing, merkle, opening_set, scoring, sealing
from verifier import making

FORMULAS: dict[str, dict[str, str]] = {
    "low_price_priority": {},
    "mean_base": {"k": "0.02", "trim_from": "5", "e_hi": "1.0", "e_lo": "0.5"},
    "composite": {"a": "0.4", "k1": "0.97", "k2": "0.98", "trim_from": "3", "e_hi": "0.9", "e_lo": "0.6"},
    "utility": {"e_hi": "0.5", "e_lo": "0.3"},
    "interval": {"base": "mean", "trim_from": "4"},
    "none": {},
}
BANDS = [["0.90", "0.95", "25", "30"], ["0.95", "1.00", "30", "30"], ["1.00", "1.05", "30", "15"]]
PRICES = st.integers(8_000, 12_500).map(lambda n: f"{n}00.{n % 100:02d}") | st.sampled_from(["1000000.00", "0.00"])


@st.composite
def methods(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["comprehensive_score"] * 6 + ["lowest_price", "lowest_evaluated_price"]))
    formula = draw(st.sampled_from(sorted(FORMULAS))) if name == "comprehensive_score" else "none"
    parameters = dict(FORMULAS[formula])
    if formula == "interval":
        parameters["base"] = base = draw(st.sampled_from(["mean", "lowest", "ceiling", "composite"]))
        parameters |= {"a": "0.4", "k1": "0.97", "k2": "0.98"} if base == "composite" else {}
        if base in {"lowest", "ceiling"}:
            del parameters["trim_from"]
    if draw(st.booleans()):
        parameters["base_set"] = draw(st.sampled_from(["valid", "opened"]))
    aggregation = draw(st.sampled_from(["mean", "trimmed_mean", "replace_abnormal"]))
    if aggregation == "replace_abnormal" and draw(st.booleans()):
        parameters["abnormal_ratio"] = "0.20"
    price: dict[str, Any] = {
        "formula": formula,
        "weight_points": "0.00" if formula == "none" else "30.00",
        "parameters": parameters,
        "rounding": {"mode": "half_up", "places": draw(st.integers(0, 2))},
    }
    if formula == "interval":
        price["bands"] = BANDS
    return {
        "name": name,
        "price": price,
        "criteria": [
            {"id": "T1", "title": "技术", "kind": "subjective", "max": "40.00", "min": "0.00"},
            {"id": "T2", "title": "业绩", "kind": "objective", "max": "30.00", "min": "5.00"},
        ],
        "aggregation": aggregation,
        "adjustments": draw(
            st.sampled_from([{}, {"small_micro_rate": "0.10"}, {"small_micro_rate": "0.04", "domestic_factor": "0.80"}])
        ),
        "tie_break": draw(st.permutations(["price", "expert", "draw"])),
        "reject_above_ceiling": draw(st.booleans()),
        "reject_below_floor": draw(st.booleans()),
    }


@st.composite
def disclosures(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(0, 6))
    return [
        {
            "submission": f"b-{chr(97 + place) * 26}",
            "bidder": {"id": f"org:{place}", "name": f"单位 {place}", "certificate": "x"},
            "price": making.money(draw(PRICES)),
            "attributes": {"small_or_micro": draw(st.booleans()), "domestic_product": draw(st.booleans())},
            **({"guarantee": {"result": "invalid", "reasons": ["expired"]}} if draw(st.integers(0, 9)) == 0 else {}),
        }
        for place in range(count)
    ]


@st.composite
def sheets(draw: st.DrawFn, bids: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def row(submission: str) -> dict[str, Any]:
        rejects = draw(st.integers(0, 5)) == 0
        first, second = draw(st.integers(0, 80)), draw(st.integers(10, 60))
        items = [
            {"criterion": "T1", "points": f"{Decimal(first) / 2:.2f}"},
            {"criterion": "T2", "points": f"{Decimal(second) / 2:.2f}"},
        ]
        found: dict[str, Any] = {"submission": submission, "items": items}
        if rejects:
            found["reject"] = {"ground": draw(st.sampled_from(["RJ-5", "RJ-6"])), "explanation": "x"}
            found["items"] = items if draw(st.booleans()) else []
        return found

    experts = draw(st.integers(1, 5))
    return [
        {"expert": making.EXPERTS[i], "lot": "L1", "scores": [row(p["submission"]) for p in bids]}
        for i in range(experts)
    ]


def platform_result(
    method: dict[str, Any], bids: list[dict[str, Any]], panel: list[dict[str, Any]], order: list[str]
) -> dict[str, Any]:
    rejected = scoring.Rejection("RJ-G1", "expired")
    result = scoring.evaluate(
        method,
        [
            scoring.Bid(
                p["submission"],
                scoring.Bidder(p["bidder"]["id"], p["bidder"]["name"]),
                Decimal(p["price"]["amount"]),
                rejected=rejected if "guarantee" in p else None,
                **p["attributes"],
            )
            for p in bids
        ],
        [scoring.read_sheet(s["expert"], s) for s in panel],
        ceiling=Decimal(1_100_000),
        floor=Decimal(850_000),
        factors={},
        tie_order={"0" * 64: order},
    )
    fields = scoring.report_fields(result)
    figures = {scoring.TENDER_LAW.ceiling, scoring.TENDER_LAW.floor, scoring.TENDER_LAW.no_price}
    for row in fields["bids"]:
        if "rejected" in row:
            ground, why = row["rejected"]["ground"], row["rejected"]["explanation"]
            row["rejected"] = "*" if ground in figures and "投标报价" in why else ground
    return {"base": fields["price"].get("base"), "bids": fields["bids"], "candidates": fields["candidates"]}


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.data())
def test_scores_and_ranking_are_the_platforms_to_the_same_bytes(data: st.DataObject) -> None:
    method, bids = data.draw(methods()), data.draw(disclosures())
    panel = data.draw(sheets(bids))
    order = data.draw(st.permutations([p["submission"] for p in bids]))
    try:
        expected = platform_result(method, bids, panel, order)
    except scoring.MethodUnsound:
        return
    evaluation = verifier.Evaluation(
        method=method,
        bids={p["submission"]: p for p in bids},
        sheets=panel,
        ceiling=Decimal(1_100_000),
        floor=Decimal(850_000),
        factors={},
        decided={},
        orders={"0" * 64: order},
    )
    found = evaluation.result()
    assert found == expected


# docs of the formulas: method parameters, ceiling, prices, base, scores
VECTORS = [
    ("low_price_priority", "30.00", {}, ["950000", "1000000", "1200000"], "950000.00", ["30.00", "28.50", "23.75"]),
    ("low_price_priority", "10.00", {}, ["88.50", "92.00", "100.00"], "88.50", ["10.00", "9.62", "8.85"]),
    (
        "mean_base",
        "60.00",
        {"k": "0.02", "trim_from": "5", "e_hi": "1.0", "e_lo": "0.5"},
        ["9000000", "9400000", "9600000", "9800000", "10500000"],
        "9408000.00",
        ["57.83", "59.96", "57.96", "55.83", "48.39"],
    ),
    (
        "composite",
        "60.00",
        {"a": "0.4", "k1": "0.97", "k2": "0.98", "trim_from": "5", "e_hi": "0.9", "e_lo": "0.6"},
        ["9850000", "9620000", "9480000", "9310000", "9100000", "8800000", "8500000"],
        "9326056.00",
        ["54.94", "57.17", "58.52", "59.90", "58.55", "56.62", "54.68"],
    ),
    ("utility", "40.00", {"e_hi": "0.5", "e_lo": "0.3"}, ["100", "110", "120"], "110.00", ["37.27", "40.00", "35.46"]),
]


@pytest.mark.parametrize(("formula", "weight", "parameters", "prices", "base", "scores"), VECTORS)
def test_price_scores_are_the_published_ones(
    formula: str, weight: str, parameters: dict[str, str], prices: list[str], base: str, scores: list[str]
) -> None:
    price = {"formula": formula, "weight_points": weight, "parameters": parameters, "rounding": {"places": 2}}
    bids = {
        f"b{i}": {"submission": f"b{i}", "bidder": {"id": f"o{i}", "name": "x"}, "price": making.money(amount)}
        for i, amount in enumerate(prices)
    }
    method = {
        "name": "comprehensive_score",
        "price": price,
        "criteria": [],
        "aggregation": "mean",
        "tie_break": ["price"],
        "reject_above_ceiling": False,
        "reject_below_floor": False,
    }
    evaluation = verifier.Evaluation(
        method=method,
        bids=bids,
        sheets=[],
        ceiling=Decimal(10_000_000),
        floor=None,
        factors={},
        decided={},
        orders={},
    )
    result = evaluation.result()
    assert result["base"] == base
    assert {row["submission"]: row["price_score"] for row in result["bids"]} == dict(zip(bids, scores, strict=True))


def test_a_criterion_scored_twice_missing_or_out_of_range_is_found() -> None:
    method = {**making.METHOD, "adjustments": {}}
    bid = {"submission": "b", "bidder": {"id": "o", "name": "x"}, "price": making.money("100.00")}
    good = [{"criterion": "T1", "points": "30.00"}]
    for items, is_sound in (
        (good, True),
        (good * 2, False),
        ([], False),
        ([{"criterion": "T1", "points": "40.01"}], False),
        ([{"criterion": "T2", "points": "1.00"}], False),
    ):
        panel = [{"expert": "e", "lot": "L1", "scores": [{"submission": "b", "items": items}]}]
        evaluation = verifier.Evaluation(
            method=method, bids={"b": bid}, sheets=panel, ceiling=None, floor=None, factors={}, decided={}, orders={}
        )
        if is_sound:
            assert evaluation.result()["bids"][0]["total"] == "90.00"
            continue
        with pytest.raises(verifier.Wrong, match="score-range"):
            evaluation.result()


def test_files_of_another_age_library_open() -> None:
    identity = pyrage.x25519.Identity.generate()
    secret = verifier.read_secret(str(identity))
    assert verifier.recipient_of(secret) == str(identity.to_public())
    for size in (0, 1, 65_535, 65_536, 65_537, 200_000):
        plaintext = bytes(range(256)) * (size // 256) + bytes(size % 256)
        sealed = b"".join(sealing.age_encrypt([plaintext], str(identity.to_public()), repeatable(f"{size}")))
        assert pyrage.decrypt(sealed, [identity]) == plaintext
        assert verifier.age_decrypt(memoryview(sealed), secret) == plaintext


def test_the_keys_of_the_age_specification() -> None:
    # c2sp.org/age
    text = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
    assert verifier.read_secret(text) == b"\x42" * 32
    assert verifier.recipient_of(b"\x42" * 32) == "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
    for place in range(16, len(text)):
        other = "P" if text[place] != "P" else "Z"
        with pytest.raises(ValueError, match=r".*"):
            verifier.read_secret(text[:place] + other + text[place + 1 :])


def test_no_changed_byte_of_an_age_file_opens() -> None:
    secret = sealing.new_secret(repeatable("k"))
    sealed = b"".join(sealing.age_encrypt([b"price 100"], sealing.recipient_of_secret(secret), repeatable("f")))
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        with pytest.raises(ValueError, match=r".*"):
            verifier.age_decrypt(memoryview(bytes(changed)), secret)
    for bad in (sealed[:-1], sealed + b"\0", b"", sealed[:168]):
        with pytest.raises(ValueError, match=r".*"):
            verifier.age_decrypt(memoryview(bad), secret)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40, unique=True))
def test_roots_and_proofs_are_the_platforms(leaves: list[bytes]) -> None:
    digests = ["sha256:" + leaf.hex() for leaf in leaves]
    assert verifier.tree_root(leaves).hex() == opening_set.accepted_root(digests)
    nodes = merkle.MemoryNodes(map(merkle.leaf_hash, leaves))
    root, size = merkle.root(nodes, len(leaves)), len(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(nodes, index, size)
        assert verifier.is_included(merkle.leaf_hash(leaf), index, size, proof, root)
        assert not verifier.is_included(merkle.leaf_hash(leaf + b"x"), index, size, proof, root)
        assert not verifier.is_included(merkle.leaf_hash(leaf), index + 1, size, proof, root)
        assert not verifier.is_included(merkle.leaf_hash(leaf), index, size, [*proof, root], root)


def test_tie_draws_are_recomputed() -> None:
    committed, revealed = making.nonces("tie")
    names = ["b-" + letter * 26 for letter in "abc"]
    seed = drawing.seed(
        pool_root=drawing.commit(",".join(names)),
        pool_size=3,
        nonces={n["holder"]: n["nonce"] for n in revealed},
        purpose=f"tie:{making.TENDER}:L1",
    )
    drawn = {
        "lot": "L1",
        "submissions": names,
        "commitments": committed,
        "nonces": revealed,
        "seed": seed,
        "order": list(drawing.tie_order(seed, "L1", names)),
    }
    salted = [{"holder": n["holder"], "commitment": drawing.commit(n["nonce"], n["holder"])} for n in revealed]
    for payload, rule in (
        (drawn, None),
        (drawn | {"commitments": salted}, None),
        (drawn | {"order": names[::-1] if drawn["order"] != names[::-1] else names}, "draw-order"),
        (drawn | {"seed": "0" * 64}, "draw-seed"),
        (drawn | {"commitments": committed[:2]}, "draw-nonce"),
        (drawn | {"nonces": []}, "draw-nonce"),
        (drawn | {"commitments": [*committed[:2], committed[0]]}, "draw-nonce"),
    ):
        hall = making.Hall()
        hall.file(making.TENDER, "tie_draw", payload, making.NODE)
        report = verifier.verify_bytes(hall.evidence())
        assert [finding.rule for finding in report.findings] == ([rule] if rule else [])
