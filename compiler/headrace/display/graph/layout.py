"""Places the boxes of a graph in rows, each below those it depends on, and the lines between them.

This is the method of Sugiyama, with one change: a layer wider than the page becomes several rows. A
line that passes rows gets a place of its own in each of them, which lines from the same box, or to
the same box, share.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

Name = str

_COLUMN_GAP = 28.0
_ROW_GAP = 46.0
_PASSAGE_WIDTH = 2.0
_SWEEPS = 6
_LOOSENESS = 1.15  # of rows, so that lines may be straight

Point = tuple[float, float]
Segment = tuple[Point, Point]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Passage:
    """The place in a row where lines pass.

    Attributes:
        end: The box that they come from or go to.
        comes_from: Whether they come from it.
        row: The row.
    """

    end: Name
    comes_from: bool
    row: int


_Slot = Name | _Passage


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where everything is, in pixels from the upper left corner.

    Attributes:
        corners: Upper left corner of each box.
        segments: Pieces of lines, downwards; several lines may share one.
        tips: Where lines end at a box.
        width: Width of all.
        height: Height of all.
    """

    corners: Mapping[Name, Point]
    segments: Sequence[Segment]
    tips: Sequence[Point]
    width: float
    height: float


def lay_out(
    sizes: Mapping[Name, Point], edges: Sequence[tuple[Name, Name]], max_width: float
) -> Layout:
    """Places boxes.

    Args:
        sizes: Width and height of each box, in the order of its author.
        edges: Pairs of boxes; the first is above the second. They have no circle.
        max_width: Rows become no wider, unless one box alone is.
    """
    rows = _rows(sizes, edges, max_width)
    row_of = {name: row for row, names in enumerate(rows) for name in names}
    links, slots = _passages(edges, row_of, [list[_Slot](names) for names in rows])
    widths: dict[_Slot, float] = {name: size[0] for name, size in sizes.items()}
    above, below = _neighbours(links)
    _sort(slots, above, below)
    centers = _centers(slots, widths, above, below)
    left = min((centers[name] - widths[name] / 2 for name in sizes), default=0.0)
    left = min([left, *centers.values()], default=0.0)
    heights = [max(sizes[name][1] for name in names) for names in rows]
    tops = [sum(heights[:row]) + row * _ROW_GAP for row in range(len(rows))]
    corners = {
        name: (centers[name] - size[0] / 2 - left, tops[row_of[name]])
        for name, size in sizes.items()
    }
    right = max((corners[name][0] + size[0] for name, size in sizes.items()), default=0.0)

    def ends(slot: _Slot) -> tuple[Point, Point]:
        """Returns where lines enter a slot, and where they leave it."""
        x = centers[slot] - left
        if isinstance(slot, str):
            return (x, tops[row_of[slot]]), (x, tops[row_of[slot]] + sizes[slot][1])
        return (x, tops[slot.row]), (x, tops[slot.row] + heights[slot.row])

    passages = {slot for pair in links for slot in pair if not isinstance(slot, str)}
    segments = {(ends(a)[1], ends(b)[0]) for a, b in links} | {ends(slot) for slot in passages}
    return Layout(
        corners=corners,
        segments=sorted(segments),
        tips=sorted({ends(b)[0] for _, b in links if isinstance(b, str)}),
        width=max([right, *(centers[slot] - left for slot in passages)], default=0.0),
        height=tops[-1] + heights[-1] if rows else 0.0,
    )


def _rows(
    sizes: Mapping[Name, Point], edges: Sequence[tuple[Name, Name]], max_width: float
) -> list[list[Name]]:
    """Returns the names in each row, those of wide layers in several."""
    parents: dict[Name, set[Name]] = {name: set() for name in sizes}
    children: dict[Name, set[Name]] = {name: set() for name in sizes}
    for a, b in edges:
        parents[b].add(a)
        children[a].add(b)
    order = list(TopologicalSorter(parents).static_order())
    layer: dict[Name, int] = {}
    for name in order:
        layer[name] = max((layer[parent] + 1 for parent in parents[name]), default=0)
    for name in reversed(order):  # what waits for nothing is drawn where it is needed
        if not parents[name] and children[name]:
            layer[name] = min(layer[child] for child in children[name]) - 1
    place = {name: number for number, name in enumerate(sizes)}
    rows: list[list[Name]] = []
    for number in sorted(set(layer.values())):
        members = [name for name in sizes if layer[name] == number]
        members.sort(key=lambda name: (_mean([place[p] for p in parents[name]], 0.0), place[name]))
        rows += _wrapped(members, sizes, max_width)
    return rows


def _wrapped(
    names: Sequence[Name], sizes: Mapping[Name, Point], max_width: float
) -> list[list[Name]]:
    rows: list[list[Name]] = [[]]
    width = -_COLUMN_GAP
    for name in names:
        width += sizes[name][0] + _COLUMN_GAP
        if rows[-1] and width > max_width:
            rows.append([])
            width = sizes[name][0]
        rows[-1].append(name)
    return rows


