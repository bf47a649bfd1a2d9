"""TFX's components record their arguments, and refuse what TFX refuses."""

import inspect
from typing import Any

import pytest

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import Channel
from headrace_tfx.authoring.executor_specs import ExecutorClassSpec
from headrace_tfx.authoring.nodes import BaseBeamComponent, BaseComponent
from headrace_tfx.authoring.placeholders import Placeholder, exec_property
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter
from headrace_tfx.components import big_query, executors, keys, vertex
from headrace_tfx.components.data_checks import (
    DataViewBinder,
    DistributionValidator,
    ExampleDiff,
    ExampleValidator,
    FilterComponent,
    ImportSchemaGen,
    SchemaGen,
    StatisticsGen,
    TfGraphDataViewProvider,
)
from headrace_tfx.components.example_gens import (
    BigQueryExampleGen,
    CsvExampleGen,
    FileBasedExampleGen,
    ImportExampleGen,
    QueryBasedExampleGen,
)
from headrace_tfx.components.models import (
    BulkInferrer,
    Evaluator,
    InfraValidator,
    ModelValidator,
    Pusher,
)
from headrace_tfx.components.training import Trainer, Transform, Tuner
from headrace_tfx.protos import example_gen_pb2, trainer_pb2

# The arguments of TFX's constructors, in their order: authors may give them by position.
ORDER = {
    CsvExampleGen: "input_base input_config output_config range_config",
    ImportExampleGen: "input_base input_config output_config range_config payload_format",
    FileBasedExampleGen: (
        "input_base input_config output_config custom_config range_config output_data_format "
        "output_file_format custom_executor_spec"
    ),
    QueryBasedExampleGen: (
        "input_config output_config custom_config range_config output_data_format "
        "output_file_format custom_executor_spec"
    ),
    BigQueryExampleGen: (
        "query input_config output_config range_config custom_executor_spec custom_config"
    ),
    StatisticsGen: "examples schema stats_options exclude_splits",
    SchemaGen: "statistics infer_feature_shape exclude_splits",
    ImportSchemaGen: "schema_file",
    ExampleValidator: "statistics schema exclude_splits custom_validation_config",
    ExampleDiff: "examples_test examples_base config include_split_pairs",
    DistributionValidator: (
        "statistics baseline_statistics config include_split_pairs custom_validation_config"
    ),
    FilterComponent: "examples filter_fn_path",
    TfGraphDataViewProvider: "create_decoder_func module_file data_view",
    DataViewBinder: "input_examples data_view output_examples",
    Transform: (
        "examples schema module_file preprocessing_fn splits_config analyzer_cache materialize "
        "disable_analyzer_cache force_tf_compat_v1 custom_config disable_statistics "
        "stats_options_updater_fn"
    ),
    Trainer: (
        "statistics examples transformed_examples transform_graph schema base_model "
        "hyperparameters module_file run_fn train_args eval_args custom_config "
        "custom_executor_spec"
    ),
    Tuner: (
        "examples schema transform_graph base_model module_file tuner_fn train_args eval_args "
        "tune_args custom_config"
    ),
    Evaluator: (
        "examples model baseline_model feature_slicing_spec fairness_indicator_thresholds "
        "example_splits eval_config schema module_file module_path"
    ),
    InfraValidator: "model serving_spec examples request_spec validation_spec",
    ModelValidator: "examples model blessing",
    Pusher: (
        "model model_blessing infra_blessing push_destination custom_config custom_executor_spec"
    ),
    BulkInferrer: "examples model model_blessing data_spec model_spec output_example_spec",
    vertex.Trainer: (
        "examples transformed_examples transform_graph schema base_model hyperparameters "
        "module_file run_fn train_args eval_args custom_config"
    ),
    vertex.Pusher: "model model_blessing infra_blessing custom_config",
    vertex.CloudAIBulkInferrerComponent: (
        "examples model model_blessing data_spec output_example_spec custom_config"
    ),
    big_query.Pusher: "model model_blessing infra_blessing custom_config",
}  # fmt: skip

