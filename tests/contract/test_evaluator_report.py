"""The outputs of evaluator for people and UIs: the page, metrics, curves."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headrace_components.evaluator.curves import CalibrationPoint, Confusion, Curve, RocPoint
from headrace_components.evaluator.metric_rows import RequiredRows, Score, SliceScores
from headrace_components.evaluator.presentation import classification, metric_values
from headrace_components.evaluator.report import evaluation_report
from headrace_components.evaluator.verdict import Failure, ModelVerdict
from headrace_components.library.reports.page import MAX_BYTES
from support.cases.evaluator import (
    at_least,
    eval_config,
    flights,
    metric,
    save_model,
    write_examples,
)
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored

COUNT = metric("ExampleCount")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "good": save_model(root / "good"),
        "shifted": save_model(root / "shifted", bias=0.6),
        "classes": save_model(root / "classes", kind="classes"),
        "examples": write_examples(root / "examples", flights(400)),
    }


def run(
    launcher: Launcher, folders: Mapping[str, Path], config: Mapping[str, Any], **models: str
) -> Outcome:
    inputs: dict[str, Stored] = {
        port: launcher.store(folders[name]) for port, name in models.items()
    }
    inputs["examples"] = launcher.store(folders["examples"])
    return launcher.run("evaluator", {"eval_config": config}, None, **inputs)


def page(outcome: Outcome) -> str:
    """The page, with names in one piece."""
    return outcome["report"].path.read_text("utf-8").replace("<wbr>", "")


def test_a_page_shows_candidate_beside_baseline_with_the_difference(
    launcher: Launcher, folders: Mapping[str, Path]
) -> None:
    accuracy = {
        "value_threshold": {"lower_bound": 0.5},
        "change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": -0.5},
    }
    config = eval_config(COUNT, metric("BinaryAccuracy", accuracy))

    outcome = run(launcher, folders, config, model="good", baseline_model="shifted")

    values = outcome["metrics"].metadata
    assert values["blessed"] == 1
    assert values["example_count"] == 400
    change = values["binary_accuracy"] - values["binary_accuracy_baseline"]
    assert values["binary_accuracy_change"] == pytest.approx(change)
    text = page(outcome)
    assert "<strong>Blessed</strong><p>Every threshold holds.</p>" in text
    assert re.search(
        rf'>binary_accuracy</th><td class="num">{values["binary_accuracy"]:.4g}</td>'
        rf'<td class="num">{values["binary_accuracy_baseline"]:.4g}</td>'
        rf'<td class="num">\+{change:.4g}</td>',
        text,
    )
    assert "&gt;= 0.5 on every slice</div>" in text
    assert "a change &gt;= -0.5 on every slice</div>" in text


def test_slices_stand_worst_first_and_those_that_fail_are_marked(
    launcher: Launcher, folders: Mapping[str, Path]
) -> None:
    config = eval_config(COUNT, metric("AUC", at_least(0.83)))

    outcome = run(launcher, folders, config, model="good")

    text = page(outcome)
    slices = text.partition("<h2>Slices</h2>")[2]
    rows = re.findall(
        r'<th scope="row">(carrier=\w+)(.*?)</th><td>.*?</td>'
        r'<td class="num" data-value="[\d.]+">(\d+)</td>'
        r'<td class="num" data-value="[\d.]+">([\d.]+)</td>',
        slices,
    )
    values = [float(value) for _, _, _, value in rows]
    assert len(values) == 4
    assert values == sorted(values)
    assert sum(int(count) for _, _, count, _ in rows) == 400
    marked = [name for name, badge, _, _ in rows if "fails" in badge]
    assert marked == [name for name, _, _, value in rows if float(value) < 0.83]
    assert marked
    assert "<strong>Not blessed</strong>" in text
    assert f"auc on {marked[0]} is 0." in text
    assert "There was no baseline to compare with." in text


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_each_backend_gets_a_file_and_the_roc_curve(
    rules: Rules, folders: Mapping[str, Path], tmp_path: Path
) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules=rules)
    config = eval_config(COUNT, metric("ConfusionMatrixPlot"), slices=((),))

    outcome = run(launcher, folders, config, model="good")

    assert outcome["report"].path.is_file()
    metadata = outcome["classification_metrics"].metadata
    points = metadata["confidenceMetrics"]
    rows = metadata["confusionMatrix"]
    if rules != "vertex":  # the launcher wraps them like this, and Kubeflow's UI unwraps them
        points, rows = points["list"], rows["struct"]
    assert set(points[0]) == {"confidenceThreshold", "falsePositiveRate", "recall"}
    recalls = [point["recall"] for point in points]
    assert recalls == sorted(recalls)
    assert (recalls[0], recalls[-1]) == (0.0, 1.0)
    assert sum(count for row in rows["rows"] for count in row["row"]) == 400
    assert [spec["displayName"] for spec in rows["annotationSpecs"]] == ["negative", "positive"]
    assert "ROC curve; at the threshold 0.5" in page(outcome)


def test_a_confusion_matrix_of_classes_is_shown(
    launcher: Launcher, folders: Mapping[str, Path]
) -> None:
    config = eval_config(
        COUNT, metric("MultiClassConfusionMatrixPlot"), label="month_class", slices=((),)
    )

    outcome = run(launcher, folders, config, model="classes")

    metadata = outcome["classification_metrics"].metadata
    matrix = metadata["confusionMatrix"]["struct"]
    assert [spec["displayName"] for spec in matrix["annotationSpecs"]] == ["0", "1", "2"]
    assert sum(count for row in matrix["rows"] for count in row["row"]) == 400
    assert "confidenceMetrics" not in metadata
    assert "Rows by actual and predicted class</caption>" in page(outcome)


def test_a_calibration_plot_is_drawn_for_both_models(
    launcher: Launcher, folders: Mapping[str, Path]
) -> None:
    config = eval_config(COUNT, metric("CalibrationPlot"), slices=((),))

    outcome = run(launcher, folders, config, model="good", baseline_model="shifted")

    text = page(outcome).partition("<h3>Calibration")[2].partition("</article>")[0]
    for kind in ("line", "line2"):
        [path] = re.findall(rf'<path d="M([\d. L]+)" class="{kind}"', text)
        assert len(path.split("L")) > 3
    places = [float(place) for place in re.findall(r'<circle cx="([\d.]+)"[^>]*class="dot"', text)]
    assert places == sorted(places)
    assert "the mean label is" in text


def test_an_accuracy_on_few_rows_has_its_confidence_interval(
    launcher: Launcher, folders: Mapping[str, Path]
) -> None:
    config = eval_config(COUNT, metric("BinaryAccuracy", at_least(0.5)))

    outcome = run(launcher, folders, config, model="good")

    slices = page(outcome).partition("<h2>Slices</h2>")[2]
    rows = re.findall(
        r'data-value="([\d.]+)"><div class="whole">[\d.]+</div><div class="whole">'
        r'<span class="soft small">([\d.]+) to ([\d.]+)</span>',
        slices,
    )
    assert len(rows) == 4
    for value, low, high in rows:
        assert float(low) < float(value) < float(high)
    assert slices.count('class="interval"></path>') == 4
    assert "its 95 % confidence interval" in slices


def test_the_intervals_that_tfma_computes_are_shown(
    launcher: Launcher, folders: Mapping[str, Path]
) -> None:
    config = eval_config(COUNT, metric("AUC", at_least(0.5)))
    config["options"] = {"compute_confidence_intervals": {"value": True}}

    outcome = run(launcher, folders, config, model="good")

    slices = page(outcome).partition("<h2>Slices</h2>")[2]
    assert len(re.findall(r"[\d.]+ to [\d.]+</span>", slices)) == 4


def test_without_a_plot_there_is_no_curve(launcher: Launcher, folders: Mapping[str, Path]) -> None:
    outcome = run(launcher, folders, eval_config(COUNT, slices=((),)), model="good")

    assert outcome["classification_metrics"].metadata == {}
    text = page(outcome)
    assert "Decisions</h2>" not in text
    assert "<code>eval_config</code> sets no thresholds" in text


BLESSED = ModelVerdict(is_blessed=True)
AUC_RULE = RequiredRows(
    metric="auc",
    column="auc",
    side="candidate",
    slices="every slice",
    bound=">= 0.7",
    is_lower_better=False,
)


def scores(**values: float) -> dict[str, Score]:
    return {name: Score(candidate=value) for name, value in values.items()}


def test_very_many_slices_stay_small_and_the_rest_is_counted() -> None:
    both = Score(candidate=0.123456, baseline=0.234567, change=-0.111111)
    columns = {f"a_metric_with_a_long_name_{number}": both for number in range(30)}
    slices = [
        SliceScores(name=f"feature_with_a_long_name=value {number:09} {'x' * 80}", scores=columns)
        for number in range(5_000)
    ]
    overall = SliceScores(name="all rows", scores=columns)

    content = evaluation_report(BLESSED, [overall, *slices], [AUC_RULE], [])

    assert len(content) < MAX_BYTES
    text = content.decode()
    assert text.count('<th scope="row">feature_') == 263
    assert "holds 4737 more slices and 18 more metrics than this page shows" in text


def test_names_of_slices_are_escaped_and_many_failures_counted() -> None:
    failures = tuple(
        Failure(slice_name=f"a=<i>{number}", text=f"auc on a=<i>{number} is 0.5, required >= 0.7")
        for number in range(25)
    )
    verdict = ModelVerdict(is_blessed=False, reason="many", failures=failures)
    slices = [SliceScores(name="a=<i>0", scores=scores(auc=0.5))]

    text = evaluation_report(verdict, slices, [AUC_RULE], []).decode()

    assert "<i>0" not in text
    assert 'a=&lt;i&gt;0 <span class="badge bad">fails</span>' in text
    assert "And 5 more." in text


def test_values_that_are_no_numbers_are_shown_and_not_published() -> None:
    part = SliceScores(name="all rows", scores=scores(auc=float("nan"), loss=1.0))

    text = evaluation_report(BLESSED, [part], [AUC_RULE], []).decode()

    assert '<td class="num">NaN</td>' in text
    assert metric_values([part], BLESSED) == {"blessed": 1, "loss": 1.0}


def test_a_published_metric_has_a_name_that_every_backend_takes() -> None:
    name = "fairness_indicators_metrics/false_positive_rate@0.5 class_id 1"
    part = SliceScores(name="all rows", scores={name: Score(candidate=0.25, change=0.5)})

    assert metric_values([part], BLESSED) == {
        "blessed": 1,
        "fairness_indicators_metrics_false_positive_rate_0_5_class_id_1": 0.25,
        "fairness_indicators_metrics_false_positive_rate_0_5_class_id_1_change": 0.5,
    }


def test_a_change_that_is_rounding_is_shown_as_none() -> None:
    score = Score(candidate=0.75, baseline=0.7500000000000001, change=-1.1e-16)
    part = SliceScores(name="a=1", scores={"auc": score})

    text = evaluation_report(BLESSED, [part], [AUC_RULE], []).decode()

    assert '<td class="num">0</td>' in text
    assert 'class="bad"' not in text


def test_the_curve_of_the_baseline_is_drawn_but_not_published() -> None:
    points = tuple(
        RocPoint(threshold=1 - at, false_positive_rate=at**2, recall=at) for at in (0.0, 0.5, 1.0)
    )
    matrix = Confusion(labels=("negative", "positive"), counts=((8.0, 2.0), (1.0, 9.0)))
    curves = [
        Curve(name="", side="baseline", roc=points[:2], confusion=matrix),
        Curve(name="", side="candidate", roc=points, confusion=None),
    ]
    part = SliceScores(name="all rows", scores=scores(auc=0.8))

    text = evaluation_report(BLESSED, [part], [AUC_RULE], curves).decode()

    assert 'class="line2"' in text
    assert "Confusion matrix of the baseline" in text
    published = classification(curves)
    assert len(published["confidenceMetrics"]) == 3
    assert "confusionMatrix" not in published


def test_a_plot_of_another_kind_is_named_as_not_drawn() -> None:
    part = SliceScores(name="all rows", scores=scores(auc=0.8))
    curves = [Curve(name="multi_label<plot>", side="candidate")]

    text = evaluation_report(BLESSED, [part], [AUC_RULE], curves).decode()

    assert "Not drawn, because" in text
    assert "multi_label&lt;plot&gt;. The evaluation holds them" in text


def test_the_calibration_of_numbers_above_1_has_its_own_axes() -> None:
    points = tuple(
        CalibrationPoint(prediction=at, label=at + 5, weight=2.0) for at in (0.0, 40.0, 95.0)
    )
    part = SliceScores(name="all rows", scores=scores(auc=0.8))
    curves = [Curve(name="minutes", side="candidate", calibration=points)]

    text = evaluation_report(BLESSED, [part], [AUC_RULE], curves).decode()

    assert 'text-anchor="end">100</text>' in text
    assert "off at the prediction 0, where the mean label is 5" in text
