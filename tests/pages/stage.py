"""A node on which the demo's tender was played, with its pages as they were at every step, and two more tenders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from litestar.testing import TestClient

from played import PASSWORD, URL, new_node
from tradehall.cli.client import Client
from tradehall.demo.play import Cast, Play, document_payload, notice_payload, project_payload
from tradehall.main import Node
from tradehall.rules import sealing
from tradehall.web.pages.hall import feed
from tradehall_standards import Catalogue

HTML = {"accept": "text/html"}
STEPS = {
    "Notice published": "announced",
    "A question and its": "answered",
    "Bidders seal": "sealed",
    "A bid at 09:30": "late",
    "Opening: lot 1": "counted",
    "release their keys": "released",
    "opening record signed": "closed",
    "the report recomputed": "reported",
    "Contract filed": "contracted",
}
"""Words of a step of the play → what is looked at after it."""

INSTANTS = {"2026-03-27T10:00:00+08:00": "publicity", "2026-03-31T09:00:00+08:00": "paused"}


@dataclass
class Shot:
    """The pages at one step, by path and language."""

    pages: dict[tuple[str, str], str] = field(default_factory=dict)
    feed: list[Any] = field(default_factory=list)

    def __call__(self, path: str, lang: str = "zh") -> str:
        return self.pages[path, lang]

    @property
    def everything(self) -> str:
        return "\n".join(self.pages.values()) + "\n".join(f"{e.text.zh}{e.text.en}" for e in self.feed)


@dataclass(slots=True)
class Watched(Play):
    """The play, and somebody who looks at the pages after every step."""

    watch: Callable[[str], None] = print

    def advance(self, who: Cast, to: str) -> None:
        Play.advance(self, who, to)
        if to in INSTANTS:
            self.watch(INSTANTS[to])


@dataclass
class Stage:
    """Everything the tests of the pages look at."""

    node: Node
    app: Any
    http: TestClient[Any]
    play: Watched
    shots: dict[str, Shot]
    who: Cast
    waiting: str = ""
    cancelled: str = ""

    @property
    def tender(self) -> str:
        return str(self.play.facts["tender"])

    def get(self, path: str, **headers: str) -> Any:
        """Ask as a browser does."""
        return self.http.get(path, headers=HTML | headers, follow_redirects=False)


def shoot(http: TestClient[Any], app: Any, case: str) -> Shot:
    """Look at every page that shows something of a case."""
    shot = Shot()
    for lang in ("zh", "en"):
        for path in ("/", "/notices", "/openings", f"/notices/{case}", f"/openings/{case}"):
            answer = http.get(f"{path}?lang={lang}", headers=HTML)
            assert answer.status_code == 200, (path, answer.text)
            shot.pages[path.replace(case, "*"), lang] = answer.text
    http.cookies.clear()
    portal = app.state["portal"]
    shot.feed = list(feed(portal.shelf.dossier(case), portal.context))
    for path in ("/notices.csv", "/notices.atom", "/openings.ics"):
        shot.pages[path, "zh"] = http.get(path).text
    return shot


def perform(folder: Path, catalogue: Catalogue, http_of: Callable[[Any], TestClient[Any]]) -> Stage:
    """Play the tender with few bidders, then announce two more of which one is cancelled."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        node, app = new_node(folder, catalogue)
        http = http_of(app)
        out = folder / "out"
        out.mkdir(parents=True)
        shots: dict[str, Shot] = {}
        play = Watched(lambda: Client(cast("Any", http)), PASSWORD, out, lambda _zh, en: told(en), URL, 4)

        def look(name: str) -> None:
            shots[name] = shoot(http, app, str(play.facts["tender"]))

        def told(en: str) -> None:
            step = next((name for words, name in STEPS.items() if words in en), "")
            if step:
                look(step)

        play.watch = look
        gathered: list[Cast] = []
        gather = Watched._gather
        patch.setattr(Watched, "_gather", lambda self: gathered.append(gather(self)) or gathered[0])
        play.run()
        stage = Stage(node, app, http, play, shots, gathered[0])
        stage.waiting = announce(stage, "=示例<b>湖</b>片区照明改造")
        stage.cancelled = announce(stage, "示例小学教学楼新建工程")
        cancel(stage)
    return stage


def announce(stage: Stage, name: str) -> str:
    """Announce another tender of the same parties, its bids due on 6 May 2026."""
    who, play = stage.who, stage.play
    case = str(who.agency.client.post("/cases", {"procedure": "open_tender"})["id"])
    who.agency.file(case, "project", project_payload(who) | {"name": name})
    document = who.agency.file(case, "tender_document", document_payload())["receipt"]["record"]
    actors = (who.tenderer, who.chengdu, who.deyang)
    custodians: list[Any] = [
        {
            "party": {"id": actor.party, "name": actor.name},
            "role": role,
            "recipient": sealing.recipient_of_secret(sealing.new_secret(stage.node.door.chance)),
        }
        for actor, role in zip(actors, ("tenderer", "centre", "city"), strict=True)
    ]
    play.advance(who, "2026-04-09T09:00:00+08:00")
    dates = {
        "issued_at": "2026-04-09T09:00:00.000+08:00",
        "document_sale": {"start": "2026-04-09T09:00:00.000+08:00", "end": "2026-04-16T17:00:00.000+08:00"},
        "bid_deadline": "2026-05-06T09:30:00.000+08:00",
        "opening": {"at": "2026-05-06T09:30:00.000+08:00", "place": "第 2 开标厅"},
        "question_deadline": "2026-04-20T17:00:00.000+08:00",
    }
    who.agency.file(case, "tender_notice", notice_payload(document, custodians) | cast("Any", dates) | {"title": name})
    return case


def cancel(stage: Stage) -> None:
    """Cancel the last tender; two persons are needed."""
    who, case = stage.who, stage.cancelled
    proposal = {"act": "cancel", "lots": ["L1", "L2"], "explanation": "规划调整，拟终止。"}
    approval = who.agency.file(case, "proposal", cast("Any", proposal))["receipt"]["record"]
    who.tenderer.file(
        case,
        "cancellation",
        {
            "lots": ["L1", "L2"],
            "reason": "plan_changed",
            "explanation": ["规划调整，项目取消。"],
            "approved_by": who.tenderer.party,
            "approval": approval,
        },
    )
