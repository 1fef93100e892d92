"""Past records grown from the published examples: many, different, of several cities and months, from a seed."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from tradehall_standards import Catalogue, canonical

CITIES = ("node:chengdu", "node:deyang", "node:meishan")
SEED = 20260325


def envelopes(
    catalogue: Catalogue, families: tuple[str, ...], count: int, seed: int = SEED
) -> Iterator[dict[str, Any]]:
    """Yield ``count`` filed records, the payload of each a valid example of one of the families."""
    chance = random.Random(seed)
    versions = [catalogue.versions(family)[-1] for family in families]
    for number in range(count):
        version = chance.choice(versions)
        payload = copy.deepcopy(chance.choice(list(version.valid_examples.values())))
        envelope = {
            "schema": {"id": version.family, "version": version.version, "digest": version.digest},
            "case": "t-" + "a" * 26,
            "author": "org:9151010000T000118Y",
            "filed_by": chance.choice(CITIES),
            "payload": payload,
            "attachments": [],
        }
        yield {
            "envelope": envelope,
            "accepted_at": f"2026-0{chance.randint(1, 9)}-{chance.randint(10, 28)}T09:30:00.000Z",
            "salt": f"{number:032x}",
        }


def line(record: dict[str, Any]) -> bytes:
    """A record as a journal keeps it: the envelope canonical, the rest as it comes."""
    return canonical.jcs(record)
