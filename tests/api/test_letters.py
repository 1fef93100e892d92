"""Who learns of a guarantee letter after the opening: its beneficiary of those that it can claim on, and no others."""

from __future__ import annotations

from api.conftest import Past
from tradehall.demo.play import PASSWORD


def test_after_the_opening_the_beneficiary_sees_the_letters_that_were_found_valid(past: Past) -> None:
    facts, hall = past.played.facts, past.hall
    body = {"name": "tenderer", "password": PASSWORD, "label": "letters"}
    token = hall.call("POST", "/api/v1/tokens", body=body).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    winner = facts["letters"][facts["winner"]["bidder"]["id"]]
    items = hall.call("GET", "/api/v1/inbox", headers=headers).json()["items"]
    assert [item["case"] for item in items if item["procedure"] == "guarantee_letter"] == [winner]
    for case in facts["letters"].values():
        status = hall.call("GET", f"/api/v1/cases/{case}", headers=headers).status
        assert status == (200 if case == winner else 404)
