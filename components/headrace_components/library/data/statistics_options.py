"""Makes TFDV's options from the names and values that a pipeline sets."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_data_validation.utils import schema_util
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public.proto import slicing_spec_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.data.statistics_values import checked_option


def options_from(
    values: Mapping[str, Any],
    schema: schema_pb2.Schema | None = None,
) -> StatsOptions:
    """Returns TFDV's options, from their fields by name.

    Args:
        values: Fields of `tfdv.StatsOptions` in JSON form: 50 may be 50.0.
        schema: Types and domains to use instead of inferred ones.

    Raises:
        InputError: A name is unknown, a value is not of its field's type or range, or the label is
            not categorical in the schema.
    """
    fields = {name: checked_option(name, value) for name, value in values.items()}
    if "label_feature" in fields:
        _check_label(fields["label_feature"], schema)
    if "slicing_config" in fields:
        fields["slicing_config"] = _slicing_config(fields["slicing_config"])
    _check_categories(schema, bool(fields.get("use_sketch_based_topk_uniques")))
    return StatsOptions(schema=schema, **fields)


def _check_categories(schema: schema_pb2.Schema | None, sketch: bool) -> None:
    for feature in (schema or schema_pb2.Schema()).feature:
        if feature.float_domain.is_categorical and not sketch:
            raise InputError(
                f"the schema calls the FLOAT feature {feature.name!r} categorical; "
                "TFDV counts its values by a sketch only. Set `use_sketch_based_topk_uniques` to "
                "true in `stats_options`, or make it a FLOAT that is not categorical."
            )


def _check_label(name: str, schema: schema_pb2.Schema | None) -> None:
    # TFDV computes lift for the categorical features of the schema; without a schema, for none.
    by_name = {feature.name: feature for feature in schema.feature} if schema else {}
    categorical = sorted(n for n, f in by_name.items() if schema_util.is_categorical_feature(f))
    if name not in categorical:
        known = f"whose categorical features are {categorical}" if schema else "which is absent"
        raise InputError(
            f"`label_feature` is {name!r}, expected a categorical feature of the "
            f"input `schema`, {known}. Connect a schema with such a label: one of strings, or of "
            "integers with `is_categorical`."
        )


def _slicing_config(value: Mapping[str, Any]) -> slicing_spec_pb2.SlicingConfig:
    example = '{"slicing_specs": [{"feature_keys": ["origin"]}]}'
    try:
        config = json_format.ParseDict(value, slicing_spec_pb2.SlicingConfig())
    except json_format.ParseError as error:
        raise InputError(
            f"`slicing_config` is {dict(value)!r}, which is no "
            f"tfx_bsl.SlicingConfig: {error}. Write it as {example}."
        ) from error
    specs: Sequence[Any] = config.slicing_specs
    if not specs or not all(spec.feature_keys or spec.feature_values for spec in specs):
        raise InputError(
            f"`slicing_config` is {dict(value)!r}, expected `feature_keys` or "
            f"`feature_values` in each of its `slicing_specs`. Write it as {example}; all rows "
            "are a slice by themselves."
        )
    if any(spec.slice_keys_sql for spec in specs):
        raise InputError(
            "`slicing_config` has `slice_keys_sql`, which TFDV has given up. Slice "
            "by `feature_keys` or `feature_values`."
        )
    return config
