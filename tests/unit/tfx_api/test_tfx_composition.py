"""Conditions, run-time parameters and placeholders in the text of a kfp pipeline."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict

from headrace.errors import CompileError
from headrace.frontend.tfx_pipelines.reading import TfxPipeline, from_object
from headrace.frontend.tfx_pipelines.run_parameters import given_values
from headrace_tfx.authoring import placeholders as ph
from headrace_tfx.authoring.channels import union
from headrace_tfx.authoring.conditions import Cond, ForEach
from headrace_tfx.authoring.manual_node import ManualNode
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.pipeline import (
    ROOT_PARAMETER,
    ExecutionMode,
    Pipeline,
    PipelineInputs,
)
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter
from headrace_tfx.components.data_checks import (
    ExampleValidator,
    ImportSchemaGen,
    SchemaGen,
    StatisticsGen,
)
from headrace_tfx.components.example_gens import CsvExampleGen
from headrace_tfx.components.models import BulkInferrer, Evaluator, Pusher
from headrace_tfx.components.training import Trainer

PUSH = {"filesystem": {"base_directory": "/serving"}}


def read(*nodes: BaseNode) -> TfxPipeline:
    pipeline = Pipeline("flights", components=nodes, enable_cache=True)
    here = Path("/nowhere")
    found = from_object(pipeline, file="flights.py", source=here, directory=here)
    found.built()
    return found


def text(*nodes: BaseNode) -> str:
    return read(*nodes).rendered.text


def refusal(*nodes: BaseNode) -> str:
    with pytest.raises(CompileError) as raised:
        read(*nodes)
    assert str(raised.value).startswith("flights.py: ")
    return str(raised.value)


class World:
    """A pipeline up to the model's blessing."""

    def __init__(self) -> None:
        self.examples = CsvExampleGen(input_base="/data")
        self.rows = self.examples.outputs["examples"]
        self.trainer = Trainer(
            examples=self.rows, run_fn="package.module.run_fn",
            train_args={"num_steps": 1}, eval_args={"num_steps": 1},
        )  # fmt: skip
        self.model = self.trainer.outputs["model"]
        self.evaluator = Evaluator(
            examples=self.rows, model=self.model, eval_config={"model_specs": [{"label_key": "l"}]}
        )
        self.nodes = (self.examples, self.trainer, self.evaluator)

    def blessed(self) -> ph.Comparison:
        blessing: ph.ArtifactPlaceholder = self.evaluator.outputs["blessing"].future()[0]
        return blessing.custom_property("blessed") == 1

    def pusher(self) -> Pusher:
        return Pusher(model=self.model, push_destination=PUSH)


def test_a_pusher_asks_for_the_blessing_in_place_of_its_condition() -> None:
    world = World()
    with Cond(world.blessed()):
        pusher = world.pusher()

    found = text(*world.nodes, pusher)

    assert 'model_blessing=evaluator.outputs["blessing"]' in found
    assert "dsl.If" not in found
    assert "model_blessing" not in pusher.inputs


def test_another_node_under_the_blessing_needs_the_condition() -> None:
    world = World()
    with Cond(world.blessed()):
        pusher = world.pusher()
        inferrer = BulkInferrer(examples=world.rows, model=world.model)

    found = text(*world.nodes, pusher, inferrer)

    assert "model_blessing" not in found
    assert (
        "    evaluator_blessed = catalog.read_value(\n"
        '        artifact=evaluator.outputs["blessing"], property_name="blessed", is_number=True\n'
        '    ).set_display_name("evaluator_blessed")\n'
        '    with dsl.If(evaluator_blessed.outputs["integer"] == 1):\n'
    ) in found
    assert found.count("dsl.If") == 1


def test_a_pusher_under_another_condition_too_keeps_that_one() -> None:
    world = World()
    uri = world.rows.future()[0].uri
    with Cond(uri != ""), Cond(world.blessed()):
        pusher = world.pusher()

    found = text(*world.nodes, pusher)

    assert 'with dsl.If(csv_example_gen_uri.outputs["text"] != ""):' in found
    assert 'model_blessing=evaluator.outputs["blessing"]' in found


