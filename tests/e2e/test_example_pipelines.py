"""The examples end to end, with the command that a newcomer uses."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headrace_components.library.data.examples import ExamplesReader
from support.programs.tensorboards import scalar_tags

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
HEADRACE = Path(sys.executable).with_name("headrace")
PENGUIN = {
    "bill_length_mm": 39.1,
    "bill_depth_mm": 18.7,
    "flipper_length_mm": 181,
    "body_mass_g": 3750,
}
ADELIE = 0
NEW_YEAR = 15706  # 2013-01-01, in days since 1970


def headrace(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HEADRACE, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def run(
    example: str, root: Path, temporary: Path | None = None, **parameters: str | int | Path
) -> subprocess.CompletedProcess[str]:
    values = {"serving_dir": root / "serving", **parameters}
    if "url" not in values:
        values["data"] = root / "data"
    assignments = [f"-p{name}={value}" for name, value in values.items()]
    environment = {} if temporary is None else {"TMPDIR": str(temporary)}
    pipeline = f"examples/{example}/pipeline.py"
    return headrace("run", pipeline, "--root", root, *assignments, **environment)


def prepare(example: str, root: Path, file: str = "") -> Path:
    target = root / "data" / (file or f"{example}.csv")
    script = REPOSITORY / f"examples/{example}/prepare_data.py"
    subprocess.run([sys.executable, script, target], check=True)
    return target


def tasks(root: Path) -> dict[str, str]:
    """Returns the state of each task of the newest run."""
    newest = json.loads(headrace("lineage", "--root", root, "runs", "--json").stdout)[0]
    shown = headrace("lineage", "--root", root, "run", newest["run_id"], "--json")
    return {task["task"]: task["state"] for task in json.loads(shown.stdout)["executions"]}


def predict(model: Path, features: Mapping[str, float]) -> Any:
    import tensorflow as tf

    message = tf.train.Example()
    for name, value in features.items():
        feature = message.features.feature[name]
        if isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    serve = tf.saved_model.load(str(model)).signatures["serving_default"]
    return {
        name: tensor.numpy()
        for name, tensor in serve(tf.constant([message.SerializeToString()])).items()
    }


def test_penguins_are_learned_served_and_then_cached(tmp_path: Path) -> None:
    prepare("penguins", tmp_path)

    # A short path, because the tasks' own temporary directories are below it.
    with tempfile.TemporaryDirectory(prefix="t") as temporary:
        first = run("penguins", tmp_path, Path(temporary))
        left = [str(path) for path in Path(temporary).rglob("*")]

    assert first.returncode == 0, first.stdout + first.stderr
    assert left == []
    (version,) = (tmp_path / "serving").iterdir()
    assert f"Pushed model: {version}" in first.stdout
    assert predict(version, PENGUIN)["probabilities"].argmax() == ADELIE
    reports = [Path(line.split(": ")[1]) for line in first.stdout.splitlines() if "Report:" in line]
    assert [f"{page.parent.name}/{page.name}" for page in reports] == [
        "statistics-gen/report.html",
        "trainer/report.html",
        "evaluator/report.html",
    ]
    assert all(page.read_text("utf-8").startswith("<!DOCTYPE html>") for page in reports)
    (model_run,) = tmp_path.glob("penguins/*/trainer/model_run")
    assert "epoch_loss" in scalar_tags(Path(sys.executable), model_run)["train"]

    second = run("penguins", tmp_path)

    assert second.returncode == 0, second.stdout + second.stderr
    states = tasks(tmp_path)
    assert states.pop("latest-blessed-model") == "done"
    assert set(states.values()) == {"cached"}
    assert list((tmp_path / "serving").iterdir()) == [version]


def test_a_worse_flights_model_is_refused_and_not_pushed(tmp_path: Path) -> None:
    keep_rows(prepare("flights", tmp_path), 40_000)

    good = run("flights", tmp_path, train_steps=150)

    assert good.returncode == 0, good.stdout + good.stderr
    (version,) = (tmp_path / "serving").iterdir()

    worse = run("flights", tmp_path, train_steps=1)

    assert worse.returncode == 0, worse.stdout + worse.stderr
    assert "Pushed model" not in worse.stdout
    assert list((tmp_path / "serving").iterdir()) == [version]
    (log,) = tmp_path.glob(f"flights/{newest_run(tmp_path)}/logs/evaluator.log")
    assert "NOT_BLESSED" in log.read_text("utf-8")
    assert "\nevaluator: NOT_BLESSED: " in worse.stderr
    assert "\npusher: nothing is pushed: `model_blessing` at " in worse.stderr


def test_penguins_killed_while_transforming_are_resumed(tmp_path: Path) -> None:
    prepare("penguins", tmp_path)
    command: list[str | Path] = [HEADRACE, "run", "examples/penguins/pipeline.py"]
    command += [
        "--root",
        tmp_path,
        f"-pdata={tmp_path / 'data'}",
        f"-pserving_dir={tmp_path / 'serving'}",
    ]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for(tmp_path, "penguins/*/logs/transform.log")
        os.killpg(process.pid, signal.SIGKILL)

    resumed = headrace("run", "--root", tmp_path, "--resume", newest_run(tmp_path))

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    (version,) = (tmp_path / "serving").iterdir()
    assert predict(version, PENGUIN)["probabilities"].argmax() == ADELIE
    # It ended before the kill, so it ran once and its log has the line once.
    (log,) = tmp_path.glob("penguins/*/logs/csv-example-gen.log")
    assert log.read_text("utf-8").count("split 'train' has") == 1


def test_digits_are_tuned_tried_served_made_small_and_predicted(tmp_path: Path) -> None:
    prepare("digits", tmp_path, "digits.tfrecord.gz")

    result = run("digits", tmp_path, devices_dir=tmp_path / "devices")

    assert result.returncode == 0, result.stdout + result.stderr
    outputs = tmp_path / "digits" / newest_run(tmp_path)
    trials = json.loads((outputs / "tuner/tuner_results/tuner_results.json").read_text("utf-8"))
    assert len(trials) == 4
    assert {tuple(sorted(trial)) for trial in trials} == {
        ("filters", "learning_rate", "score", "trial_id")
    }
    (version,) = (tmp_path / "serving").iterdir()
    assert (version / "assets.extra/tf_serving_warmup_requests").is_file()
    (small,) = (tmp_path / "devices").glob("*/model.tflite")
    assert small.stat().st_size < 20_000
    (batch,) = ExamplesReader(outputs / "bulk-inferrer/output_examples", "test").record_batches(
        "eval"
    )
    right = [
        predicted.index(max(predicted)) == label[0]
        for predicted, label in zip(
            batch["predicted"].to_pylist(), batch["label"].to_pylist(), strict=True
        )
    ]
    assert sum(right) > 0.9 * len(right)


def test_daily_compares_days_and_goes_on_learning_from_both(tmp_path: Path) -> None:
    url = f"sqlite:///{prepare('daily', tmp_path, 'flights.db')}"

    first = run("daily", tmp_path, url=url, span=NEW_YEAR)
    second = run("daily", tmp_path, url=url, span=NEW_YEAR + 1)

    assert first.returncode == second.returncode == 0, second.stdout + second.stderr
    assert len(list((tmp_path / "serving").iterdir())) == 2
    outputs = tmp_path / "daily" / newest_run(tmp_path)
    (line,) = (outputs / "logs/distribution-validator.log").read_text("utf-8").splitlines()[-1:]
    assert "No distribution has moved" in line
    assert days(outputs / "span-range/span_examples") == days(
        outputs / "filter-examples/filtered_examples"
    ) + days(outputs.with_name(oldest_run(tmp_path)) / "filter-examples/filtered_examples")
    assert losses(outputs)[0] < losses(outputs.with_name(oldest_run(tmp_path)))[0]


def losses(run_directory: Path) -> list[float]:
    """Returns the losses that the trainer logged."""
    log = (run_directory / "logs/trainer.log").read_text("utf-8")
    return [float(loss) for loss in re.findall(r"loss: ([\d.]+)", log)]


def days(examples: Path) -> Counter[bytes]:
    """Returns how often each row of the examples occurs."""
    reader = ExamplesReader(examples, "test")
    return Counter(row for rows in reader.serialized("train") for row in rows)


def keep_rows(path: Path, num_rows: int) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    # Every n-th row, so that all months and carriers remain.
    step = (len(rows) - 1) // num_rows
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([rows[0], *rows[1::step]])


def newest_run(root: Path) -> str:
    return max(path.parent.name for path in root.glob("*/*/run.json"))


def oldest_run(root: Path) -> str:
    return min(path.parent.name for path in root.glob("*/*/run.json"))


def wait_for(root: Path, pattern: str) -> None:
    deadline = time.monotonic() + 300
    while not any(root.glob(pattern)):
        if time.monotonic() > deadline:
            raise TimeoutError(pattern)
        time.sleep(0.05)
