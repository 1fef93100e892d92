"""
Structure (一核两翼): where each family, code list, number of the law and procedure belongs.

``structure.json`` is data: one core (trading-service standards) and two wings (data standards, regional-integration
norms). A family or procedure that it does not name is shown as not yet placed; a code list that no group names belongs
to the group that takes the others; a number of the law that holds in one region belongs to the region's group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tradehall_standards.docs.words import HERE, Text, text_of
from tradehall_standards.parameters import Rule
from tradehall_standards.sources import Object, read_object
from tradehall_standards.strict import as_array, as_object


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a part (分组) and what is named for it."""

    id: str
    title: Text
    families: tuple[str, ...]
    procedures: tuple[str, ...]
    parameters: tuple[str, ...]
    codelists: tuple[str, ...]
    takes_other_codelists: bool
    takes_regional_parameters: bool
    holds_commons: bool
    holds_calendars: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The core or one of the wings (核、翼)."""

    id: str
    mark: Text
    title: Text
    about: Text
    groups: tuple[Group, ...]


NOT_PLACED = Group("unplaced", Text("尚未归类", "Not yet placed"), (), (), (), (), False, False, False, False)


@dataclass(frozen=True)
class Structure:
    """The visible order of the catalogue (目录结构)."""

    title: Text
    parts: tuple[Part, ...]

    def groups(self) -> Iterator[tuple[Part, Group]]:
        """Yield every group with its part; last the one for what is not placed, in the core."""
        for part in self.parts:
            for group in part.groups:
                yield part, group
        yield self.parts[0], NOT_PLACED

    def of_family(self, family: str) -> tuple[Part, Group]:
        """Return where a family belongs."""
        return next(((p, g) for p, g in self.groups() if family in g.families), (self.parts[0], NOT_PLACED))

    def families_of(self, place: tuple[Part, Group], families: Iterable[str]) -> list[str]:
        """Return those of the families that belong to a group, in its order."""
        held, named = [name for name in families if self.of_family(name) == place], place[1].families
        return sorted(held, key=lambda name: named.index(name) if name in named else len(named))

    def of_procedure(self, procedure: str) -> tuple[Part, Group]:
        """Return where a procedure belongs."""
        return next(((p, g) for p, g in self.groups() if procedure in g.procedures), (self.parts[0], NOT_PLACED))

    def of_codelist(self, name: str) -> tuple[Part, Group]:
        """Return where a code list belongs."""
        others = next(((p, g) for p, g in self.groups() if g.takes_other_codelists), (self.parts[0], NOT_PLACED))
        return next(((p, g) for p, g in self.groups() if name in g.codelists), others)

    def of_rule(self, rule: Rule) -> tuple[Part, Group]:
        """Return where a number of the law belongs."""
        regional = next(((p, g) for p, g in self.groups() if g.takes_regional_parameters), None)
        if rule.region is not None and regional is not None:
            return regional
        named = ((p, g) for p, g in self.groups() if set(rule.regimes) & set(g.parameters))
        return next(named, (self.parts[0], NOT_PLACED))


@cache
def read_structure() -> Structure:
    """Read ``structure.json`` (载入一核两翼)."""
    document = read_object(HERE / "structure.json")
    return Structure(
        text_of(document["title"]), tuple(_part(as_object(part)) for part in as_array(document.get("parts")))
    )


def _part(part: Object) -> Part:
    return Part(
        id=str(part["id"]),
        mark=text_of(part["mark"]),
        title=text_of(part["title"]),
        about=text_of(part["about"]),
        groups=tuple(_group(as_object(group)) for group in as_array(part.get("groups"))),
    )


def _group(group: Object) -> Group:
    return Group(
        id=str(group["id"]),
        title=text_of(group["title"]),
        families=_names(group, "families"),
        procedures=_names(group, "procedures"),
        parameters=_names(group, "parameters"),
        codelists=_names(group, "codelists"),
        takes_other_codelists=group.get("codelists") == "others",
        takes_regional_parameters=group.get("regional_parameters") is True,
        holds_commons=group.get("commons") is True,
        holds_calendars=group.get("calendars") is True,
    )


def _names(group: Object, member: str) -> tuple[str, ...]:
    return tuple(str(name) for name in as_array(group.get(member)))
