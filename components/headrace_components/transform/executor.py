"""Analyzes the rows, writes the transform as a graph, and applies it."""

import logging
import tempfile
from collections.abc import Mapping, Sequence

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.beam import user_packages
from headrace_components.library.data import schemas, sequence_examples, split_types, splits
from headrace_components.library.data.examples import ExamplesReader, examples_metadata
from headrace_components.transform import beam_application, embedded_application, user_functions
from headrace_components.transform.analysis import analyze
from headrace_components.transform.params import SplitsConfig, TransformParams
from headrace_components.transform.raw_data import RawColumns, RawData
from headrace_components.transform.requests import (
    AnalysisRequest,
    AnalysisResult,
    TransformRequest,
)
from headrace_components.transform.statistics_outputs import (
    options_after,
    options_before,
    write_after,
    write_before,
)
from headrace_components.transform.user_functions import PreprocessingFn

_TF_EXAMPLE = "FORMAT_TF_EXAMPLE"


def execute(task: Task) -> None:
    """Writes the transform graph, and the other outputs that the parameters ask for."""
    params = read(TransformParams, task.params, task.component)
    functions = user_functions.load(params, task.component)
    schema = schemas.read(task.input("schema").path)
    schemas.check_features(schema, str(task.input("schema").path))
    given_up = split_types.given_up(schema)
    for feature, has in given_up.items():
        logging.warning(
            "transform: feature %r is not among the inputs: it has %s, so the schema marks it "
            "DEPRECATED.",
            feature,
            has,
        )
    columns = RawColumns(schema, task.component, is_sequence=_is_sequence(task))
    reader = ExamplesReader(task.input("examples").path, task.component)
    data = RawData(reader, columns)
    to_analyze, to_transform = _splits(params, task, reader)

    with user_packages.shipped(params.beam_pipeline_args, functions.module) as beam_args:
        try:
            result = _analyze(params, task, functions.preprocessing_fn, data, to_analyze, beam_args)
        except InputError as error:
            raise InputError(f"{error}{_why_missing(error, given_up)}") from error
        schemas.write(schema, task.output("transform_graph").path / "metadata")
        before, after = None, None
        if not params.disable_statistics:
            updater = functions.stats_options_updater_fn
            before = options_before(task.component, schema, updater)
            vocabularies = _vocabularies(result)
            after = options_after(task.component, result.schema, vocabularies, updater)
        apply = beam_application if beam_args else embedded_application
        statistics = apply.transform(
            TransformRequest(
                component=task.component,
                data=data,
                examples=task.input("examples"),
                result=result,
                analyzed=to_analyze,
                splits=to_transform,
                before=before,
                after=after,
                output=task.output("transformed_examples"),
                prefix="transformed_examples" if params.materialize else None,
                beam_args=beam_args,
            )
        )
    if before is not None and after is not None:
        write_before(task, statistics.before, before)
        write_after(task, statistics.after, after)
    _describe(params, task, to_transform)


def _why_missing(error: InputError, given_up: Mapping[str, str]) -> str:
    """Returns why the schema leaves out the feature that an author's code missed."""
    found = next((name for name in given_up if f"{name!r}, which is not among" in str(error)), None)
    if found is None:
        return ""
    return (
        f" The schema marks {found!r} DEPRECATED, since the splits differ: it has "
        f"{given_up[found]}. Give it one type in all splits, or take it out of the function."
    )


def _is_sequence(task: Task) -> bool:
    """Returns whether the rows are tf.SequenceExamples.

    Raises:
        InputError: They are neither tf.SequenceExamples nor tf.Examples.
    """
    payload = task.input("examples").metadata.get("payload_format", _TF_EXAMPLE)
    if payload not in (_TF_EXAMPLE, sequence_examples.PAYLOAD_FORMAT):
        raise InputError(
            f"the payload format of `examples` is {payload}, expected "
            f"{_TF_EXAMPLE} or {sequence_examples.PAYLOAD_FORMAT}. Connect examples that hold "
            "those, as csv_example_gen makes them."
        )
    return bool(payload == sequence_examples.PAYLOAD_FORMAT)


def _splits(
    params: TransformParams, task: Task, reader: ExamplesReader
) -> tuple[Sequence[str], Sequence[str]]:
    """Returns the names of the splits to analyze and to transform."""
    config = params.splits_config
    to_transform: Sequence[str]
    if config != SplitsConfig():
        to_analyze = config.analyze or ()
        to_transform = config.transform or ()
    else:
        to_analyze = ("train",)
        to_transform = splits.selected(task.input("examples"), ())
    for split in (*to_analyze, *to_transform):
        if split not in reader.split_names:
            raise InputError(
                f"split {split!r} is not in `examples`, which has "
                f"{list(reader.split_names)}. Name the splits to analyze and to transform in "
                '`splits_config`, such as {"analyze": ["train"], "transform": ["train", "eval"]}.'
            )
    return to_analyze, to_transform


def _analyze(
    params: TransformParams,
    task: Task,
    function: PreprocessingFn,
    data: RawData,
    names: Sequence[str],
    beam_args: Sequence[str],
) -> AnalysisResult:
    cache_output = task.output("updated_analyzer_cache")
    with tempfile.TemporaryDirectory(prefix="headrace-transform-") as temp_dir:
        return analyze(
            AnalysisRequest(
                component=task.component,
                function=function,
                data=data,
                examples=task.input("examples"),
                splits=names,
                graph=task.output("transform_graph"),
                cache_input=task.optional_input("analyzer_cache"),
                cache_output=None if params.disable_analyzer_cache else cache_output,
                force_tf_compat_v1=params.force_tf_compat_v1,
                temp_dir=temp_dir,
                beam_args=beam_args,
            )
        )


def _vocabularies(result: AnalysisResult) -> dict[str, str]:
    assets = f"{result.graph}/transform_fn/assets"
    return {name: f"{assets}/{file}" for name, file in result.asset_map.items()}


def _describe(params: TransformParams, task: Task, names: Sequence[str]) -> None:
    span = int(task.input("examples").metadata.get("span", 0))
    written = names if params.materialize else ()
    task.output("transformed_examples").metadata.update(examples_metadata(written, span=span))
