"""The verifier in JavaScript says what the one in Python says, of good files and of every tampering we know."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from played import perform
from tradehall import verifier
from tradehall.kernel import receipts
from tradehall.rules import merkle
from verifier import making
from verifier.node import FOLDER, ask, run, verdict
from verifier.test_recomputing import disclosures, methods, sheets
from verifier.test_tampering import hostile_files

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(FOLDER.rglob("*.mjs"))


def test_it_says_what_python_says_of_every_tampering(tmp_path: Path) -> None:
    here = Path(__file__).parent
    tests = [str(here / name) for name in ("test_tampering.py", "test_recomputing.py", "test_program.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "verifier.recording", "-p", "no:cacheprovider", *tests]
    roots = os.pathsep.join(str(ROOT / name) for name in ("tests", "platform", "standards"))
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"RECORDING": str(tmp_path), "PYTHONPATH": roots},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    kept = [json.loads(path.read_text("utf-8")) for path in sorted(tmp_path.glob("*.json"))]
    assert len(kept) > 200
    seen = Counter[str]()
    for known, told in zip(kept, ask([row["asked"] for row in kept]), strict=True):
        assert verdict(told) == verdict(known["report"]), known["test"]
        assert told["notes"] == known["report"]["notes"]
        seen.update(finding["rule"] for finding in told["findings"])
    rare = {"guarantee-missing", "evidence-signature", "evidence-format", "score-range"}
    assert set(verifier.RULES) - set(seen) <= rare


def test_it_passes_a_tender_played_over_http(tmp_path: Path, catalogue: Any) -> None:
    made = perform(tmp_path, catalogue)
    file = made.facts["evidence"]
    report = verifier.verify(file)
    assert report.ok
    keys = verifier.parse(verifier.unzip(Path(file).read_bytes())["keys/node.json"])
    for trusted in ([], [keys["log_key"], keys["receipt_key"]], [keys["log_key"], "A" * 43]):
        known = verifier.verify(file, trusted_keys=verifier.TrustedKeys(trusted)).to_json()
        (told,) = ask([{"file": file, "nodeKeys": trusted}])
        assert verdict(told) == verdict(known)


def test_scores_and_ranking_are_the_same_bytes() -> None:
    cases: list[dict[str, Any]] = []

    @settings(derandomize=True, max_examples=150, deadline=None, database=None)
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        method, bids = data.draw(methods()), data.draw(disclosures())
        panel, order = data.draw(sheets(bids)), data.draw(st.permutations([p["submission"] for p in bids]))
        cases.append({"method": method, "bids": bids, "sheets": panel, "order": list(order)})

    collect()
    done = run(script=str(Path(__file__).parent / "evaluations.mjs"), given=json.dumps(cases))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) == len(cases) >= 100
    for case, found in zip(cases, told, strict=True):
        assert found == _evaluated(case)
    assert sum("wrong" not in found for found in told) > len(cases) / 2


def _evaluated(case: dict[str, Any]) -> dict[str, Any]:
    evaluation = verifier.Evaluation(
        method=case["method"],
        bids={p["submission"]: p for p in case["bids"]},
        sheets=case["sheets"],
        ceiling=Decimal(1_100_000),
        floor=Decimal(850_000),
        factors={},
        decided={},
        orders={"0" * 64: case["order"]},
    )
    try:
        with localcontext(Context(prec=60, rounding=ROUND_HALF_UP)):
            return evaluation.result()
    except verifier.BAD_SHAPES:
        return {"wrong": True}


def test_it_names_the_same_rules() -> None:
    text = (FOLDER / "core" / "words.mjs").read_text("utf-8")
    for rule, words in verifier.RULES.items():
        name = rule if rule.isidentifier() else f'"{rule}"'
        assert f"  {name}: {json.dumps(words, ensure_ascii=False)}," in text, rule


def test_exit_status_and_report(tmp_path: Path) -> None:
    file = tmp_path / "case.zip"
    hall = making.play_small()
    file.write_bytes(hall.evidence())
    good = run(str(file), f"--node-key={making.LOG}", "--witness-key", str(making.WITNESSES[0]))
    assert (good.returncode, good.stderr) == (0, "")
    assert "PASSED" in good.stdout
    assert "通过" in good.stdout
    assert "the file's own keys" not in good.stdout
    told = run(str(file), "--json", "--min-witnesses", "3")
    assert told.returncode == 1
    assert json.loads(told.stdout)["findings"][0]["en"] == verifier.RULES["witnesses"][1]
    late = making.seal(0, "x")
    hall.file(making.TENDER, "bid_withdrawal", late.named(), late.author, signer=late.signer)
    file.write_bytes(hall.evidence())
    bad = run(str(file))
    assert bad.returncode == 1
    assert f" {making.TENDER} #000009 bid_withdrawal  [bid-late]" in bad.stdout
    for wrong in (
        (),
        (str(file), str(file)),
        (str(file), "--else"),
        (str(file), "--min-witnesses", "x"),
        ("--record",),
    ):
        assert run(*wrong).returncode == 2, wrong
    assert run(str(tmp_path / "absent.zip")).returncode == 3


def test_receipts_and_log_proofs(tmp_path: Path) -> None:
    hall = making.play_small()
    content = hall.content()
    filed, entry = hall.filed[4], content.cases[0].records[4]
    receipt = _receipt(hall, filed, entry, content.checkpoint)
    record = {"envelope": json.loads(filed.body), "signature": filed.signature}
    names = {"receipt": receipt, "record": record, "proof": _proof(hall, filed, entry, content.checkpoint)}
    files = {name: tmp_path / f"{name}.json" for name in names}
    for name, value in names.items():
        files[name].write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    key = verifier.parse(verifier.unzip(hall.evidence())["keys/node.json"])["receipt_key"]
    keys = [f"--node-key={making.LOG}", f"--node-key={key}", *(f"--witness-key={w}" for w in making.WITNESSES)]
    told = json.loads(run(str(files["receipt"]), f"--record={files['record']}", "--json", *keys).stdout)
    assert (told["ok"], told["notes"]) == (True, [])
    assert told["checks"] == {"signature": 1, "checkpoint": 1, "witnesses": 2, "inclusion": 1}
    assert json.loads(run(str(files["proof"]), "--json", *keys).stdout)["checks"]["inclusion"] == 1
    assert run(str(files["receipt"])).returncode == 1  # without a key nothing is proved
    text = files["receipt"].read_text("utf-8")
    for old, new in (('"family": "', '"family": "x'), ('"index": 8', '"index": 9'), ("\\n\\n", "\\n")):
        assert old in text
        files["receipt"].write_text(text.replace(old, new), "utf-8")
        assert run(str(files["receipt"]), f"--record={files['record']}", *keys).returncode == 1, old
    files["receipt"].write_text(text, "utf-8")
    files["record"].write_text(json.dumps(record | {"signature": receipt["signature"]}), "utf-8")
    assert "[log-inclusion]" in run(str(files["receipt"]), f"--record={files['record']}", *keys).stdout
    wrong = names["proof"] | {"index": filed.index + 1}
    files["proof"].write_text(json.dumps(wrong), "utf-8")
    assert "[inclusion]" in run(str(files["proof"]), *keys).stdout


def test_a_later_checkpoint_must_extend_the_earlier(tmp_path: Path) -> None:
    hall = making.play_small()
    nodes, file = merkle.MemoryNodes(merkle.leaf_hash(leaf) for leaf in hall.leaves), tmp_path / "proof.json"
    size = len(nodes)
    for old in (1, 2, 5, 8, size):
        before, after = (making.checkpoint(merkle.root(nodes, n), n, hall.now) for n in (old, size))
        steps = [step.hex() for step in merkle.consistency_proof(nodes, old, size)]
        value = {"old_checkpoint": before, "checkpoint": after, "proof": steps}
        file.write_text(json.dumps(value), "utf-8")
        assert run(str(file), f"--node-key={making.LOG}").returncode == 0, old
        other = making.checkpoint(bytes(32), old, hall.now)
        file.write_text(json.dumps(value | {"old_checkpoint": other}), "utf-8")
        assert "[consistency]" in run(str(file), f"--node-key={making.LOG}").stdout


def _receipt(hall: making.Hall, filed: making.Filed, entry: Any, checkpoint: str) -> dict[str, Any]:
    schema = json.loads(filed.body)["schema"]
    accepted = receipts.Accepted(filed.digest, filed.case, filed.family, schema, filed.at, filed.salt, filed.index)
    key = making.ed25519_key("receipt")
    return receipts.build_receipt(
        accepted,
        node=making.NODE,
        checkpoint=checkpoint,
        proof=entry.proof,
        public=key.public_key().public_bytes_raw(),
        signer=key.sign,
    )


def _proof(hall: making.Hall, filed: making.Filed, entry: Any, checkpoint: str) -> dict[str, Any]:
    steps = [step.hex() for step in entry.proof]
    leaf = merkle.leaf_hash(hall.leaves[filed.index]).hex()
    return {"index": filed.index, "size": len(hall.leaves), "leaf": leaf, "proof": steps, "checkpoint": checkpoint}


def test_a_file_of_hostile_shape_is_a_finding_and_never_a_crash(tmp_path: Path) -> None:
    asked, known = [], []
    for number, data in enumerate(hostile_files()):
        file = tmp_path / f"{number}.zip"
        file.write_bytes(data)
        known.append(verifier.verify_bytes(data).to_json())
        asked.append({"file": str(file)})
    for told, report in zip(ask(asked), known, strict=True):
        assert not told["ok"]
        first, expected = told["findings"][0], report["findings"][0]
        assert (first["rule"], first["number"]) == (expected["rule"], expected["number"])


def test_the_page_has_the_same_program_in_one_script() -> None:
    done = run("--check", script="bundle.mjs")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_imports_nothing_but_itself_and_shares_no_code() -> None:
    for path in SOURCES:
        shell = path.parent == FOLDER
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("import "):
                source = line.rsplit('"', 2)[1]
                assert source.startswith("./") or (shell and source.startswith("node:")), f"{path.name}: {line}"
