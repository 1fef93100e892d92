"""
Diagrams (程序图): the states of a procedure from top to bottom and what leads from one to another, as SVG.

Nothing is left to chance or to a solver: states stand in the order of the table; what leads to the next state is an
arrow down; everything else runs in a lane of its own, forward on the right, back on the left (dashed). Lines that
carry the same records to the same state share a lane, a dot tells a joint from a crossing, and the label stands where
the lane enters that state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tradehall_standards.docs.markup import Attribute, Html, fragment, tag
from tradehall_standards.docs.volume import Procedure
from tradehall_standards.docs.words import Speaker, Text

_BOX: Final = 200
_PITCH: Final = 22
"""Height that one line needs where it meets a box."""
_LEAST: Final = 46
_GAP: Final = 46
_LANE: Final = 16
_FONT: Final = 13
_SMALL: Final = 11
_MARGIN: Final = 16
_LABEL_PAD: Final = 22
_INK, _MUTED, _LINE, _BRAND, _TINT, _JADE, _JADE_TINT, _WHITE = (
    "#17212b",
    "#52606d",
    "#7b8794",
    "#14507a",
    "#e8f1f7",
    "#0f5a41",
    "#e6f4ee",
    "#ffffff",
)
_SANS: Final = "'PingFang SC','HarmonyOS Sans SC','Microsoft YaHei','Noto Sans CJK SC','Noto Sans SC',sans-serif"
_WORDS: Final = Text("在此状态另可提交 {0} 类记录", "{0} kinds of record stay in this state")
_WORD_ONE: Final = Text("在此状态另可提交 1 类记录", "1 kind of record stays in this state")
_LATIN: Final = 0x2E7F
"""Letters beyond it are drawn square."""
_SHOWN: Final = 2
"""Records named on one line; more are counted."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Lines that carry the same records into one state (线路)."""

    target: int
    sources: tuple[int, ...]
    families: tuple[str, ...]

    @property
    def goes_back(self) -> bool:
        """It leads to a state that stands above where it starts."""
        return self.target < self.sources[0]

    @property
    def ends(self) -> tuple[int, int]:
        """First and last row that it touches."""
        rows = (*self.sources, self.target)
        return min(rows), max(rows)


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be drawn (图的内容): arrows down by the row they lead to; lanes on both sides, inner ones first."""

    down: Mapping[int, tuple[str, ...]]
    right: tuple[Lane, ...]
    left: tuple[Lane, ...]
    staying: Mapping[str, int]


def plan(procedure: Procedure) -> Plan:
    """Sort the steps of a procedure into arrows, lanes and what changes no state (布线)."""
    rows = {state: row for row, state in enumerate(procedure.states)}
    edges: dict[tuple[int, int], dict[str, None]] = {}
    staying: dict[str, dict[str, None]] = {}
    for step in procedure.steps:
        for to in step.leads:
            if to == step.state:
                staying.setdefault(step.state, {})[step.family] = None
            else:
                edges.setdefault((rows[step.state], rows[to]), {})[step.family] = None
    shared: dict[tuple[int, tuple[str, ...], bool], list[int]] = {}
    for (source, target), families in edges.items():
        if target != source + 1:
            shared.setdefault((target, tuple(families), target < source), []).append(source)
    lanes = [Lane(target, tuple(sorted(found)), families) for (target, families, _), found in shared.items()]
    lanes.sort(key=lambda lane: (lane.ends[1] - lane.ends[0], lane.target, lane.families))
    return Plan(
        down={target: tuple(families) for (source, target), families in edges.items() if target == source + 1},
        right=tuple(lane for lane in lanes if not lane.goes_back),
        left=tuple(lane for lane in lanes if lane.goes_back),
        staying={state: len(found) for state, found in staying.items()},
    )


def width_of(text: str, size: int) -> float:
    """Return about how wide a text is drawn: Chinese is square, Latin a little over half (文字宽度)."""
    return sum(size if ord(letter) > _LATIN else size * 0.56 for letter in text)


class _Drawing:
    """One diagram while it is drawn; places are computed once, lines are then laid through them."""

    def __init__(self, procedure: Procedure, titles: Mapping[str, Text], speak: Speaker) -> None:
        self._procedure, self._speak = procedure, speak
        self._titles = titles
        self._plan = plan(procedure)
        self._names = [speak(text) for text in procedure.states.values()]
        self._states = list(procedure.states)
        self._ports = self._meetings()
        self._tops = self._places()
        right = [self._label(lane.families) for lane in self._plan.right]
        left = [self._label(lane.families) for lane in self._plan.left]
        self._room_left = max((width_of(text, _FONT) for text in left), default=-_LABEL_PAD) + _LABEL_PAD
        self._room_right = max((width_of(text, _FONT) for text in right), default=-_LABEL_PAD) + _LABEL_PAD
        self._x = _MARGIN + len(left) * _LANE + self._room_left
        self._end = self._x + self._box
        down = max((width_of(self._label(found), _FONT) for found in self._plan.down.values()), default=0)
        edge = self._end + self._room_right + len(right) * _LANE
        self.width = round(max(edge, self._x + self._box / 2 + down + _LABEL_PAD) + _MARGIN)
        self.height = round(self._tops[-1] + self._height(len(self._names) - 1) + _MARGIN)

    @property
    def _box(self) -> float:
        notes = (self._note(state) for state in self._states)
        widest = max([*(width_of(name, 15) for name in self._names), *(width_of(note, _SMALL) for note in notes)])
        return max(_BOX, widest + 28)

    def _note(self, state: str) -> str:
        count = self._plan.staying.get(state, 0)
        if count == 0:
            return ""
        return self._speak(_WORD_ONE) if count == 1 else self._speak(_WORDS).format(count)

    def _label(self, families: Sequence[str]) -> str:
        names = [self._speak(self._titles[family]) for family in families]
        shown = (" / ").join(names[:_SHOWN])
        more = len(names) - _SHOWN
        return shown if more <= 0 else f"{shown} {self._speak((f'等 {len(names)} 类', f'and {more} more'))}"

    def _meetings(self) -> Mapping[tuple[bool, int], list[tuple[Lane, bool]]]:
        """Return by side and row the lanes that meet the box there, and whether they enter it."""
        found: dict[tuple[bool, int], list[tuple[Lane, bool]]] = {}
        for side, lanes in ((True, self._plan.right), (False, self._plan.left)):
            for lane in lanes:
                for source in lane.sources:
                    found.setdefault((side, source), []).append((lane, False))
                found.setdefault((side, lane.target), []).append((lane, True))
        for (_, row), met in found.items():
            # Lines that go up leave above those that go down, the outer ones at the rim: fewer of them cross.
            met.sort(key=lambda pair: self._rank(pair[0], row))
        return found

    @staticmethod
    def _rank(lane: Lane, row: int) -> tuple[bool, int]:
        first, last = lane.ends
        goes_down = row == first or (row != last and row in lane.sources)
        return goes_down, (last - first) if not goes_down else -(last - first)

    def _height(self, row: int) -> float:
        met = max(len(self._ports.get((side, row), ())) for side in (True, False))
        return max(_LEAST, met * _PITCH + 8)

    def _places(self) -> list[float]:
        tops: list[float] = []
        y = float(_MARGIN)
        for row in range(len(self._names)):
            tops.append(y)
            y += self._height(row) + _GAP
        return tops

    def _port(self, row: int, lane: Lane, *, right: bool) -> float:
        met = [found for found, _ in self._ports[right, row]]
        return self._tops[row] + self._height(row) * (met.index(lane) + 1) / (len(met) + 1)

    def draw(self) -> Html:
        """Return the finished diagram."""
        speak, procedure = self._speak, self._procedure
        lines = [self._lane(lane, number, right=True) for number, lane in enumerate(self._plan.right)]
        lines += [self._lane(lane, number, right=False) for number, lane in enumerate(self._plan.left)]
        arrows = [self._down(row, families) for row, families in self._plan.down.items()]
        boxes = [self._state(row) for row in range(len(self._names))]
        return tag(
            "svg",
            tag("title", speak(procedure.title)),
            tag("desc", self._told()),
            lines,
            arrows,
            boxes,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {self.width} {self.height}",
            width=self.width,
            height=self.height,
            role="img",
            font_family=_SANS,
        )

    def _told(self) -> str:
        """Return all edges in words, for whoever can't see the picture."""
        rows = [(row - 1, row, families) for row, families in self._plan.down.items()]
        rows += [
            (source, lane.target, lane.families)
            for lane in (*self._plan.right, *self._plan.left)
            for source in lane.sources
        ]
        told = (f"{self._names[at]} → {self._names[to]}: {self._label(families)}" for at, to, families in sorted(rows))
        return "; ".join(told)

    def _state(self, row: int) -> Html:
        state, top, height = self._states[row], self._tops[row], self._height(row)
        ends = state in self._procedure.ends
        ink, fill = (_JADE, _JADE_TINT) if ends else (_BRAND, _TINT)
        note = self._note(state)
        middle = self._x + self._box / 2
        y = top + height / 2 + (5 if not note else -2)
        return tag(
            "g",
            _rect(self._x, top, self._box, height, fill=fill, stroke=ink, stroke_width=2 if ends else 1),
            _rect(self._x + 3, top + 3, self._box - 6, height - 6, fill="none", stroke=ink) if ends else None,
            _text(middle, y, self._names[row], 15, _INK, anchor="middle", weight="600"),
            _text(middle, y + 16, note, _SMALL, _MUTED, anchor="middle", weight="400") if note else None,
        )

    def _down(self, row: int, families: tuple[str, ...]) -> Html:
        x = self._x + self._box / 2
        start, end = self._tops[row - 1] + self._height(row - 1), self._tops[row]
        return fragment(
            _path(f"M{_n(x)} {_n(start)}V{_n(end - 2)}"),
            _head(x, end, 0, 1),
            _text(x + 10, (start + end) / 2 + 4, self._label(families), _FONT, _INK),
        )

    def _lane(self, lane: Lane, number: int, *, right: bool) -> Html:
        rim, way = (self._end, 1) if right else (self._x, -1)
        room = self._room_right if right else self._room_left
        x = rim + way * (room + _LANE * number + _LANE / 2)
        into = self._port(lane.target, lane, right=right)
        outs = [self._port(source, lane, right=right) for source in lane.sources]
        stubs = "".join(f"M{_n(rim)} {_n(y)}H{_n(x)}" for y in outs)
        spine = f"M{_n(x)} {_n(min([*outs, into]))}V{_n(max([*outs, into]))}"
        text = self._label(lane.families)
        joins = [y for y in outs if min(*outs, into) < y < max(*outs, into)]
        return fragment(
            _path(f"{stubs}{spine}M{_n(x)} {_n(into)}H{_n(rim + way * 2)}", dashed=not right),
            [tag("circle", cx=_n(x), cy=_n(y), r=3, fill=_LINE) for y in joins],
            _head(rim, into, -way, 0),
            _text(rim + way * 12, into - 5, text, _FONT, _INK, anchor="start" if right else "end"),
        )


