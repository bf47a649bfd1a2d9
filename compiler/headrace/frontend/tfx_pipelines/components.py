"""The steps of TFX's own components: one function for each that differs from ours.

The names and their meanings are those of TFX's component classes
(`tfx/components/*/component.py`).
"""

from collections.abc import Mapping
from typing import Any

from headrace.frontend.tfx_pipelines import google_cloud, refusals
from headrace.frontend.tfx_pipelines.plan import Step, Value
from headrace.frontend.tfx_pipelines.statistics_options import statistics_options
from headrace.frontend.tfx_pipelines.steps import step, translated
from headrace.frontend.tfx_pipelines.translation import Translated, Translation, Translator

_CALLED_EVAL = "eval"  # the signature of Estimators


def _same(component: str, **names: Mapping[str, str]) -> Translator:
    """Returns the translator of a component that differs from ours in names at most."""

    def translate(node: Any, translation: Translation) -> Translated:
        return translated(node, translation, component, **names)

    return translate


def _example_gen(component: str) -> Translator:
    """Returns the translator of a component that reads files of one format."""

    def translate(node: Any, translation: Translation) -> Translated:
        given = node.exec_properties
        if given.get("custom_config"):
            raise translation.error(
                "`custom_config` is for an executor of one's own, and Headrace's reads this "
                "format. Leave it out."
            )
        values, read = {}, []
        if component == "import_example_gen":
            values["payload_format"] = _payload_format(given["output_data_format"], translation)
            read = ["output_data_format"]
        return translated(node, translation, component, values=values, read=read)

    return translate


# The enum PayloadFormat of tfx/proto/example_gen.proto.
_PAYLOADS = {
    6: "FORMAT_TF_EXAMPLE",
    7: "FORMAT_TF_SEQUENCE_EXAMPLE",
    11: "FORMAT_PROTO",
    15: "FORMAT_PARQUET",
}


def _payload_format(number: Any, translation: Translation) -> Any:
    if number not in _PAYLOADS:
        raise translation.error(
            f"`payload_format` is {number!r}, expected one of {_PAYLOADS}. Choose one."
        )
    return _PAYLOADS[number]


def _statistics_gen(node: Any, translation: Translation) -> Translated:
    options = statistics_options(node.exec_properties.get("stats_options"), translation)
    if options.schema is None:
        return translated(node, translation, "statistics_gen", values=options.parameters)
    if "schema" in node.inputs:
        raise translation.error(
            "it has `schema` and a schema inside `stats_options`, expected one of them. Remove one."
        )
    schema = Step(
        node=node.id,
        variable=translation.names.new(f"{node.id}_schema"),
        component=translation.catalogue("import_schema_gen"),
        arguments={"schema_json": options.schema},
        is_helper=True,
    )
    own = step(node, translation, "statistics_gen", values=options.parameters)
    return Translated(steps=(schema, own.with_argument("schema", schema.output("schema"))))


def _example_validator(node: Any, translation: Translation) -> Translated:
    if node.exec_properties.get("custom_validation_config") is not None:
        raise translation.error(
            "`custom_validation_config` has SQL checks, which Headrace's ExampleValidator does not "
            "run. Leave it out, and use the schema, or DistributionValidator with such checks."
        )
    return translated(node, translation, "example_validator")


def _transform(node: Any, translation: Translation) -> Translated:
    values = translation.user_code(node, "preprocessing_fn")
    updater = node.exec_properties.get("stats_options_updater_fn")
    if "module_file" in values and updater:
        # The module file that travels has both functions.
        module, _, _ = str(node.exec_properties["preprocessing_fn"]).rpartition(".")
        expected = f"{module}.stats_options_updater_fn"
        if updater != expected:
            raise translation.error(
                f"`stats_options_updater_fn` is {updater!r}, expected {expected!r}, in the file of "
                "`preprocessing_fn`, which travels with the pipeline. Define the function there, "
                "or import it there by this name."
            )
        values["stats_options_updater_fn"] = None
    return translated(node, translation, "transform", values=values)


def _trainer(node: Any, translation: Translation) -> Translated:
    return translated(node, translation, "trainer", values=translation.user_code(node, "run_fn"))


def _tuner(node: Any, translation: Translation) -> Translated:
    return translated(node, translation, "tuner", values=translation.user_code(node, "tuner_fn"))


