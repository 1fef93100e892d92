"""
Running the demo (演示运行): two nodes in one process, Chengdu and its witness Deyang, and the play between them.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tradehall import verifier
from tradehall.adapters.identity.passwords import hash_password
from tradehall.cli.client import Client
from tradehall.demo.play import BEGIN, PASSWORD, Play, organisation
from tradehall.main import Node, Settings, build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES
from tradehall_standards import Catalogue

HOST = "127.0.0.1"
OPERATOR = "operator"
START_SECONDS = 30.0


class PortTaken(Exception):  # noqa: N818  - says what happened
    """Something else listens on the port (端口被占用)."""


@dataclass(slots=True)
class Served:
    """A node with its web server (运行中的节点)."""

    node: Node
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        """Stop serving and close the node."""
        self.server.should_exit = True
        self.thread.join()
        self.node.close()


def serve(node: Node, *, host: str, port: int) -> Served:
    """
    Serve a node in a thread.

    Raises:
        PortTaken: the port is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"{host}:{port}") from error
    app = build_app(build_context(node), PAGES)
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"web-{port}", daemon=True)
    thread.start()
    waited = 0.0
    while not server.started and waited < START_SECONDS:
        time.sleep(0.05)
        waited += 0.05
    return Served(node, server, thread)


@contextlib.contextmanager
def two_cities(folder: Path, port: int, catalogue: Catalogue) -> Generator[tuple[Served, Served]]:
    """Run Chengdu on ``port`` and Deyang, its witness, on the next one."""
    chengdu = Settings(data=folder / "chengdu", city="chengdu", public_url=f"http://{HOST}:{port}", sandbox_start=BEGIN)
    deyang = Settings(
        data=folder / "deyang", city="deyang", public_url=f"http://{HOST}:{port + 1}", sandbox_start=BEGIN
    )
    # Each must know the other's key before it starts: make both nodes once to have their keys made.
    first = build_node(chengdu, catalogue=catalogue)
    log_key = str(first.keys.node.log)
    first.close()
    witness = build_node(replace(deyang, witnessed=f"{chengdu.origin}={log_key}"), catalogue=catalogue)
    served_witness = serve(witness, host=HOST, port=port + 1)
    witnesses = f"{deyang.public_url}/witness {witness.keys.witness}"
    node = build_node(replace(chengdu, witnesses=witnesses), catalogue=catalogue)
    served = serve(node, host=HOST, port=port)
    try:
        yield served, served_witness
    finally:
        served.stop()
        served_witness.stop()


def enrol_operator(node: Node, password: str) -> None:
    """Register the operator of the centre, who registers everybody else."""
    party = organisation(999)
    node.directory.register(party, "示例交易中心运维（虚构）", frozenset({"centre"}))
    node.directory.set_account(OPERATOR, party, hash_password(password, secrets.token_bytes))


def run_demo(*, port: int, once: bool, lang: str, out: Path | None) -> int:
    """
    Play the demo and, unless ``once``, keep serving (演示).

    Returns:
        Exit status: 0 when everything was as expected and the evidence verified.
    """
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(stderr=False, highlight=False)
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="tradehall-demo-"))
    results = out or folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    word = _Words(lang)
    console.print(
        Panel(
            word(
                "阳光交易大厅演示：一个虚构的成都道路工程，从公告到定标",
                "Tradehall demo: a fictional Chengdu road project, from notice to award",
            ),
            expand=False,
        )
    )
    try:
        with two_cities(folder, port, Catalogue.load()) as (served, _):
            enrol_operator(served.node, PASSWORD)
            status = _play(served, results, word, console, started)
            if not once and status == 0:
                _keep_serving(console, word, port)
    except PortTaken as taken:
        console.print(
            word(f"端口 {taken} 已被占用，请用 --port 指定另一个", f"{taken} is in use; choose another with --port")
        )
        return 3
    finally:
        if once and out is None:
            shutil.rmtree(folder / "chengdu", ignore_errors=True)
            shutil.rmtree(folder / "deyang", ignore_errors=True)
    return status


