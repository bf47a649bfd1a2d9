"""The parameters, inputs and outputs of TFX's components."""

from collections.abc import Mapping
from typing import Any

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.placeholders import Placeholder
from headrace_tfx.authoring.proto_types import MessageType
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter
from headrace_tfx.authoring.specs import ChannelParameter, ComponentSpec, ExecutionParameter

_PROTOS = "headrace_tfx.protos"


class JsonParameter(ExecutionParameter):
    """A parameter that TFX keeps as JSON text: lists, dicts.

    Attributes:
        kinds: The Python types that it takes.
    """

    def __init__(self, *kinds: type) -> None:
        super().__init__(type=str, optional=True)
        self.kinds = kinds

    def type_check(self, arg_name: str, value: Any) -> None:
        """Checks a value.

        Raises:
            TypeError: It has another type.
        """
        if isinstance(value, Placeholder):
            return
        if isinstance(value, RuntimeParameter) and value.type is str:
            return
        if not isinstance(value, self.kinds):
            expected = "a dict" if Mapping in self.kinds else "a list"
            raise TypeError(
                f"the argument `{arg_name}` is {value!r} ({type(value).__name__}), expected "
                f"{expected}."
            )


class _StatsOptions(ExecutionParameter):
    def __init__(self) -> None:
        super().__init__(type=str, optional=True)

    def type_check(self, arg_name: str, value: Any) -> None:
        if not hasattr(value, "to_json"):
            raise TypeError(
                f"the argument `{arg_name}` is {value!r} ({type(value).__name__}), expected a "
                "tfdv.StatsOptions."
            )


def _message(file: str, name: str, *, optional: bool = True) -> ExecutionParameter:
    module = f"{_PROTOS}.{file}_pb2"
    package = {"range_config": "tfx.configs", "bulk_inferrer": "tfx.components.bulkinferrer"}
    full_name = f"{package.get(file, f'tfx.components.{file}')}.{name}"
    return ExecutionParameter(type=MessageType(full_name, module), optional=optional)


def _text() -> ExecutionParameter:
    return ExecutionParameter(type=str, optional=True)


def _flag() -> ExecutionParameter:
    return ExecutionParameter(type=int, optional=True)


def _list() -> JsonParameter:
    return JsonParameter(list, tuple)


def _dict() -> JsonParameter:
    return JsonParameter(Mapping)


def _channel(type: Any, *, optional: bool = False) -> ChannelParameter:
    return ChannelParameter(type=type, optional=optional)


_SQL_CHECKS = ExecutionParameter(
    type=MessageType("tensorflow.data_validation.CustomValidationConfig"), optional=True
)


# TFX hands a dict on to the executor as it is, whether or not it has the message's one field.
_CUSTOM_CONFIG = ExecutionParameter(
    type=MessageType("tfx.components.example_gen.CustomConfig"), optional=True
)


class FileBasedExampleGenSpec(ComponentSpec):
    """Of components that make examples from files."""

    PARAMETERS = {
        "input_base": ExecutionParameter(type=str),
        "input_config": _message("example_gen", "Input"),
        "output_config": _message("example_gen", "Output"),
        "output_data_format": ExecutionParameter(type=int),
        "output_file_format": ExecutionParameter(type=int),
        "custom_config": _CUSTOM_CONFIG,
        "range_config": _message("range_config", "RangeConfig"),
    }
    INPUTS = {}
    OUTPUTS = {"examples": _channel(standard.Examples)}


class QueryBasedExampleGenSpec(ComponentSpec):
    """Of components that make examples from queries."""

    PARAMETERS = {
        "input_config": _message("example_gen", "Input", optional=False),
        "output_config": _message("example_gen", "Output"),
        "output_data_format": ExecutionParameter(type=int),
        "output_file_format": ExecutionParameter(type=int),
        "custom_config": _CUSTOM_CONFIG,
        "range_config": _message("range_config", "RangeConfig"),
        "query": _text(),
    }
    INPUTS = {}
    OUTPUTS = {"examples": _channel(standard.Examples)}


class StatisticsGenSpec(ComponentSpec):
    """Of StatisticsGen."""

    PARAMETERS = {"stats_options": _StatsOptions(), "exclude_splits": _list()}
    INPUTS = {
        "examples": _channel(standard.Examples),
        "schema": _channel(standard.Schema, optional=True),
    }
    OUTPUTS = {"statistics": _channel(standard.ExampleStatistics)}