def _evaluator(node: Any, translation: Translation) -> Translated:
    given = node.exec_properties
    if given.get("eval_config") is None:
        raise translation.error(
            "`eval_config` is missing, so TFX would evaluate an Estimator, which TensorFlow no "
            "longer has. Give a tfma.EvalConfig; its `slicing_specs` take the place of "
            "`feature_slicing_spec`."
        )
    if given.get("module_path"):
        raise translation.error(
            "`module_path` names a module that is installed, expected a file. Give its path as "
            "`module_file`."
        )
    config = translation.value(given["eval_config"], "eval_config", dict)
    for spec in config.get("model_specs", []) if isinstance(config, Mapping) else []:
        if isinstance(spec, Mapping) and spec.get("signature_name") == _CALLED_EVAL:
            raise translation.error(
                "`eval_config` names the signature 'eval' of an Estimator, which TensorFlow no "
                "longer has. Name a signature that predicts, as 'serving_default'."
            )
    values = {"eval_config": config, **translation.user_code(node)}
    return translated(node, translation, "evaluator", values=values)


def _infra_validator(node: Any, translation: Translation) -> Translated:
    serving: Value = translation.value(node.exec_properties["serving_spec"], "serving_spec", dict)
    values: dict[str, Value] = {}
    if isinstance(serving, Mapping):
        ignored = sorted(set(serving) - {"model_name"})
        if ignored:
            translation.note(
                f"`serving_spec` names {ignored}, which has no effect: the model server is that of "
                "the task's image."
            )
        values["serving_spec"] = {key: serving[key] for key in serving if key == "model_name"}
    return translated(node, translation, "infra_validator", values=values)


def _pusher(node: Any, translation: Translation) -> Translated:
    return translated(node, translation, "pusher")


def _bulk_inferrer(node: Any, translation: Translation) -> Translated:
    if "model" not in node.inputs:
        raise translation.error("`model` is missing, expected the model to predict with. Give it.")
    return translated(node, translation, "bulk_inferrer")


def _filter(node: Any, translation: Translation) -> Translated:
    values = translation.user_code(node, "filter_fn", given="filter_fn_path")
    return translated(node, translation, "filter_examples", values=values, read=["filter_fn_path"])


TRANSLATORS: Mapping[str, Translator] = {
    "CsvExampleGenExecutor": _example_gen("csv_example_gen"),
    "ImportExampleGenExecutor": _example_gen("import_example_gen"),
    "AvroExecutor": _example_gen("avro_example_gen"),
    "ParquetExecutor": _example_gen("parquet_example_gen"),
    "FileBasedExampleGenExecutor": refusals.NO_FILE_FORMAT,
    "QueryBasedExampleGenExecutor": refusals.NO_DATABASE,
    "BigQueryExampleGenExecutor": google_cloud.bigquery_example_gen,
    "StatisticsGenExecutor": _statistics_gen,
    "SchemaGenExecutor": _same("schema_gen"),
    "ImportSchemaGenExecutor": _same("import_schema_gen"),
    "ExampleValidatorExecutor": _example_validator,
    "ExampleDiffExecutor": _same("example_diff", parameters={"example_diff_config": "config"}),
    "DistributionValidatorExecutor": _same(
        "distribution_validator", parameters={"distribution_validator_config": "config"}
    ),
    "FilterExecutor": _filter,
    "DataViewExecutor": refusals.DATA_VIEW,
    "TransformExecutor": _transform,
    "GenericExecutor": _trainer,
    "TunerExecutor": _tuner,
    "EvaluatorExecutor": _evaluator,
    "InfraValidatorExecutor": _infra_validator,
    "ModelValidatorExecutor": refusals.MODEL_VALIDATOR,
    "PusherExecutor": _pusher,
    "BulkInferrerExecutor": _bulk_inferrer,
    "VertexTrainerExecutor": google_cloud.trainer,
    "VertexTunerExecutor": google_cloud.tuner,
    "VertexPusherExecutor": google_cloud.pusher,
    "CloudAIBulkInferrerExecutor": refusals.AI_PLATFORM_BULK_INFERRER,
    "BigQueryPusherExecutor": refusals.BIGQUERY_PUSHER,
}
"""Translators by the class of the executor, of which a node may have another than its own."""
