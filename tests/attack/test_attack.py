"""
The attack corpus: nothing is opened, nothing crashes, and each is answered within 50 ms or refused.

Validation and lint run in this process behind an audit hook; verdicts run in the worker, which has its own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attack.hostile import INSTANCES, SCHEMAS
from tradehall_standards import strict
from tradehall_standards.commands.schemas import parse_document
from tradehall_standards.commands.words import Stop
from tradehall_standards.compat import Comparer
from tradehall_standards.engines import EngineError, RecordEngine
from tradehall_standards.lint import lint_schema
from tradehall_standards.second_engine import SecondEngine
from tradehall_standards.sources import SchemaSource

QUICK = 0.05
TARGET = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "a": {"type": "string", "pattern": "^(a+)+[0-9]{6}$", "maxLength": 5000},
        "list": {"type": "array", "uniqueItems": True, "maxItems": 20_000, "items": {"type": "object"}},
    },
}
OPENING = (
    "open",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "urllib.Request",
    "subprocess.Popen",
    "os.exec",
)
_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event.startswith(OPENING):
        _opened.append(f"{event} {arguments!r}"[:200])


sys.addaudithook(_watch)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Everything that is opened while a test runs."""
    global _opened  # noqa: PLW0603 - an audit hook can't be taken back
    _opened = []
    yield _opened
    _opened = None


@pytest.fixture(scope="module")
def comparer() -> Iterator[Comparer]:
    with Comparer() as made:
        made.compare({}, {})
        yield made


def test_the_guard_sees_a_file_and_a_socket(opened: list[str]) -> None:
    import socket

    Path(__file__).read_bytes()
    with pytest.raises(OSError), socket.socket() as plug:
        plug.connect(("127.0.0.1", 9))
    assert len(opened) >= 2


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(SCHEMAS) >= 60
    assert len(INSTANCES) >= 30


def source(schema) -> SchemaSource:
    titles = {language: {"": {"title": "x"}} for language in ("zh", "en")}
    return SchemaSource("attack", "1.0.0", Path("attack/1.0.0"), schema, titles, (), {}, {}, None, {})


@pytest.mark.parametrize("name", INSTANCES)
def test_an_instance_is_judged_at_once_or_refused(name: str, opened: list[str]) -> None:
    engines = RecordEngine(TARGET), SecondEngine(TARGET)
    opened.clear()
    start = time.thread_time()
    try:
        value = strict.parse(INSTANCES[name])
    except strict.StrictError:
        assert time.thread_time() - start < 4 * QUICK  # reading three megabytes is what it takes to count them
        return
    valid = engines[0].is_valid(value)
    engines[0].problems(value)
    assert time.thread_time() - start < 2 * QUICK
    assert engines[1].is_valid(value) == valid
    assert opened == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_linted_at_once_or_refused(name: str, opened: list[str]) -> None:
    start = time.thread_time()
    try:
        schema = strict.parse(SCHEMAS[name])
    except strict.StrictError:
        return
    if not isinstance(schema, dict):
        return
    findings = lint_schema(source(schema), {}, {})
    taken = time.thread_time() - start
    assert findings, "nothing in the corpus may pass"
    assert taken < 1.0
    assert opened == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_compiled_at_once_or_refused(name: str, opened: list[str]) -> None:
    try:
        schema = strict.parse(SCHEMAS[name])
    except strict.StrictError:
        return
    if not isinstance(schema, dict):
        return
    if any(finding.code == "EXPANSION" for finding in lint_schema(source(schema), {}, {})):
        return  # such a one never gets to an engine: jsonschema-rs follows every reference
    opened.clear()
    try:
        RecordEngine(schema).is_valid({"a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"})
    except EngineError:
        return
    finally:
        assert opened == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_verdict_comes_or_is_refused_and_the_worker_stands(name: str, comparer: Comparer, opened: list[str]) -> None:
    try:
        schema = parse_document(SCHEMAS[name], name)
    except Stop:
        return
    if comparer._process is None or comparer._process.poll() is not None:
        comparer.compare({}, {})  # a new worker: starting it is not what is measured
    opened.clear()
    start = time.perf_counter()
    found = comparer.compare(schema, {"type": "string", "maxLength": 5})
    taken = time.perf_counter() - start
    verdicts = (found.backward, found.forward)
    assert all(verdict.reason != "failed" for verdict in verdicts)
    assert taken < 5.5
    assert opened == []
    json.dumps([verdict.message_zh for verdict in verdicts])


def test_a_worker_never_opens_anything(comparer: Comparer) -> None:
    for name in ("http reference", "file reference", "file reference in an id", "remote metaschema"):
        found = comparer.compare(json.loads(SCHEMAS[name]), {})
        assert found.backward.reason == "unreadable"
