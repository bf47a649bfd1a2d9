"""Dicts as parameters of the author's own code: with None in them, and with RuntimeParameters."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.errors import CompileError

CODE = Path(__file__).parents[1] / "fixtures/own_components/tfx_parameters.py"
PIPELINE = """
from tfx import v1 as tfx
from tfx.dsl.components.base import executor_spec

from tfx_parameters import Own, Tell, TrainExecutor

Size = tfx.dsl.experimental.RuntimeParameter("size", int, 5)
rows = tfx.components.CsvExampleGen(input_base="data")
trainer = tfx.components.Trainer(
    module_file="none.py",
    examples=rows.outputs["examples"],
    custom_executor_spec=executor_spec.ExecutorClassSpec(TrainExecutor),
    train_args=tfx.proto.TrainArgs(num_steps=2),
    eval_args={"num_steps": Size},
    custom_config={"size": Size, "deep": [Size, "5"]},
)
CONFIG = %s
nodes = [rows, trainer, Tell(config=CONFIG), Own(config=CONFIG)]
tfx.orchestration.LocalDagRunner().run(tfx.dsl.Pipeline("own", "root", components=nodes))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(folder: Path, config: str, **parameters: Any) -> dict[str, Any]:
    """Runs the pipeline, and returns what the code of each node saw."""
    shutil.copy(CODE, folder)
    (folder / "none.py").write_text("", "utf-8")
    (folder / "data").mkdir()
    (folder / "data/rows.csv").write_text("a,b\n1,2\n3,4\n5,6\n", "utf-8")
    (folder / "pipeline.py").write_text(PIPELINE % config, "utf-8")
    result = headrace.run(str(folder / "pipeline.py"), parameters=parameters)
    assert result.state == "succeeded", result.failures
    tasks = {task.name: task for task in result.tasks}
    (model,) = tasks["Trainer"].artifacts["model"]
    seen = {name: json.loads(tasks[name].parameters["seen"]) for name in ("Tell", "Own")}
    return {**seen, "Trainer": json.loads(model.metadata["seen"])}


def test_none_in_a_dict_reaches_the_authors_code_and_json_text_stays_text(folder: Path) -> None:
    seen = ran(folder, '{"a": None, "b": [None, {"c": None}], "d": "text"}', size=7)

    config = {"a": None, "b": [None, {"c": None}], "d": "text"}
    assert seen["Tell"] == config
    assert seen["Own"] == {"config": config}
    # As in TFX an executor gets JSON text, also if a value in it is known by the run alone.
    assert json.loads(seen["Trainer"]["custom_config"]) == {"size": 7, "deep": [7, "5"]}
    assert json.loads(seen["Trainer"]["eval_args"]) == {"num_steps": 7}


def test_a_runtime_parameter_in_a_dict_keeps_its_type(folder: Path) -> None:
    seen = ran(folder, '{"size": Size, "name": "x"}')

    assert seen["Tell"] == {"size": 5, "name": "x"}
    assert seen["Own"] == {"config": {"size": 5, "name": "x"}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"size": Size, "none": None}', "Own: `config` holds None, which kfp does not compile"),
        ('{"rows": rows.outputs["examples"]}', "a parameter carries no artifacts. Make it an inpu"),
    ],
)
def test_what_no_parameter_carries_is_refused_by_its_name(
    folder: Path, config: str, message: str
) -> None:
    with pytest.raises(CompileError, match=message):
        ran(folder, config)
