"""What is seen of a training by `fit` of Keras, and that nothing else changes."""

import importlib
import json
import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from headrace_components.contract import progress
from headrace_components.contract.progress import Reporter
from headrace_components.library.user_code.training_history import History, diverged
from headrace_components.library.user_code.training_watch import TrainingWatch


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(request.param)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    monkeypatch.setattr(progress, "_FILE_SECONDS", 0.0)
    yield tmp_path / "progress.json"


def numbers() -> tuple[Any, Any]:
    x = np.random.RandomState(0).rand(100, 2).astype("float32")
    return x, (x.sum(1) > 1).astype("float32")


def dataset() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(numbers()).batch(10).repeat()


def model_of(keras: Any) -> Any:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([keras.Input((2,)), *layers])
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


def watch() -> TrainingWatch:
    return TrainingWatch(Reporter("trainer"))


def test_the_history_is_that_of_keras(keras: Any, shown: Path) -> None:
    watcher, model = watch(), model_of(keras)

    with watcher.watching():
        fitted = model.fit(
            dataset(),
            steps_per_epoch=5,
            epochs=3,
            validation_data=dataset(),
            validation_steps=2,
            verbose=0,
        )

    (history,) = watcher.histories
    assert {name: [value for _, value in points] for name, points in history.epochs.items()} == {
        name: pytest.approx(values) for name, values in fitted.history.items()
    }
    assert (history.num_epochs, history.num_steps, history.batch_size) == (3, 15, 10)
    assert [step for step, _ in history.steps["loss"]] == list(range(1, 16))
    assert history.timed_steps == 12
    last = progress.read(shown)
    assert last is not None
    assert last.text.startswith("epoch 3/3, step 5/5, loss 0.")
    assert last.share == 1.0


def test_the_weights_and_the_users_callbacks_are_as_without_it(keras: Any, shown: Path) -> None:
    def train(watcher: TrainingWatch | None) -> tuple[list[bytes], list[str]]:
        called: list[str] = []

        class Own(keras.callbacks.Callback):  # type: ignore[misc]
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                called.append(f"{batch} {logs['loss']:.6f}")

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                called.append(f"epoch {epoch} {sorted(logs)}")

        model, given = model_of(keras), [Own()]
        if watcher is None:
            model.fit(dataset(), steps_per_epoch=4, epochs=2, verbose=0, callbacks=given)
        else:
            with watcher.watching():
                model.fit(dataset(), steps_per_epoch=4, epochs=2, verbose=0, callbacks=given)
        assert len(given) == 1
        return [each.numpy().tobytes() for each in model.weights], called

    assert train(watch()) == train(None)


def test_afterwards_keras_is_as_before(keras: Any) -> None:
    before = (keras.Model.fit, keras.callbacks.CallbackList.__init__)

    with pytest.raises(ZeroDivisionError), watch().watching():
        assert before != (keras.Model.fit, keras.callbacks.CallbackList.__init__)
        raise ZeroDivisionError

    assert before == (keras.Model.fit, keras.callbacks.CallbackList.__init__)


def test_a_model_that_is_trained_in_parts_has_one_history(keras: Any) -> None:
    watcher, model = watch(), model_of(keras)

    with watcher.watching():
        for _ in range(3):
            model.fit(*numbers(), epochs=1, batch_size=50, verbose=0)
        model.evaluate(*numbers(), verbose=0)
        model_of(keras).fit(*numbers(), verbose=0)

    first, second = watcher.histories
    assert [epoch for epoch, _ in first.epochs["loss"]] == [1, 2, 3]
    assert (first.num_steps, first.batch_size) == (6, 50)
    assert (second.num_steps, second.batch_size) == (4, 32)


def test_a_users_own_list_of_callbacks_and_wrong_arguments_are_no_obstacle(keras: Any) -> None:
    watcher, model = watch(), model_of(keras)
    callbacks = keras.callbacks.CallbackList([], add_history=True, model=model, epochs=1, steps=4)

    with watcher.watching():
        model.fit(*numbers(), callbacks=callbacks, verbose=0)
        with pytest.raises(TypeError, match="no_such"):
            model.fit(*numbers(), no_such=1)

    # The list was made before: this training is not seen, and goes on as ever.
    assert model.history.history["loss"]


def test_a_loss_that_becomes_nan_is_named_with_its_epoch(keras: Any) -> None:
    watcher, model = watch(), keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e30), "mse")

    with watcher.watching():
        model.fit(*numbers(), epochs=3, verbose=0)

    (wrong,) = diverged(watcher.histories[0])
    assert re.fullmatch("loss is (NaN|infinite) from epoch 1 on", wrong)


def test_of_a_long_training_the_same_steps_are_kept_in_whatever_order_they_come() -> None:
    forwards, mixed = History(), History()
    for number in range(1, 2001):
        if forwards.takes_step(number):
            forwards.add_step(number, {"loss": number})
    for number in [*range(2, 2001, 2), *range(1, 2001, 2)]:
        if mixed.takes_step(number):
            mixed.add_step(number, {"loss": number})

    assert forwards.every == mixed.every == 8
    assert sorted(forwards.steps["loss"]) == sorted(mixed.steps["loss"])
    assert len(forwards.steps["loss"]) == 250


def test_best_values_are_of_metrics_whose_direction_is_known() -> None:
    history = History()
    for loss, accuracy in ((2.0, 0.5), (math.nan, 0.9), (1.0, 0.7)):
        history.add_epoch({"loss": loss, "val_accuracy": accuracy, "mine": accuracy, "odd": [1, 2]})

    assert history.best() == {"loss": 1.0, "val_accuracy": 0.9}
    assert history.last() == {"loss": 1.0, "val_accuracy": 0.7, "mine": 0.7}
    assert diverged(history) == []


def test_without_a_place_for_it_progress_is_a_line_of_the_log_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    caplog.set_level(logging.INFO)
    said = progress.Progress(text="step 1 of 2", share=0.5)
    Reporter("trainer").report(said)
    assert not caplog.text
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.0)

    Reporter("trainer").report(said)

    assert "trainer: step 1 of 2" in caplog.text


@pytest.mark.parametrize("share", [None, -1, 2, "x", True, math.inf])
def test_progress_is_read_whatever_a_foreign_program_wrote(tmp_path: Path, share: Any) -> None:
    (tmp_path / "p").write_text(json.dumps({"text": "a\x1b[2J\n", "share": share}), "utf-8")

    found = progress.read(tmp_path / "p")

    assert found is not None
    assert found.text == "a [2J "
    assert found.share in (None, 0.0, 1.0)