BEAM = {
    CsvExampleGen, ImportExampleGen, FileBasedExampleGen, QueryBasedExampleGen, BigQueryExampleGen,
    StatisticsGen, Transform, Evaluator, BulkInferrer, ExampleDiff,
}  # fmt: skip


def _channel(name: str) -> Channel:
    return Channel(type=getattr(standard, name))


EXAMPLES = _channel("Examples")
SCHEMA = _channel("Schema")
STATISTICS = _channel("ExampleStatistics")
GRAPH = _channel("TransformGraph")
MODEL = _channel("Model")


@pytest.mark.parametrize("component", ORDER, ids=lambda each: each.__name__)
def test_arguments_have_tfx_order(component: type[BaseComponent]) -> None:
    assert list(inspect.signature(component).parameters) == ORDER[component].split()


@pytest.mark.parametrize("component", ORDER, ids=lambda each: each.__name__)
def test_the_components_that_tfx_runs_on_beam_take_its_options(
    component: type[BaseComponent],
) -> None:
    assert issubclass(component, BaseBeamComponent) == (component in BEAM)


def test_extensions_have_the_ids_of_tfx() -> None:
    assert vertex.Trainer(examples=EXAMPLES, run_fn="m.run_fn").id == "Trainer"
    assert vertex.Pusher(model=MODEL).id == "Pusher"
    assert vertex.Tuner(EXAMPLES, tuner_fn="m.tuner_fn").id == "Tuner"


def test_arguments_are_kept_as_given() -> None:
    parameter = RuntimeParameter("data-root", str, "/data")
    config = {"splits": [{"name": "all", "pattern": "*.csv"}]}

    node = CsvExampleGen(parameter, config)

    assert node.exec_properties["input_base"] is parameter
    assert node.exec_properties["input_config"] is config
    assert "range_config" not in node.exec_properties


def test_a_placeholder_may_stand_for_each_parameter() -> None:
    value = exec_property("x")
    node = ImportExampleGen(input_base=value, range_config=value, payload_format=value)

    assert all(node.exec_properties[key] is value for key in ("input_base", "range_config"))
    assert isinstance(node.exec_properties["output_data_format"], Placeholder)


def test_an_unknown_argument_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        TypeError, match=r"Trainer: got an unknown argument `modul_file`.*`module_f"
    ):
        Trainer(examples=EXAMPLES, modul_file="m.py")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("component", "argument", "advice"),
    [
        (CsvExampleGen, "instance_name", "with_id"),
        (CsvExampleGen, "input", "input_base"),
        (Trainer, "trainer_fn", "run_fn"),
        (Trainer, "executor_class", "custom_executor_spec"),
    ],
)
def test_an_argument_that_tfx_dropped_is_explained(
    component: Any, argument: str, advice: str
) -> None:
    with pytest.raises(TypeError, match=advice):
        component(**{argument: "x"})


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(TypeError, match="StatisticsGen: missing a required argument: 'examples'"):
        StatisticsGen()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="CsvExampleGen: the argument `input_base` is None"):
        CsvExampleGen()


@pytest.mark.parametrize(
    "wrong", ["examples", {"examples": EXAMPLES}, CsvExampleGen(input_base="d")]
)
def test_something_that_is_no_channel_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"the argument `examples` is .* expected a channel"):
        StatisticsGen(examples=wrong)


def test_a_channel_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="a channel of Schema, expected one of Examples"):
        StatisticsGen(examples=SCHEMA)


def test_a_channel_of_a_type_with_the_same_name_is_taken() -> None:
    # Authors restate types, and notebooks define them in each cell.
    class Schema(standard.Schema):
        pass

    channel = Channel(type=Schema)

    assert StatisticsGen(EXAMPLES, channel).inputs["schema"] is channel


def test_a_parameter_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`schema_file` is 5 \(int\), expected str"):
        ImportSchemaGen(5)
    with pytest.raises(TypeError, match=r"`exclude_splits` is 'eval' .* expected a list"):
        StatisticsGen(EXAMPLES, exclude_splits="eval")
    with pytest.raises(TypeError, match=r"`custom_config` is .* expected a dict"):
        Trainer(examples=EXAMPLES, run_fn="m.f", custom_config=["epochs"])


