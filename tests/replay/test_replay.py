"""A whole replay of a made-up table: awards, comparison, evidence, interruption."""

from __future__ import annotations

import csv
import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from replay.conftest import SAMPLE, Played, play
from tradehall import verifier
from tradehall.replay import run
from tradehall.replay.journal import Entry, FolderTaken, Journal
from tradehall.replay.tenders import Stage

AWARDS = {
    "P2": ("M02", "6200000", "lowest"),
    "P3": ("M03", "900000", "lowest"),
    "P4": ("M02", "1500000", "lowest"),
    "P5": ("M06", "299000", "lowest"),
    "P6": ("", "", "none"),
    "P7": ("M07", "690000", "lowest"),
    "P8": ("", "", "none"),
    "P9": ("M02", "500000", "lowest"),
}


def awards_of(lines: list[str]) -> dict[str, tuple[str, str, str]]:
    rows = list(csv.reader(lines))
    assert rows[0] == ["tender_id", "bidder_id", "bid", "how"]
    assert len({row[0] for row in rows[1:]}) == len(rows) - 1
    return {row[0]: (row[1], row[2], row[3]) for row in rows[1:]}


def records_of(path: Path, family: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("cases/")]
        found = [json.loads(archive.read(name))["envelope"] for name in names]
    return [envelope["payload"] for envelope in found if envelope["schema"]["id"] == family]


def rewritten(tmp_path: Path, won: dict[str, str]) -> Path:
    """Write the sample with other values of ``won``, by tender and bidder; ``x`` where none is given."""
    rows = list(csv.reader(SAMPLE.read_text().splitlines()))
    for row in rows[1:]:
        row[8] = won.get(f"{row[0]}:{row[6]}:{row[7]}", "x")
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


# --- awards ---------------------------------------------------------------------------------------------------


def test_awards_follow_price_ceiling_floor_and_the_authoritys_decisions(played: Played) -> None:
    found = awards_of(played.awards)
    assert list(found) == [f"P{n}" for n in range(1, 10)]
    bidder, *rest = found.pop("P1")
    assert bidder in {"M01", "M02"}
    assert rest == ["4200000", "tie_draw"]
    assert found == AWARDS


def test_every_rejection_names_its_ground(played: Played) -> None:
    grounds = {line: ground for e in played.entries.values() for line, (ground, _) in e.rejected.items()}
    # Disqualified, above the ceiling, below the floor, and both kinds in the tender without a valid bid.
    assert grounds == {6: "RJ-3", 10: "RJ-5", 11: "RJ-6", 14: "RJ-5", 15: "RJ-6"}


def test_the_summary_compares_with_the_table(played: Played) -> None:
    summary = json.loads((played.folder / "summary.json").read_text())
    assert summary == played.summary
    assert (summary["tenders"], summary["bids"], summary["agreed"], summary["drawn"]) == (9, 18, 7, 1)
    (differing,) = summary["differing"]
    assert (differing["tender_id"], differing["reason"]) == ("P9", "lowest_put_aside")
    assert differing["zh"]
    assert differing["awarded"]["bidder_id"] == "M02"
    assert [row["bidder_id"] for row in differing["in_table"]] == ["M03"]
    (draw,) = summary["draws"]
    assert draw["same_bidder"] == (awards_of(played.awards)["P1"][0] == "M01")
    assert summary["records"] == sum(e.records for e in played.entries.values())
    assert summary["seconds"] > 0
    assert summary["records_per_second"] > 0
    assert summary["without_award"] == 2


def test_who_won_is_not_read_before_the_end(tmp_path: Path) -> None:
    # Everything about the winners is wrong or can't be read; the awards are the same.
    table = rewritten(tmp_path, {"P5:M06:299000": "0", "P3:M03:900000": "0", "P3:M04:900001": "1"})
    again = play(table, tmp_path / "out")
    found = awards_of(again.awards)
    assert found.pop("P1")[1:] == ("4200000", "tie_draw")
    assert found == AWARDS
    reasons = {row["tender_id"]: row["reason"] for row in again.summary["differing"]}
    assert reasons.pop("P3") == "winner_rejected"
    assert reasons.pop("P5") == "no_winner_in_table"
    assert set(reasons.values()) == {"won_unreadable"}
    assert again.summary["agreed"] == again.summary["drawn"] == 0