def test_a_constant_may_stand_on_the_left() -> None:
    world = World()
    with Cond(3 < world.rows.future()[0].property("span")):  # noqa: SIM300
        statistics = StatisticsGen(world.rows)

    assert 'dsl.If(csv_example_gen_span.outputs["integer"] > 3)' in text(world.examples, statistics)


def test_a_text_is_compared_as_a_text_and_a_number_as_a_number() -> None:
    world = World()
    artifact = world.rows.future()[0]
    with Cond(artifact.property("split_names") == '["train"]'):
        first = StatisticsGen(world.rows).with_id("First")
    with Cond(artifact.custom_property("share") >= 0.5):
        second = StatisticsGen(world.rows).with_id("Second")

    found = text(world.examples, first, second)

    assert """dsl.If(csv_example_gen_split_names.outputs["text"] == '["train"]')""" in found
    assert 'dsl.If(csv_example_gen_share.outputs["number"] >= 0.5)' in found


def test_both_of_a_conjunction_are_conditions_of_kfp() -> None:
    world = World()
    span = world.rows.future()[0].property("span")
    with Cond(ph.logical_not(ph.logical_or(span <= 3, span == 7))):
        statistics = StatisticsGen(world.rows)

    found = text(world.examples, statistics)

    assert 'dsl.If(csv_example_gen_span.outputs["integer"] > 3)' in found
    assert 'dsl.If(csv_example_gen_span.outputs["integer"] != 7)' in found
    assert found.count("catalog.read_value(") == 1
    assert "any_of" not in found


def test_two_blocks_with_one_condition_are_one_block() -> None:
    world = World()
    span = world.rows.future()[0].property("span")
    with Cond(span == 1):
        statistics = StatisticsGen(world.rows)
    with Cond(world.rows.future()[0].property("span") == 1):
        schema = SchemaGen(statistics.outputs["statistics"])

    assert text(world.examples, statistics, schema).count("dsl.If") == 1


def test_a_condition_on_several_artifacts_or_on_the_node_itself_is_refused() -> None:
    world = World()
    with Cond(world.rows.future()[1].uri == ""):
        second = StatisticsGen(world.rows)
    assert "StatisticsGen: " in refusal(world.examples, second)
    with Cond(ph.exec_property("x") == 1):
        own = StatisticsGen(world.rows)
    assert "@component" in refusal(world.examples, own)


def test_a_node_that_reads_from_two_blocks_beside_each_other_is_refused() -> None:
    world = World()
    span = world.rows.future()[0].property("span")
    with Cond(span == 1):
        statistics = StatisticsGen(world.rows)
    with Cond(span == 2):
        schema = SchemaGen(statistics.outputs["statistics"])

    message = refusal(world.examples, statistics, schema)

    assert "SchemaGen: it reads from StatisticsGen" in message
    assert "under another Cond" in message


def test_run_time_parameters_have_the_types_of_what_they_stand_for() -> None:
    examples = CsvExampleGen(
        input_base=RuntimeParameter("data-root", str),
        output_config=RuntimeParameter("out", str, '{"split_config": {}}', "The splits."),
        input_config={"splits": [{"name": "all", "pattern": RuntimeParameter("pattern", str)}]},
    )
    schema = SchemaGen(
        StatisticsGen(examples.outputs["examples"]).outputs["statistics"],
        infer_feature_shape=RuntimeParameter("shape", int, 0),
    )
    statistics = schema.inputs["statistics"].producer

    found = text(examples, statistics, schema)

    signature = (
        "def flights(data_root: str, pattern: str, "
        'out: dict = {"split_config": {}}, shape: bool = False):'
    )
    assert signature in found
    assert 'input_config={"splits": [{"name": "all", "pattern": pattern}]}' in found
    assert "input_base=data_root" in found
    assert "        out: The splits.\n" in found


