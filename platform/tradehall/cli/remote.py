"""
Talking to a hall (连接交易大厅): options of every command that does, its keys, and how its answers end a command.

The keys of a hall are kept at the first contact, beside what was filed there. A hall that later shows other keys is
not talked to: either it is another one, or somebody stands between.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import click
import httpx

from tradehall.cli.bidder import BidFileError
from tradehall.cli.client import API, Client, Refused, Unavailable
from tradehall.cli.words import (
    INVALID,
    UNAVAILABLE,
    VERIFICATION_FAILED,
    Stop,
    Words,
    keep,
    lang_option,
    member,
    objects,
)
from tradehall.kernel import notes
from tradehall_standards import canonical, strict

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

TIMEOUT_SECONDS: Final = 60
TOO_MANY: Final = 429
SERVER_FAULT: Final = 500
NOT_FOUND: Final = 404
PASSWORD_VARIABLE: Final = "TRADEHALL_PASSWORD"  # noqa: S105  - the name of a variable
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Connect = Callable[[str], Client]
"""Makes a client for the address of a hall; does not talk to it yet."""


def connect(url: str) -> Client:
    """Return a client without a token (连接)."""
    return Client(httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS))


@dataclass(frozen=True, slots=True)
class Access:
    """How the caller wants to reach a hall (访问方式): address, token or account name; each may be absent."""

    url: str | None
    token: str | None = field(repr=False)
    login: str | None


def remote_options(command: Callable[..., None]) -> Callable[..., None]:
    """
    Give a command ``--url``, ``--token``, ``--login`` and ``--lang``.

    The command gets them as ``access`` and ``words``; refusals, lost connections and failed checks end it with their
    exit code and one sentence.
    """

    @click.option(
        "--url", envvar="TRADEHALL_URL", metavar="URL", help="大厅地址: address of the hall [env: TRADEHALL_URL]."
    )
    @click.option(
        "--token",
        envvar="TRADEHALL_TOKEN",
        metavar="TOKEN",
        help="访问令牌: API token instead of a login [env: TRADEHALL_TOKEN].",
    )
    @click.option(
        "--login",
        envvar="TRADEHALL_LOGIN",
        metavar="NAME",
        help=f"账号: account; its password is asked for [env: TRADEHALL_LOGIN, {PASSWORD_VARIABLE}].",
    )
    @lang_option
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, url: str | None, token: str | None, login: str | None, lang: str, **options: Any
    ) -> None:
        words = Words(lang)
        with reporting(words):
            command(*arguments, access=Access(url, token, login), words=words, **options)

    return wrapped


@contextmanager
def reporting(words: Words) -> Generator[None]:
    """End a command with one sentence and its exit code when something stands in its way (报告)."""
    try:
        yield
    except Stop as stop:
        words.fail(stop.zh, stop.en, stop.code)
    except BidFileError as error:
        words.fail(str(error), str(error), INVALID)
    except OSError as error:
        words.fail(f"文件无法读写：{error}", f"a file can't be read or written: {error}", UNAVAILABLE)
    except Refused as refused:
        _report(refused, words)
    except Unavailable as error:
        words.fail(f"无法连接大厅，请稍后重试：{error}", f"the hall can't be reached, try again: {error}", UNAVAILABLE)


def _report(refused: Refused, words: Words) -> None:
    problem = refused.problem
    for error in objects(problem.get("errors")):
        click.echo(f"  {error.get('pointer', '')}: {member(error, 'message', words.lang)}", err=True)
    clause = f" [{problem['clause']}]" if problem.get("clause") else ""
    is_fault = refused.status >= SERVER_FAULT or refused.status == TOO_MANY
    sentence = f"{refused.sentence(words.lang)}{clause} ({refused.code or refused.status})"
    words.fail(sentence, sentence, UNAVAILABLE if is_fault else INVALID)


# --- the hall's keys -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HallKeys:
    """The public keys of a hall (大厅公钥), and where it is."""

    url: str
    node: str
    receipt_key: bytes
    log: notes.VerifierKey
    witnesses: tuple[notes.VerifierKey, ...]

    @classmethod
    def read(cls, value: object, url: str) -> HallKeys:
        """
        Read what ``/node`` answers, or what was kept of it.

        Raises:
            Stop: it is no description of a hall.
        """
        try:
            found = cast("Mapping[str, Any]", value)
            return cls(
                url=url or str(found["url"]),
                node=str(found["node"]),
                receipt_key=bytes.fromhex(found["receipt_key"]),
                log=notes.parse_vkey(found["log"]),
                witnesses=tuple(notes.parse_vkey(key) for key in found["witnesses"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Stop("此地址没有交易大厅", f"there is no hall at this address: {error}", UNAVAILABLE) from error

    def to_json(self) -> dict[str, Json]:
        """Return what is kept."""
        return {
            "url": self.url,
            "node": self.node,
            "receipt_key": self.receipt_key.hex(),
            "log": str(self.log),
            "witnesses": [str(key) for key in self.witnesses],
        }

    def is_same(self, other: HallKeys) -> bool:
        """Whether both are the same hall; witnesses may change."""
        return (self.node, self.receipt_key, self.log) == (other.node, other.receipt_key, other.log)


@dataclass(frozen=True, slots=True)
class Hall:
    """A hall that answers (已连接的大厅): a client and the keys its answers are checked with."""

    client: Client
    keys: HallKeys

    def case(self, case: str) -> Mapping[str, Any]:
        """Return the state of a case."""
        return cast("Mapping[str, Any]", self.client.get(f"/cases/{case}"))

    def records(self, case: str, *families: str) -> list[Mapping[str, Any]]:
        """
        Return records of a case that the caller may read, in the order of the log; family and digest are their own.

        Raises:
            Stop: a record is not the one its digest names.
        """
        found = objects(member(self.client.get(f"/cases/{case}/records"), "items"))
        named: list[Mapping[str, Any]] = [
            {**item, "family": member(item, "envelope", "schema", "id")} for item in found
        ]
        wanted = [item for item in named if item["family"] in families]
        for item in wanted:
            if canonical.digest(item["envelope"]) != item.get("digest") or member(item, "envelope", "case") != case:
                raise Stop(
                    "大厅给出的记录与其摘要不符", "a record is not the one its digest names", VERIFICATION_FAILED
                )
        return wanted


def open_hall(access: Access, connect: Connect, words: Words, *, kept: Path | None = None, login: bool) -> Hall:
    """
    Reach a hall (连接): find its address, check its keys against those kept, log in where needed.

    Args:
        access: what the caller gave.
        connect: makes the client.
        words: language.
        kept: file that remembers address and keys; made at the first contact.
        login: whether the caller has to be known.

    Raises:
        Stop: no address; or the hall shows other keys than the first time.
        Refused: the login failed.
    """
    known = HallKeys.read(strict.parse(kept.read_bytes()), "") if kept is not None and kept.exists() else None
    url = (access.url or (known.url if known else "")).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(
            words("请用 --url 给出大厅地址，如 https://hall.example", "give the hall's address with --url")
        )
    if login and not (access.token or access.login):
        raise click.UsageError(words("请用 --login 账号 或 --token 登录", "log in with --login NAME or --token TOKEN"))
    if login and parts.scheme == "http" and parts.hostname not in _LOCAL:
        words.say("警告：连接未加密，口令可能被他人看到", "Warning: not encrypted, others may see the password")
    client = connect(url)
    context = click.get_current_context()
    context.call_on_close(client.http.close)
    keys = _keys_of(client, url)
    if known is not None and not keys.is_same(known):
        raise Stop(
            f"{url} 出示的公钥与首次连接时不同，已中止",
            f"{url} shows other keys than at the first contact; stopped",
            VERIFICATION_FAILED,
        )
    if kept is not None and (known is None or known != keys):
        keep(kept, canonical.jcs(keys.to_json()))
    if login:
        _log_in(client, access, words, context)
    return Hall(client, keys)


def _keys_of(client: Client, url: str) -> HallKeys:
    try:
        return HallKeys.read(client.get("/node"), url)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        raise Stop("此地址没有交易大厅", f"there is no hall at this address: {url}", UNAVAILABLE) from refused
    except ValueError as error:
        raise Stop("此地址没有交易大厅", f"there is no hall at this address: {error}", UNAVAILABLE) from error


def _log_in(client: Client, access: Access, words: Words, context: click.Context) -> None:
    if access.token:
        client.token = access.token
        return
    password = os.environ.get(PASSWORD_VARIABLE) or click.prompt(
        words(f"{access.login} 的口令", f"Password of {access.login}"), hide_input=True, err=True
    )
    body: dict[str, Json] = {"name": access.login, "password": password, "label": "tradehall cli"}
    made = client.post("/tokens", body)
    client.token = str(made["token"])

    def leave() -> None:
        # The token was for this command only. When the hall is gone it expires by itself.
        with suppress(httpx.HTTPError):
            client.http.delete(f"{API}/tokens/{made['id']}", headers={"Authorization": f"Bearer {client.token}"})

    context.call_on_close(leave)