@dataclass(frozen=True, slots=True)
class _Words:
    """Chooses the language of a sentence."""

    lang: str

    def __call__(self, zh: str, en: str) -> str:
        return en if self.lang == "en" else zh


def _play(served: Served, results: Path, word: _Words, console: Console, started: float) -> int:
    url = served.node.settings.public_url
    step = 0

    def say(zh: str, en: str) -> None:
        nonlocal step
        step += 1
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim] [bold]{step:2d}[/bold] {word(zh, en)}")

    def connect() -> Client:
        return Client(httpx.Client(base_url=url, timeout=60))

    play = Play(connect, PASSWORD, results, say, url)
    facts = play.run()
    status = _verify(served, Path(facts["evidence"]), word, say)
    _summary(facts, results, url, word, console, time.monotonic() - started)
    return status


def _verify(served: Served, evidence: Path, word: _Words, say: Any) -> int:
    keys = [str(served.node.keys.node.log)]
    trusted = verifier.TrustedKeys(keys, [str(k) for k in served.node.exporter.witnesses])
    report = verifier.verify(evidence, trusted_keys=trusted, min_witnesses=1)
    if not report.ok:
        first = report.findings[0]
        say(f"离线复核未通过：{first}", f"Offline verification failed: {first}")
        return 4
    checks = sum(report.passed.values())
    say(
        f"离线复核证据文件：{checks} 项检查全部通过，开标、抽取、评分、排名均复算一致，德阳节点已见证",
        f"Evidence verified offline: {checks} checks passed; opening, draw, scores and ranking recomputed; cosigned by Deyang",
    )
    data = bytearray(evidence.read_bytes())
    data[len(data) // 2] ^= 1
    broken = verifier.verify_bytes(bytes(data), trusted_keys=trusted, min_witnesses=1)
    if broken.ok:
        say("篡改一个比特未被发现", "One flipped bit went unnoticed")
        return 4
    say(
        f"改动其中一个比特，复核即指出：{broken.findings[0].rule}",
        f"One flipped bit is noticed at once: {broken.findings[0].rule}",
    )
    return 0


def _summary(facts: dict[str, Any], results: Path, url: str, word: _Words, console: Console, seconds: float) -> None:
    table = Table(title=word("在哪里能看到", "Where to look"), show_header=False, expand=False)
    rows: list[tuple[str, str]] = [
        (word("项目页", "Case page"), f"{url}/notices/{facts['tender']}"),
        (word("开标大厅", "Opening hall"), f"{url}/openings/{facts['tender']}"),
        (word("回执", "Receipts"), f"{facts['receipts'][0]}  ({facts['receipts'][1]})"),
        (word("电子保函 PDF", "Guarantee letters"), str(results / "letters")),
        (word("评标报告 PDF", "Evaluation report"), str(facts.get("report_pdf", "—"))),
        (word("证据文件", "Evidence file"), str(facts["evidence"])),
        (word("自行复核", "Verify it yourself"), f"./run tradehall verify {facts['evidence']}"),
        (word("复算抽取", "Repeat the draw"), f"sh {results / 'draw.sh'}"),
        (word("接口说明", "API description"), f"{url}/openapi.json"),
    ]
    for left, right in rows:
        table.add_row(left, right, style=None)
    console.print(table)
    logins = Table(
        title=word(f"可登录的账号（口令均为 {PASSWORD}）", f"Logins to try (password {PASSWORD})"), expand=False
    )
    logins.add_column(word("账号", "account"))
    logins.add_column(word("主体（虚构）", "party (fictional)"))
    shown = [a for a in facts["accounts"] if not a[0].startswith(("expert", "bidder"))]
    shown += [a for a in facts["accounts"] if a[0] in ("bidder1", "bidder2", "expert1", "expert2")]
    for account, name in shown:
        logins.add_row(account, name)
    console.print(logins)
    console.print(word(f"用时 {seconds:.1f} 秒", f"{seconds:.1f} s"))


def _keep_serving(console: Console, word: _Words, port: int) -> None:
    console.print(
        word(f"继续服务于 http://{HOST}:{port} ，按 Ctrl+C 结束", f"Serving http://{HOST}:{port} — Ctrl+C to stop")
    )
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