def test_a_parameter_that_was_put_into_a_text_stays_one() -> None:
    root = RuntimeParameter("root", str, "gs://bucket")
    examples = CsvExampleGen(input_base=f"{root}/data/{{x}}")
    schema = ImportSchemaGen(schema_file=str(root))

    found = text(examples, schema)

    assert 'input_base=f"{root}/data/{{x}}"' in found
    assert "schema_file=root" in found
    assert 'root: str = "gs://bucket"' in found


def test_the_root_in_a_text_and_a_parameter_of_two_types_are_refused() -> None:
    assert "ROOT_PARAMETER" in refusal(CsvExampleGen(input_base=f"{ROOT_PARAMETER}/data"))
    both = RuntimeParameter("both", str, "{}")
    assert "stands for a str elsewhere" in refusal(CsvExampleGen(both, output_config=both))
    broken = RuntimeParameter("broken", str, "[1]")
    assert "expected a dict" in refusal(CsvExampleGen("/d", output_config=broken))


def test_a_task_gives_way_to_a_parameter_of_the_same_name() -> None:
    parameter = RuntimeParameter("csv_example_gen", str, "/data")

    found = text(CsvExampleGen(input_base=parameter))

    assert "def flights(csv_example_gen: str" in found
    assert "catalog.csv_example_gen(input_base=csv_example_gen)" in found


def test_other_placeholders_in_parameters_are_refused() -> None:
    world = World()
    uri = world.rows.future()[0].uri
    joined = ImportSchemaGen(schema_file=uri + "/schema.pbtxt")

    message = refusal(world.examples, joined)

    assert (
        "`schema_file` is the placeholder CsvExampleGen.outputs['examples'].future()[0]" in message
    )
    assert "@component" in message
    value = ImportSchemaGen(schema_file=world.rows.future()[0].value)
    assert "the value of an artifact of type Examples" in refusal(world.examples, value)
    read = text(world.examples, ImportSchemaGen(schema_file=uri))
    assert 'schema_file=csv_example_gen_uri.outputs["text"]' in read


def test_a_task_that_reads_for_a_node_under_a_condition_is_not_read_outside() -> None:
    world = World()
    artifact = world.rows.future()[0]
    with Cond(artifact.property("span") == 1):
        inside = ImportSchemaGen(schema_file=artifact.uri).with_id("A")
    outside = [ImportSchemaGen(schema_file=artifact.uri).with_id(each) for each in "BC"]

    found = text(world.examples, inside, *outside)

    assert 'catalog.import_schema_gen(schema_file=csv_example_gen_uri.outputs["text"])' in found
    assert found.count('schema_file=csv_example_gen_uri_2.outputs["text"]') == 2


def test_a_loop_over_a_channel_of_one_artifact_runs_once() -> None:
    world = World()
    with ForEach(world.rows) as one:
        statistics = StatisticsGen(examples=one)

    found = text(world.examples, statistics)

    assert 'statistics_gen(examples=csv_example_gen.outputs["examples"])' in found


def test_a_union_of_several_channels_is_refused() -> None:
    world, other = World(), CsvExampleGen(input_base="/more").with_id("More")
    both = StatisticsGen(union([world.rows, other.outputs["examples"]]))
    assert "carries one artifact" in refusal(world.examples, other, both)
    single = StatisticsGen(union([world.rows, world.rows]))
    assert "statistics_gen(" in text(world.examples, single)
    assert "no_trigger()" in refusal(world.examples, StatisticsGen(world.rows.no_trigger()))


def test_nodes_of_an_inner_pipeline_become_nodes_of_the_outer_one() -> None:
    world = World()
    first = StatisticsGen(world.rows).with_id("First")
    inputs = PipelineInputs({"rows": world.rows})
    inner_statistics = StatisticsGen(inputs["rows"]).with_beam_pipeline_args(["--b=2"])
    inner_schema = SchemaGen(inner_statistics.outputs["statistics"])
    inner = Pipeline(
        "inner", inputs=inputs, components=[inner_schema, inner_statistics],
        outputs={"schema": inner_schema.outputs["schema"]},
        beam_pipeline_args=["--runner=DataflowRunner", "--b=1"],
    )  # fmt: skip
    inner.add_upstream_node(first)
    checked = ExampleValidator(first.outputs["statistics"], inner.outputs["schema"])
    last = SchemaGen(first.outputs["statistics"]).with_id("Last")
    last.add_upstream_node(inner)

    found = text(world.examples, first, inner, checked, last)

    assert (
        "    statistics_gen = catalog.statistics_gen(\n"
        '        examples=csv_example_gen.outputs["examples"],\n'
        '        beam_pipeline_args=["--runner=DataflowRunner", "--b=1", "--b=2"],\n'
        '    ).set_display_name("StatisticsGen")\n'
        "    statistics_gen.after(first)\n"
    ) in found
    assert "    schema_gen.after(first)\n" in found
    assert 'statistics=first.outputs["statistics"], schema=schema_gen.outputs["schema"]' in found
    assert "last.after(statistics_gen, schema_gen)" in found