class SchemaGenSpec(ComponentSpec):
    """Of SchemaGen."""

    PARAMETERS = {"infer_feature_shape": _flag(), "exclude_splits": _list()}
    INPUTS = {"statistics": _channel(standard.ExampleStatistics)}
    OUTPUTS = {"schema": _channel(standard.Schema)}


class ImportSchemaGenSpec(ComponentSpec):
    """Of ImportSchemaGen."""

    PARAMETERS = {"schema_file": ExecutionParameter(type=str)}
    INPUTS = {}
    OUTPUTS = {"schema": _channel(standard.Schema)}


class ExampleValidatorSpec(ComponentSpec):
    """Of ExampleValidator."""

    PARAMETERS = {"exclude_splits": _list(), "custom_validation_config": _SQL_CHECKS}
    INPUTS = {
        "statistics": _channel(standard.ExampleStatistics),
        "schema": _channel(standard.Schema),
    }
    OUTPUTS = {"anomalies": _channel(standard.ExampleAnomalies)}


class ExampleDiffSpec(ComponentSpec):
    """Of ExampleDiff."""

    PARAMETERS = {
        "example_diff_config": _message("example_diff", "ExampleDiffConfig", optional=False),
        "include_split_pairs": _list(),
    }
    INPUTS = {
        "examples": _channel(standard.Examples),
        "baseline_examples": _channel(standard.Examples),
    }
    OUTPUTS = {"example_diff_result": _channel(standard.ExamplesDiff)}


class DistributionValidatorSpec(ComponentSpec):
    """Of DistributionValidator."""

    PARAMETERS = {
        "distribution_validator_config": _message(
            "distribution_validator", "DistributionValidatorConfig", optional=False
        ),
        "include_split_pairs": _list(),
        "custom_validation_config": _SQL_CHECKS,
    }
    INPUTS = {
        "statistics": _channel(standard.ExampleStatistics),
        "baseline_statistics": _channel(standard.ExampleStatistics),
    }
    OUTPUTS = {"anomalies": _channel(standard.ExampleAnomalies)}


class FilterSpec(ComponentSpec):
    """Of FilterComponent."""

    PARAMETERS = {"filter_fn_path": ExecutionParameter(type=str)}
    INPUTS = {"examples": _channel(standard.Examples)}
    OUTPUTS = {"filtered_examples": _channel(standard.Examples)}


class DataViewProviderSpec(ComponentSpec):
    """Of TfGraphDataViewProvider."""

    PARAMETERS = {
        "create_decoder_func": ExecutionParameter(type=str),
        "module_file": _text(),
    }
    INPUTS = {}
    OUTPUTS = {"data_view": _channel(standard.DataView)}


class DataViewBinderSpec(ComponentSpec):
    """Of DataViewBinder."""

    PARAMETERS = {}
    INPUTS = {
        "input_examples": _channel(standard.Examples),
        "data_view": _channel(standard.DataView),
    }
    OUTPUTS = {"output_examples": _channel(standard.Examples)}


class TransformSpec(ComponentSpec):
    """Of Transform."""

    PARAMETERS = {
        "module_file": _text(),
        "preprocessing_fn": _text(),
        "stats_options_updater_fn": _text(),
        "force_tf_compat_v1": _flag(),
        "custom_config": _dict(),
        "splits_config": _message("transform", "SplitsConfig"),
        "disable_statistics": _flag(),
        "materialize": _flag(),
        "disable_analyzer_cache": _flag(),
    }
    INPUTS = {
        "examples": _channel(standard.Examples),
        "schema": _channel(standard.Schema),
        "analyzer_cache": _channel(standard.TransformCache, optional=True),
    }
    OUTPUTS = {
        "transform_graph": _channel(standard.TransformGraph),
        "transformed_examples": _channel(standard.Examples, optional=True),
        "updated_analyzer_cache": _channel(standard.TransformCache, optional=True),
        "pre_transform_schema": _channel(standard.Schema, optional=True),
        "pre_transform_stats": _channel(standard.ExampleStatistics, optional=True),
        "post_transform_schema": _channel(standard.Schema, optional=True),
        "post_transform_stats": _channel(standard.ExampleStatistics, optional=True),
        "post_transform_anomalies": _channel(standard.ExampleAnomalies, optional=True),
    }


