"""Resolver and Importer in the text of a kfp pipeline."""

from pathlib import Path
from typing import Any

import pytest

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend.loading import load
from headrace.frontend.tfx_pipelines.reading import TfxPipeline, from_object
from headrace.ir import specs
from headrace.profiles.profile import read_profile
from headrace.target_registry import TARGETS
from headrace_tfx.artifacts import standard
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.properties import Property, PropertyType
from headrace_tfx.authoring.channels import Channel, ExternalPipelineChannel, UnionChannel
from headrace_tfx.authoring.importer import Importer
from headrace_tfx.authoring.pipeline import Pipeline, PipelineInputs
from headrace_tfx.authoring.resolver import (
    LatestArtifactStrategy,
    LatestBlessedModelStrategy,
    Resolver,
    ResolverStrategy,
    SpanRangeStrategy,
)
from headrace_tfx.components.data_checks import ExampleValidator, SchemaGen, StatisticsGen
from headrace_tfx.components.example_gens import CsvExampleGen, ImportExampleGen

PROFILE = Path(__file__).parents[3] / "examples/headrace.toml"


class RowReport(Artifact):
    TYPE_NAME = "RowReport"
    PROPERTIES = {
        "rows": Property(type=PropertyType.INT),
        "title": Property(type=PropertyType.STRING),
    }


def read(*nodes: Any) -> TfxPipeline:
    pipeline = Pipeline("pots", "gs://runs", components=list(nodes))
    place = Path.cwd()
    return from_object(pipeline, file="pots.py", source=place, directory=place)


def body(*nodes: Any) -> str:
    """Returns the pipeline function, after kfp has compiled it."""
    found = read(*nodes)
    assert found.built().pipeline_spec
    return found.rendered.text.partition("def pots():")[2]


def refusal(*nodes: Any) -> str:
    with pytest.raises(CompileError) as caught:
        read(*nodes)
    return str(caught.value)


def rows(name: str = "CsvExampleGen") -> CsvExampleGen:
    return CsvExampleGen(input_base="data").with_id(name)


def test_the_latest_artifact_of_a_node_is_searched_by_the_nodes_id() -> None:
    examples = rows()
    found = Resolver(
        strategy_class=LatestArtifactStrategy,
        earlier=Channel(
            type=standard.Examples, producer_component_id="CsvExampleGen", output_key="examples"
        ),
    ).with_id("find.rows")
    statistics = StatisticsGen(examples=found.outputs["earlier"])

    text = body(examples, found, statistics)

    assert 'producer="CsvExampleGen", output="examples"' in text
    assert 'set_display_name("find.rows")' in text
    assert 'examples=find_rows.outputs["artifact"]' in text
    assert "include_this_run" not in text


def test_a_channel_of_a_type_alone_is_what_any_node_makes() -> None:
    first, second = rows("First"), rows("Second.b")
    found = Resolver(
        strategy_class=LatestArtifactStrategy, config={"desired_num_of_artifacts": 1},
        model=Channel(type=standard.Examples),
    )  # fmt: skip
    found.add_upstream_node(first)

    text = " ".join(body(first, second, found).split())

    assert 'producer="First", output="examples", alternatives=["Second.b/examples"]' in text
    assert "include_this_run=True" in text
    assert ".after(first)" in text


def test_several_channels_are_found_together_or_not_at_all() -> None:
    examples = rows()
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    found = Resolver(
        strategy_class=LatestArtifactStrategy,
        data=Channel(type=standard.Examples),
        numbers=Channel(type=standard.ExampleStatistics),
    )
    schema = SchemaGen(statistics=found.outputs["numbers"])

    text = " ".join(body(examples, statistics, found, schema).split())

    assert 'together_with=[["StatisticsGen/statistics"]]' in text
    assert 'together_with=[["CsvExampleGen/examples"]]' in text
    assert 'set_display_name("resolver_data")' in text
    assert 'set_display_name("Resolver")' in text
    assert 'statistics=resolver.outputs["artifact"]' in text


def test_the_latest_blessed_model_may_be_of_any_node_or_of_one() -> None:
    anyone = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard.Model),
        model_blessing=Channel(type=standard.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    one = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        m=Channel(type=standard.Model, producer_component_id="Trainer.mnist"),
        b=Channel(
            type=standard.ModelBlessing,
            producer_component_id="Evaluator.mnist",
            output_key="blessing",
        ),
    ).with_id("mnist")

    text = " ".join(body(anyone, one).split())

    assert "latest_blessed_model_resolver = catalog.latest_blessed_model() latest" in text
    assert 'blessings=["Evaluator.mnist/blessing"], models=["Trainer.mnist"]' in text


