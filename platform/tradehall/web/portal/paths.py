"""
Addresses of the pages (网址): the one place that spells them, for templates and for the routes alike.

A path is relative to the root of the site; every page also takes ``?lang=zh|en`` and ``?size=normal|large``, which the
route remembers in the cookies ``lang`` and ``size``.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

HOME: Final = "/"
NOTICES: Final = "/notices"
OPENINGS: Final = "/openings"
STANDARDS: Final = "/standards"
VERIFY: Final = "/verify"
ABOUT: Final = "/about"
LOGIN: Final = "/login"
LOGOUT: Final = "/logout"
ACCOUNT: Final = "/account"
WORK: Final = "/work"
WORK_KEYS: Final = "/work/keys"
WORK_CUSTODY: Final = "/work/custody"
VALIDATE: Final = "/standards/validate"
RELEASES: Final = "/standards/releases"
STATIC: Final = "/static/portal"
TIME: Final = "/api/v1/clock"


def notice(case: str) -> str:
    """Page of one case (项目页)."""
    return f"{NOTICES}/{quote(case, safe='')}"


def opening(case: str) -> str:
    """Opening hall of one case (开标大厅)."""
    return f"{OPENINGS}/{quote(case, safe='')}"


def feed(case: str) -> str:
    """Server-sent events of one hall (实时记录); takes ``?after=<sequence>`` or ``Last-Event-ID``."""
    return f"{opening(case)}/feed"


def family(name: str, version: str | None = None) -> str:
    """Page of one family (标准页), newest version unless one is named."""
    base = f"{STANDARDS}/{quote(name, safe='')}"
    return base if version is None else f"{base}/{quote(version, safe='')}"


def diff(name: str, old: str, new: str) -> str:
    """Page of two versions of a family side by side (版本对比)."""
    return f"{family(name)}/diff/{quote(old, safe='')}/{quote(new, safe='')}"


def code_list(name: str) -> str:
    """Page of one code list (代码表); takes ``?as_of=``."""
    return f"{STANDARDS}/codelists/{quote(name, safe='')}"


def work_case(case: str) -> str:
    """Page on which somebody works on a case (项目工作页)."""
    return f"{WORK}/cases/{quote(case, safe='')}"


def work_form(case: str, family: str) -> str:
    """Form of a record of a case (填写记录)."""
    return f"{work_case(case)}/{quote(family, safe='')}"


def work_bid(case: str) -> str:
    """Bidding in a tender (投标)."""
    return f"{WORK}/bids/{quote(case, safe='')}"


def work_custody(case: str) -> str:
    """Release of a custodian's shares (密钥保管)."""
    return f"{WORK_CUSTODY}/{quote(case, safe='')}"


def work_record(digest: str) -> str:
    """Receipt of one's own record (回执); digests keep their colon."""
    return f"{WORK}/records/{quote(digest, safe=':')}"


def with_query(path: str, **values: str | None) -> str:
    """
    Return ``path`` with these query values set, the others kept in order (网址参数).

    A value of None removes the name. Scheme and host, if any, are dropped: links never leave the site.
    """
    parts = urlsplit(path)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in values]
    kept += [(name, value) for name, value in values.items() if value is not None]
    base = "/" + parts.path.lstrip("/")
    return f"{base}?{urlencode(kept)}" if kept else base
