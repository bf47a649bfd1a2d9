"""The compiler and trainer accept the examples in docs/training.md."""

import hashlib
import inspect
import json
import re
from pathlib import Path

import pytest

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.profiles.profile import read_profile
from headrace_components import catalog
from headrace_components.trainer.params import TrainerParams

PAGE = Path(__file__).parents[2] / "docs/training.md"
IMAGES = ("csv_example_gen", "trainer", "trainer_cuda", "kubernetes_pusher")

PIPELINE = """
from kfp import dsl
from headrace_components.catalog import csv_example_gen, trainer

@dsl.pipeline(name="flights")
def flights():
    examples = csv_example_gen(input_base="gs://bucket/flights").outputs["examples"]
    trainer(examples=examples, module_file="module.py")
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("number", "target", "launcher"),
    [
        (0, "vertex", "google_cloud_pipeline_components.container.v1.custom_job.launcher"),
        (1, "kubeflow", "headrace_components.training_job"),
    ],
)
def test_the_documented_profiles_train_on_four_machines(
    number: int, target: str, launcher: str, tmp_path: Path
) -> None:
    (module,) = blocks("python")
    (tmp_path / "module.py").write_text(module, "utf-8")
    (tmp_path / "pipeline.py").write_text(PIPELINE, "utf-8")
    digests = {name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in IMAGES}
    (tmp_path / "images").mkdir()
    (tmp_path / "images/digests.json").write_text(json.dumps(digests), "utf-8")
    (tmp_path / "headrace.toml").write_text(blocks("toml")[number], "utf-8")
    profile = read_profile(tmp_path / "headrace.toml")

    document = compile_for(load(tmp_path / "pipeline.py"), target, profile).document

    spec = document.get("pipelineSpec", document)
    (trainer,) = (node for node in specs.tasks(spec) if node.name == "trainer")
    assert trainer.container["command"][-1] == launcher
    arguments = trainer.container["args"]
    if target == "vertex":
        job = json.loads(arguments[arguments.index("--payload") + 1])["job_spec"]
        assert sum(pool["replica_count"] for pool in job["worker_pool_specs"]) == 4
        assert job["scheduling"] == {"strategy": "SPOT"}
    else:
        assert arguments[arguments.index("--workers") + 1] == "4"


def test_the_table_has_the_values_that_trainer_takes() -> None:
    section, *_ = PAGE.read_text("utf-8").partition("With `mirrored`")
    named = re.findall(r"^\| `(\w+)`(?: \(default\))? \|", section, re.MULTILINE)

    assert named == ["distribution", "auto", "mirrored", "multi_worker", "none"]
    for name in named[1:]:
        TrainerParams(distribution=name)
    assert inspect.signature(catalog.trainer).parameters["distribution"].default == "auto"
