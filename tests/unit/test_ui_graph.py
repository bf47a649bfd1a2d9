"""The picture of a pipeline: where its boxes and lines are."""

import itertools
import random
from collections import Counter

import pytest

from headrace.contract.service import ServiceTask
from headrace.display.graph.drawing import draw
from headrace.display.graph.layout import Layout, Point, lay_out
from headrace.display.graph.model import NOT_RUN, Node, tree_of
from headrace.frontend.loading import load
from headrace.ir.view import Pipeline
from support.cases.ui_pipelines import everything

SIZE = (150.0, 48.0)
WIDTH = 1000.0

Edges = list[tuple[str, str]]


def chain(number: int) -> Edges:
    return [(str(a), str(a + 1)) for a in range(number - 1)]


def fan(number: int) -> Edges:
    shards = [f"shard-{index}" for index in range(number)]
    return [("start", each) for each in shards] + [(each, "end") for each in shards]


def tangle(number: int) -> Edges:
    chance = random.Random(0)
    return [
        (str(chance.randrange(max(0, b - 12), b)), str(b))
        for b in range(1, number)
        for _ in range(chance.choice([1, 1, 2, 3]))
    ]


GRAPHS = {
    "one box": ([], ["alone"]),
    "boxes without lines": ([], [str(index) for index in range(30)]),
    "a chain": (chain(12), []),
    "a chain with a shortcut": ([*chain(12), ("0", "11")], []),
    "a wide layer": (fan(50), []),
    "200 tasks": (tangle(200), []),
    "odd names": ([("", "a b"), ("", "<b>"), ("<b>", "\N{SNOWMAN}")], []),
}


def laid(name: str) -> tuple[Layout, dict[str, Point], Edges]:
    edges, alone = GRAPHS[name]
    sizes = dict.fromkeys([*alone, *itertools.chain.from_iterable(edges)], SIZE)
    return lay_out(sizes, edges, WIDTH), sizes, edges


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_do_not_overlap_and_lie_in_the_picture(name: str) -> None:
    layout, sizes, _ = laid(name)

    for box, (x, y) in layout.corners.items():
        assert x >= 0, box
        assert x + sizes[box][0] <= layout.width + 0.01
        assert y + sizes[box][1] <= layout.height + 0.01
    for a, b in itertools.combinations(layout.corners, 2):
        (ax, ay), (bx, by) = layout.corners[a], layout.corners[b]
        assert abs(ax - bx) >= SIZE[0] or abs(ay - by) >= SIZE[1], (a, b)


@pytest.mark.parametrize("name", GRAPHS)
def test_each_box_is_below_those_that_it_needs_and_a_line_leads_there(name: str) -> None:
    layout, sizes, edges = laid(name)
    below: dict[Point, set[Point]] = {}
    for start, end in layout.segments:
        assert start[1] < end[1]
        below.setdefault(start, set()).add(end)

    for a, b in edges:
        (ax, ay), (bx, by) = layout.corners[a], layout.corners[b]
        assert ay + sizes[a][1] < by
        reached = {(ax + SIZE[0] / 2, ay + SIZE[1])}
        target = (bx + SIZE[0] / 2, by)
        found = set(reached)
        while reached:
            reached = {end for start in reached for end in below.get(start, ())} - found
            found |= reached
        assert target in found, (a, b)


@pytest.mark.parametrize("name", GRAPHS)
def test_no_line_passes_below_a_box(name: str) -> None:
    layout, sizes, _ = laid(name)

    for (ax, ay), (bx, by) in layout.segments:
        if ax == bx:
            for box, (x, y) in layout.corners.items():
                inside = x < ax < x + sizes[box][0] and ay < y + 1 and y + SIZE[1] - 1 < by
                assert not inside, box


def test_a_wide_layer_becomes_several_rows() -> None:
    layout, _, _ = laid("a wide layer")

    assert layout.width < 1.5 * WIDTH
    rows = Counter(y for _, y in layout.corners.values())
    assert max(rows.values()) == 5


def test_the_same_pipeline_gives_the_same_picture() -> None:
    assert laid("200 tasks")[0] == laid("200 tasks")[0]


def tree(*tasks: ServiceTask, is_over: bool = True) -> Node:
    return tree_of(Pipeline(body=load(everything).spec), tasks, is_over=is_over)


def found(root: Node, path: str) -> Node:
    return next(node for node in root.walk() if node.path == path)


def test_groups_are_the_loops_conditions_and_sub_pipelines_of_the_author() -> None:
    root = tree()

    kinds = {node.path: (node.kind, node.detail) for node in root.walk() if node.children}
    assert kinds == {
        "": ("pipeline", ""),
        "condition-2": ("condition", "if int(number-result) > 2"),
        "condition-2/condition-3": ("condition", "if int(number-3-result) > 100"),
        "for-loop-1": ("loop", "for each of items, 2 at a time"),
        "inner": ("pipeline", "sub-pipeline"),
    }


def test_a_group_has_the_state_that_needs_the_most_attention() -> None:
    root = tree(
        ServiceTask(name="for-loop-1/0/number-2", state="done", seconds=2.0),
        ServiceTask(name="for-loop-1/1/number-2", state="failed", seconds=5.0),
        ServiceTask(name="number", state="cached"),
    )

    loop, task = found(root, "for-loop-1"), found(root, "for-loop-1/*/number-2")
    assert (task.state, task.summary, task.seconds) == ("failed", "1 failed, 1 done", 5.0)
    assert (loop.state, root.state) == ("failed", "failed")
    assert found(root, "number").state == "cached"
    assert found(root, "inner/number").state == NOT_RUN
    assert found(tree(is_over=False), "inner/number").state == "waiting"


def test_a_group_that_is_half_done_is_running() -> None:
    root = tree(ServiceTask(name="inner/number", state="done"), is_over=False)

    assert found(root, "inner").state == "running"


def test_a_task_leads_to_its_run_by_the_name_that_the_run_knows() -> None:
    root = tree(
        ServiceTask(name="for-loop-1/0/number-2", state="done"),
        ServiceTask(name="for-loop-1/1/number-2", state="done"),
        ServiceTask(name="number", state="done"),
    )

    assert found(root, "number").run_name == "number"
    assert found(root, "for-loop-1/*/number-2").run_name == "for-loop-1/*/number-2"


def test_groups_are_drawn_open_and_can_be_folded() -> None:
    every = draw(tree())
    folded = draw(tree(), toggled=["for-loop-1", "condition-2"])

    assert len(every.boxes) == len(list(tree().walk())) - 1
    paths = [box.node.path for box in folded.boxes]
    assert "for-loop-1" in paths
    assert not any(path.startswith(("for-loop-1/", "condition-2/")) for path in paths)
    assert folded.height < every.height


def test_groups_of_a_large_pipeline_are_drawn_folded_and_can_be_opened() -> None:
    child = Node(path="", kind="task", title="t", detail="", counts={"done": 1})
    group = Node(
        path="g",
        kind="loop",
        title="g",
        detail="",
        counts={"done": 60},
        children=[
            Node(path=f"g/{i}", kind="task", title="t", detail="", counts=child.counts)
            for i in range(60)
        ],
    )
    root = Node(path="", kind="pipeline", title="", detail="", counts={}, children=[group])

    assert len(draw(root).boxes) == 1
    assert len(draw(root, toggled=["g"]).boxes) == 61
