"""Pipelines as TFX's authors write them: ids, order, and what is refused."""

import subprocess
import sys
from typing import Any

import pytest

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import Channel
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.pipeline import InvalidDAGError, Pipeline, RunOptions
from headrace_tfx.components.data_checks import ExampleValidator, SchemaGen, StatisticsGen
from headrace_tfx.components.example_gens import CsvExampleGen


def _data_checks() -> tuple[CsvExampleGen, StatisticsGen, SchemaGen, ExampleValidator]:
    examples = CsvExampleGen(input_base="data")
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    return examples, statistics, schema, validator


def _ids(nodes: list[BaseNode]) -> list[str]:
    return [node.id for node in nodes]


def test_components_are_sorted_by_layers_and_by_id_within_a_layer() -> None:
    examples, statistics, schema, validator = _data_checks()
    other = CsvExampleGen(input_base="more").with_id("Another")

    pipeline = Pipeline("p", "root", components=[validator, schema, other, examples, statistics])

    assert _ids(pipeline.components) == [
        "Another", "CsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator",
    ]  # fmt: skip


def test_a_node_that_is_listed_twice_is_there_once() -> None:
    examples, *_ = _data_checks()

    assert _ids(Pipeline("p", components=[examples, examples]).components) == ["CsvExampleGen"]


def test_with_id_also_names_outputs_that_were_taken_before() -> None:
    examples = CsvExampleGen(input_base="data")
    statistics = StatisticsGen(examples=examples.outputs["examples"])

    assert examples.with_id("Csv.day") is examples

    assert statistics.inputs["examples"].producer is examples
    assert statistics.inputs["examples"].producer_component_id == "Csv.day"
    assert _ids(Pipeline("p", components=[statistics, examples]).components) == [
        "Csv.day", "StatisticsGen",
    ]  # fmt: skip


def test_two_nodes_with_one_id_are_refused() -> None:
    first, second = CsvExampleGen(input_base="a"), CsvExampleGen(input_base="b")

    with pytest.raises(RuntimeError, match=r"two nodes with the id 'CsvExampleGen'.*with_id"):
        Pipeline("p", components=[first, second])


def test_a_node_with_the_name_of_its_pipeline_is_refused() -> None:
    with pytest.raises(RuntimeError, match="has the name of its pipeline"):
        Pipeline("p", components=[CsvExampleGen(input_base="a").with_id("p")])


def test_a_circle_is_refused_with_its_nodes() -> None:
    examples, statistics, schema, _ = _data_checks()
    examples.add_upstream_node(schema)

    with pytest.raises(InvalidDAGError) as caught:
        Pipeline("p", components=[examples, statistics, schema])

    for node in ("CsvExampleGen", "StatisticsGen", "SchemaGen"):
        assert f"'{node}'" in str(caught.value)


def test_a_name_of_64_characters_is_refused() -> None:
    Pipeline("p" * 63)

    with pytest.raises(ValueError, match="64 characters, expected 63"):
        Pipeline("p" * 64)


def test_a_producer_that_is_not_listed_is_named_in_a_warning() -> None:
    _, statistics, schema, _ = _data_checks()

    with pytest.warns(UserWarning, match="'CsvExampleGen' is not among the components"):
        pipeline = Pipeline("p", components=[statistics, schema])

    assert _ids(pipeline.components) == ["StatisticsGen", "SchemaGen"]


def test_nodes_that_are_not_listed_are_no_part_of_the_pipeline() -> None:
    examples, _, _, _ = _data_checks()

    assert _ids(Pipeline("p", components=[examples]).components) == ["CsvExampleGen"]


def test_added_dependencies_hold_from_both_ends() -> None:
    first, second, third = (CsvExampleGen(input_base="d").with_id(each) for each in "cba")
    second.add_upstream_node(first)
    second.add_downstream_nodes([third])

    assert third.upstream_nodes == {second}
    assert first.downstream_nodes == {second}
    assert _ids(Pipeline("p", components=[third, second, first]).components) == ["c", "b", "a"]

    second.remove_upstream_node(first)

    assert first.downstream_nodes == set()


def test_an_output_is_no_node_to_wait_for() -> None:
    examples, statistics, *_ = _data_checks()

    with pytest.raises(TypeError, match=r"StatisticsGen.add_upstream_node: .* expected a node"):
        statistics.add_upstream_node(examples.outputs["examples"])


def test_a_channel_over_earlier_runs_is_no_dependency() -> None:
    examples = CsvExampleGen(input_base="data")
    earlier = Channel(type=standard.Examples, producer_component_id=examples.id)
    statistics = StatisticsGen(examples=earlier)

    pipeline = Pipeline("p", components=[statistics, examples])

    assert statistics.upstream_nodes == set()
    assert _ids(pipeline.components) == ["CsvExampleGen", "StatisticsGen"]


def test_options_of_the_pipeline_for_beam_come_before_those_of_a_node() -> None:
    examples, _, schema, _ = _data_checks()
    examples.with_beam_pipeline_args(["--direct_num_workers=2"])
    pipeline = Pipeline("p", components=[examples], beam_pipeline_args=["--runner=DirectRunner"])

    assert pipeline.beam_arguments(examples) == ["--runner=DirectRunner", "--direct_num_workers=2"]
    assert pipeline.beam_arguments(schema) == []
    assert CsvExampleGen(input_base="x").beam_pipeline_args == []


def test_one_text_is_no_list_of_options_for_beam() -> None:
    with pytest.raises(TypeError, match="expected a list of options"):
        CsvExampleGen(input_base="x").with_beam_pipeline_args("--runner=DirectRunner")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("beam_pipeline_args", "--runner=DataflowRunner", "expected a list of options"),
        ("beam_pipeline_args", {"runner": "DataflowRunner"}, "expected a list of options"),
        ("metadata_connection_config", "metadata.db", "expected a ConnectionConfig"),
        ("components", CsvExampleGen(input_base="data"), "expected a list of nodes"),
    ],
)
def test_a_setting_of_another_type_is_refused(name: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"the pipeline 'p': `{name}` is .*{message}"):
        Pipeline("p", **{name: given})


def test_an_old_argument_of_pipeline_is_explained() -> None:
    with pytest.raises(TypeError, match=r"`additional_pipeline_args`.*beam_pipeline_args"):
        Pipeline("p", additional_pipeline_args={})  # type: ignore[call-arg]


def test_something_else_among_the_components_is_refused() -> None:
    examples, *_ = _data_checks()

    with pytest.raises(ValueError, match="among its components, expected nodes"):
        Pipeline("p", components=[examples.outputs["examples"]])


def test_a_part_of_a_pipeline_needs_a_node() -> None:
    assert RunOptions(from_nodes=["Trainer"]).to_nodes is None
    with pytest.raises(ValueError, match="expected ids of nodes"):
        RunOptions()


def test_authoring_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; import headrace_tfx.components.vertex, headrace_tfx.running.runners, "
        "headrace_tfx.authoring.resolver, headrace_tfx.authoring.importer, "
        "headrace_tfx.components.example_gens; "
        "print([m for m in sys.modules if m.partition('.')[0] in "
        "('kfp', 'headrace', 'ml_metadata', 'tensorflow', 'absl') or m == 'google.protobuf'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
