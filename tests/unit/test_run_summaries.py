"""Verdicts and metrics of a run, from the metadata of its artifacts."""

import json
import math
from typing import Any

import pytest

from headrace.lineage.summaries import Metric, TaskArtifact, summary_of
from headrace.lineage.verdicts import Verdict
from headrace_components.contract import reasons


def made(task: str, kind: str, **metadata: Any) -> TaskArtifact:
    return TaskArtifact(task=task, port="port", type=kind, uri="/x", metadata=metadata)


def test_a_verdict_has_the_reasons_that_its_task_wrote() -> None:
    why = ["auc on all rows is 0.61, required >= 0.7", "species: a value is new"]

    found = summary_of(
        [made("loop/0/evaluator", "tfx.ModelBlessing", blessed=0, reasons=reasons.to_text(why))]
    )

    assert found.verdicts == (
        Verdict(task="loop/0/evaluator", text="not blessed", is_good=False, reasons=tuple(why)),
    )
    assert not found.is_good


def test_nothing_to_decide_is_neither_good_nor_bad() -> None:
    found = summary_of([made("drift", "ExampleAnomalies", blessed='{"eval": 2}')])

    assert [verdict.is_good for verdict in found.verdicts] == [None]
    assert found.is_good


def test_a_metric_comes_with_that_of_the_baseline() -> None:
    found = summary_of(
        [
            made(
                "evaluator",
                "system.Metrics",
                blessed=1,
                auc=0.9,
                auc_baseline=0.75,
                auc_change=0.15,
                display_name="metrics",
                lone_change=3,
            )
        ]
    )

    assert found.metrics == (
        Metric(task="evaluator", name="auc", value=0.9, baseline=0.75),
        Metric(task="evaluator", name="lone_change", value=3.0),
    )
    assert found.metrics[0].change == pytest.approx(0.15)


def test_metrics_of_evaluations_come_first_and_among_them_those_with_a_threshold() -> None:
    found = summary_of(
        [
            made("drift", "system.Metrics", num_features_compared=3),
            made("trainer", "tfx.ModelRun"),
            made("trainer", "system.Metrics", loss=0.2, accuracy=0.9),
            made("evaluator", "tfx.ModelEvaluation"),
            made("evaluator", "tfx.ModelBlessing", blessed=1, headline='["recall", "auc"]'),
            made("evaluator", "system.Metrics", accuracy=0.8, auc=0.9, recall="0.5"),
        ]
    )

    assert [(metric.task, metric.name) for metric in found.metrics] == [
        ("evaluator", "recall"),
        ("evaluator", "auc"),
        ("evaluator", "accuracy"),
        ("trainer", "accuracy"),
        ("trainer", "loss"),
        ("drift", "num_features_compared"),
    ]


@pytest.mark.parametrize("value", ["", "nan", math.inf, None, [1], {"struct": {}}, "x"])
def test_what_is_not_a_finite_number_is_no_metric(value: Any) -> None:
    assert summary_of([made("own", "system.Metrics", loss=value)]).metrics == ()


@pytest.mark.parametrize("text", ["", "x", "3", "{}", "[1, null]", '"auc"'])
def test_damaged_reasons_and_headlines_do_not_fail(text: str) -> None:
    found = summary_of(
        [
            made("evaluator", "tfx.ModelBlessing", blessed=1, reasons=text, headline=text),
            made("evaluator", "system.Metrics", auc=0.9),
        ]
    )

    assert [verdict.reasons for verdict in found.verdicts] == [()]
    assert [metric.name for metric in found.metrics] == ["auc"]


def test_reasons_are_few_short_lines_without_placeholders_or_commands_to_a_terminal() -> None:
    odd = "a\nb\t\x1b[31mred\x1b[0m {{$.inputs.parameters['x']}} “é”"

    text = reasons.to_text([odd, "x" * 1000, *map(str, range(20))])
    found = reasons.from_metadata({"reasons": text})

    assert found[0] == "a b ?[31mred?[0m {{ $.inputs.parameters['x']}} “é”"
    assert len(found[1]) == 500
    assert found[-1] == "and 12 more"
    assert len(found) == 11
    assert reasons.from_metadata({"reasons": json.dumps(["\x1b[2J"])}) == ("?[2J",)


def test_a_run_without_artifacts_has_an_empty_summary() -> None:
    found = summary_of([])

    assert (found.verdicts, found.metrics, found.is_good) == ((), (), True)
