"""
Turn a view model into a finished page (渲染).

``render`` is a pure function of its arguments and of the files in this folder, which are read once. Routes send the
text with ``SECURITY_HEADERS`` and serve ``STATIC_DIRECTORY`` under ``paths.STATIC``; static addresses carry the digest
of their content, so they may be cached for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, MutableMapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeAlias

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tradehall.web.portal import paths, views, views_catalogue, views_work
from tradehall.web.portal.views import Amount, Label, Lang, Size, User, ViewModel
from tradehall.web.portal.views_catalogue import CatalogueModel
from tradehall.web.portal.views_work import WorkModel

HERE: Final = Path(__file__).parent
STATIC_DIRECTORY: Final = HERE / "static"
TEMPLATE_DIRECTORY: Final = HERE / "templates"
LOCALE_DIRECTORY: Final = HERE / "locale"

CENTRE_TIME: Final = timezone(timedelta(hours=8))
"""Centres show mainland time, which has no summer time (北京时间)."""

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

_SHORT: Final = 20  # characters: shorter values are shown whole
_CATALOGUES: Final[Mapping[Lang, str]] = {"zh": "zh_CN", "en": "en"}
_HTML_LANG: Final[Mapping[Lang, str]] = {"zh": "zh-CN", "en": "en"}
_TEMPLATES: Final[Mapping[type[ViewModel | WorkModel | CatalogueModel], str]] = {
    views.HomePage: "home.html",
    views.CaseListPage: "case_list.html",
    views.CasePage: "case.html",
    views.OpeningPage: "opening.html",
    views.OpeningsPage: "openings.html",
    views.VerifyPage: "verify.html",
    views.StandardsPage: "standards.html",
    views.FamilyPage: "family.html",
    views_catalogue.ComparePage: "compare.html",
    views_catalogue.CodeListPage: "codelist.html",
    views_catalogue.ValidatePage: "validate.html",
    views_catalogue.ReleasesPage: "releases.html",
    views.LoginPage: "login.html",
    views.AccountPage: "account.html",
    views.AboutPage: "about.html",
    views.ErrorPage: "error.html",
    views_work.WorkPage: "work.html",
    views_work.WorkCasePage: "work_case.html",
    views_work.FormPage: "work_form.html",
    views_work.CheckPage: "work_check.html",
    views_work.BidPage: "work_bid.html",
    views_work.CustodyPage: "work_custody.html",
    views_work.ReceiptPage: "work_receipt.html",
    views_work.KeysPage: "work_keys.html",
}


Model: TypeAlias = ViewModel | WorkModel | CatalogueModel
"""Everything that can be rendered (页面模型)."""


def render(page: Model, *, lang: Lang, size: Size = "normal", csrf: str = "", user: User | None = None) -> str:
    """
    Render one page as a complete HTML document (渲染页面).

    Args:
        page: a filled view model.
        lang: language of the interface; filed texts keep their own.
        size: ``large`` for the version with large type (大字版).
        csrf: token of the session, put into every form that posts; empty for pages that are cached for everyone.
        user: who is signed in, or None.
    """
    template = _environment(lang).get_template(_TEMPLATES[type(page)])
    return template.render(page=page, size=size, csrf=csrf, user=user)


@cache
def translations(lang: Lang) -> GNUTranslations:
    """Read the catalogue of one language from its .po file and compile it in memory (译文)."""
    source = LOCALE_DIRECTORY / _CATALOGUES[lang] / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as file:
        catalogue = read_po(file, locale=_CATALOGUES[lang])
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def static_href(name: str) -> str:
    """Address of one static file with the first half of its SHA-256, so that a new content is a new address."""
    content = (STATIC_DIRECTORY / name).read_bytes()
    return f"{paths.STATIC}/{name}?v={hashlib.sha256(content).hexdigest()[:16]}"


# --- filters -----------------------------------------------------------------------------------------------------


def money(amount: Amount) -> str:
    """Two decimals and thousands (金额), e.g. ``298,600,000.00``; unit prices keep up to six."""
    exponent = amount.value.normalize().as_tuple().exponent
    places = min(6, max(2, -exponent if isinstance(exponent, int) else 2))
    return f"{amount.value:,.{places}f}"


def number(value: int | Decimal) -> str:
    """Thousands (千分位)."""
    return f"{value:,}"


def instant(moment: datetime) -> str:
    """Date and minute in the centre's time (北京时间), e.g. ``2026-04-17 09:30``."""
    return moment.astimezone(CENTRE_TIME).strftime("%Y-%m-%d %H:%M")


