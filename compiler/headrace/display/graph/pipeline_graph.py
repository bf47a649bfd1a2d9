"""`headrace.graph`: a picture of a pipeline before it runs."""

from collections.abc import Mapping
from typing import Any

from headrace.display.graph.drawing import Box, draw
from headrace.display.graph.model import Node, tree_of
from headrace.ir.view import Pipeline
from headrace_components.library.reports.markup import Markup, element

# The colours of the page around the picture: notebooks are light or dark.
_LINE = "fill:none;stroke:currentColor;stroke-opacity:.45;stroke-width:1.5"
_BOX = "fill:currentColor;fill-opacity:.06;stroke:currentColor;stroke-opacity:.4"
_TEXT = "fill:currentColor;font:13px system-ui,sans-serif"
_SMALL = "fill:currentColor;fill-opacity:.75;font:11px system-ui,sans-serif"


class PipelineGraph:
    """The tasks of a pipeline. A notebook shows a picture, and `print` a list."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Takes a pipeline that was checked."""
        self._tree = tree_of(pipeline, (), is_over=False)

    def __repr__(self) -> str:
        return "\n".join([self._tree.title, *_lines(self._tree, "  ")])

    def _repr_html_(self) -> str:
        picture = draw(self._tree)
        lines = [element("path", d=line, style=_LINE) for line in picture.lines]
        arrows = [
            element(
                "path",
                d=f"M{x - 4:.1f} {y - 8:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y - 8:.1f}z",
                style="fill:currentColor;fill-opacity:.6",
            )
            for x, y in picture.arrows
        ]
        width, height = round(picture.width), round(picture.height)
        svg = element(
            "svg",
            *lines,
            *arrows,
            *(part for box in picture.boxes for part in _box(box)),
            viewBox=f"0 0 {width} {height}",
            role="img",
            aria_label=f"Tasks of {self._tree.title}, each below those that it needs",
            style=f"width:{width}px;max-width:100%;height:auto",
        )
        return element("div", element("strong", self._tree.title), element("div", svg))


def _lines(group: Node, indent: str) -> list[str]:
    titles: Mapping[str, str] = {child.path: child.title for child in group.children}
    lines = []
    for child in group.children:
        needs = dict.fromkeys(
            titles[before] for before, after in group.edges if after == child.path
        )
        after = f", after {', '.join(needs)}" if needs else ""
        lines.append(f"{indent}{child.title} ({child.detail}){after}")
        lines += _lines(child, indent + "  ")
    return lines


def _box(box: Box) -> list[Markup]:
    place: dict[str, Any] = {"x": f"{box.x:.1f}", "y": f"{box.y:.1f}"}
    left = f"{box.x + 12:.1f}"
    return [
        element(
            "rect", **place, width=f"{box.width:.1f}", height=f"{box.height:.1f}", rx=7, style=_BOX
        ),
        element("text", box.title, x=left, y=f"{box.y + 20:.1f}", style=_TEXT),
        element("text", box.detail, x=left, y=f"{box.y + 36:.1f}", style=_SMALL),
    ]
