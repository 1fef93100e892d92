"""
Tradehall standards (阳光交易大厅标准目录): schemas, code lists, rules and the law's numbers as dated, verifiable data.

Start with :meth:`Catalogue.load` and :meth:`Catalogue.check`; bytes pass :func:`strict.parse` first. The package
imports nothing of the platform and reads no clock.
"""

from tradehall_standards import canonical, identifiers, periods, strict
from tradehall_standards.calendar import WorkingCalendar, YearNotLoaded
from tradehall_standards.catalogue import Catalogue, CatalogueError, Citation, Finding, SchemaRef, Version
from tradehall_standards.codelists import CodeList, CodeRow
from tradehall_standards.fields import Disclosure, Field
from tradehall_standards.lifecycle import State
from tradehall_standards.lint import LintFinding, lint_schema
from tradehall_standards.parameters import AmbiguousRuleError, Parameters, Rule
from tradehall_standards.periods import PeriodVerdict
from tradehall_standards.rules_cel import CelRule
from tradehall_standards.strict import Json, StrictError

__all__ = [
    "AmbiguousRuleError",
    "Catalogue",
    "CatalogueError",
    "CelRule",
    "Citation",
    "CodeList",
    "CodeRow",
    "Disclosure",
    "Field",
    "Finding",
    "Json",
    "LintFinding",
    "Parameters",
    "PeriodVerdict",
    "Rule",
    "SchemaRef",
    "State",
    "StrictError",
    "Version",
    "WorkingCalendar",
    "YearNotLoaded",
    "canonical",
    "identifiers",
    "lint_schema",
    "periods",
    "strict",
]