def test_a_run_time_parameter_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="ImportSchemaGen: the argument `schema_file`"):
        ImportSchemaGen(RuntimeParameter("p", int))
    with pytest.raises(TypeError, match=r"`train_args` is the parameter 'steps' of type int"):
        Trainer(examples=EXAMPLES, run_fn="m.f", train_args=RuntimeParameter("steps", int))


def test_a_run_time_parameter_has_the_type_that_it_says() -> None:
    with pytest.raises(RuntimeError, match="expected int, float or str"):
        RuntimeParameter("p", dict)
    with pytest.raises(TypeError, match="`default` is '5', expected a value of type int"):
        RuntimeParameter("p", int, "5")


def test_a_message_may_be_a_dict_or_json_text_with_run_time_parameters_in_it() -> None:
    example_gen: Any = example_gen_pb2
    trainer: Any = trainer_pb2
    split = example_gen.Input.Split(name="all", pattern="*")
    message = example_gen.Input(splits=[split])
    nested = {"splits": [{"name": "all", "pattern": RuntimeParameter("pattern", str)}]}
    for given in (message, nested, '{"splits": [{"name": "all"}]}'):
        assert CsvExampleGen("/d", given).exec_properties["input_config"] is given
    with pytest.raises(
        ValueError, match=r"`input_config` is .* expected the fields of Input: .*nam"
    ):
        CsvExampleGen("/d", {"splits": [{"nam": "all"}]})
    with pytest.raises(ValueError, match=r"`train_args` is '{', expected the fields of TrainArgs"):
        Trainer(examples=EXAMPLES, run_fn="m.f", train_args="{")
    with pytest.raises(TypeError, match=r"`eval_args` is .* expected EvalArgs, a dict"):
        Trainer(examples=EXAMPLES, run_fn="m.f", eval_args=trainer.TrainArgs())
    with pytest.raises(TypeError, match=r"expected TrainArgs"):
        Trainer(examples=EXAMPLES, run_fn="m.f", train_args=5)


@pytest.mark.parametrize("given", [{}, {"module_file": "m.py", "run_fn": "m.run_fn"}])
def test_of_two_arguments_that_do_the_same_exactly_one_is_needed(given: Any) -> None:
    with pytest.raises(ValueError, match="Trainer: of `module_file` and `run_fn`"):
        Trainer(examples=EXAMPLES, **given)
    with pytest.raises(ValueError, match="Tuner: of `module_file` and `tuner_fn`"):
        Tuner(EXAMPLES, module_file=given.get("module_file"), tuner_fn=given.get("run_fn"))


def test_trainer_takes_examples_under_their_old_name() -> None:
    node = Trainer(transformed_examples=EXAMPLES, transform_graph=GRAPH, module_file="m.py")

    assert node.inputs["examples"] is EXAMPLES
    with pytest.raises(ValueError, match="without `transform_graph`"):
        Trainer(transformed_examples=EXAMPLES, module_file="m.py")
    with pytest.raises(ValueError, match="of `examples` and `transformed_examples` both came"):
        Trainer(examples=EXAMPLES, transformed_examples=EXAMPLES, module_file="m.py")


def test_trainer_takes_an_executor_of_tfx() -> None:
    spec = ExecutorClassSpec(executors.GenericExecutor)
    node = Trainer(examples=EXAMPLES, module_file="m.py", custom_executor_spec=spec)

    assert node.executor_spec.executor_class is executors.GenericExecutor
    with pytest.raises(TypeError, match=r"`custom_executor_spec` is .* expected an ExecutorSpec"):
        Trainer(
            examples=EXAMPLES, module_file="m.py", custom_executor_spec=executors.GenericExecutor
        )


def test_transform_has_the_outputs_that_are_switched_on() -> None:
    whole = Transform(EXAMPLES, SCHEMA, module_file="m.py")
    bare = Transform(
        EXAMPLES, SCHEMA, module_file="m.py",
        materialize=False, disable_analyzer_cache=True, disable_statistics=True,
    )  # fmt: skip

    assert set(whole.outputs) == {
        "transform_graph", "transformed_examples", "updated_analyzer_cache",
        "pre_transform_schema", "pre_transform_stats", "post_transform_schema",
        "post_transform_stats", "post_transform_anomalies",
    }  # fmt: skip
    assert set(bare.outputs) == {"transform_graph"}
    with pytest.raises(KeyError, match="Transform has no output 'transformed_examples'"):
        bare.outputs["transformed_examples"]