def _n(value: float) -> str:
    """Write a coordinate with one place at most."""
    return f"{value:.1f}".removesuffix(".0")


def _rect(x: float, y: float, width: float, height: float, **more: str | int) -> Html:
    return tag("rect", x=_n(x), y=_n(y), width=_n(width), height=_n(height), rx=6, **more)


def _path(way: str, *, dashed: bool = False) -> Html:
    return tag("path", d=way, fill="none", stroke=_LINE, stroke_width="1.5", stroke_dasharray="5 4" if dashed else None)


def _head(x: float, y: float, dx: int, dy: int) -> Html:
    """Draw an arrow head at a point, flying in the direction given."""
    back, wing = 9, 4.5
    ends = (
        (x - back * dx - wing * dy, y - back * dy - wing * dx),
        (x - back * dx + wing * dy, y - back * dy + wing * dx),
    )
    return tag(
        "path", d=f"M{_n(x)} {_n(y)}L{_n(ends[0][0])} {_n(ends[0][1])}L{_n(ends[1][0])} {_n(ends[1][1])}Z", fill=_LINE
    )


def _text(
    x: float, y: float, text: str, size: int, ink: str, *, anchor: str = "start", weight: str | None = None
) -> Html:
    """Write a label; below it its white rim, so that a line that crosses it leaves it readable."""
    place: dict[str, Attribute] = {
        "x": _n(x),
        "y": _n(y),
        "font_size": size,
        "text_anchor": anchor,
        "font_weight": weight,
    }
    rim = tag("text", text, fill=_WHITE, stroke=_WHITE, stroke_width=4, stroke_linejoin="round", **place)
    return fragment(None if weight else rim, tag("text", text, fill=ink, **place))


def draw(procedure: Procedure, titles: Mapping[str, Text], speak: Speaker) -> Html:
    """
    Draw a procedure (绘制程序图); the same procedure gives the same picture.

    Args:
        procedure: any number of states; no label is ever drawn over another.
        titles: of every family that the procedure names.
        speak: the language of the labels.
    """
    return _Drawing(procedure, titles, speak).draw()