def test_the_comparison_names_every_kind_of_difference(played: Played) -> None:
    replay = run.read_replay(SAMPLE, limit=None)
    swapped = replay.data.replace(b"M05,,0,", b"M05,,1,").replace(b"M02,6200000,1", b"M02,6200000,0")
    swapped = swapped.replace(b"M03,900000,1", b"M03,900000,0").replace(b"M01,100001,0", b"M01,100001,1")
    swapped = swapped.replace(b"M01,1499999,0", b"M01,1499999,1")
    found = {v.tender: (v.kind, v.reason) for v in run.compare(swapped, replay.tenders, played.entries)}
    assert found == {
        "P1": ("drawn", ""),
        "P2": ("differing", "winner_did_not_bid"),
        "P3": ("differing", "no_winner_in_table"),
        "P4": ("differing", "several_winners"),
        "P5": ("agreed", ""),
        "P6": ("differing", "winner_rejected"),
        "P7": ("agreed", ""),
        "P8": ("agreed", ""),
        "P9": ("differing", "lowest_put_aside"),
    }


# --- evidence -------------------------------------------------------------------------------------------------


def test_every_evidence_file_verifies(played: Played) -> None:
    for tender in played.entries:
        report = verifier.verify(played.evidence(tender))
        assert report.ok, (tender, report.findings)
        assert report.notes == []
        (project,) = records_of(played.evidence(tender), "project")
        (document,) = records_of(played.evidence(tender), "tender_document")
        assert project["regime"] == "foreign_sealed"
        assert "foreign_sealed/tsuchiura/1" in "".join(document["substantive"])


def test_bids_are_opened_by_their_bidders_and_by_custodians(played: Played) -> None:
    disclosed = [d for t in played.entries for d in records_of(played.evidence(t), "bid_disclosure")]
    assert sorted(d["opened_by"] for d in disclosed) == ["bidder_key"] * 15 + ["custodians"] * 3
    shares = [s for t in played.entries for s in records_of(played.evidence(t), "share_release")]
    assert len(shares) == 6


def test_one_draw_orders_all_ties_by_nonces_that_were_committed_in_the_tender_document(played: Played) -> None:
    evidence = played.evidence("P1")
    (draw,) = records_of(evidence, "tie_draw")
    (document,) = records_of(evidence, "tender_document")
    assert len(draw["submissions"]) == 4
    assert len(draw["nonces"]) == 3
    said = " ".join(document["substantive"])
    for row in draw["nonces"]:
        assert f"{row['holder']} {sha256(row['nonce'].encode()).hexdigest()}" in said
    (report,) = records_of(evidence, "evaluation_report")
    assert [len(tie["submissions"]) for tie in report["tie_draws"]] == [2, 2]
    assert sorted(bid["rank"] for bid in report["bids"]) == [1, 2, 3, 4]


def test_a_failed_tender_ends_as_such(played: Played) -> None:
    reasons = {t: [f["reason"] for f in records_of(played.evidence(t), "failed_tender")] for t in ("P5", "P6", "P8")}
    assert reasons == {"P5": [], "P6": ["no_valid_bid"], "P8": ["too_few_bids"]}


@pytest.mark.slow
def test_no_flipped_byte_of_an_evidence_file_passes(played: Played) -> None:
    data = bytearray(played.evidence("P5").read_bytes())
    assert _flip_passes(data, 0, 0)
    # Every byte of the container, the index, the keys and the records; every fifth of ciphertext and schemas.
    with zipfile.ZipFile(played.evidence("P5")) as archive:
        big = [i for i in archive.infolist() if i.filename.startswith(("attachments/", "schemas/"))]
    inside = {i.header_offset + 200 + n for i in big for n in range(i.file_size - 200) if n % 5}
    places = [place for place in range(len(data)) if place not in inside]
    assert len(places) > 10_000
    passed = [place for place in places if _flip_passes(data, place, 1 << place % 8)]
    assert passed == []


