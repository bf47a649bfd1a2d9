"""The picture of an artifact's lineage."""

from collections.abc import Mapping

from headrace.lineage.records import ArtifactLineage, ArtifactRef, Execution
from headrace.lineage.stored_artifacts import Descendants
from headrace.ui.lineage.picture import LineagePicture, picture_of


def ref(uri: str) -> ArtifactRef:
    return ArtifactRef(id=uri, type="Model", uri=uri)


def execution(
    number: int, task: str, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> Execution:
    return Execution(
        id=number,
        run_id="run",
        task=task,
        component=task,
        state="done",
        started=f"2026-01-01T00:00:{number:02}+00:00",
        seconds=1.0,
        parameters={},
        inputs={port: [ref(uri)] for port, uri in inputs.items()},
        outputs={port: [ref(uri)] for port, uri in outputs.items()},
        reason=None,
    )


def lineage(uri: str, producer: Execution | None) -> ArtifactLineage:
    return ArtifactLineage(
        id=uri,
        type="Model",
        uri=uri,
        created="2026-01-01T00:00:00+00:00",
        metadata={},
        producer=producer,
        consumers=[],
        reused_by=[],
        ancestors=[producer] if producer else [],
    )


def heights(picture: LineagePicture) -> dict[str, float]:
    return {box.title: box.y for box in picture.boxes}


def test_a_task_is_below_all_that_it_read_also_if_it_is_nearer_to_the_artifact() -> None:
    maker = execution(1, "csv_example_gen", {}, {"examples": "/e"})
    trainer = execution(2, "trainer", {"examples": "/e"}, {"model": "/m"})
    evaluator = execution(3, "evaluator", {"examples": "/e", "model": "/m"}, {"blessing": "/b"})
    down = Descendants(executions=[evaluator, trainer], is_complete=True)

    found = heights(picture_of(lineage("/e", maker), down))

    assert found["csv_example_gen"] < found["Model"] < found["trainer"] < found["evaluator"]


def test_records_that_go_in_a_circle_are_drawn() -> None:
    first = execution(1, "first", {"a": "/b"}, {"b": "/a"})
    second = execution(2, "second", {"a": "/a"}, {"b": "/b"})
    down = Descendants(executions=[second, first], is_complete=True)

    found = picture_of(lineage("/a", first), down)

    assert len(found.boxes) == 3


def test_an_artifact_from_outside_is_above_its_readers() -> None:
    down = Descendants(
        executions=[execution(1, "trainer", {"a": "/x"}, {"m": "/m"})], is_complete=True
    )

    found = heights(picture_of(lineage("/x", None), down))

    assert found["Model"] < found["trainer"]
