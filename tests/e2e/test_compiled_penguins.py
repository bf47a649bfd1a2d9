"""A pipeline compiled for Kubeflow: its commands run by the rules of Kubeflow's launchers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import tensorflow as tf
import yaml

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace_components import catalog
from support.fakes import object_stores
from support.launcher import compiled_runs
from support.launcher.entry_points import Launcher
from support.launcher.remote_caches import RemoteCache

EXAMPLE = Path(__file__).parents[2] / "examples/penguins"
PROFILE = Profile(
    images=Images(
        registry="registry.example.com/headrace",
        digests=dict.fromkeys(catalog.__all__, f"sha256:{'0' * 64}"),
    )
)


@pytest.fixture
def parameters(tmp_path: Path) -> dict[str, Any]:
    """The parameters of a run, with the path of the data."""
    data = tmp_path / "data/penguins.csv"
    subprocess.run([sys.executable, EXAMPLE / "prepare_data.py", data], check=True)
    return {"data": str(data.parent), "serving_dir": str(tmp_path / "serving")}


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    """The variables of the object store for tasks."""
    with object_stores.s3() as variables, mock.patch.dict(os.environ, variables):
        yield variables


@pytest.mark.slow
def test_the_compiled_penguins_run_from_data_to_a_model_that_answers(
    parameters: dict[str, Any], server: dict[str, str], tmp_path: Path
) -> None:
    text = compile_for(load(EXAMPLE / "pipeline.py"), "kubeflow", PROFILE).text
    launcher = Launcher(root=tmp_path / "launcher", rules="kfp-2.17", subprocess=True)

    done = compiled_runs.run(text, launcher, parameters)

    spec = next(yaml.safe_load_all(text))
    for task in spec["root"]["dag"]["tasks"].values():
        outputs = spec["components"][task["componentRef"]["name"]]["outputDefinitions"]
        assert set(done[task["taskInfo"]["name"]].artifacts) == set(outputs.get("artifacts", ()))
    (version,) = (tmp_path / "serving").iterdir()
    pushed = done["pusher"]["pushed_model"].metadata
    assert (pushed["pushed"], pushed["pushed_destination"]) == (1, str(version))
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    files = done["csv-example-gen"]["examples"].path.glob("Split-eval/*.gz")
    (rows,) = tf.data.TFRecordDataset([str(file) for file in files], "GZIP").batch(500)
    label = {"species": tf.io.FixedLenFeature([], tf.int64)}
    species = tf.io.parse_example(rows, label)["species"]
    told = tf.argmax(serve(examples=rows)["probabilities"], axis=1)
    assert tf.reduce_mean(tf.cast(told == species, tf.float32)) > 0.9


@pytest.mark.slow
def test_the_penguins_are_answered_from_the_cache_once_the_model_is_its_own_baseline(
    parameters: dict[str, Any], server: dict[str, str], tmp_path: Path
) -> None:
    text = compile_for(load(EXAMPLE / "pipeline.py"), "kubeflow", PROFILE).text
    cache = RemoteCache(rules="kfp-next")

    def run(name: str) -> list[str]:
        launcher = Launcher(root=tmp_path / "launcher", rules="kfp-next", run_name=name)
        compiled_runs.run(text, launcher, parameters, cache)
        object_stores.put(server, launcher.root / "store" / object_stores.BUCKET, "")
        return sorted(cache.ran)

    looking = ["csv-example-gen-fingerprint", "latest-blessed-model-fingerprint"]
    assert run("run-1") == sorted([*cache.ran])
    assert cache.answered == []
    # The first blessed model is a baseline; the run before did not have one.
    assert run("run-2") == sorted([*looking, "evaluator", "latest-blessed-model", "pusher"])
    # A push never comes from the cache: another push may have followed.
    assert run("run-3") == sorted([*looking, "pusher"])
