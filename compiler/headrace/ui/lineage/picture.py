"""The picture of an artifact's lineage: a box for each task, and one for the artifact."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.display.graph.layout import Point, lay_out
from headrace.lineage.records import ArtifactLineage, Execution
from headrace.lineage.stored_artifacts import Descendants
from headrace.ui.links import task_link
from headrace_components.library.reports.markup import shortened

_WIDTH = 1000.0
_BOX = (200.0, 46.0)
_MARGIN = 8.0
_LETTERS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class LineageBox:
    """A box of the picture.

    Attributes:
        x: Its left edge.
        y: Its upper edge.
        title: Its first line.
        detail: Its second line.
        label: What it is, in full.
        link: Where it leads; empty for the artifact itself.
        state: State of the execution; empty for the artifact.
    """

    x: float
    y: float
    title: str
    detail: str
    label: str
    link: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LineagePicture:
    """What the template draws: boxes, paths of lines, points of arrows, and the size."""

    boxes: Sequence[LineageBox]
    lines: Sequence[str]
    arrows: Sequence[Point]
    width: float
    height: float
    box_width: float = _BOX[0]
    box_height: float = _BOX[1]


def picture_of(artifact: ArtifactLineage, down: Descendants) -> LineagePicture:
    """Returns the picture of what an artifact goes back to, and of what was made of it."""
    executions = {f"{each.id}": each for each in (*artifact.ancestors, *down.executions)}
    own = "artifact"
    makers: dict[str, str] = {}
    for name, execution in executions.items():
        for refs in execution.outputs.values():
            for ref in refs:
                makers.setdefault(ref.uri, name)
    makers[artifact.uri] = own
    edges = {
        (makers[ref.uri], name)
        for name, execution in executions.items()
        for refs in execution.inputs.values()
        for ref in refs
        if ref.uri in makers and makers[ref.uri] != name
    }
    if artifact.producer is not None:
        edges.add((f"{artifact.producer.id}", own))
    # What an execution reads was made before it started.
    names = sorted(executions, key=lambda name: (executions[name].started, len(name), name))
    maker = "" if artifact.producer is None else f"{artifact.producer.id}"
    names.insert(names.index(maker) + 1 if maker in names else 0, own)
    order = {name: number for number, name in enumerate(names)}
    # A record may say that an artifact was made of itself; a picture has no circles.
    forward = sorted(pair for pair in edges if order[pair[0]] < order[pair[1]])
    layout = lay_out(dict.fromkeys(names, _BOX), forward, _WIDTH)
    boxes = []
    for name in names:
        x, y = layout.corners[name]
        given = executions.get(name)
        boxes.append(
            _box(given, x + _MARGIN, y + _MARGIN)
            if given
            else _own(artifact, x + _MARGIN, y + _MARGIN)
        )
    tops = {(x + _BOX[0] / 2, y) for x, y in layout.corners.values()}
    return LineagePicture(
        boxes=boxes,
        lines=[_path(start, end) for start, end in layout.segments],
        arrows=sorted(
            (x + _MARGIN, y + _MARGIN) for x, y in {end for _, end in layout.segments} & tops
        ),
        width=layout.width + 2 * _MARGIN,
        height=layout.height + 2 * _MARGIN,
    )


def _box(execution: Execution, x: float, y: float) -> LineageBox:
    name = execution.task or execution.component
    return LineageBox(
        x=x,
        y=y,
        title=shortened(name, _LETTERS),
        detail=shortened(execution.run_id, _LETTERS),
        label=f"{name} of run {execution.run_id}, {execution.state}",
        link=task_link(execution.run_id, execution.task) if execution.run_id else "",
        state=execution.state,
    )


def _own(artifact: ArtifactLineage, x: float, y: float) -> LineageBox:
    name = artifact.type.rpartition(".")[2]
    return LineageBox(
        x=x,
        y=y,
        title=shortened(name, _LETTERS),
        detail="this artifact",
        label=f"{name} {artifact.uri}, this artifact",
        link="",
        state="",
    )


def _path(start: Point, end: Point) -> str:
    (ax, ay), (bx, by) = ((x + _MARGIN, y + _MARGIN) for x, y in (start, end))
    middle = (ay + by) / 2
    return f"M{ax:.0f} {ay:.0f}C{ax:.0f} {middle:.0f} {bx:.0f} {middle:.0f} {bx:.0f} {by:.0f}"
