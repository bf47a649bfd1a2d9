"""The tables of messages and metrics agree with the libraries."""

import importlib.util
import inspect
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils.keras_lib import tf_keras
from tfx_bsl.public.proto import slicing_spec_pb2

from headrace_components.evaluator import config_fields, known_metrics
from headrace_components.evaluator.eval_config import checked_config
from headrace_components.library.data import metadata_fields

_SCALARS = {
    "TYPE_STRING": "string",
    "TYPE_BOOL": "bool",
    "TYPE_INT32": "integer",
    "TYPE_INT64": "integer",
    "TYPE_FLOAT": "number",
    "TYPE_DOUBLE": "number",
}
_WRAPPERS = {"DoubleValue": "number", "BoolValue": "bool", "Int32Value": "integer"}
# TFDV 1.21 no longer has it.
_CUSTOM_VALIDATION = "tensorflow_data_validation.anomalies.proto.custom_validation_config_pb2"
_OF_1_16 = ("CustomValidationConfig", "FeatureValidation", "FeaturePairValidation", "Validation")


def _kind(field: Any) -> str:
    types = {v: k for k, v in vars(type(field)).items() if k.startswith("TYPE_")}
    name = types[field.type]
    if name == "TYPE_ENUM":
        return "enum " + "|".join(value.name for value in field.enum_type.values)
    if name != "TYPE_MESSAGE":
        return _SCALARS[name]
    if field.message_type.file.package == "google.protobuf":
        return "wrapper " + _WRAPPERS[field.message_type.name]
    return "message " + str(field.message_type.name)


def _fields(descriptor: Any, found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    kinds = found.setdefault(descriptor.name, {})
    for field in descriptor.fields:
        message = field.message_type
        if message and message.GetOptions().map_entry:
            value = message.fields_by_name["value"]
            kinds[field.name] = "map " + _kind(value)
            message = value.message_type
        else:
            repeated = field.label == field.LABEL_REPEATED
            kinds[field.name] = ("list " if repeated else "") + _kind(field)
        if message and message.name not in found and message.file.package != "google.protobuf":
            _fields(message, found)
    return found


def _metrics() -> dict[str, str]:
    keras = {
        name: value
        for name, value in vars(tf_keras.metrics).items()
        if isinstance(value, type) and issubclass(value, tf_keras.metrics.Metric)
    }
    return {
        name: _arguments(metric)
        for name, metric in sorted({**keras, **metric_types.registered_metrics()}.items())
    }


def _arguments(metric: type) -> str:
    words = []
    for parameter in list(inspect.signature(metric.__init__).parameters.values())[1:]:  # type: ignore[misc]
        if parameter.kind == parameter.VAR_KEYWORD:
            words.append("...")
        elif parameter.kind != parameter.VAR_POSITIONAL:
            required = parameter.default is inspect.Parameter.empty
            words.append(parameter.name + ("!" if required else ""))
    return " ".join(words)


def _text(source: str, table: dict[str, Any]) -> str:
    head, separator, _ = source.partition(" = {\n")
    rows = []
    for key, value in table.items():
        if isinstance(value, dict):
            inner = "".join(f'        "{k}": "{v}",\n' for k, v in value.items())
            rows.append(f'    "{key}": {{\n{inner}    }},\n')
        else:
            rows.append(f'    "{key}": "{value}",\n')
    return head + separator + "".join(rows) + "}\n"


def _write(module: ModuleType, table: dict[str, Any]) -> None:
    path = Path(inspect.getfile(module))
    path.write_text(_text(path.read_text("utf-8"), table), "utf-8")


def test_messages_of_metadata_have_the_fields_that_the_table_says() -> None:
    found: dict[str, dict[str, str]] = {}
    for message in (
        path_pb2.Path,
        schema_pb2.FeatureComparator,
        schema_pb2.NumericValueComparator,
        slicing_spec_pb2.SlicingConfig,
    ):
        _fields(message.DESCRIPTOR, found)
    has_custom_validation = importlib.util.find_spec(_CUSTOM_VALIDATION) is not None
    if has_custom_validation:
        custom = importlib.import_module(_CUSTOM_VALIDATION)
        _fields(custom.CustomValidationConfig.DESCRIPTOR, found)
    if os.environ.get("HEADRACE_REGENERATE"):
        _write(metadata_fields, found)
        return

    left_out = () if has_custom_validation else _OF_1_16
    known = {k: v for k, v in metadata_fields.FIELDS.items() if k not in left_out}
    assert found == known


def test_the_messages_of_an_eval_config_have_the_fields_that_the_table_says() -> None:
    found = _fields(config_pb2.EvalConfig.DESCRIPTOR, {})
    if os.environ.get("HEADRACE_REGENERATE"):
        _write(config_fields, found)
        return

    assert found == config_fields.FIELDS


def test_the_metrics_of_tfma_and_keras_take_the_arguments_that_the_table_says() -> None:
    found = _metrics()
    if os.environ.get("HEADRACE_REGENERATE"):
        _write(known_metrics, found)
        return

    assert found == known_metrics.ARGUMENTS


def test_every_spelling_of_a_bound_gives_the_same_config() -> None:
    def config(**threshold: Any) -> Any:
        metric = {"class_name": "AUC", "threshold": threshold}
        values = {"modelSpecs": [{"labelKey": "y"}], "metrics_specs": [{"metrics": [metric]}]}
        return checked_config(values, has_model=True, has_baseline=False).proto

    plain = config(value_threshold={"lower_bound": 0.6})

    assert plain.model_specs[0].label_key == "y"
    assert plain.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value == 0.6
    assert config(valueThreshold={"lowerBound": {"value": 0.6}}) == plain
    assert config(value_threshold={"lower_bound": "0.6"}) == plain