def _flip_passes(data: bytearray, place: int, bits: int) -> bool:
    """Whether a file with some bits of a byte flipped verifies; the byte is put back."""
    data[place] ^= bits
    try:
        # What the container's own form gives away needs no further look: the verifier begins with it.
        verifier.unzip(memoryview(data))
    except ValueError:
        return False
    else:
        return verifier.verify_bytes(bytes(data)).ok
    finally:
        data[place] ^= bits


def test_no_flipped_byte_passes_in_any_other_file(played: Played) -> None:
    for tender in played.entries:
        data = bytearray(played.evidence(tender).read_bytes())
        for n in range(10):
            chance = sha256(f"{tender} {n}".encode()).digest()
            place = int.from_bytes(chance[:4]) % len(data)
            changed = data.copy()
            changed[place] ^= chance[4] or 1
            assert not verifier.verify_bytes(bytes(changed)).ok, (tender, place)


# --- interruption ---------------------------------------------------------------------------------------------


def test_an_interrupted_replay_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "GROUP", 2)
    seen: list[str] = []

    def stop(entry: Entry) -> None:
        seen.append(entry.case)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(SAMPLE, tmp_path, watch=stop)
    assert not (tmp_path / "awards.csv").exists()
    again = play(SAMPLE, tmp_path)
    assert [e.case for e in again.entries.values()][:3] == seen
    found = awards_of(again.awards)
    assert found.pop("P1")[2] == "tie_draw"
    assert found == AWARDS
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 10
    assert all(verifier.verify(again.evidence(tender)).ok for tender in again.entries)


def test_a_tender_cut_off_in_the_middle_is_played_as_a_new_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []

    def cut_off(_: Stage, cases: Any) -> None:
        cut.extend(case.id for case in cases)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Stage, "_award", cut_off)
        with pytest.raises(KeyboardInterrupt):
            play(SAMPLE, tmp_path, limit=3)
    again = play(SAMPLE, tmp_path, limit=3)
    assert len(cut) == len(again.entries) == 3
    assert not {e.case for e in again.entries.values()} & set(cut)
    assert len(awards_of(again.awards)) == 3


def test_a_line_cut_off_by_a_crash_is_dropped(tmp_path: Path) -> None:
    first = play(SAMPLE, tmp_path, limit=2)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    again = play(SAMPLE, tmp_path, limit=2)
    assert again.entries["P1"] == first.entries["P1"]
    assert again.entries["P2"].case != first.entries["P2"].case
    assert awards_of(again.awards)["P2"] == AWARDS["P2"]
    assert play(SAMPLE, tmp_path, limit=2).entries == again.entries


def test_a_finished_replay_is_not_played_again_and_can_be_extended(tmp_path: Path) -> None:
    first = play(SAMPLE, tmp_path, limit=2)
    same = play(SAMPLE, tmp_path, limit=2)
    assert same.entries == first.entries
    assert same.summary == first.summary
    more = play(SAMPLE, tmp_path, limit=4)
    assert {t: e for t, e in more.entries.items() if t in first.entries} == first.entries
    assert len(awards_of(more.awards)) == more.summary["tenders"] == 4


def test_lost_evidence_is_made_again(tmp_path: Path) -> None:
    first = play(SAMPLE, tmp_path, limit=2)
    first.evidence("P1").unlink()
    again = play(SAMPLE, tmp_path, limit=2)
    assert again.entries["P2"] == first.entries["P2"]
    assert verifier.verify(again.evidence("P1")).ok


def test_a_folder_holds_one_table_and_serves_one_process(tmp_path: Path) -> None:
    table = tmp_path / "other.csv"
    table.write_bytes(SAMPLE.read_bytes().replace(b"299000", b"298000"))
    out = tmp_path / "out"
    journal = Journal.open(out, {"table": "sha256:1", "profile": "p"})
    with pytest.raises(FolderTaken):
        play(table, out)
    journal.close()
    with pytest.raises(FolderTaken):
        play(table, out)
