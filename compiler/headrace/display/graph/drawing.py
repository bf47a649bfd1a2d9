"""From the tree of a run's tasks to boxes and lines with places, which the template draws."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from headrace.display.graph.layout import Point, Segment, lay_out
from headrace.display.graph.model import Node
from headrace.display.shortening import shortened

_BOX_HEIGHT = 48.0
_MIN_WIDTH, _MAX_WIDTH = 150.0, 260.0
_LETTER_WIDTH = 8.4  # of wide fonts
_SIDES = 34.0
_PADDING = 16.0
_HEAD_HEIGHT = 50.0
_MARGIN = 4.0
_PAGE_WIDTH = 1000.0

_MANY_TASKS = 40
"""A pipeline with more tasks is drawn with its groups folded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A box of the picture.

    Attributes:
        node: What it stands for.
        x: Left edge, from the left of the picture.
        y: Upper edge.
        width: Its width.
        height: Its height.
        title: The name, shortened to fit.
        detail: The second line, shortened to fit.
        is_open: Whether it is a group whose tasks are drawn in it.
    """

    node: Node
    x: float
    y: float
    width: float
    height: float
    title: str
    detail: str
    is_open: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What the template draws.

    Attributes:
        boxes: Groups before what is in them, all in an order in which they may run.
        lines: Paths for SVG, each a piece of a line.
        arrows: Ends of lines: the points where they meet a box.
        width: Width in pixels.
        height: Height in pixels.
    """

    boxes: Sequence[Box]
    lines: Sequence[str]
    arrows: Sequence[Point]
    width: float
    height: float


def draw(tree: Node, toggled: Collection[str] = ()) -> Picture:
    """Returns the picture of a pipeline.

    Args:
        tree: The pipeline.
        toggled: Paths of the groups that are not drawn as they would be: open, or folded in a
            pipeline of many tasks.
    """
    num_tasks = sum(node.kind == "task" for node in tree.walk())

    def is_open(node: Node) -> bool:
        return bool(node.children) and (num_tasks <= _MANY_TASKS) != (node.path in toggled)

    content = _drawn(tree, _PAGE_WIDTH, is_open)
    return Picture(
        boxes=[replace(box, x=box.x + _MARGIN, y=box.y + _MARGIN) for box in content.boxes],
        lines=[_path(_moved(segment, _MARGIN, _MARGIN)) for segment in content.segments],
        arrows=[(x + _MARGIN, y + _MARGIN) for x, y in content.arrows],
        width=content.width + 2 * _MARGIN,
        height=content.height + 2 * _MARGIN,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    boxes: list[Box]
    segments: list[Segment]
    arrows: list[Point]
    width: float
    height: float


def _drawn(group: Node, max_width: float, is_open: Callable[[Node], bool]) -> _Content:
    """Returns the tasks of a group, from the upper left corner of the first."""
    inner = {
        child.path: _drawn(child, max_width - 2 * _PADDING, is_open)
        for child in group.children
        if is_open(child)
    }
    sizes = {child.path: _size(child, inner.get(child.path)) for child in group.children}
    layout = lay_out(sizes, group.edges, max_width)
    boxes: list[Box] = []
    segments = list(layout.segments)
    arrows = list(layout.tips)
    for child in group.children:
        x, y = layout.corners[child.path]
        width, height = sizes[child.path]
        content = inner.get(child.path)
        boxes.append(_box(child, x, y, width, height, is_open=content is not None))
        if content:
            dx, dy = x + _PADDING, y + _HEAD_HEIGHT
            dx += (width - 2 * _PADDING - content.width) / 2
            boxes += [replace(box, x=box.x + dx, y=box.y + dy) for box in content.boxes]
            segments += [_moved(segment, dx, dy) for segment in content.segments]
            arrows += [(px + dx, py + dy) for px, py in content.arrows]
    return _Content(
        boxes=boxes, segments=segments, arrows=arrows, width=layout.width, height=layout.height
    )


def _size(node: Node, content: _Content | None) -> Point:
    own = max(len(node.title), len(node.detail) * 0.9) * _LETTER_WIDTH + _SIDES
    width = min(max(own, _MIN_WIDTH), _MAX_WIDTH)
    if content is None:
        return width, _BOX_HEIGHT
    return max(width, content.width + 2 * _PADDING), _HEAD_HEIGHT + content.height + _PADDING


def _box(node: Node, x: float, y: float, width: float, height: float, *, is_open: bool) -> Box:
    room = int((width - _SIDES) / _LETTER_WIDTH)
    return Box(
        node=node,
        x=x,
        y=y,
        width=width,
        height=height,
        title=shortened(node.title, room),
        detail=shortened(node.detail, int(room * 1.1)),
        is_open=is_open,
    )


def _moved(segment: Segment, dx: float, dy: float) -> Segment:
    (ax, ay), (bx, by) = segment
    return (ax + dx, ay + dy), (bx + dx, by + dy)


def _path(segment: Segment) -> str:
    (ax, ay), (bx, by) = segment
    if abs(ax - bx) < 0.5:
        return f"M{ax:.0f} {ay:.0f}V{by:.0f}"
    middle = (ay + by) / 2
    return f"M{ax:.0f} {ay:.0f}C{ax:.0f} {middle:.0f} {bx:.0f} {middle:.0f} {bx:.0f} {by:.0f}"
