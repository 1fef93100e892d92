"""
Comparing versions for the web (版本比对): in a worker process, one pair at a time, published pairs only once.

What two published versions are to each other never changes, so their verdict is kept for as long as the process runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from tradehall.web.problems import Problem
from tradehall_standards.compat import Comparison, Schema, WorkerFailedError, compare

if TYPE_CHECKING:
    from litestar import Litestar

    from tradehall_standards import Version
    from tradehall_standards.compat.values import Value

KEPT: Final = 512
"""Pairs that are remembered; there are more only where a family has dozens of versions."""


class Comparisons:
    """Compares one pair after another (比对)."""

    def __init__(self) -> None:
        self._one = asyncio.Semaphore(1)
        self._known: dict[tuple[str, str], Comparison] = {}

    async def versions(self, old: Version, new: Version) -> Comparison:
        """Return what two published versions are to each other (已发布版本的判定)."""
        pair = old.digest, new.digest
        known = self._known.get(pair)
        if known is None:
            samples = [cast("Value", example) for example in old.valid_examples.values()]
            known = await self.schemas(cast("Schema", dict(old.bundle)), cast("Schema", dict(new.bundle)), samples)
            if len(self._known) < KEPT:
                self._known[pair] = known
        return known

    async def schemas(self, old: Schema, new: Schema, samples: Sequence[Value] = ()) -> Comparison:
        """
        Compare any two schemas as records are checked here, with ``format`` enforced (比对).

        Raises:
            Problem: UNAVAILABLE when no worker could be started.
        """
        async with self._one:
            try:
                return await asyncio.to_thread(compare, old, new, samples, formats="enforced")
            except WorkerFailedError as error:
                raise Problem("UNAVAILABLE", headers={"Retry-After": "5"}) from error


def comparisons_of(app: Litestar) -> Comparisons:
    """Return the comparisons that an application shares."""
    found = app.state.get("comparisons")
    if found is None:
        found = app.state["comparisons"] = Comparisons()
    return cast("Comparisons", found)