def test_spans_are_joined_from_this_runs_examples_though_nobody_says_to_wait() -> None:
    examples = rows("Zebra")
    week = Resolver(
        strategy_class=SpanRangeStrategy,
        config={"range_config": {"rolling_range": {"num_spans": 7}}},
        examples=Channel(type=standard.Examples, producer_component_id="Zebra"),
    ).with_id("A.span_resolver")
    statistics = StatisticsGen(examples=week.outputs["examples"])

    text = " ".join(body(week, statistics, examples).split())

    assert 'examples=zebra.outputs["examples"]' in text
    assert 'range_config={"rolling_range": {"num_spans": 7}}' in text
    assert 'examples=a_span_resolver.outputs["span_examples"]' in text


def test_the_output_of_this_run_is_its_latest() -> None:
    examples = rows()
    found = Resolver(strategy_class=LatestArtifactStrategy, rows=examples.outputs["examples"])
    statistics = StatisticsGen(examples=found.outputs["rows"])
    statistics.add_upstream_node(found)

    text = body(examples, found, statistics)

    assert 'examples=csv_example_gen.outputs["examples"]' in text
    assert "latest_artifact" not in text


class _Mine(LatestArtifactStrategy):
    pass


class _Own(ResolverStrategy):
    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> None:  # noqa: ARG002
        return None


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            lambda: Resolver(strategy_class=_Own, model=Channel(type=standard.Model)),
            "Resolver: its strategy is _Own, which asks the database",
        ),
        (
            lambda: Resolver(strategy_class=_Mine, model=Channel(type=standard.Model)),
            "its strategy is _Mine",
        ),
        (lambda: Resolver(model=Channel(type=standard.Model)), "it has no `strategy_class`"),
        (
            lambda: Resolver(
                strategy_class=LatestArtifactStrategy,
                config={"desired_num_of_artifacts": 3},
                data=Channel(type=standard.Examples),
            ),
            "`desired_num_of_artifacts` is 3",
        ),
        (
            lambda: Resolver(
                strategy_class=LatestArtifactStrategy, model=Channel(type=standard.Model)
            ),
            "`model` asks for artifacts of type Model, but no node of this pipeline makes any",
        ),
        (
            lambda: Resolver(
                strategy_class=LatestBlessedModelStrategy, model=Channel(type=standard.Model)
            ),
            "expected one of Model and one of ModelBlessing",
        ),
        (
            lambda: Resolver(
                strategy_class=SpanRangeStrategy,
                config={"range_config": {"rolling_range": {"num_spans": 7}}},
                s=Channel(type=standard.ExampleStatistics),
            ),
            "artifacts of type ExampleStatistics, expected Examples",
        ),
        (
            lambda: Resolver(
                strategy_class=SpanRangeStrategy,
                config={"range_config": {"rolling_range": {"num_spans": 7}}},
                s=Channel(type=standard.Examples),
            ),
            "may be one of ['Another/examples', 'CsvExampleGen/examples']",
        ),
        (
            lambda: Resolver(
                strategy_class=LatestArtifactStrategy,
                s=UnionChannel([Channel(type=standard.Examples), Channel(type=standard.Examples)]),
            ),
            "several artifacts, but a port of Kubeflow Pipelines carries one",
        ),
        (
            lambda: Resolver(
                strategy_class=LatestArtifactStrategy,
                s=ExternalPipelineChannel(
                    standard.Examples,
                    owner="me",
                    pipeline_name="other",
                    producer_component_id="Gen",
                    output_key="examples",
                ),
            ),
            "of the pipeline 'other', but a Resolver finds those of its own pipeline",
        ),
    ],
)
def test_what_no_port_can_carry_is_refused_with_the_node(node: Any, message: str) -> None:
    found = refusal(rows(), rows("Another"), node())

    assert found.startswith("pots.py: Resolver: ")
    assert message in found


def test_a_node_with_a_slash_in_its_id_cannot_be_searched() -> None:
    found = Resolver(
        strategy_class=LatestArtifactStrategy, s=Channel(type=standard.Examples)
    ).with_id("Find/it")

    assert "`s` asks for artifacts of the node 'a/b', expected an id without `/`" in refusal(
        rows("a/b"), found
    )
    assert 'producer="Rows"' in body(rows("Rows"), found)


