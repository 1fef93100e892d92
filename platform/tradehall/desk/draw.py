"""
The draw of experts (专家抽取): commit to pool, nonces and beacon; later reveal, exclude, draw.

The beacon is the log's own root after the commitment was logged: nobody knew it when the nonces were fixed, and the
witnesses have cosigned it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tradehall.desk.accept import Outcome
from tradehall.desk.filing import Desk
from tradehall.desk.journal import Journal
from tradehall.kernel.case import Case
from tradehall.kernel.payload import obj, rows
from tradehall.kernel.procedure import Expert
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import drawing, sessions

if TYPE_CHECKING:
    from tradehall_standards import Json


@dataclass(frozen=True, slots=True)
class Draw:
    """Runs the draw of a remote session (抽取主持)."""

    desk: Desk

    def commit(self, case: str, commitments: Mapping[str, str]) -> Outcome:
        """
        Commit to the whole directory and to the holders' nonces (抽取承诺).

        Args:
            commitments: holder → commitment, hex, as each of them handed it in.
        """
        ids = sorted(self.desk.door.directory.experts())
        payload: dict[str, Json] = {
            "pool_root": sessions.pool_root(ids),
            "pool_size": len(ids),
            "holders": [{"holder": h, "commitment": c} for h, c in sorted(commitments.items())],
            "beacon_source": f"log root after this record: {self.desk.door.node.origin}",
        }
        return self.desk.file(case, "draw_commitment", payload)

    def draw(self, case: str, nonces: Mapping[str, str]) -> Outcome:
        """
        Draw the committee from the revealed nonces (抽取).

        Returns:
            The accepted record, or a refusal: no commitment, a nonce that does not fit, a pool that is too small.
        """
        door = self.desk.door
        with door.store.read() as reading:
            journal = Journal(reading, door.cloak, door.procedures)
            session = journal.case(case)
            tender = journal.case(session.text("tender")) if session and session.text("tender") else None
            if session is None or tender is None:
                return refuse("CASE-UNKNOWN", case=case)
            barred = sessions.exclusions(tender, journal.facts(tender.id), door.directory.experts())
            committed = next((e for e in reversed(journal.entries(case)) if e.record.family == "draw_commitment"), None)
            batch = reading.covering(committed.filed.index) if committed else None
        if committed is None or batch is None:
            return refuse("DRAW-WRONG", why="尚无抽取承诺 / no draw commitment")
        payload = self._payload(session, tender, barred, nonces, obj(dict(committed.record.payload)), batch.root)
        return payload if isinstance(payload, Refusal) else self.desk.file(case, "expert_draw", payload)

    def _payload(
        self,
        session: Case,
        tender: Case,
        barred: set[tuple[str, str]],
        nonces: Mapping[str, str],
        committed: Mapping[str, Json],
        root: bytes,
    ) -> dict[str, Json] | Refusal:
        beacon = {"source": str(committed["beacon_source"]), "value": root.hex()}
        try:
            seed = drawing.seed(
                purpose=f"experts:{session.id}",
                pool_root=str(committed["pool_root"]),
                pool_size=cast("int", committed["pool_size"]),
                nonces=nonces,
                beacon=beacon,
            )
            strata = _strata(tender, seed, self.desk.door.directory.experts(), {e for e, _ in barred})
        except drawing.PoolTooSmall as small:
            return refuse("DRAW-WRONG", why=f"{small.stratum}: {small.eligible} < {small.seats}")
        except ValueError as error:
            return refuse("DRAW-WRONG", why=str(error))
        return {
            "tender": tender.id,
            "pool_root": committed["pool_root"],
            "pool_size": committed["pool_size"],
            "excluded": [{"expert": e, "ground": g} for e, g in sorted(barred)],
            "nonces": [{"holder": h, "nonce": n} for h, n in sorted(nonces.items())],
            "beacon": cast("Json", beacon),
            "seed": seed,
            "strata": strata,
        }


def _strata(tender: Case, seed: str, experts: Mapping[str, Expert], out: set[str]) -> list[Json]:
    drawn: list[Json] = []
    for stratum in rows(tender.table("committee")["strata"]):
        name = str(stratum["id"])
        ids = [e.id for e in experts.values() if e.stratum == name and e.id not in out]
        members, reserves = drawing.draw(seed, name, ids, cast("int", stratum["seats"]))
        drawn.append({"stratum": name, "seats": stratum["seats"], "members": list(members), "reserves": list(reserves)})
    return drawn