def test_transform_refuses_arguments_that_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="stats_options_updater_fn"):
        Transform(EXAMPLES, SCHEMA, "m.py", stats_options_updater_fn="m.f")
    with pytest.raises(ValueError, match="analyzer_cache"):
        Transform(
            EXAMPLES, SCHEMA, "m.py",
            analyzer_cache=_channel("TransformCache"), disable_analyzer_cache=True,
        )  # fmt: skip


def test_bulk_inferrer_has_one_output() -> None:
    assert set(BulkInferrer(EXAMPLES, MODEL).outputs) == {"inference_result"}
    spec: Any = {"output_columns_spec": [{"predict_output": {"output_columns": []}}]}
    assert set(BulkInferrer(EXAMPLES, MODEL, output_example_spec=spec).outputs) == {
        "output_examples"
    }


def test_pusher_needs_a_destination_and_a_model() -> None:
    with pytest.raises(ValueError, match="`push_destination` is missing"):
        Pusher(model=MODEL)
    with pytest.raises(ValueError, match="of `model` and `infra_blessing` neither came"):
        Pusher(push_destination={"filesystem": {"base_directory": "/m"}})
    own = ExecutorClassSpec(type("Mine", (), {"Do": None}))
    assert Pusher(model=MODEL, custom_executor_spec=own).outputs["pushed_model"].producer


def test_evaluator_refuses_arguments_that_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="`eval_config` and `feature_slicing_spec`"):
        Evaluator(EXAMPLES, eval_config={}, feature_slicing_spec={})
    with pytest.raises(ValueError, match="`module_file` and `module_path`"):
        Evaluator(EXAMPLES, module_file="m.py", module_path="m")


@pytest.mark.slow  # imports TensorFlow Model Analysis
def test_an_eval_config_may_be_a_message_a_dict_or_text() -> None:
    import tensorflow_model_analysis as tfma

    message = tfma.EvalConfig(model_specs=[tfma.ModelSpec(label_key="l")])
    for config in (message, {"model_specs": [{"label_key": "l"}]}, '{"modelSpecs": []}'):
        assert Evaluator(EXAMPLES, eval_config=config).exec_properties["eval_config"] is config
    with pytest.raises(TypeError, match=r"`eval_config` is .* expected EvalConfig"):
        Evaluator(EXAMPLES, eval_config=tfma.ModelSpec())


def test_statistics_gen_takes_options_of_tfdv_alone() -> None:
    with pytest.raises(TypeError, match=r"expected a tfdv.StatsOptions"):
        StatisticsGen(EXAMPLES, stats_options={"num_top_values": 5})


def test_bigquery_takes_a_query_or_a_configuration() -> None:
    assert BigQueryExampleGen("SELECT 1").exec_properties["query"] == "SELECT 1"
    with pytest.raises(RuntimeError, match="expected one of them"):
        BigQueryExampleGen()


def test_a_query_based_example_gen_refuses_an_unknown_format() -> None:
    with pytest.raises(ValueError, match="`output_data_format` is 99, expected one of"):
        QueryBasedExampleGen({"splits": []}, output_data_format=99)


def test_keys_have_tfx_names() -> None:
    assert keys.EXAMPLES_KEY == "examples"
    assert keys.STATS_OPTIONS_JSON_KEY == "stats_options_json"
    with pytest.raises(AttributeError):
        keys.NO_SUCH_KEY  # noqa: B018


def test_outputs_are_attributes_as_they_once_were_in_tfx() -> None:
    node = CsvExampleGen(input_base="data")

    assert node.outputs.examples is node.outputs["examples"]
    with pytest.raises(AttributeError, match=r"CsvExampleGen has no output 'exmples'.*'examples'"):
        node.outputs.exmples  # noqa: B018
