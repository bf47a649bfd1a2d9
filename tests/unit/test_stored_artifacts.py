"""Questions about many artifacts of a real store: models with what came of them, descendants."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.reader import StoreLineage
from headrace.lineage.local_store.writer import ArtifactRecord, LineageStore


class Recorder:
    """Records tasks of runs, each with outputs of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store = LineageStore(default_url(root))

    def run(self, run_id: str) -> None:
        self._store.begin_run("many", run_id, {})

    def task(
        self,
        run_id: str,
        component: str,
        inputs: Mapping[str, ArtifactRecord],
        outputs: Mapping[str, tuple[str, Mapping[str, Any]]],
    ) -> dict[str, ArtifactRecord]:
        records = {
            port: ArtifactRecord(
                uri=str(self._root / run_id / component / port), type=title, metadata=metadata
            )
            for port, (title, metadata) in outputs.items()
        }
        lists: dict[str, Sequence[ArtifactRecord]] = {name: [one] for name, one in inputs.items()}
        execution = self._store.begin_execution(run_id, component, component, {}, lists)
        self._store.finish_execution(
            execution, "complete", {name: [one] for name, one in records.items()}
        )
        return records


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def push(recorder: Recorder, run_id: str, inputs: Mapping[str, Any], to: str) -> None:
    metadata = {"pushed": 1, "pushed_destination": to} if to else {"pushed": 0}
    recorder.task(run_id, "pusher", inputs, {"pushed_model": ("tfx.PushedModel", metadata)})


def test_a_model_has_its_verdicts_metrics_and_pushes(recorder: Recorder, tmp_path: Path) -> None:
    recorder.run("a")
    trained = recorder.task("a", "trainer", {}, {"model": ("tfx.Model", {})})
    judged = recorder.task(
        "a",
        "evaluator",
        {"model": trained["model"]},
        {
            "blessing": ("tfx.ModelBlessing", {"blessed": 1}),
            "evaluation": ("tfx.ModelEvaluation", {}),
            "metrics": ("system.Metrics", {"auc": 0.9, "auc_baseline": 0.8, "auc_change": 0.1}),
        },
    )
    push(recorder, "a", {"model": trained["model"], **judged}, "/serving/p/7")

    (found,) = StoreLineage(default_url(tmp_path)).models(10)

    assert (found.model.pipeline, found.model.run_id, found.model.task) == ("many", "a", "trainer")
    assert [each.text for each in found.summary.verdicts] == ["blessed", "pushed to /serving/p/7"]
    (metric,) = found.summary.metrics
    assert (metric.name, metric.value, metric.baseline) == ("auc", 0.9, 0.8)
    assert [each.uri for each in found.evaluations] == [judged["evaluation"].uri]
    (pushed,) = found.pushes
    assert (pushed.place, pushed.is_newest) == ("/serving/p", True)


def test_only_the_last_push_to_a_place_is_the_newest(recorder: Recorder, tmp_path: Path) -> None:
    for run_id, to in (("a", "/p/1"), ("b", "/p/2"), ("c", ""), ("d", "/other/1")):
        recorder.run(run_id)
        trained = recorder.task(run_id, "trainer", {}, {"model": ("tfx.Model", {})})
        push(recorder, run_id, trained, to)

    found = StoreLineage(default_url(tmp_path)).models(10)

    assert {each.model.run_id: [one.is_newest for one in each.pushes] for each in found} == {
        "d": [True],
        "c": [],
        "b": [True],
        "a": [False],
    }


def test_an_older_model_that_is_the_newest_at_its_place_comes_after_the_latest(
    recorder: Recorder, tmp_path: Path
) -> None:
    for run_id, to in (("a", "/p/1"), ("b", "/p/2"), ("c", "/q/1"), ("d", ""), ("e", "")):
        recorder.run(run_id)
        trained = recorder.task(run_id, "trainer", {}, {"model": ("tfx.Model", {})})
        if run_id == "c":
            verdict = recorder.task(
                run_id, "infra_validator", trained, {"blessing": ("tfx.InfraBlessing", {})}
            )
            push(recorder, run_id, {"infra_blessing": verdict["blessing"]}, to)
        else:
            push(recorder, run_id, trained, to)

    found = StoreLineage(default_url(tmp_path)).models(1)

    assert [each.model.run_id for each in found] == ["e", "c", "b"]


def test_a_pusher_that_gets_the_verdict_of_a_server_pushes_the_model(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.run("a")
    trained = recorder.task("a", "trainer", {}, {"model": ("tfx.Model", {})})
    verdict = recorder.task(
        "a", "infra_validator", trained, {"blessing": ("tfx.InfraBlessing", {"blessed": 1})}
    )
    push(recorder, "a", {"infra_blessing": verdict["blessing"]}, "/p/1")

    (found,) = StoreLineage(default_url(tmp_path)).models(10)

    assert [each.destination for each in found.pushes] == ["/p/1"]


def test_a_baseline_has_no_verdict_of_the_model_that_it_is_compared_with(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.run("a")
    old = recorder.task("a", "trainer", {}, {"model": ("tfx.Model", {})})
    recorder.run("b")
    new = recorder.task("b", "trainer", {}, {"model": ("tfx.Model", {})})
    recorder.task(
        "b",
        "evaluator",
        {"model": new["model"], "baseline_model": old["model"]},
        {"blessing": ("tfx.ModelBlessing", {"blessed": 0})},
    )

    found = StoreLineage(default_url(tmp_path)).models(10)

    texts = {each.model.run_id: [one.text for one in each.summary.verdicts] for each in found}
    assert texts == {"a": [], "b": ["not blessed"]}


def test_descendants_are_found_over_several_steps_and_stop_at_the_limit(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.run("a")
    made = recorder.task("a", "csv_example_gen", {}, {"examples": ("tfx.Examples", {})})
    trained = recorder.task("a", "trainer", made, {"model": ("tfx.Model", {})})
    recorder.task("a", "evaluator", trained, {"blessing": ("tfx.ModelBlessing", {"blessed": 1})})
    reader = StoreLineage(default_url(tmp_path))
    (examples,) = reader.artifacts("Examples", 10)

    everything = reader.descendants(examples.id, 10)
    some = reader.descendants(examples.id, 1)

    assert [each.task for each in everything.executions] == ["trainer", "evaluator"]
    assert everything.is_complete
    assert [each.task for each in some.executions] == ["trainer"]
    assert not some.is_complete
    assert reader.descendants(10_000, 10).executions == []


def test_of_many_readers_the_latest_are_enough_and_the_maker_is_among_them(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.run("a")
    made = recorder.task("a", "csv_example_gen", {}, {"examples": ("tfx.Examples", {})})
    for number in range(8):
        recorder.run(f"r{number}")
        recorder.task(f"r{number}", "trainer", made, {"model": ("tfx.Model", {})})

    found = StoreLineage(default_url(tmp_path)).artifact(made["examples"].uri, tmp_path, 3)

    assert [each.run_id for each in found.consumers] == ["r5", "r6", "r7"]
    assert found.producer is not None
    assert found.producer.task == "csv_example_gen"
