"""What is compiled for Kubeflow is what runs there: its commands, by the rules of its launchers."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
import yaml

import compiled_runs
from headrace.compiler import compile_for
from headrace.frontend import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace_components import catalog
from launcher import Launcher, Rules

EXAMPLE = Path(__file__).parents[2] / "examples/penguins"
PROFILE = Profile(
    images=Images(
        registry="registry.example.com/headrace",
        digests=dict.fromkeys(catalog.__all__, f"sha256:{'0' * 64}"),
    )
)


@pytest.mark.slow
@pytest.mark.parametrize(("rules", "starts_processes"), [("kfp-2.17", True), ("kfp-next", False)])
def test_the_compiled_penguins_run_from_data_to_a_model_that_answers(
    rules: Rules, starts_processes: bool, tmp_path: Path
) -> None:
    data = tmp_path / "data/penguins.csv"
    subprocess.run([sys.executable, EXAMPLE / "prepare_data.py", data], check=True)
    text = compile_for(load(EXAMPLE / "pipeline.py"), "kubeflow", PROFILE).text
    launcher = Launcher(root=tmp_path / "launcher", rules=rules, subprocess=starts_processes)
    parameters = {"data": str(data.parent), "serving_dir": str(tmp_path / "serving")}

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
