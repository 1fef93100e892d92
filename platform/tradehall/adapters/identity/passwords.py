"""
Passwords and secrets (口令与令牌): scrypt for passwords, digests for session ids and tokens, delays for guessing.

Nothing stored here opens anything: passwords are kept as salted scrypt, session ids and tokens as digests. A password
costs a quarter of a second of one core (the lock of Python is free meanwhile: check it in a thread).

Source: OWASP Password Storage Cheat Sheet (scrypt N=2^14, r=8, p=5); RFC 7914; OWASP ASVS 5.0 6.2, 7.2.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tradehall.desk.ports import Chance

SHORTEST: Final = 10
LONGEST: Final = 200
FREE_TRIES: Final = 3
LONGEST_DELAY_SECONDS: Final = 60
WORDS: Final = (
    *("tradehall", "ggzy", "chengdu", "deyang", "password", "passwort", "qwertyuiop", "1234567890", "admin"),
    *("阳光交易大厅", "公共资源", "交易中心", "招标", "投标", "口令", "密码"),
)
"""Words of this place, which guessers try first (口令禁用词)."""

LEAST_LEFT: Final = 6
_WORD_LEAST: Final = 3
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_SECRET_BYTES: Final = 32
_PARTS: Final = 6


class PasswordTooShort(ValueError):  # noqa: N818  - says what happened
    """A password of fewer than ten characters, or of more than two hundred (口令长度不符)."""


class PasswordTooPlain(ValueError):  # noqa: N818  - says what happened
    """A password that everybody would try, or little more than a word of this place (口令过于简单)."""


class PasswordRecordMalformed(ValueError):  # noqa: N818  - says what happened
    """What is stored is no password record (口令记录损坏)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How dear one guess is (口令计算代价): scrypt's N, r and p; memory is 128·N·r bytes."""

    n: int
    r: int
    p: int


COST: Final = Cost(1 << 14, 8, 5)
"""16 MiB and about 0.25 s. Raise it here: ``password_outdated`` finds the records to renew at the next good login."""


def hash_password(password: str, chance: Chance, *, cost: Cost = COST) -> str:
    """
    Return the stored form of a password (口令存储): ``scrypt$N$r$p$salt$key``.

    Raises:
        PasswordTooShort: fewer than ten characters, or more than two hundred.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordTooShort(f"a password has {SHORTEST} to {LONGEST} characters")
    salt = chance(_SALT_BYTES)
    key = _scrypt(salt, cost).derive(_bytes(password))
    return f"scrypt${cost.n}${cost.r}${cost.p}${_encode(salt)}${_encode(key)}"


def assert_hard_to_guess(password: str, names: Collection[str], common: Container[str]) -> None:
    """
    Refuse a password that is on a list of common or leaked ones, or little more than words known here (弱口令).

    Args:
        names: of the account and its party; they count as words of this place.
        common: such a list, in lower case.

    Raises:
        PasswordTooPlain: it is on the list, or fewer than six characters are left without those words.
    """
    left = password.casefold()
    if left in common:
        raise PasswordTooPlain("everybody would try it")
    for word in sorted({w.casefold() for w in (*WORDS, *names) if len(w) >= _WORD_LEAST}, key=len, reverse=True):
        left = left.replace(word, "")
    if len(left) < LEAST_LEFT:
        raise PasswordTooPlain("little more than a word of this place")


def password_fits(password: str, stored: str) -> bool:
    """
    Whether a password is the stored one; takes the same time either way (口令核验).

    Raises:
        PasswordRecordMalformed: ``stored`` is no password record.
    """
    cost, salt, key = _parse(stored)
    try:
        _scrypt(salt, cost).verify(_bytes(password[: LONGEST + 1]), key)
    except InvalidKey:
        return False
    return len(password) <= LONGEST


def password_outdated(stored: str) -> bool:
    """Whether a record was made at another cost than today's: store the password anew after a good login (升级)."""
    return _parse(stored)[0] != COST


UNKNOWN_ACCOUNT: Final = f"scrypt${COST.n}${COST.r}${COST.p}${'A' * 22}==${'A' * 43}="
"""What is compared for an account that does not exist, so that its absence takes as long to find out. Nothing fits."""


def new_secret(prefix: str, chance: Chance) -> str:
    """Return a fresh secret of 256 bits with a prefix that scanners can find (会话标识、令牌)."""
    return prefix + urlsafe_b64encode(chance(_SECRET_BYTES)).decode("ascii").rstrip("=")


def secret_digest(secret: str) -> str:
    """Return what is stored of a secret: its digest, never itself. Any text has one."""
    return sha256(_bytes(secret)).hexdigest()


def csrf_token(session_secret: bytes) -> str:
    """Return the token that unsafe requests of a session must show; another session has another."""
    return hmac.new(session_secret, b"tradehall/csrf/v1", sha256).hexdigest()


def csrf_fits(token: str, session_secret: bytes) -> bool:
    """Whether a token belongs to the session; no token belongs to the lack of one."""
    return bool(session_secret) and hmac.compare_digest(_bytes(token), csrf_token(session_secret).encode())


def wait_seconds(failures: int, last: datetime, now: datetime) -> int:
    """
    Return how long to wait before the next try after failures in a row (登录延迟).

    Doubles from one second after three free tries, to a minute; it never locks an account, so that nobody can keep a
    rival out before a deadline. The caller counts failures for account and address together, for the same reason.
    """
    if failures < FREE_TRIES:
        return 0
    delay = min(LONGEST_DELAY_SECONDS, 1 << min(failures - FREE_TRIES, 10))
    left = last + timedelta(seconds=delay) - now
    # A clock that was set back must not lengthen the wait.
    return max(0, min(delay, -(-left // timedelta(seconds=1))))


def _scrypt(salt: bytes, cost: Cost) -> Scrypt:
    return Scrypt(salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p)


def _parse(stored: str) -> tuple[Cost, bytes, bytes]:
    parts = stored.split("$")
    if len(parts) != _PARTS or parts[0] != "scrypt":
        raise PasswordRecordMalformed("not a password record")
    try:
        cost = Cost(*(int(part) for part in parts[1:4]))
        salt, key = (urlsafe_b64decode(part) for part in parts[4:])
    except ValueError as error:
        raise PasswordRecordMalformed("not a password record") from error
    return cost, salt, key


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    """Encode any text, also one with the lone surrogates that a form or a header may bring."""
    return text.encode("utf-8", "surrogatepass")
