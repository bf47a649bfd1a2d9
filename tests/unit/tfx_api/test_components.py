"""Each of TFX's components becomes the task of ours that does the same, or is refused by name."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headrace.errors import CompileError
from headrace.frontend.tfx_pipelines.plan import OutputRef, Plan, Step, steps_of
from headrace.frontend.tfx_pipelines.reading import TfxPipeline, from_object
from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import Channel, ExternalPipelineChannel
from headrace_tfx.authoring.executor_specs import BeamExecutorSpec, ExecutorClassSpec
from headrace_tfx.authoring.node_options import NodeExecutionOptions
from headrace_tfx.authoring.pipeline import Pipeline
from headrace_tfx.components import (
    big_query,
    data_checks,
    example_gens,
    executors,
    models,
    training,
    vertex,
)

EVAL_CONFIG = {"model_specs": [{"label_key": "late"}], "slicing_specs": [{}]}
PUSH = {"filesystem": {"base_directory": "/serving"}}


def read(*nodes: Any, directory: Path = Path("/nowhere"), **settings: Any) -> TfxPipeline:
    pipeline = Pipeline(pipeline_name="flights", components=nodes, **settings)
    return from_object(pipeline, file="flights.py", source=directory, directory=directory)


def steps(*nodes: Any, **settings: Any) -> dict[str, Step]:
    plan: Plan = read(*nodes, **settings).plan
    return {step.variable: step for step in steps_of(plan.body)}


def refusal(*nodes: Any, **settings: Any) -> str:
    with pytest.raises(CompileError) as raised:
        read(*nodes, **settings)
    return str(raised.value)


def csv(**given: Any) -> Any:
    return example_gens.CsvExampleGen(input_base="/data", **given)


class World:
    """One node of each kind, connected."""

    def __init__(self) -> None:
        self.examples = csv()
        rows = self.examples.outputs["examples"]
        self.statistics = data_checks.StatisticsGen(examples=rows)
        self.schema = data_checks.SchemaGen(statistics=self.statistics.outputs["statistics"])
        self.rows, self.schema_out = rows, self.schema.outputs["schema"]
        self.transform = training.Transform(
            examples=rows, schema=self.schema_out, module_file="/nowhere/module.py"
        )
        self.trainer = training.Trainer(
            examples=self.transform.outputs["transformed_examples"],
            transform_graph=self.transform.outputs["transform_graph"],
            schema=self.schema_out,
            module_file="module.py",
            train_args={"num_steps": 100},
            eval_args={"num_steps": 5},
        )
        self.model = self.trainer.outputs["model"]

    def nodes(self) -> list[Any]:
        return [self.examples, self.statistics, self.schema, self.transform, self.trainer]


def test_examples_statistics_and_schema() -> None:
    world = World()
    found = steps(world.examples, world.statistics, world.schema)
    assert found["csv_example_gen"].component == "catalog.csv_example_gen"
    assert found["csv_example_gen"].arguments == {"input_base": "/data"}
    assert found["statistics_gen"].arguments == {
        "examples": OutputRef(step="csv_example_gen", port="examples")
    }
    assert found["schema_gen"].arguments == {
        "statistics": OutputRef(step="statistics_gen", port="statistics")
    }


def test_a_parameter_with_our_default_is_left_out() -> None:
    world = World()
    other = data_checks.SchemaGen(
        statistics=world.statistics.outputs["statistics"],
        infer_feature_shape=0,
        exclude_splits=["eval"],
    ).with_id("other")
    found = steps(world.examples, world.statistics, world.schema, other)
    assert "infer_feature_shape" not in found["schema_gen"].arguments
    assert found["other"].arguments["infer_feature_shape"] is False
    assert found["other"].arguments["exclude_splits"] == ["eval"]


def test_configs_of_example_gens_may_be_dicts_or_json_text() -> None:
    config = {"splits": [{"name": "train", "pattern": "train/*"}]}
    text = '{"split_config": {"splits": [{"name": "a", "hash_buckets": 2}]}}'
    found = steps(csv(input_config=config, output_config=text))["csv_example_gen"]
    assert found.arguments["input_config"] == config
    assert found.arguments["output_config"] == {
        "split_config": {"splits": [{"name": "a", "hash_buckets": 2}]}
    }


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (7, "FORMAT_TF_SEQUENCE_EXAMPLE"),
        (11, "FORMAT_PROTO"),
        (15, "FORMAT_PARQUET"),
    ],
)
def test_payload_formats_have_names(number: int, name: str) -> None:
    node = example_gens.ImportExampleGen(input_base="/data", payload_format=number)
    assert steps(node)["import_example_gen"].arguments["payload_format"] == name


def test_tf_examples_are_the_default_payload() -> None:
    node = example_gens.ImportExampleGen(input_base="/data")
    assert steps(node)["import_example_gen"].arguments == {"input_base": "/data"}


@pytest.mark.parametrize(
    ("executor", "component"),
    [
        (executors.AvroExecutor, "avro_example_gen"),
        (executors.ParquetExecutor, "parquet_example_gen"),
        (executors.CsvExampleGenExecutor, "csv_example_gen"),
        (executors.ImportExampleGenExecutor, "import_example_gen"),
    ],
)
def test_a_file_based_example_gen_is_that_of_its_executor(executor: Any, component: str) -> None:
    node = example_gens.FileBasedExampleGen(
        input_base="/data", custom_executor_spec=BeamExecutorSpec(executor)
    )
    assert steps(node)["file_based_example_gen"].component == f"catalog.{component}"


def test_base_classes_without_an_executor_are_refused() -> None:
    node: Any = example_gens.FileBasedExampleGen(input_base="/data")
    assert refusal(node).startswith("flights.py: FileBasedExampleGen: FileBasedExampleGen needs")
    node = example_gens.QueryBasedExampleGen(input_config={"splits": []})
    assert "QueryBasedExampleGen needs an executor" in refusal(node)


def test_transform_and_trainer() -> None:
    found = steps(*World().nodes())
    assert found["transform"].arguments == {
        "examples": OutputRef(step="csv_example_gen", port="examples"),
        "schema": OutputRef(step="schema_gen", port="schema"),
        "module_file": "module.py",
    }
    assert found["trainer"].arguments == {
        "examples": OutputRef(step="transform", port="transformed_examples"),
        "transform_graph": OutputRef(step="transform", port="transform_graph"),
        "schema": OutputRef(step="schema_gen", port="schema"),
        "module_file": "module.py",
        "train_args": {"num_steps": 100},
        "eval_args": {"num_steps": 5},
    }


def test_every_parameter_of_transform() -> None:
    world = World()
    node = training.Transform(
        examples=world.rows,
        schema=world.schema_out,
        preprocessing_fn="installed.module.preprocessing_fn",
        stats_options_updater_fn="installed.module.updater",
        splits_config={"analyze": ["train"], "transform": ["train", "eval"]},
        materialize=False,
        disable_analyzer_cache=True,
        force_tf_compat_v1=True,
        disable_statistics=True,
        custom_config={"vocabulary": 10, "names": ("a", "b")},
    )
    found = steps(world.examples, world.statistics, world.schema, node)["transform"]
    given = {key: found.arguments[key] for key in found.arguments if key not in node.inputs}
    assert given == {
        "preprocessing_fn": "installed.module.preprocessing_fn",
        "stats_options_updater_fn": "installed.module.updater",
        "splits_config": {"analyze": ["train"], "transform": ["train", "eval"]},
        "custom_config": {"vocabulary": 10, "names": ["a", "b"]},
        "materialize": False,
        "disable_statistics": True,
        "disable_analyzer_cache": True,
        "force_tf_compat_v1": True,
    }


def test_both_functions_of_a_transform_travel_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/preprocessing.py").touch()
    world = World()

    def transform(updater: str) -> Any:
        return training.Transform(
            examples=world.rows,
            schema=world.schema_out,
            preprocessing_fn="models.preprocessing.preprocessing_fn",
            stats_options_updater_fn=updater,
        )

    before = (world.examples, world.statistics, world.schema)
    beside = transform("models.preprocessing.stats_options_updater_fn")
    found = steps(*before, beside, directory=tmp_path)["transform"]
    assert found.arguments["module_file"] == "models/preprocessing.py"
    assert "stats_options_updater_fn" not in found.arguments

    said = refusal(*before, transform("models.other.updater"), directory=tmp_path)
    assert (
        "Transform: `stats_options_updater_fn` is 'models.other.updater', expected "
        "'models.preprocessing.stats_options_updater_fn'" in said
    )


def test_transformed_examples_are_the_examples_of_a_trainer() -> None:
    world = World()
    node = training.Trainer(
        transformed_examples=world.transform.outputs["transformed_examples"],
        transform_graph=world.transform.outputs["transform_graph"],
        run_fn="installed.module.run_fn",
        custom_executor_spec=ExecutorClassSpec(executors.GenericExecutor),
        custom_config={"epochs": 3},
    )
    found = steps(*world.nodes()[:4], node)["trainer"]
    assert found.arguments["examples"] == OutputRef(step="transform", port="transformed_examples")
    assert found.arguments["run_fn"] == "installed.module.run_fn"
    assert found.arguments["custom_config"] == {"epochs": 3}


def test_a_tuner_and_the_trainer_that_uses_it() -> None:
    world = World()
    tuner = training.Tuner(
        examples=world.rows,
        module_file="gs://bucket/tuner.py",
        train_args={"num_steps": 20},
        eval_args={"num_steps": 5},
        tune_args={"num_parallel_trials": 3},
    )
    trainer = training.Trainer(
        examples=world.rows,
        module_file="module.py",
        hyperparameters=tuner.outputs["best_hyperparameters"],
        train_args={},
        eval_args={},
    )
    found = steps(world.examples, tuner, trainer)
    assert found["tuner"].arguments["module_file"] == "gs://bucket/tuner.py"
    assert found["tuner"].arguments["tune_args"] == {"num_parallel_trials": 3}
    assert found["trainer"].arguments["hyperparameters"] == OutputRef(
        step="tuner", port="best_hyperparameters"
    )
    assert "train_args" not in found["trainer"].arguments


def test_evaluator_and_pusher() -> None:
    world = World()
    evaluator = models.Evaluator(
        examples=world.rows,
        model=world.model,
        schema=world.schema_out,
        eval_config=EVAL_CONFIG,
        example_splits=["eval"],
        fairness_indicator_thresholds=[0.25, 0.5],
        module_file="metrics.py",
    )
    pusher = models.Pusher(
        model=world.model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=PUSH,
        custom_config={"unused": 1},
    )
    found = steps(*world.nodes(), evaluator, pusher)
    arguments = found["evaluator"].arguments
    assert arguments["eval_config"] == EVAL_CONFIG
    assert arguments["example_splits"] == ["eval"]
    assert arguments["fairness_indicator_thresholds"] == [0.25, 0.5]
    assert arguments["module_file"] == "metrics.py"
    assert found["pusher"].arguments == {
        "model": OutputRef(step="trainer", port="model"),
        "model_blessing": OutputRef(step="evaluator", port="blessing"),
        "push_destination": PUSH,
    }


@pytest.mark.slow
def test_a_tfma_config_becomes_a_dict() -> None:
    tfma = pytest.importorskip("tensorflow_model_analysis")
    world = World()
    evaluator = models.Evaluator(
        examples=world.rows,
        model=world.model,
        eval_config=tfma.EvalConfig(
            model_specs=[tfma.ModelSpec(label_key="late")],
            metrics_specs=[
                tfma.MetricsSpec(
                    metrics=[
                        tfma.MetricConfig(
                            class_name="AUC",
                            threshold=tfma.MetricThreshold(
                                value_threshold=tfma.GenericValueThreshold(
                                    lower_bound={"value": 0.6}
                                ),
                                change_threshold=tfma.GenericChangeThreshold(
                                    direction=tfma.MetricDirection.HIGHER_IS_BETTER,
                                    absolute={"value": -1e-10},
                                ),
                            ),
                        )
                    ]
                )
            ],
        ),
    )
    assert steps(*world.nodes(), evaluator)["evaluator"].arguments["eval_config"] == {
        "model_specs": [{"label_key": "late"}],
        "metrics_specs": [
            {
                "metrics": [
                    {
                        "class_name": "AUC",
                        "threshold": {
                            "value_threshold": {"lower_bound": 0.6},
                            "change_threshold": {
                                "absolute": -1e-10,
                                "direction": "HIGHER_IS_BETTER",
                            },
                        },
                    }
                ]
            }
        ],
    }


def test_estimators_are_refused() -> None:
    world = World()
    no_config = models.Evaluator(examples=world.rows, model=world.model)
    assert "`eval_config` is missing" in refusal(*world.nodes(), no_config)
    called_eval = models.Evaluator(
        examples=world.rows,
        model=world.model,
        eval_config={"model_specs": [{"signature_name": "eval"}]},
    )
    assert "the signature 'eval' of an Estimator" in refusal(*world.nodes(), called_eval)
    installed = models.Evaluator(
        examples=world.rows, model=world.model, eval_config=EVAL_CONFIG, module_path="a.b"
    )
    assert "`module_path` names a module" in refusal(*world.nodes(), installed)
    validator = models.ModelValidator(examples=world.rows, model=world.model)
    assert "ModelValidator is gone" in refusal(*world.nodes(), validator)


def test_sql_checks_of_an_example_validator_are_not_lost() -> None:
    world = World()
    checks = data_checks.ExampleValidator(
        statistics=world.statistics.outputs["statistics"],
        schema=world.schema_out,
        custom_validation_config={"feature_validations": []},
    )
    message = refusal(*world.nodes(), checks)
    assert "ExampleValidator: `custom_validation_config` has SQL checks" in message
    assert "or DistributionValidator" in message


def test_infra_validator_ignores_how_its_server_starts() -> None:
    world = World()
    node = models.InfraValidator(
        model=world.model,
        examples=world.rows,
        serving_spec={
            "tensorflow_serving": {"tags": ["latest"]},
            "local_docker": {},
            "model_name": "taxi",
        },
        request_spec={"tensorflow_serving": {}, "num_examples": 3, "make_warmup": True},
        validation_spec={"num_tries": 2},
    )
    pusher = models.Pusher(infra_blessing=node.outputs["blessing"], push_destination=PUSH)
    found = read(*world.nodes(), node, pusher)
    step = next(each for each in steps_of(found.plan.body) if each.node == "InfraValidator")
    assert step.arguments["serving_spec"] == {"model_name": "taxi"}
    assert step.arguments["request_spec"]["make_warmup"] is True
    assert step.arguments["validation_spec"] == {"num_tries": 2}
    (note,) = found.notes
    assert note.startswith("flights.py: InfraValidator: `serving_spec` names ['local_docker', 'ten")


def test_bulk_inferrer() -> None:
    world = World()
    spec = {"output_columns_spec": [{"predict_output": {"output_columns": [{"output_key": "a"}]}}]}
    node = models.BulkInferrer(
        examples=world.rows,
        model=world.model,
        data_spec={"example_splits": ["unlabelled"]},
        model_spec={"model_signature_name": ["predict"]},
        output_example_spec=spec,
    )
    found = steps(*world.nodes(), node)["bulk_inferrer"].arguments
    assert found["data_spec"] == {"example_splits": ["unlabelled"]}
    assert found["model_spec"] == {"model_signature_name": ["predict"]}
    assert found["output_example_spec"] == spec
    without = models.BulkInferrer(examples=world.rows)
    assert "`model` is missing" in refusal(world.examples, without)


def test_components_that_compare() -> None:
    one, other = csv(), csv().with_id("CsvExampleGen.other")
    config = {"paired_example_skew": {"identifier_features": ["id"], "skew_sample_size": 2}}
    diff = data_checks.ExampleDiff(
        examples_test=one.outputs["examples"],
        examples_base=other.outputs["examples"],
        config=config,
        include_split_pairs=[("train", "train"), ("train", "eval")],
    )
    first = data_checks.StatisticsGen(examples=one.outputs["examples"])
    second = data_checks.StatisticsGen(examples=other.outputs["examples"]).with_id("second")
    drift = {"default_slice_config": {"feature": [{"path": {"step": ["a"]}}]}}
    moved = data_checks.DistributionValidator(
        statistics=first.outputs["statistics"],
        baseline_statistics=second.outputs["statistics"],
        config=drift,
        include_split_pairs=[("eval", "train")],
    )
    found = steps(one, other, diff, first, second, moved)
    assert found["example_diff"].arguments == {
        "examples": OutputRef(step="csv_example_gen", port="examples"),
        "baseline_examples": OutputRef(step="csv_example_gen_other", port="examples"),
        "config": config,
        "include_split_pairs": [["train", "train"], ["train", "eval"]],
    }
    assert found["distribution_validator"].arguments["config"] == drift


def test_an_example_validator_and_an_imported_schema() -> None:
    world = World()
    schema = data_checks.ImportSchemaGen(schema_file="schema.pbtxt")
    node = data_checks.ExampleValidator(
        statistics=world.statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        exclude_splits=["eval"],
    )
    found = steps(world.examples, world.statistics, schema, node)
    assert found["import_schema_gen"].arguments == {"schema_file": "schema.pbtxt"}
    assert found["example_validator"].arguments["exclude_splits"] == ["eval"]


def test_a_filter_names_its_function() -> None:
    node = data_checks.FilterComponent(
        examples=(gen := csv()).outputs["examples"], filter_fn_path="installed.module.keep"
    )
    found = steps(gen, node)["filter_component"]
    assert found.component == "catalog.filter_examples"
    assert found.arguments["filter_fn"] == "installed.module.keep"


def test_data_views_are_refused() -> None:
    node = data_checks.TfGraphDataViewProvider(create_decoder_func="make")
    message = refusal(node)
    assert message.startswith("flights.py: TfGraphDataViewProvider: Headrace has no data views")


def stats_options(**changed: Any) -> Any:
    tfdv = pytest.importorskip("tensorflow_data_validation")
    return tfdv.StatsOptions(**changed)


def test_statistics_options_are_the_fields_that_were_set() -> None:
    gen = csv()
    node = data_checks.StatisticsGen(
        examples=gen.outputs["examples"],
        stats_options=stats_options(
            num_top_values=50, sample_rate=0.5, feature_allowlist=["a", "b"], label_feature="late"
        ),
        exclude_splits=["eval"],
    )
    found = steps(gen, node)["statistics_gen"].arguments
    assert found["stats_options"] == {
        "feature_allowlist": ["a", "b"],
        "label_feature": "late",
        "num_top_values": 50,
    }
    assert found["sample_rate"] == 0.5
    assert found["exclude_splits"] == ["eval"]


def test_statistics_options_as_new_say_nothing() -> None:
    gen = csv()
    node = data_checks.StatisticsGen(
        examples=gen.outputs["examples"], stats_options=stats_options()
    )
    assert list(steps(gen, node)["statistics_gen"].arguments) == ["examples"]


def test_a_schema_in_statistics_options_is_a_task_of_its_own() -> None:
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="a", type=schema_pb2.INT)])
    gen = csv()
    node = data_checks.StatisticsGen(
        examples=gen.outputs["examples"], stats_options=stats_options(schema=schema)
    )
    found = steps(gen, node)
    assert found["statistics_gen_schema"].component == "catalog.import_schema_gen"
    assert found["statistics_gen_schema"].arguments == {
        "schema_json": {"feature": [{"name": "a", "type": "INT"}]}
    }
    assert found["statistics_gen"].arguments["schema"] == OutputRef(
        step="statistics_gen_schema", port="schema"
    )
    read(gen, node).built()


def test_functions_in_statistics_options_are_refused() -> None:
    gen = csv()
    node = data_checks.StatisticsGen(
        examples=gen.outputs["examples"],
        stats_options=stats_options(experimental_num_feature_partitions=2),
    )
    assert "sets ['experimental_num_feature_partitions']" in refusal(gen, node)


# --- The author's code -------------------------------------------------------------------------


def project(folder: Path, *files: str) -> Path:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def run_fn(fn_args): ...\n", "utf-8")
    return folder


def trainer_code(given: Mapping[str, Any], directory: Path) -> Mapping[str, Any]:
    gen = csv()
    node = training.Trainer(examples=gen.outputs["examples"], train_args={}, eval_args={}, **given)
    found = steps(gen, node, directory=directory)["trainer"].arguments
    return {key: found[key] for key in ("module_file", "run_fn") if key in found}


def test_module_files_below_the_pipeline_are_relative(tmp_path: Path) -> None:
    project(tmp_path, "models/model.py", "own.py")
    wanted = {"module_file": "models/model.py"}
    assert trainer_code({"module_file": str(tmp_path / "models/model.py")}, tmp_path) == wanted
    assert trainer_code({"module_file": f"file://{tmp_path}/models/model.py"}, tmp_path) == wanted
    assert trainer_code({"module_file": "models/model.py"}, tmp_path) == wanted
    crooked = str(tmp_path / "models" / ".." / "own.py")
    assert trainer_code({"module_file": crooked}, tmp_path) == {"module_file": "own.py"}


def test_module_files_elsewhere_keep_their_path(tmp_path: Path) -> None:
    project(tmp_path, "elsewhere/model.py")
    path = str(tmp_path / "elsewhere/model.py")
    assert trainer_code({"module_file": path}, tmp_path / "here") == {"module_file": path}
    uri = "gs://bucket/model.py"
    assert trainer_code({"module_file": uri}, tmp_path) == {"module_file": uri}


def test_relative_module_files_start_in_the_current_directory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, "here/model.py", "pipeline/model.py")
    monkeypatch.chdir(tmp_path / "here")
    found = trainer_code({"module_file": "model.py"}, tmp_path / "pipeline")
    assert found == {"module_file": str(tmp_path / "here/model.py")}


def test_a_dotted_function_of_the_project_is_its_file(tmp_path: Path) -> None:
    project(tmp_path, "models/keras_model/model.py")
    found = trainer_code({"run_fn": "models.keras_model.model.run_fn"}, tmp_path)
    assert found == {"module_file": "models/keras_model/model.py"}
    other = {"run_fn": "models.keras_model.model.another"}
    assert trainer_code(other, tmp_path) == other
    installed = {"run_fn": "json.run_fn"}
    assert trainer_code(installed, tmp_path) == installed


# --- Beam, order and settings ------------------------------------------------------------------


def test_options_of_the_direct_runner_do_not_move_work_to_beam() -> None:
    direct = ["--direct_running_mode=multi_processing", "--direct_num_workers=0"]
    for args in (direct, ["--runner=DirectRunner", *direct], ["--runner", "DirectRunner"]):
        assert steps(csv(), beam_pipeline_args=args)["csv_example_gen"].arguments == {
            "input_base": "/data"
        }


def test_options_of_the_pipeline_stand_before_those_of_the_node() -> None:
    gen = csv().with_beam_pipeline_args(["--num_workers=3"])
    statistics = data_checks.StatisticsGen(examples=gen.outputs["examples"])
    schema = data_checks.SchemaGen(statistics=statistics.outputs["statistics"])
    shared = ["--runner=DataflowRunner", "--region=us-central1"]
    found = steps(gen, statistics, schema, beam_pipeline_args=shared)
    args = found["csv_example_gen"].arguments["beam_pipeline_args"]
    assert args == [*shared, "--num_workers=3"]
    assert found["statistics_gen"].arguments["beam_pipeline_args"] == shared
    assert "beam_pipeline_args" not in found["schema_gen"].arguments


def test_a_node_may_have_another_runner_than_the_pipeline() -> None:
    gen = csv().with_beam_pipeline_args(["--runner=DirectRunner"])
    assert (
        "beam_pipeline_args"
        not in steps(gen, beam_pipeline_args=["--runner=FlinkRunner"])["csv_example_gen"].arguments
    )


def test_order_without_data() -> None:
    first, second = csv(), csv().with_id("second")
    second.add_upstream_node(first)
    statistics = data_checks.StatisticsGen(examples=second.outputs["examples"])
    statistics.add_upstream_node(second)
    found = steps(first, second, statistics)
    assert found["second"].after == ("csv_example_gen",)
    assert found["statistics_gen"].after == ()


def test_only_listed_nodes_are_translated() -> None:
    world = World()
    csv().with_id("unlisted").add_upstream_node(world.statistics)
    assert set(steps(world.examples, world.statistics)) == {"csv_example_gen", "statistics_gen"}
    with pytest.warns(UserWarning, match="StatisticsGen"):
        message = refusal(world.schema)
    assert message.startswith(
        "flights.py: SchemaGen: it reads 'statistics' of StatisticsGen, which"
    )


def test_a_channel_without_a_producer_needs_a_resolver() -> None:
    node = data_checks.StatisticsGen(examples=Channel(type=standard.Examples))
    assert "no node of this pipeline makes" in refusal(node)


def test_what_another_pipeline_made_is_refused() -> None:
    channel = ExternalPipelineChannel(
        standard.Examples,
        owner="me",
        pipeline_name="other",
        producer_component_id="CsvExampleGen",
        output_key="examples",
    )
    message = refusal(data_checks.StatisticsGen(examples=channel))
    assert message.startswith("flights.py: StatisticsGen: it reads what the pipeline 'other' made")


def test_a_driver_of_ones_own_is_refused() -> None:
    class Driver: ...

    class Own(example_gens.CsvExampleGen):
        DRIVER_CLASS = Driver

    assert refusal(Own(input_base="/data")).startswith("flights.py: Own: it has the driver Driver")


def test_a_class_derived_from_a_component_of_tfx_is_that_component() -> None:
    class Derived(example_gens.CsvExampleGen): ...

    found = steps(Derived(input_base="/data"))["derived"]
    assert found.node == "Derived"
    assert found.component == "catalog.csv_example_gen"


def test_execution_options_give_retries() -> None:
    options = NodeExecutionOptions(max_execution_retries=3)
    node = csv().with_node_execution_options(options)
    assert steps(node)["csv_example_gen"].settings.retries == 3


def test_a_platform_config_is_the_size_of_the_task() -> None:
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec(
        cpu_limit=4, memory_limit=16.5
    )
    spec.accelerator.type, spec.accelerator.count = "NVIDIA_L4", 1
    found = steps(csv().with_platform_config(spec))["csv_example_gen"].settings
    assert (found.cpu_limit, found.memory_limit) == ("4", "16.5G")
    assert (found.accelerator_type, found.accelerator_limit) == ("NVIDIA_L4", 1)
    message = refusal(csv().with_platform_config(SimpleNamespace(cpu=4)))
    assert "expected kfp's ResourceSpec" in message


# --- Google Cloud ------------------------------------------------------------------------------


def test_a_query_of_bigquery_takes_the_project_of_beams_options() -> None:
    node = big_query.BigQueryExampleGen(query="SELECT 1")
    args = ["--project=my-project", "--temp_location=gs://bucket/tmp"]
    found = steps(node, beam_pipeline_args=args)["big_query_example_gen"]
    assert found.component == "catalog.bigquery_example_gen"
    assert found.arguments == {"project": "my-project", "query": "SELECT 1"}


def test_queries_of_bigquery_by_split() -> None:
    config = {"splits": [{"name": "train", "pattern": "SELECT 1"}]}
    node = big_query.BigQueryExampleGen(input_config=config)
    assert steps(node)["big_query_example_gen"].arguments == {"input_config": config}


JOB = {
    "project": "my-project",
    "worker_pool_specs": [
        {
            "machine_spec": {
                "machine_type": "n1-standard-4",
                "accelerator_type": "NVIDIA_TESLA_T4",
                "accelerator_count": 1,
            },
            "replica_count": 1,
            "container_spec": {"image_uri": "gcr.io/tfx-oss-public/tfx:1.16.0"},
        }
    ],
}


def vertex_trainer(config: Mapping[str, Any]) -> list[Any]:
    gen = csv()
    node = vertex.Trainer(
        examples=gen.outputs["examples"],
        module_file="module.py",
        train_args={"num_steps": 1},
        eval_args={},
        custom_config=config,
    )
    return [gen, node]


@pytest.mark.parametrize("job", [JOB, {"display_name": "train", "job_spec": JOB}])
def test_a_trainer_of_vertex_gets_the_machine_of_its_pool(job: Mapping[str, Any]) -> None:
    config = {vertex.ENABLE_VERTEX_KEY: True, vertex.TRAINING_ARGS_KEY: job, "use_gpu": True}
    found = steps(*vertex_trainer(config))["trainer"]
    assert found.component == "catalog.trainer"
    assert (found.settings.cpu_limit, found.settings.memory_limit) == ("4", "15G")
    assert found.settings.accelerator_type == "NVIDIA_TESLA_T4"
    assert found.settings.accelerator_limit == 1
    assert found.arguments["custom_config"]["use_gpu"] is True


def test_several_machines_are_told_to_the_author() -> None:
    pool = JOB["worker_pool_specs"][0]
    job = {"worker_pool_specs": [pool, {**pool, "replica_count": 3}]}  # type: ignore[dict-item]
    config = {vertex.ENABLE_VERTEX_KEY: True, vertex.TRAINING_ARGS_KEY: job}
    (note,) = read(*vertex_trainer(config)).notes
    assert "`workers = 4`" in note


@pytest.mark.parametrize(
    ("job", "machine"),
    [
        ({"project": "p", "region": "r", "masterConfig": {"imageUri": "image"}}, ("", "", "", 0)),
        (
            {
                "scaleTier": "CUSTOM",
                "masterType": "n1-highmem-8",
                "masterConfig": {"acceleratorConfig": {"count": "2", "type": "NVIDIA_TESLA_T4"}},
            },
            ("8", "52G", "NVIDIA_TESLA_T4", 2),
        ),
    ],
)
def test_a_trainer_of_the_retired_ai_platform_is_a_task_with_its_machine(
    job: Mapping[str, Any], machine: tuple[str, str, str, int]
) -> None:
    nodes = vertex_trainer({vertex.TRAINING_ARGS_KEY: job, "use_gpu": True})
    found = steps(*nodes)["trainer"]

    settings = found.settings
    assert (settings.cpu_limit, settings.memory_limit) == machine[:2]
    assert (settings.accelerator_type, settings.accelerator_limit) == machine[2:]
    assert found.arguments["custom_config"]["use_gpu"] is True
    (note,) = read(*nodes).notes
    assert "the AI Platform that Google has retired. It trains as a task" in note


def test_a_pusher_of_the_retired_ai_platform_deploys_to_vertex_under_the_models_name() -> None:
    world = World()
    serving = {
        "model_name": "penguin_1",
        "project_id": "my-project",
        "regions": ["us-central1"],
        "runtime_version": "2.3",
    }
    node = vertex.Pusher(model=world.model, custom_config={vertex.SERVING_ARGS_KEY: serving})

    found = steps(*world.nodes(), node)["pusher"].arguments
    assert found == {
        "model": OutputRef(step="trainer", port="model"),
        "project": "my-project",
        "region": "us-central1",
        "model_id": "penguin-1",
        "endpoint": "penguin-1",
    }
    assert "an endpoint of Vertex AI" in read(*world.nodes(), node).notes[0]
    del serving["regions"]
    assert "no 'ai_platform_vertex_region'" in refusal(*world.nodes(), node)


def vertex_pusher(**changed: Any) -> list[Any]:
    world = World()
    config = {
        vertex.ENABLE_VERTEX_KEY: True,
        vertex.VERTEX_REGION_KEY: "us-central1",
        vertex.VERTEX_CONTAINER_IMAGE_URI_KEY: "us-docker.pkg.dev/vertex-ai/prediction/tf2:latest",
        vertex.SERVING_ARGS_KEY: {
            "project_id": "my-project",
            "endpoint_name": "prediction-Penguin_1",
            "machine_type": "n1-standard-4",
            "traffic_percentage": 50,
        },
        **changed,
    }
    return [*world.nodes(), vertex.Pusher(model=world.model, custom_config=config)]


def test_a_pusher_of_vertex_deploys_to_its_endpoint() -> None:
    found = steps(*vertex_pusher())["pusher"]
    assert found.component == "catalog.vertex_pusher"
    assert found.arguments == {
        "model": OutputRef(step="trainer", port="model"),
        "project": "my-project",
        "region": "us-central1",
        "model_id": "prediction-penguin-1",
        "serving_container_image": "us-docker.pkg.dev/vertex-ai/prediction/tf2:latest",
        "endpoint": "prediction-penguin-1",
        "traffic_percentage": 50,
    }


def test_what_a_pusher_of_vertex_lacks_is_named() -> None:
    assert "'ai_platform_vertex_region'" in refusal(*vertex_pusher(ai_platform_vertex_region=""))
    assert "no 'endpoint_name'" in refusal(*vertex_pusher(ai_platform_serving_args={}))
    args = {"project": "p", "endpoint_name": "e", "explanation_metadata": {}}
    message = refusal(*vertex_pusher(ai_platform_serving_args=args))
    assert "['explanation_metadata']" in message


def test_a_pusher_to_bigquery_is_refused() -> None:
    world = World()
    node = big_query.Pusher(model=world.model, custom_config={})
    assert "no pusher to BigQuery ML" in refusal(*world.nodes(), node)


def test_an_argument_that_nothing_reads_is_named() -> None:
    world = World()
    push = {"filesystem": {"base_directory": "serving"}}
    node = models.Pusher(model=world.model, push_destination=push, custom_config={"a": 1})
    (note,) = read(*world.nodes(), node).notes
    assert "Pusher: `custom_config` has no effect: Headrace's pusher has nothing" in note

    node = models.Pusher(model=world.model, push_destination=push, custom_config={})
    assert not read(*world.nodes(), node).notes


def test_keys_of_a_job_of_vertex_that_nothing_reads_are_named() -> None:
    pool = {**JOB["worker_pool_specs"][0], "nfs_mounts": [1]}  # type: ignore[dict-item]
    spec = {"worker_pool_specs": [pool], "service_account": "a@b", "network": ""}
    job = {"display_name": "train", "labels": {"team": "a"}, "job_spec": spec}
    config = {vertex.ENABLE_VERTEX_KEY: True, vertex.TRAINING_ARGS_KEY: job}
    notes = read(*vertex_trainer(config)).notes
    assert [note.partition(", which")[0] for note in notes] == [
        "flights.py: Trainer: a job of custom_config has ['labels']",
        "flights.py: Trainer: its job_spec has ['service_account']",
        "flights.py: Trainer: a worker pool has ['nfs_mounts']",
    ]
    (note,) = read(*vertex_pusher(other_key=1)).notes
    assert "custom_config has ['other_key'], which have no effect" in note
