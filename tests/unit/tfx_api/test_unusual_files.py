"""Unusual forms of authors' TFX files, as TFX itself takes or refuses them."""

from pathlib import Path
from typing import Any

import pytest

from headrace.errors import CompileError
from headrace.frontend import loading

HEAD = """
from typing import List

from tfx import v1 as tfx
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration.pipeline import PipelineInputs
from tfx.types import Channel, channel_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.v1.components import CsvExampleGen, StatisticsGen
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, OutputDict, Parameter, component
from tfx.v1.types.standard_artifacts import Model

Latest = tfx.dsl.experimental.LatestArtifactStrategy
RuntimeParameter = tfx.dsl.experimental.RuntimeParameter


class Executor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        pass


class FitSpec(ComponentSpec):
    PARAMETERS = {"args": ExecutionParameter(type=tfx.proto.TrainArgs)}
    INPUTS = {}
    OUTPUTS = {"model": ChannelParameter(type=Model)}


class Fit(base_component.BaseComponent):
    SPEC_CLASS = FitSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, args):
        super().__init__(FitSpec(args=args, model=Channel(type=Model)))


@component
def Numbers() -> OutputDict(numbers=List[int], count=int):
    return {"numbers": [1], "count": 1}


@component
def Read(numbers: List[int]):
    pass


@component
def Look(models: InputArtifact[List[Model]] = None):
    pass


def rows(name):
    return CsvExampleGen(input_base="/data").with_id(name)
"""


def tasks(directory: Path, body: str) -> dict[str, Any]:
    """Returns the tasks of a file's pipeline by name, without those in blocks."""
    found = spec(directory, body)["root"]["dag"]["tasks"]
    assert isinstance(found, dict)
    return found


def spec(directory: Path, body: str) -> dict[str, Any]:
    path = directory / "pipeline.py"
    path.write_text(f"{HEAD}\n{body}\n", "utf-8")
    return loading.load(path).spec


def refusal(directory: Path, body: str) -> str:
    with pytest.raises(CompileError) as raised:
        spec(directory, body)
    return str(raised.value)


def test_a_message_of_ones_own_component_takes_a_parameter_of_the_run(tmp_path: Path) -> None:
    found = spec(
        tmp_path,
        "args = {'splits': ['train'], 'num_steps': RuntimeParameter('steps', int, 3)}\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[Fit(args)])",
    )

    given = found["root"]["dag"]["tasks"]["fit"]["inputs"]["parameters"]
    parameters = found["components"]["comp-fit"]["inputDefinitions"]["parameters"]
    assert parameters["args"]["parameterType"] == "STRUCT"
    assert given["args"]["runtimeValue"]["constant"] == {
        "splits": ["train"],
        "num_steps": "{{$.inputs.parameters['pipelinechannel--steps']}}",
    }


def test_a_condition_around_nothing_that_runs_is_no_block(tmp_path: Path) -> None:
    found = tasks(
        tmp_path,
        "rows, numbers = rows('rows'), Numbers()\n"
        "with tfx.dsl.Cond(numbers.outputs['count'].future()[0].value > 1):\n"
        "    found = tfx.dsl.Resolver(Latest, rows=rows.outputs['examples'])\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[rows, numbers, found])",
    )

    assert sorted(found) == ["csv-example-gen", "numbers"]


def test_a_dict_as_custom_config_has_any_keys(tmp_path: Path) -> None:
    found = tasks(
        tmp_path,
        "from tfx.components import FileBasedExampleGen\n"
        "rows = FileBasedExampleGen(\n"
        "    input_base='/data', custom_config={'dataset': 'news', 'split': 'train'},\n"
        "    custom_executor_spec=executor_spec.BeamExecutorSpec(Executor))\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[rows])",
    )

    (task,) = found.values()
    config = task["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"]
    assert config == '{"dataset": "news", "split": "train"}'


def test_a_pipeline_within_another_is_not_one_to_choose_from(tmp_path: Path) -> None:
    found = tasks(
        tmp_path,
        "numbers = Numbers()\n"
        "inputs = PipelineInputs({'numbers': numbers.outputs['numbers']})\n"
        "read = Read(numbers=inputs['numbers'])\n"
        "inner = tfx.dsl.Pipeline('inner', components=[read], inputs=inputs)\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[numbers, inner])",
    )

    assert found["read"]["inputs"]["parameters"]["numbers"]["taskOutputParameter"] == {
        "producerTask": "numbers",
        "outputParameterKey": "numbers",
    }


def test_several_channels_for_ones_own_component_are_refused(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        "one, two = Fit({}), Fit({}).with_id('two')\n"
        "both = channel_utils.union([one.outputs['model'], two.outputs['model']])\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[one, two, Look(models=both)])",
    )

    assert message.startswith("pipeline.py: Look: it reads union(")
    assert "a port of Kubeflow Pipelines carries one artifact" in message


def test_waiting_for_a_node_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        "first, second = rows('first'), rows('second')\n"
        "second.add_upstream_node(first)\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[second])",
    )

    assert message.startswith("pipeline.py: second: it waits for first, which is not in")


def test_nodes_that_are_built_twice_wait_for_those_that_are_listed(tmp_path: Path) -> None:
    found = tasks(
        tmp_path,
        "def built():\n"
        "    first, second = rows('z_first'), rows('a_second')\n"
        "    second.add_upstream_node(first)\n"
        "    return first, second\n"
        "pipeline = tfx.dsl.Pipeline(\n"
        "    'p', '/root', components=[built()[0], built()[1]])\n"
        "assert [each.id for each in pipeline.components] == ['z_first', 'a_second']",
    )

    by_name = {each["taskInfo"]["name"]: key for key, each in found.items()}
    assert found[by_name["a_second"]]["dependentTasks"] == [by_name["z_first"]]


def test_no_id_is_the_name_of_the_class(tmp_path: Path) -> None:
    found = tasks(
        tmp_path,
        "rows = rows('rows').with_id(None)\n"
        "assert rows.id == 'CsvExampleGen'\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=[rows])",
    )

    assert list(found) == ["csv-example-gen"]


def test_what_a_resolver_waits_for_comes_before_what_waits_for_the_resolver(tmp_path: Path) -> None:
    found = tasks(
        tmp_path,
        "first, second, last = rows('first'), rows('second'), rows('last')\n"
        "passed = tfx.dsl.Resolver(Latest, rows=first.outputs['examples']).with_id('passed')\n"
        "again = tfx.dsl.Resolver(Latest, rows=passed.outputs['rows']).with_id('again')\n"
        "passed.add_upstream_node(second)\n"
        "statistics = StatisticsGen(examples=again.outputs['rows'])\n"
        "last.add_upstream_node(again)\n"
        "nodes = [first, second, last, passed, again, statistics]\n"
        "pipeline = tfx.dsl.Pipeline('p', '/root', components=nodes)",
    )

    names = {key: each["taskInfo"]["name"] for key, each in found.items()}
    waits = {
        names[key]: sorted(names[other] for other in each.get("dependentTasks", []))
        for key, each in found.items()
    }
    assert waits["last"] == ["first", "second"]
    assert waits["StatisticsGen"] == ["first", "second"]