def test_a_condition_around_an_inner_pipeline_is_that_of_its_nodes() -> None:
    world = World()
    with Cond(world.rows.future()[0].property("span") == 1):
        inputs = PipelineInputs({"rows": world.rows})
        statistics = StatisticsGen(inputs["rows"])
        inner = Pipeline("inner", inputs=inputs, components=[statistics])
    last = StatisticsGen(world.rows).with_id("Last")
    nodes = (world.examples, inner, last)

    assert (
        '    with dsl.If(csv_example_gen_span.outputs["integer"] == 1):\n'
        "        catalog.statistics_gen("
    ) in text(*nodes).replace("statistics_gen = ", "")

    last.add_upstream_node(inner)

    assert "Last: it waits for StatisticsGen, which stands under a Cond" in refusal(*nodes)


def test_one_id_in_both_pipelines_is_refused() -> None:
    world = World()
    inputs = PipelineInputs({"rows": world.rows})
    inner = Pipeline("inner", inputs=inputs, components=[StatisticsGen(inputs["rows"])])

    message = refusal(world.examples, StatisticsGen(world.rows), inner)

    assert "two nodes have the id 'StatisticsGen'" in message


def test_a_pipeline_that_runs_all_the_time_is_refused() -> None:
    pipeline = Pipeline("flights", components=[], execution_mode=ExecutionMode.ASYNC)

    with pytest.raises(CompileError, match=r"flights.py: the pipeline's `execution_mode` is ASYNC"):
        from_object(pipeline, file="flights.py", source=Path("/n"), directory=Path("/n"))


def test_a_step_for_a_person_is_refused() -> None:
    assert "ManualNode" in refusal(CsvExampleGen(input_base="/d"), ManualNode("Look at it."))


def test_an_exit_handler_reads_nothing() -> None:
    world = World()
    pipeline = Pipeline("flights", components=[world.examples])
    pipeline.exit_handler = StatisticsGen(world.rows)

    with pytest.raises(CompileError, match=r"flights.py: StatisticsGen: .* expected no inputs"):
        from_object(pipeline, file="flights.py", source=Path("/n"), directory=Path("/n"))


def test_values_of_a_program_go_to_the_parameters_of_kfp() -> None:
    examples = CsvExampleGen(
        input_base=RuntimeParameter("data-root", str),
        output_config=RuntimeParameter("out", str, "{}"),
    )
    pipeline = read(examples).built()
    spec = MessageToDict(pipeline.pipeline_spec)

    found = given_values(spec, {"data-root": "/d", "out": '{"split_config": {}}', "other": 1})

    assert found == {"data_root": "/d", "out": {"split_config": {}}, "other": 1}
    with pytest.raises(CompileError, match=r"'out' is '{', expected JSON text"):
        given_values(spec, {"out": "{"})


@pytest.mark.parametrize(
    "use", ["absl.logging.set_verbosity(absl.logging.INFO)", "absl.flags.FLAGS", "absl.app.run"]
)
def test_absl_has_its_modules_for_a_file_that_uses_them(tmp_path: Path, use: str) -> None:
    file = tmp_path / "flights.py"
    file.write_text(f"import absl\n{use}\n", "utf-8")
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            "from headrace.frontend.tfx_pipelines.capture import executed\n"
            "executed(pathlib.Path(sys.argv[1]))\n",
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
