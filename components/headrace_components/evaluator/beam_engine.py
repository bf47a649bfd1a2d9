"""Evaluates with TFMA on Beam.

It is used for rows that do not fit on one machine, and with Beam's in-memory runner for everything
that the embedded engine does not support.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.extractors import sql_slice_key_extractor, unbatch_extractor
from tfx_bsl.tfxio import tensor_adapter

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.contract.texts import one_line
from headrace_components.evaluator import inference, results
from headrace_components.evaluator.forms import check_all_rows, check_some_rows
from headrace_components.evaluator.row_checks import (
    check_columns,
    check_numbers,
    check_slice_names,
    required_features,
)
from headrace_components.evaluator.rows import BATCH_SIZE, EvaluationRows, slice_features
from headrace_components.evaluator.survey import Survey, merged, surveys, widened
from headrace_components.library.beam import job, locations
from headrace_components.library.beam.examples import ReadPairs

# The name in messages for the rows that a worker sees at a time.
_ROWS = "rows of a batch"
_SURVEYS = "surveys"
# TFMA's extractors that run models.
_INFERENCE = {
    "ExtractPredictions": inference.predicting,
    "ExtractTransformedFeatures": inference.transforming,
}


def evaluate(
    rows: EvaluationRows,
    config: Any,
    models: list[Any],
    *,
    examples: Artifact,
    output: Artifact,
    extractors: list[Any] | None = None,
    is_rubber_stamp: bool = False,
    args: Sequence[str] = (),
) -> list[Survey]:
    """Computes metrics, plots and validations, and writes them into `output`.

    Args:
        rows: The examples.
        config: A `tfma.EvalConfig` with its defaults.
        models: `tfma.EvalSharedModel`s by model spec; empty if predictions are a feature.
        examples: The artifact that contains the rows.
        output: The evaluation.
        extractors: The result of the user's `custom_extractors`, or None for TFMA's own.
        is_rubber_stamp: Whether a missing baseline passes if there are only change thresholds.
        args: `beam_pipeline_args`; empty for the in-memory runner.

    Returns:
        The surveys of labels and predictions.

    Raises:
        InputError: A feature or label that the config names is missing, or a metric is not made
            for the labels.
    """
    rows.check_first_rows(config, has_model=bool(models))

    def build(running: job.Job) -> Callable[[], list[Survey]]:
        written = locations.join(running.scratch, "evaluation")
        where = running.location(examples)
        required = required_features(config, predictions=not models)
        pairs = tuple(
            running.pipeline
            | f"Read[{split}]" >> ReadPairs(rows.reader, split, where, batch_size=BATCH_SIZE)
            for split in rows.splits
        )
        batches = (
            pairs
            | "AllSplits" >> beam.Flatten()
            | "Check" >> beam.ParDo(_Check(required, slice_features(config), rows.splits))
        )
        names = running.gather(
            batches
            | "Names" >> beam.Map(lambda batch: frozenset(batch.schema.names))
            | "AllNames" >> beam.CombineGlobally(_union)
        )
        surveying = _Surveying(config, rows.splits)
        _ = batches | "Evaluate" >> tfma.ExtractEvaluateAndWriteResults(
            eval_shared_model=one_or_all(models),
            eval_config=config,
            extractors=surveying.among(extractors or _default_extractors(rows, config, models)),
            writers=results.beam_writers(config, written, is_rubber_stamp=is_rubber_stamp),
            output_path=written,
            schema=rows.schema,
            tensor_adapter_config=adapter_config(rows),
        )

        found = running.gather(surveying.surveys)

        def fetch() -> list[Survey]:
            (there,) = names()
            rows.check_names(there, config, has_model=bool(models))
            (surveyed,) = found()
            check_all_rows(surveyed, config)
            for name in locations.names_in(written):
                content = locations.read_bytes(locations.join(written, name))
                (output.path / name).write_bytes(content)
            results.correct_cross_slices(config, output.path)
            all_rows: list[Survey] = surveyed
            return all_rows

        return fetch

    surveyed: list[Survey] = job.run("evaluator", args, output, build)
    return surveyed


def one_or_all(models: list[Any]) -> Any:
    """Returns models in TFMA's form: a single one, or a list; None if there are none."""
    return models[0] if len(models) == 1 else models or None


def adapter_config(rows: EvaluationRows) -> Any:
    """Returns how the features become tensors, or None without a schema."""
    if rows.schema is None:
        return None
    representations = rows.tensor_representations()
    batch, _ = next(rows.batches())
    known = {name: value for name, value in representations.items() if name in batch.schema.names}
    return tensor_adapter.TensorAdapterConfig(
        arrow_schema=batch.schema, tensor_representations=known
    )


def _union(names: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*names)


