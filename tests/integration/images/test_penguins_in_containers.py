"""The quick start's pipeline, each task in its image: the same results as without containers."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from headrace_components.library.data import schemas, statistics
from headrace_components.library.data.examples import ExamplesReader
from support.launcher import built_images
from support.oracles.statistics import LOOSE, differences

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[3]
HEADRACE = Path(sys.executable).with_name("headrace")
COMPONENTS = (
    "csv_example_gen",
    "statistics_gen",
    "schema_gen",
    "transform",
    "trainer",
    "evaluator",
    "latest_blessed_model",
    "pusher",
)
SPLITS = ("train", "eval")
# One of each species: Adelie, Chinstrap, Gentoo.
BIRDS = (
    {"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181, "body_mass_g": 3750},
    {"bill_length_mm": 49.3, "bill_depth_mm": 19.9, "flipper_length_mm": 203, "body_mass_g": 4050},
    {"bill_length_mm": 49.9, "bill_depth_mm": 16.1, "flipper_length_mm": 213, "body_mass_g": 5400},
)
# NumPy 2, which is in the images, divides a range of 32 bits with 32 bits, and NumPy 1 with 64. So
# a value on the edge between two buckets may be in either.
HISTOGRAMS = {"low_value": 1e-6, "high_value": 1e-6, "sample_count": 1.0}


def test_penguins_in_containers_are_the_same_as_without(tmp_path: Path) -> None:
    built_images.build(*COMPONENTS)
    data = tmp_path / "data/penguins.csv"
    prepare = REPOSITORY / "examples/penguins/prepare_data.py"
    subprocess.run([sys.executable, prepare, data], check=True)

    contained, serving = run(tmp_path, "podman")
    expected, expected_serving = run(tmp_path, "worker")

    assert {path.name for path in (contained / "evaluator/blessing").iterdir()} == {"BLESSED"}
    assert {path.name for path in (expected / "evaluator/blessing").iterdir()} == {"BLESSED"}
    for split in SPLITS:
        assert records(contained, split) == records(expected, split)
        found, wanted = (
            statistics.read(run / f"statistics-gen/statistics/Split-{split}")
            for run in (contained, expected)
        )
        assert differences(wanted, found, {**LOOSE, **HISTOGRAMS}) == []
    schema, wanted_schema = (
        schemas.read(run / "schema-gen/schema") for run in (contained, expected)
    )
    assert schema == wanted_schema
    assert species(serving) == species(expected_serving) == [0, 1, 2]


def run(directory: Path, runner: str) -> tuple[Path, Path]:
    """Runs the pipeline; returns the directories of the run and of the pushed model."""
    root, serving = directory / runner, directory / f"{runner}-serving"
    serving.mkdir()
    words = ["run", "examples/penguins/pipeline.py", f"--root={root}", f"--runner={runner}"]
    words += [f"-pdata={directory / 'data'}", f"-pserving_dir={serving}"]
    if runner == "podman":
        words += ["--mount", f"{directory / 'data'}:ro", "--mount", str(serving)]
    result = subprocess.run(
        [HEADRACE, *words],
        cwd=REPOSITORY,
        env={**os.environ, **built_images.runner_flags()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (version,) = serving.iterdir()
    assert f"Pushed model: {version}" in result.stdout
    (log,) = root.glob("penguins/*/logs")
    return log.parent, version


def records(run: Path, split: str) -> list[bytes]:
    reader = ExamplesReader(run / "csv-example-gen/examples", "test")
    return [record for batch in reader.serialized(split) for record in batch]


def species(model: Path) -> list[int]:
    """Returns the species that the model predicts for each of `BIRDS`."""
    serve = tf.saved_model.load(str(model)).signatures["serving_default"]
    rows = [tf.train.Example(features=features(bird)).SerializeToString() for bird in BIRDS]
    chosen: list[int] = serve(tf.constant(rows))["probabilities"].numpy().argmax(axis=1).tolist()
    return chosen


def features(bird: dict[str, float]) -> Any:
    found = {}
    for name, value in bird.items():
        if isinstance(value, int):
            found[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        else:
            found[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Features(feature=found)
