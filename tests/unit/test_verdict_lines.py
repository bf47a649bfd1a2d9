"""What a terminal shows of the verdicts and metrics of a run."""

import io

import pytest
from rich.console import Console

from headrace.display.verdicts import number, summary_lines
from headrace.lineage.summaries import Metric, RunSummary
from headrace.lineage.verdicts import Verdict


def lines(*verdicts: Verdict, metrics: tuple[Metric, ...] = (), ascii_only: bool = False) -> str:
    summary = RunSummary(verdicts=verdicts, metrics=metrics)
    return "\n".join(line.plain for line in summary_lines(summary, ascii_only=ascii_only))


def verdict(task: str, text: str, *reasons: str, is_good: bool | None) -> Verdict:
    return Verdict(task=task, text=text, is_good=is_good, reasons=reasons)


def test_a_good_verdict_is_one_line_and_a_bad_one_has_its_reasons() -> None:
    shown = lines(
        verdict("validator", "no anomalies", is_good=True),
        verdict("drift", "nothing to compare with", is_good=None),
        verdict("evaluator", "not blessed", "a is 1", "b is 2", "c is 3", "d is 4", is_good=False),
        verdict("pusher", "not pushed", "the model is not blessed", is_good=False),
        verdict("other", "blessed", "a is 1, required >= 0", "b is 2", is_good=True),
    )

    assert shown.splitlines() == [
        "✓ validator  no anomalies",
        "- drift      nothing to compare with",
        "✗ evaluator  not blessed",
        "    a is 1",
        "    b is 2",
        "    c is 3",
        "    and 1 more",
        "✗ pusher     not pushed: the model is not blessed",
        "✓ other      blessed: a is 1, required >= 0",
    ]


def test_metrics_have_their_change_on_the_baseline() -> None:
    metrics = (
        Metric(task="evaluator", name="auc", value=0.91234, baseline=0.9),
        Metric(task="evaluator", name="recall", value=0.5, baseline=0.5),
        Metric(task="evaluator", name="example_count", value=104.0, baseline=104.0),
        Metric(task="trainer", name="loss", value=1.5e-9),
        *(Metric(task="trainer", name=f"m{index}", value=index) for index in range(5)),
    )

    assert lines(metrics=metrics).splitlines() == [
        "  evaluator  auc 0.9123 (+0.0123 on the baseline), recall 0.5 (as the baseline), "
        "example_count 104",
        "  trainer    loss 1.5e-09, m0 0, m1 1, m2 2, 2 more",
    ]


def test_of_many_verdicts_the_bad_ones_are_shown() -> None:
    many = [verdict(f"loop/{i}/evaluator", "blessed", is_good=i != 150) for i in range(200)]

    shown = lines(*many).splitlines()

    assert shown[0].startswith("✗ loop/150/evaluator")
    assert shown[-1] == "  and 188 more verdicts"
    assert len(shown) == 13


def test_a_run_without_verdicts_and_metrics_shows_nothing() -> None:
    assert lines() == ""


def test_only_a_terminal_gets_colours_and_only_one_with_unicode_gets_signs() -> None:
    bad = verdict("pusher", "not pushed", is_good=False)
    summary = RunSummary(verdicts=(bad,))

    plain, coloured = io.StringIO(), io.StringIO()
    for line in summary_lines(summary):
        Console(file=plain).print(line)
        Console(file=coloured, force_terminal=True, color_system="standard").print(line)

    assert plain.getvalue() == "✗ pusher  not pushed\n"
    assert "\x1b[1;31m" in coloured.getvalue()
    assert lines(bad, ascii_only=True) == "x pusher  not pushed"
    assert lines(bad, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("value", "text"),
    [(104.0, "104"), (1234567.0, "1,234,567"), (0.81234, "0.8123"), (1e30, "1e+30"), (-0.0, "0")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
