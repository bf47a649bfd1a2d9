"""The page on a training and the files for TensorBoard that it is made from."""

import math
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tensorflow as tf

from headrace_components.library.reports.lines import line_chart
from headrace_components.library.reports.page import MAX_BYTES
from headrace_components.library.user_code.training_history import History
from headrace_components.trainer.event_files import read_histories
from headrace_components.trainer.outcome import headline, metric_values
from headrace_components.trainer.report import training_report


def history(num_epochs: int = 4, names: tuple[str, ...] = ("loss", "val_loss")) -> History:
    found = History()
    for epoch in range(num_epochs):
        for step in range(3):
            found.num_steps += 1
            found.add_step(found.num_steps, {"loss": 3.0 - step / 10})
        found.add_epoch(dict.fromkeys(names, 1 / (epoch + 1)))
    return found


def text(histories: list[History]) -> str:
    page = training_report(histories).decode()
    HTMLParser().feed(page)
    return page


def test_a_validation_is_drawn_in_the_chart_of_its_metric() -> None:
    page = text([history()])

    assert page.count("<svg") == 1
    assert page.count("<h3>") == 1
    assert 'class="line2"' in page
    assert "loss from 1 to 0.25" in page
    assert "4 epochs, 12 steps" in page


def test_a_training_of_one_epoch_is_drawn_by_steps() -> None:
    page = text([history(1)])

    assert "loss from 3 to 2.8" in page
    assert "A value at a step is that of the epoch so far." in page
    assert ">0.1<" not in page


def test_a_page_says_that_there_was_no_history() -> None:
    assert "showed no history" in text([])


def test_a_page_of_many_models_epochs_and_odd_names_stays_small() -> None:
    names = tuple(f"<b>{index} & co\x00" for index in range(300))
    many = History()
    for epoch in range(3000):
        many.add_epoch(dict.fromkeys(names[:80], math.nan if epoch % 7 else epoch))

    page = text([history(4, names)] * 12 + [many])

    assert len(page.encode()) < MAX_BYTES
    assert "<b>" not in page
    assert "13 models" in page


def test_a_loss_without_a_finite_value_is_said_in_the_page() -> None:
    lost = History()
    for _ in range(4):
        lost.add_epoch({"loss": math.nan, "other_loss": math.inf})

    page = text([lost])

    assert "loss is NaN from epoch 1 on; other_loss is infinite from epoch 1 on." in page
    assert "No value is a finite number." in page
    assert metric_values(lost) == {"epochs": 4}


@pytest.mark.parametrize(
    "points",
    [
        [(1, 5.0)],
        [(1, 0.0), (2, 0.0)],
        [(1, 1e308), (2, -1e308)],
        [(1, math.nan), (2, 1.0), (3, math.inf), (9, 2.0)],
    ],
)
def test_any_line_is_drawn_inside_the_chart(points: list[tuple[int, float]]) -> None:
    chart = line_chart([points], "epoch", "label")

    drawn = [part.split('"')[0] for part in chart.split(' d="M')[1:] if "h.1" in part]
    numbers = [
        tuple(map(float, each.split()))
        for path in drawn
        for each in path.removesuffix("h.1").split("L")
    ]
    assert numbers
    assert all(0 <= x <= 320 and 0 <= y <= 170 for x, y in numbers)


def test_metrics_have_names_that_every_backend_takes_and_the_important_ones_are_named() -> None:
    found = history(2, ("val_loss", "loss", "top k/accuracy", "val_top k/accuracy"))
    found.batch_size, found.seconds, found.timed_steps = 20, 2.0, 100

    values = metric_values(found)

    assert values["examples_per_second"] == 1000.0
    assert (values["epochs"], values["steps"]) == (2, 6)
    assert values["best_val_top_k_accuracy"] == 1.0
    assert values["top_k_accuracy"] == 0.5
    assert headline(found) == [
        "val_loss",
        "val_top_k_accuracy",
        "loss",
        "top_k_accuracy",
        "examples_per_second",
        "steps",
    ]


def test_scalars_of_a_training_loop_without_keras_come_from_its_event_files(tmp_path: Path) -> None:
    for folder in ("train", "validation", "deep/er"):
        writer = tf.summary.create_file_writer(str(tmp_path / folder))
        with writer.as_default():
            for step in range(1, 6):
                tf.summary.scalar("loss", 1 / step, step=step)
                tf.summary.histogram("weights", [1.0, 2.0], step=step)
                tf.summary.text("note", "loss", step=step)
        writer.close()
    (tmp_path / "events.out.tfevents.torn").write_bytes(b"\x01\x02")

    (found,) = read_histories(tmp_path)

    assert set(found.steps) == {"loss", "validation/loss", "deep/er/loss"}
    assert [step for step, _ in found.steps["loss"]] == [1, 2, 3, 4, 5]
    assert found.last()["loss"] == pytest.approx(0.2)
    assert text([found]).count("<svg") == 2


def test_a_folder_without_event_files_has_no_history(tmp_path: Path) -> None:
    (tmp_path / "events.out").write_text("loss")

    assert read_histories(tmp_path) == []
