"""
Identifiers (标识代码): the check characters and structures of the codes that records carry.

JSON Schema can say what a code looks like, never whether its check character is right. A schema therefore marks a
string field with ``"x-identifier": "<kind>"``; the catalogue evaluates the mark after the schema, through
:func:`find_problem`. Kinds are the keys of :data:`KINDS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Literal

Severity = Literal["block", "warn"]

_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUES: Final[Mapping[str, int]] = {char: value for value, char in enumerate(_USCC_ALPHABET)}
_USCC: Final = re.compile(f"[{_USCC_ALPHABET}]{{18}}")
_USCC_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_ORG_CODE: Final = re.compile(r"([0-9A-Z]{8})-?([0-9X])")
_ORG_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ID_CARD: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS: Final = "10X98765432"
_DEAL_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_DEAL_CODE: Final = re.compile(r"([A-Z][0-9]{2})-([0-9A-Z]{18})-([0-9]{8})-([0-9]{6})-([0-9A-Z*])")
_PROJECT_CODE: Final = re.compile(r"[A-Z][0-9]{16}([0-9]{3}){0,3}")
_PROJECT_LENGTHS: Final[Mapping[str, int]] = {"project": 17, "tender_project": 20, "lot": 23, "document": 26}
_INVEST_CODE: Final = re.compile(r"[0-9]{4}-[0-9]{6}-[0-9]{2}-[0-9]{2}-[0-9]{6}")
_PARTY: Final = re.compile(
    r"foreign:[a-z]{2,20}:[A-Za-z0-9-]{1,32}|person:[a-z2-7]{16}|bid:[a-z2-7]{32}|node:[a-z0-9-]{1,32}"
)


@dataclass(frozen=True, slots=True)
class IdentifierProblem:
    """
    What is wrong with an identifier (标识代码问题).

    ``code`` is ``format``, ``date`` or ``check``; ``severity`` is ``warn`` where the norm may not bind the issuer.
    """

    code: Literal["format", "date", "check"]
    message_zh: str
    message_en: str
    clause: str
    severity: Severity = "block"


def uscc_problem(value: str) -> IdentifierProblem | None:
    """
    Check a unified social credit code (统一社会信用代码): 18 upper-case characters, mod 31.

    The inner organisation code's own check digit is not enforced: some lawfully issued codes fail it.

    Source: GB 32100-2015.
    """
    clause = "GB 32100-2015"
    if not _USCC.fullmatch(value):
        return IdentifierProblem("format", "统一社会信用代码格式不正确", "Not in the form of a USCC", clause)
    if value[17] != uscc_check(value[:17]):
        return IdentifierProblem("check", "统一社会信用代码校验位不正确", "The USCC check character is wrong", clause)
    return None


def uscc_check(body: str) -> str:
    """Return the check character (校验位) for the first 17 characters of a USCC."""
    total = sum(_USCC_VALUES[char] * weight for char, weight in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_ALPHABET[-total % 31]


def org_code_problem(value: str) -> IdentifierProblem | None:
    """
    Check an organisation code (组织机构代码): eight characters and a check digit, hyphen optional.

    Source: GB 11714-1997.
    """
    clause = "GB 11714-1997"
    matched = _ORG_CODE.fullmatch(value)
    if matched is None:
        return IdentifierProblem("format", "组织机构代码格式不正确", "Not in the form of an organisation code", clause)
    total = sum(int(char, 36) * weight for char, weight in zip(matched[1], _ORG_WEIGHTS, strict=True))
    if matched[2] != "0123456789X"[-total % 11]:
        return IdentifierProblem("check", "组织机构代码校验位不正确", "The check digit is wrong", clause)
    return None


def id_card_problem(value: str) -> IdentifierProblem | None:
    """
    Check a citizen identity number (公民身份号码): a real birth date and ISO 7064 MOD 11-2.

    Messages never repeat the number.

    Source: GB 11643-1999.
    """
    clause = "GB 11643-1999"
    if not _ID_CARD.fullmatch(value):
        return IdentifierProblem("format", "身份证件号码格式不正确", "Not in the form of an identity number", clause)
    if not _is_date(value[6:14]):
        return IdentifierProblem("date", "身份证件号码中的出生日期不存在", "The birth date does not exist", clause)
    total = sum(int(char) * weight for char, weight in zip(value[:17], _ID_WEIGHTS, strict=True))
    if value[17] != _ID_CHECKS[total % 11]:
        return IdentifierProblem("check", "身份证件号码校验位不正确", "The check character is wrong", clause)
    return None


def deal_code_problem(value: str) -> IdentifierProblem | None:
    """
    Check a unified deal code (统一交易标识码): ``CCC-USCC-yyyyMMdd-NNNNNN-X``, ISO 7064 MOD 37-2.

    Only ever a warning: no published sample confirms the algorithm, and codes issued by other platforms MUST NOT be
    refused for it.

    Source: 公共资源交易平台系统数据规范 V2.0 (发改办法规〔2018〕1156号).
    """
    clause = "公共资源交易平台系统数据规范 V2.0"
    matched = _DEAL_CODE.fullmatch(value)
    if matched is None:
        zh, en = "统一交易标识码格式不正确", "Not in the form of a unified deal code"
        return IdentifierProblem("format", zh, en, clause, "warn")
    category, operator, day, serial, check = matched.groups()
    if not _is_date(day):
        return IdentifierProblem("date", "统一交易标识码中的日期不存在", "The date does not exist", clause, "warn")
    if check != deal_code_check(category + operator + day + serial):
        return IdentifierProblem("check", "统一交易标识码校验位不正确", "The check character is wrong", clause, "warn")
    return None


def deal_code_check(body: str) -> str:
    """Return the check character (校验码) for the 35 characters category, operator, date and serial."""
    total = sum(_DEAL_ALPHABET.index(char) * pow(2, place, 37) for place, char in enumerate(reversed(body), 1))
    return _DEAL_ALPHABET[(1 - total) % 37]


def project_code_problem(value: str) -> IdentifierProblem | None:
    """
    Check a project, tender project, lot or document code (项目/招标项目/标段/文件编号): 17, 20, 23 or 26 characters.

    Source: 公共资源交易平台系统数据规范 V2.0; there is no check character.
    """
    if _PROJECT_CODE.fullmatch(value):
        return None
    zh, en = (
        "项目类编号应为 1 个大写字母加 16、19、22 或 25 位数字",
        "A letter and 16, 19, 22 or 25 digits are expected",
    )
    return IdentifierProblem("format", zh, en, "公共资源交易平台系统数据规范 V2.0")


def code_descends_from(child: str, parent: str) -> bool:
    """Tell whether ``child`` is coded under ``parent`` (编号前缀规则): both well-formed, a strict prefix."""
    well_formed = project_code_problem(child) is None and project_code_problem(parent) is None
    return well_formed and len(child) > len(parent) and child.startswith(parent)


def invest_code_problem(value: str) -> IdentifierProblem | None:
    """Check an investment project code (投资项目统一代码): 24 characters ``yyyy-region-division-type-serial``."""
    if _INVEST_CODE.fullmatch(value):
        return None
    zh, en = "投资项目统一代码格式不正确", "Not in the form of an investment project code"
    return IdentifierProblem("format", zh, en, "投资项目统一代码")


def party_problem(value: str) -> IdentifierProblem | None:
    """Check a party identifier (主体标识); the USCC inside ``org:`` MUST be right."""
    if value.startswith("org:"):
        return uscc_problem(value[4:])
    if _PARTY.fullmatch(value):
        return None
    return IdentifierProblem("format", "主体标识格式不正确", "Not in the form of a party identifier", "")


def _project_kind(kind: str) -> Callable[[str], IdentifierProblem | None]:
    length = _PROJECT_LENGTHS[kind]

    def problem(value: str) -> IdentifierProblem | None:
        if len(value) == length:
            return project_code_problem(value)
        zh, en = f"编号应为 {length} 位", f"The code must have {length} characters"
        return IdentifierProblem("format", zh, en, "公共资源交易平台系统数据规范 V2.0")

    return problem


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


KINDS: Final[Mapping[str, Callable[[str], IdentifierProblem | None]]] = {
    "uscc": uscc_problem,
    "org_code": org_code_problem,
    "id_card": id_card_problem,
    "deal_code": deal_code_problem,
    "project_code": project_code_problem,
    "tender_project_code": _project_kind("tender_project"),
    "lot_code": _project_kind("lot"),
    "document_code": _project_kind("document"),
    "invest_project_code": invest_code_problem,
    "party_id": party_problem,
}
"""Every kind that a schema may name in ``x-identifier`` (标识类型)."""


def find_problem(kind: str, value: str) -> IdentifierProblem | None:
    """Return what is wrong with ``value`` as an identifier of ``kind``, or None (KeyError: no such kind)."""
    return _remembered(kind, value) if len(value) <= _SHORT else KINDS[kind](value)


@lru_cache(maxsize=4096)
def _remembered(kind: str, value: str) -> IdentifierProblem | None:
    """Judge once what comes again with every record of a case: the custodians, the tenderer, the project's code."""
    return KINDS[kind](value)


_SHORT: Final = 64