class _Check(beam.DoFn):
    """Converts pairs to batches for TFMA: with the serialized tf.Examples as a column."""

    def __init__(
        self, required: Mapping[str, str], slicing: Sequence[str], splits: Sequence[str]
    ) -> None:
        self._required = required
        self._slicing = slicing
        self._splits = splits

    def process(self, pair: tuple[pa.RecordBatch, list[bytes]]) -> Iterator[pa.RecordBatch]:
        batch, serialized = pair
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        check_columns(columns, self._required, self._splits, rows=_ROWS)
        check_slice_names(columns, self._slicing, self._splits, rows=_ROWS)
        records = pa.array([[record] for record in serialized], pa.large_list(pa.large_binary()))
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, records], [*batch.schema.names, tfma.ARROW_INPUT_COLUMN]
        )


class _Surveying(beam.PTransform):
    """Surveys labels and predictions as TFMA's extractors return them.

    Attributes:
        surveys: A collection of one list, of a survey per model and output; it exists after the
            transform has been applied.
    """

    surveys: Any

    def __init__(self, config: Any, splits: Sequence[str]) -> None:
        super().__init__()
        self._config = config
        self._splits = splits
        self._is_batched = True

    def among(self, extractors: Sequence[Any]) -> list[Any]:
        """Returns extractors with this one inserted, where labels and predictions are ready."""
        stages = [extractor.stage_name for extractor in extractors]
        unbatching = unbatch_extractor.UNBATCH_EXTRACTOR_STAGE_NAME
        self._is_batched = unbatching in stages
        place = stages.index(unbatching) if self._is_batched else len(stages)
        mine = tfma.extractors.Extractor(stage_name="Survey", ptransform=self)
        return [*extractors[:place], mine, *extractors[place:]]

    def expand(self, extracts: Any) -> Any:
        """Returns the extracts, and records a survey of them."""
        survey = beam.ParDo(_Survey(self._config, self._splits, is_batched=self._is_batched))
        outputs = extracts | "Look" >> survey.with_outputs(_SURVEYS, main="extracts")
        self.surveys = outputs[_SURVEYS] | "Merge" >> beam.CombineGlobally(merged)
        return outputs["extracts"]


class _Survey(beam.DoFn):
    def __init__(self, config: Any, splits: Sequence[str], *, is_batched: bool) -> None:
        self._config = config
        self._splits = splits
        self._is_batched = is_batched

    def process(self, extracts: Any) -> Iterator[Any]:
        found = dict(extracts)
        if constants.PREDICTIONS_KEY in found:
            found[constants.PREDICTIONS_KEY] = widened(found[constants.PREDICTIONS_KEY])
        keys = (constants.LABELS_KEY, constants.PREDICTIONS_KEY, constants.EXAMPLE_WEIGHTS_KEY)
        trees = [found.get(key) for key in keys]
        if not self._is_batched:
            trees = [_as_batch(tree) for tree in trees]
        surveyed = surveys(self._config, *trees)
        check_numbers(surveyed, self._config, self._splits, rows=_ROWS)
        check_some_rows(surveyed, self._config)
        yield found
        yield beam.pvalue.TaggedOutput(_SURVEYS, surveyed)


class _SqlSlices(sql_slice_key_extractor.ExtractSqlSliceKeyFn):
    """TFMA's slices by SQL, with errors that authors understand."""

    def process(self, batch: Any) -> Any:
        try:
            return super().process(batch)
        except (RuntimeError, ValueError) as error:
            queries = [spec.slice_keys_sql for spec in self._eval_config.slicing_specs]
            reason = one_line(error.__cause__ or error, 300)
            raise InputError(
                f"the SQL of `slicing_specs`, {list(filter(None, queries))}, cannot be "
                f'run on the examples: {reason}. Write it as "SELECT STRUCT(carrier) FROM '
                'example.carrier".'
            ) from error


def _default_extractors(rows: EvaluationRows, config: Any, models: list[Any]) -> list[Any]:
    extractors = tfma.default_extractors(
        eval_shared_model=one_or_all(models),
        eval_config=config,
        tensor_adapter_config=adapter_config(rows),
    )
    return [_explained(extractor, config, models) for extractor in extractors]


def _explained(extractor: Any, config: Any, models: Sequence[Any]) -> Any:
    """Returns a TFMA extractor with errors that authors understand."""
    if extractor.stage_name == "ExtractSqlSliceKeys":
        return extractor._replace(ptransform=beam.ParDo(_SqlSlices(config)))
    make = _INFERENCE.get(extractor.stage_name)
    types_known = (constants.TF_GENERIC, constants.TF_KERAS, constants.TF_ESTIMATOR)
    if make is None or not models or any(model.model_type not in types_known for model in models):
        return extractor
    shared = inference.shared_by_name(models)
    return extractor._replace(ptransform=beam.ParDo(make(config, shared)))


def _as_batch(tree: Any) -> Any:
    """Returns the values of a row as those of a batch of one row."""
    if isinstance(tree, Mapping):
        return {key: _as_batch(value) for key, value in tree.items()}
    return None if tree is None else np.asarray(tree)[np.newaxis]