class TrainerSpec(ComponentSpec):
    """Of Trainer."""

    PARAMETERS = {
        "train_args": _message("trainer", "TrainArgs"),
        "eval_args": _message("trainer", "EvalArgs"),
        "module_file": _text(),
        "run_fn": _text(),
        "custom_config": _dict(),
    }
    INPUTS = {
        "statistics": _channel(standard.ExampleStatistics, optional=True),
        "examples": _channel(standard.Examples),
        "transform_graph": _channel(standard.TransformGraph, optional=True),
        "schema": _channel(standard.Schema, optional=True),
        "base_model": _channel(standard.Model, optional=True),
        "hyperparameters": _channel(standard.HyperParameters, optional=True),
    }
    OUTPUTS = {"model": _channel(standard.Model), "model_run": _channel(standard.ModelRun)}


class TunerSpec(ComponentSpec):
    """Of Tuner."""

    PARAMETERS = {
        "module_file": _text(),
        "tuner_fn": _text(),
        "train_args": _message("trainer", "TrainArgs"),
        "eval_args": _message("trainer", "EvalArgs"),
        "tune_args": _message("tuner", "TuneArgs"),
        "custom_config": _dict(),
    }
    INPUTS = {
        "examples": _channel(standard.Examples),
        "schema": _channel(standard.Schema, optional=True),
        "transform_graph": _channel(standard.TransformGraph, optional=True),
        "base_model": _channel(standard.Model, optional=True),
    }
    OUTPUTS = {
        "best_hyperparameters": _channel(standard.HyperParameters),
        "tuner_results": _channel(standard.TunerResults),
    }


class EvaluatorSpec(ComponentSpec):
    """Of Evaluator."""

    PARAMETERS = {
        # Evaluator itself checks a dict; protobuf's classes would need TensorFlow Model Analysis.
        "eval_config": ExecutionParameter(
            type=MessageType("tensorflow_model_analysis.EvalConfig"), optional=True
        ),
        "feature_slicing_spec": _message("evaluator", "FeatureSlicingSpec"),
        "fairness_indicator_thresholds": _list(),
        "example_splits": _list(),
        "module_file": _text(),
        "module_path": _text(),
    }
    INPUTS = {
        "examples": _channel(standard.Examples),
        "model": _channel(standard.Model, optional=True),
        "baseline_model": _channel(standard.Model, optional=True),
        "schema": _channel(standard.Schema, optional=True),
    }
    OUTPUTS = {
        "evaluation": _channel(standard.ModelEvaluation),
        "blessing": _channel(standard.ModelBlessing),
    }


class InfraValidatorSpec(ComponentSpec):
    """Of InfraValidator."""

    PARAMETERS = {
        "serving_spec": _message("infra_validator", "ServingSpec", optional=False),
        "validation_spec": _message("infra_validator", "ValidationSpec"),
        "request_spec": _message("infra_validator", "RequestSpec"),
    }
    INPUTS = {
        "model": _channel(standard.Model),
        "examples": _channel(standard.Examples, optional=True),
    }
    OUTPUTS = {"blessing": _channel(standard.InfraBlessing)}


class ModelValidatorSpec(ComponentSpec):
    """Of ModelValidator."""

    PARAMETERS = {}
    INPUTS = {
        "examples": _channel(standard.Examples),
        "model": _channel(standard.Model),
    }
    OUTPUTS = {"blessing": _channel(standard.ModelBlessing)}


class PusherSpec(ComponentSpec):
    """Of Pusher."""

    PARAMETERS = {
        "push_destination": _message("pusher", "PushDestination"),
        "custom_config": _dict(),
    }
    INPUTS = {
        "model": _channel(standard.Model, optional=True),
        "model_blessing": _channel(standard.ModelBlessing, optional=True),
        "infra_blessing": _channel(standard.InfraBlessing, optional=True),
    }
    OUTPUTS = {"pushed_model": _channel(standard.PushedModel)}


class BulkInferrerSpec(ComponentSpec):
    """Of BulkInferrer, and of its sibling on AI Platform."""

    PARAMETERS = {
        "model_spec": _message("bulk_inferrer", "ModelSpec"),
        "data_spec": _message("bulk_inferrer", "DataSpec"),
        "output_example_spec": _message("bulk_inferrer", "OutputExampleSpec"),
        "custom_config": _dict(),
    }
    INPUTS = {
        "examples": _channel(standard.Examples),
        "model": _channel(standard.Model, optional=True),
        "model_blessing": _channel(standard.ModelBlessing, optional=True),
    }
    OUTPUTS = {
        "inference_result": _channel(standard.InferenceResult, optional=True),
        "output_examples": _channel(standard.Examples, optional=True),
    }
