# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""`tf.keras` is Keras 2 in every task, for any earlier imports of its process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

import headrace
from headrace.targets.local.shared.options import RunnerName
from headrace_components.catalog import csv_example_gen, evaluator, trainer
from headrace_components.contract.task import LIBRARY_SETTINGS

MODULE = Path(__file__).parents[1] / "fixtures/user_modules/petals.py"
METRIC = "sparse_categorical_accuracy"


@dsl.pipeline(name="petals")
def petals(data: str, module: str, eval_config: dict):
    """Blesses a model by a metric that was compiled into it."""
    examples = csv_example_gen(input_base=data).outputs["examples"]
    model = trainer(examples=examples, module_file=module, train_steps=2).outputs["model"]
    evaluator(examples=examples, model=model, eval_config=eval_config)


@dsl.pipeline(name="variables")
def variables(data: str, module: str):
    """One task after the other that says what it sees, the second with variables of its own."""
    examples = csv_example_gen(input_base=data).outputs["examples"]
    first = trainer(examples=examples, module_file=module, train_steps=1)
    second = trainer(examples=examples, module_file=module, train_steps=2)
    second.set_env_variable("TF_USE_LEGACY_KERAS", "0")
    second.set_env_variable("PYTHONHASHSEED", "7")
    second.after(first)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIBRARY_SETTINGS:
        monkeypatch.delenv(name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [f"{kind + step / 50},{kind}" for step in range(20) for kind in range(3)]
    (folder / "petals.csv").write_text("\n".join(["petal,kind", *rows]), "utf-8")
    return folder


def config(bounds: dict[str, float]) -> dict[str, Any]:
    threshold = {"value_threshold": bounds}
    return {
        "model_specs": [{"label_key": "kind"}],
        "metrics_specs": [{"thresholds": {METRIC: threshold}}],
    }


@pytest.mark.slow
def test_a_metric_compiled_into_a_model_counts_whatever_ran_before(
    tmp_path: Path, data: Path
) -> None:
    def verdict(
        bounds: dict[str, float], runner: RunnerName = "worker", use_cache: bool = True
    ) -> Any:
        result = headrace.run(
            petals,
            parameters={"data": str(data), "module": str(MODULE), "eval_config": config(bounds)},
            root=tmp_path / "root",
            runner=runner,
            use_cache=use_cache,
        )
        assert result.state == "succeeded", result.failures
        (blessing,) = result.tasks[-1].artifacts["blessing"]
        return (
            {task.name: task.state for task in result.tasks},
            blessing.metadata["blessed"],
        )

    done = {"csv-example-gen": "done", "trainer": "done", "evaluator": "done"}
    upstream = {**done, "csv-example-gen": "cached", "trainer": "cached"}
    assert verdict({"lower_bound": 0.9}) == (done, 1)
    assert verdict({"lower_bound": 0.91}) == (upstream, 1)
    assert verdict({"lower_bound": 0.92}, runner="process", use_cache=False) == (done, 1)


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["worker", "process"])
def test_variables_of_a_task_are_there_before_python_and_tensorflow_start(
    tmp_path: Path, data: Path, runner: RunnerName
) -> None:
    module = tmp_path / "module.py"
    text = (
        MODULE.read_text("utf-8").replace("def run_fn", "def train").replace("report_fn", "run_fn")
    )
    module.write_text(text, "utf-8")

    result = headrace.run(
        variables,
        parameters={"data": str(data), "module": str(module)},
        root=tmp_path / "root",
        runner=runner,
    )

    assert result.state == "succeeded", result.failures
    first, second = (
        json.loads(Path(task.artifacts["model"][0].uri, "Format-Serving/seen.json").read_text())
        for task in result.tasks[1:]
    )
    assert (first["keras"], first["TF_USE_LEGACY_KERAS"]) == ("tf_keras", "1")
    assert (second["keras"], second["TF_USE_LEGACY_KERAS"]) == ("keras", "0")
    fresh = [sys.executable, "-c", "print(hash('petal'))"]
    environment = {"PYTHONHASHSEED": "7"}
    expected = subprocess.run(fresh, env=environment, capture_output=True, text=True, check=True)
    assert second["hash"] == int(expected.stdout)
