"""Analyzes the examples, applies `preprocessing_fn` and saves it as a TensorFlow graph.

Rows are tf.Examples or tf.SequenceExamples; transformed rows are always tf.Examples. For
tf.SequenceExamples, `inputs` has context features by name. It has sequence features as ragged
tensors of shape (rows, steps, values) with tfx_bsl's names, such as `##SEQUENCE##.price`; a
`tensor_representation_group` in the schema can set others. A ragged output feature is written
in the form that TensorFlow Transform's `transformed_feature_spec` reads: values as
`price$ragged_values`, lengths as `price$row_lengths_1`. If an analyzer's result is NaN, the log
has a warning with the affected features, because `tft.scale_to_0_1` then applies a sigmoid.
"""

from headrace_components.contract.artifact_types import (
    EXAMPLE_ANOMALIES,
    EXAMPLE_STATISTICS,
    EXAMPLES,
    SCHEMA,
    TRANSFORM_CACHE,
    TRANSFORM_GRAPH,
)
from headrace_components.contract.declaration import Component, Input, Output
from headrace_components.contract.hooks import CacheHooks, EarlyChecks, Inputs, SplitNeed, Splits
from headrace_components.library.user_code.code_state import state_of_code
from headrace_components.library.user_code.module_functions import check_source
from headrace_components.transform.params import SplitsConfig, TransformParams


def check(params: TransformParams) -> None:
    """Rejects a function that is not given, or given in two ways.

    Raises:
        InputError: Both or neither of `module_file` and `preprocessing_fn` are given, or the
            path is not a dotted path.
    """
    check_source(params.module_file, "preprocessing_fn", params.preprocessing_fn)


def functions(params: TransformParams) -> list[tuple[str, ...]]:
    """Returns the function that the module must have."""
    return [("preprocessing_fn",)] if params.module_file else []


def splits_read(params: TransformParams) -> list[SplitNeed]:
    """Returns the splits to analyze and to transform."""
    config = params.splits_config
    names = [*(config.analyze or ("train",)), *(config.transform or ())]
    return [SplitNeed(port="examples", parameter="splits_config", names=names)]


def splits_made(params: TransformParams, inputs: Splits) -> Splits:
    """Returns the splits to transform: all, unless `splits_config` names some."""
    named = params.splits_config.transform
    if params.splits_config == SplitsConfig() and "examples" in inputs:
        return {"transformed_examples": inputs["examples"]}
    return {"transformed_examples": named} if named else {}


def relevant_inputs(inputs: Inputs) -> Inputs:
    """Returns `inputs` without an earlier run's accumulators, which do not change the result."""
    return {key: uris for key, uris in inputs.items() if key != "analyzer_cache"}


COMPONENT = Component(
    name="transform",
    doc=__doc__,
    inputs={
        "examples": Input(EXAMPLES, "Rows to analyze and transform."),
        "schema": Input(SCHEMA, "Types of the raw features."),
        "analyzer_cache": Input(TRANSFORM_CACHE, "Accumulators of an earlier run.", optional=True),
    },
    outputs={
        "transform_graph": Output(
            TRANSFORM_GRAPH, "The transform, in the form that training and serving load."
        ),
        "transformed_examples": Output(
            EXAMPLES, "The transformed rows; empty if `materialize` is false."
        ),
        "updated_analyzer_cache": Output(
            TRANSFORM_CACHE, "Accumulators that a later run may reuse."
        ),
        "pre_transform_schema": Output(SCHEMA, "Schema of the analyzed rows."),
        "pre_transform_stats": Output(EXAMPLE_STATISTICS, "Statistics of the analyzed rows."),
        "post_transform_schema": Output(SCHEMA, "Schema of the transformed rows."),
        "post_transform_stats": Output(EXAMPLE_STATISTICS, "Statistics of the transformed rows."),
        "post_transform_anomalies": Output(
            EXAMPLE_ANOMALIES, "Contradictions between the transformed rows and their schema."
        ),
    },
    parameters=TransformParams,
    execution_type="tfx.components.transform.component.Transform",
    execution_base="TRANSFORM",
    cache=CacheHooks(
        environment_state=state_of_code("preprocessing_fn", "stats_options_updater_fn"),
        relevant_inputs=relevant_inputs,
        module_names=lambda _: ("preprocessing_fn", "stats_options_updater_fn"),
    ),
    checks=EarlyChecks(
        check=check, functions=functions, splits_read=splits_read, splits_made=splits_made
    ),
    footprint="rows",
)