def _passages(
    edges: Sequence[tuple[Name, Name]], row_of: Mapping[Name, int], slots: list[list[_Slot]]
) -> tuple[list[tuple[_Slot, _Slot]], list[list[_Slot]]]:
    """Returns links between neighbouring rows, and the rows with the places of passing lines."""
    degree = Counter(name for edge in set(edges) for name in edge)
    links: dict[tuple[_Slot, _Slot], None] = {}
    passages: dict[_Passage, int] = {}
    for a, b in edges:
        # The end with more lines: they share a way.
        comes_from = degree[a] >= degree[b]
        last: _Slot = a
        for row in range(row_of[a] + 1, row_of[b]):
            passage = _Passage(end=a if comes_from else b, comes_from=comes_from, row=row)
            passages.setdefault(passage, row)
            links[last, passage] = None
            last = passage
        links[last, b] = None
    for passage, row in passages.items():
        slots[row].append(passage)
    return list(links), slots


def _neighbours(
    links: Sequence[tuple[_Slot, _Slot]],
) -> tuple[dict[_Slot, list[_Slot]], dict[_Slot, list[_Slot]]]:
    above: dict[_Slot, list[_Slot]] = {}
    below: dict[_Slot, list[_Slot]] = {}
    for a, b in links:
        above.setdefault(b, []).append(a)
        below.setdefault(a, []).append(b)
    return above, below


def _sort(
    slots: list[list[_Slot]],
    above: Mapping[_Slot, Sequence[_Slot]],
    below: Mapping[_Slot, Sequence[_Slot]],
) -> None:
    """Sorts each row by the places of its neighbours, so that few lines cross."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        order = range(1, len(slots)) if down else range(len(slots) - 2, -1, -1)
        for row in order:
            other = slots[row - 1 if down else row + 1]
            # Relative to the length of the row: rows have different numbers of slots.
            place = {slot: (number + 0.5) / len(other) for number, slot in enumerate(other)}
            own = {slot: (n + 0.5) / len(slots[row]) for n, slot in enumerate(slots[row])}
            key = {
                slot: _mean([place[each] for each in near.get(slot, ())], own[slot])
                for slot in slots[row]
            }
            slots[row].sort(key=key.__getitem__)


def _centers(
    slots: Sequence[Sequence[_Slot]],
    widths: Mapping[_Slot, float],
    above: Mapping[_Slot, Sequence[_Slot]],
    below: Mapping[_Slot, Sequence[_Slot]],
) -> dict[_Slot, float]:
    """Returns the middle of each slot: near its neighbours, and apart from the next in its row."""
    centers: dict[_Slot, float] = {}
    offsets_of = [_offsets(row, widths) for row in slots]
    # No row leaves the width of the widest, so that rows of one layer stay below each other.
    room = _LOOSENESS * max((offsets[-1] for offsets in offsets_of), default=0.0)
    for row, offsets in zip(slots, offsets_of, strict=True):
        middle = offsets[-1] / 2
        centers |= {slot: offset - middle for slot, offset in zip(row, offsets, strict=True)}
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for number in range(len(slots)) if down else range(len(slots) - 1, -1, -1):
            row, offsets = slots[number], offsets_of[number]
            wishes = [_mean([centers[n] for n in near.get(s, ())], centers[s]) for s in row]
            shifted = [wish - offset for wish, offset in zip(wishes, offsets, strict=True)]
            for slot, shift, offset in zip(row, _rising(shifted), offsets, strict=True):
                centers[slot] = min(max(shift, -room / 2), room / 2 - offsets[-1]) + offset
    # Whole pixels: lines are sharp, and two ends at one place are equal.
    return {slot: round(center) for slot, center in centers.items()}


def _offsets(row: Sequence[_Slot], widths: Mapping[_Slot, float]) -> list[float]:
    """Returns the smallest distances of the middles of a row's slots from that of the first."""
    offsets = [0.0]
    for a, b in itertools.pairwise(row):
        half = (widths.get(a, _PASSAGE_WIDTH) + widths.get(b, _PASSAGE_WIDTH)) / 2
        offsets.append(offsets[-1] + half + _COLUMN_GAP)
    return offsets


def _rising(wishes: Sequence[float]) -> list[float]:
    """Returns rising numbers whose squared distances from `wishes` are the smallest."""
    blocks: list[tuple[float, int]] = []  # sum and number of wishes that got the same answer
    for wish in wishes:
        total, number = wish, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / number:
            before = blocks.pop()
            total, number = total + before[0], number + before[1]
        blocks.append((total, number))
    return [total / number for total, number in blocks for _ in range(number)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
