"""Use cases (业务用例): the one door, opening, draw, evaluation, guarantee, evidence; and the ports they need."""