def test_a_node_that_is_gone_is_searched_and_noted() -> None:
    found = Resolver(
        strategy_class=LatestArtifactStrategy,
        model=Channel(type=standard.Model, producer_component_id="Old", output_key="model"),
    )

    made = read(rows(), found)

    assert 'producer="Old", output="model"' in made.rendered.text
    (note,) = made.notes
    assert note.startswith("pots.py: Resolver: `model` asks for 'model' of 'Old'")


def test_an_importer_names_the_class_the_properties_and_the_output_of_its_artifact() -> None:
    schema = Importer(
        source_uri="gs://bucket/schema", artifact_type=standard.Schema, reimport=True
    ).with_id("SchemaImporter")
    statistics = StatisticsGen(examples=(gen := rows()).outputs["examples"])
    checked = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["result"]
    )
    examples = Importer(
        source_uri="gs://bucket/rows",
        artifact_type=standard.Examples,
        properties={"split_names": '["train", "eval"]', "span": 3},
        custom_properties={"owner": "me", "share": 0.5},
        output_key="rows",
    )
    more = StatisticsGen(examples=examples.outputs["rows"]).with_id("more")

    made = read(gen, schema, statistics, checked, examples, more)
    text = " ".join(made.rendered.text.split())

    assert "artifact_class=artifacts.Schema" in text
    assert '"__output_key__": "rows"' in text
    assert text.count("__output_key__") == 1
    assert "reimport=True" in text
    assert 'schema=schema_importer.outputs["artifact"]' in text
    assert '"split_names": \'[' in text
    assert '"span": 3' in text
    assert '"share": 0.5' in text
    assert 'examples=importer.outputs["artifact"]' in text


def test_a_type_of_the_authors_own_is_defined_once() -> None:
    one = Importer(source_uri="gs://a/1", artifact_type=RowReport, properties={"rows": 2})
    two = Importer(source_uri="gs://a/2", artifact_type=RowReport).with_id("two")

    made = read(one, two)

    assert made.built().pipeline_spec
    text = made.rendered.text
    assert text.count("authoring.artifact_type(") == 1
    assert '"rows": int' in text
    assert "artifact_class=RowReport" in text


@pytest.mark.parametrize("target", TARGETS)
def test_the_text_compiles_for_every_target(target: str) -> None:
    examples = ImportExampleGen(input_base="gs://rows").with_id("Rows.one")
    week = Resolver(
        strategy_class=SpanRangeStrategy,
        config={"range_config": {"static_range": {"start_span_number": 1, "end_span_number": 3}}},
        examples=Channel(type=standard.Examples, producer_component_id="Rows.one"),
    )
    earlier = Resolver(
        strategy_class=LatestArtifactStrategy, rows=Channel(type=standard.Examples)
    ).with_id("earlier")
    schema = Importer(source_uri="gs://bucket/schema", artifact_type=standard.Schema)
    statistics = StatisticsGen(examples=week.outputs["examples"], schema=schema.outputs["result"])
    made = read(examples, week, earlier, schema, statistics)

    spec = compile_for(load(made.built()), target, read_profile(PROFILE)).spec

    searched = {
        node.path[-1]: node.task["inputs"]["parameters"]["producer"]["runtimeValue"]["constant"]
        for node in specs.tasks(spec)
        if node.path[-1] == "latest-artifact"
    }
    name = "Rows.one" if target == "local" else "import-example-gen"
    assert searched == {"latest-artifact": name}


def test_a_resolver_in_an_inner_pipeline_finds_spans_and_outputs_of_the_outer_one() -> None:
    outer = rows("Outer")
    inputs = PipelineInputs({"rows": outer.outputs["examples"]})
    latest = Resolver(strategy_class=LatestArtifactStrategy, found=inputs["rows"])
    inner_rows = rows("Zebra")
    week = Resolver(
        strategy_class=SpanRangeStrategy,
        config={"range_config": {"rolling_range": {"num_spans": 7}}},
        examples=Channel(type=standard.Examples, producer_component_id="Zebra"),
    ).with_id("A.week")
    statistics = StatisticsGen(examples=latest.outputs["found"])
    more = StatisticsGen(examples=week.outputs["examples"]).with_id("More")
    inner = Pipeline(
        "inner", components=[latest, week, inner_rows, statistics, more], inputs=inputs, outputs={}
    )

    text = body(outer, inner)

    assert 'examples=outer.outputs["examples"]' in text
    assert 'examples=zebra.outputs["examples"]' in text