def second(moment: datetime) -> str:
    """Date and second in the centre's time."""
    return moment.astimezone(CENTRE_TIME).strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime) -> str:
    """Time of day in the centre's time, e.g. ``09:30:07``."""
    return moment.astimezone(CENTRE_TIME).strftime("%H:%M:%S")


def machine(moment: datetime) -> str:
    """RFC 3339 with the centre's offset and milliseconds, for ``datetime`` attributes and the script."""
    return moment.astimezone(CENTRE_TIME).isoformat(timespec="milliseconds")


def days_until(moment: datetime | date, now: datetime) -> int:
    """Whole local days from today to ``moment`` (相差天数): 0 is today, negative is past."""
    day = moment.astimezone(CENTRE_TIME).date() if isinstance(moment, datetime) else moment
    return (day - now.astimezone(CENTRE_TIME).date()).days


def remaining(moment: datetime, now: datetime) -> tuple[int, str]:
    """Days and ``HH:MM:SS`` from ``now`` to ``moment``; nothing is ever less than zero (剩余时间)."""
    left = max(0, int((moment - now).total_seconds()))
    days, rest = divmod(left, 86400)
    return days, f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def digest_short(digest: str) -> str:
    """First and last eight characters of a digest (指纹缩写), e.g. ``9f3a1c0d…c21b7d2f``."""
    body = digest.rpartition(":")[2]
    return body if len(body) <= _SHORT else f"{body[:8]}…{body[-8:]}"


def file_size(size: int) -> str:
    """Bytes in a readable unit (文件大小), e.g. ``1.4 MB``."""
    value, units = Decimal(size), ("B", "KB", "MB", "GB")
    unit = 0
    while value >= 1000 and unit < len(units) - 1:  # noqa: PLR2004 (decimal units)
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {units[unit]}" if unit == 0 else f"{value:.1f} {units[unit]}"


def _is_chinese(text: str) -> bool:
    return any("\u3400" <= character <= "\u9fff" for character in text)


def _speaker(lang: Lang) -> Callable[[str], Markup]:
    def spoken(text: str) -> Markup:
        """Filed text as it stands, marked as Chinese on an English page so that it is read and set rightly."""
        if lang == "en" and _is_chinese(text):
            return Markup('<span lang="zh-CN">{}</span>').format(text)
        return Markup("{}").format(text)

    return spoken


def _tongue(lang: Lang) -> Callable[[str], Markup]:
    def tongue(text: str) -> Markup:
        """The attribute that marks a control whose filed text is Chinese on an English page."""
        return Markup(' lang="zh-CN"') if lang == "en" and _is_chinese(text) else Markup()

    return tongue


def _add(names: MutableMapping[str, Any], **values: object) -> None:
    """Jinja declares its tables by what they hold at birth; anything may be added."""
    names.update(values)


@cache
def _environment(lang: Lang) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE_DIRECTORY),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = translations(lang)
    install = getattr(environment, "install_gettext_translations")  # noqa: B009 (added by the extension at run time)
    install(catalogue, newstyle=True)

    def label(word: Label) -> str:
        return word.zh if lang == "zh" else word.en

    _add(
        environment.filters,
        clock=clock,
        days_until=days_until,
        digest_short=digest_short,
        file_size=file_size,
        instant=instant,
        label=label,
        machine=machine,
        money=money,
        number=number,
        remaining=remaining,
        second=second,
        spoken=_speaker(lang),
        tongue=_tongue(lang),
    )
    _add(
        environment.globals,
        centre_time=CENTRE_TIME,
        lang=lang,
        html_lang=_HTML_LANG[lang],
        paths=paths,
        static=static_href,
    )
    return environment
