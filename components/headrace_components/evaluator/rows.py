"""Reads the examples to evaluate: as Arrow, together with the serialized form."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import tensor_representation_util

from headrace_components.contract.errors import InputError
from headrace_components.evaluator.row_checks import (
    check_columns,
    check_slice_names,
    required_features,
)
from headrace_components.library.data.example_files import paired
from headrace_components.library.data.examples import ExamplesReader

# Large enough that a batch's fixed cost in Python and TensorFlow does not show, small enough that
# wide rows stay in some hundred megabytes.
BATCH_SIZE = 8192


class EvaluationRows:
    """The rows of some splits of an Examples artifact.

    Args:
        path: Directory of the artifact.
        splits: Names of the splits, in the order in which they are read.
        schema: Types of the examples, or None.

    Raises:
        InputError: A split is missing.
    """

    def __init__(
        self, path: Path, splits: Sequence[str], schema: schema_pb2.Schema | None = None
    ) -> None:
        self.reader = ExamplesReader(path, "evaluator")
        self._path = path
        self.splits = tuple(splits)
        self.schema = schema
        self._names: set[str] = set()
        for split in self.splits:
            self.reader.check_split(split)

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Returns features of all rows; a feature that is in no row is left out.

        Raises:
            InputError: The splits have no rows.
        """
        tables = [table for split in self.splits for table in self._tables(split, names)]
        if not tables:
            raise self._empty()
        return _concatenated(tables)

    def _empty(self) -> InputError:
        return InputError(
            f"splits {list(self.splits)} of {self._path} hold no rows. Name a "
            "split with rows in `example_splits`, or give the split a share in the output "
            "config of the component that makes it."
        )

    def _tables(self, split: str, names: Sequence[str]) -> list[pa.Table]:
        tables: list[pa.Table] = []
        if self.reader.has_columnar(split):
            tables = [_selected(batch, names) for batch in self._read(split, names)]
            # If a file of the twin has none of the features, it is read as a file without rows.
            if sum(_num_rows(table) for table in tables) == self.reader.num_rows(split):
                return tables
        return [_selected(batch, names) for batch in self._read(split, None)]

    def _read(self, split: str, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for batch in self.reader.record_batches(split, batch_size=65_536, columns=names):
            if batch.num_rows:
                yield batch

    def serialized(self) -> Iterator[list[bytes]]:
        """Yields all rows as serialized tf.Examples."""
        for split in self.splits:
            yield from self.reader.serialized(split, batch_size=BATCH_SIZE)

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
        """Yields all rows with all their features, and the same rows as serialized tf.Examples."""
        for split in self.splits:
            yield from paired(
                self.reader.record_batches(split, batch_size=BATCH_SIZE),
                self.reader.serialized(split, batch_size=BATCH_SIZE),
            )

    def feature_names(self) -> set[str]:
        """Returns the features that the first rows have."""
        if not self._names:
            for split in self.splits:
                for batch in self.reader.record_batches(split, batch_size=1000):
                    self._names = self._names or set(batch.schema.names)
                    break
        return self._names

    def check_features(self, config: Any, *, has_model: bool) -> pa.Table:
        """Returns the features that labels, weights and slices come from.

        Args:
            config: A `tfma.EvalConfig` with its defaults.
            has_model: Whether predictions come from a model instead of a feature.

        Raises:
            InputError: A feature is in no row, a label or a weight is missing in some, or the
                name of a slice is not text.
        """
        wanted = feature_keys(config, predictions=not has_model)
        table = self.columns(sorted(wanted))
        self.check_names(table.column_names, config, has_model=has_model)
        columns = {name: table.column(name) for name in table.column_names}
        check_columns(columns, required_features(config, predictions=not has_model), self.splits)
        check_slice_names(columns, slice_features(config), self.splits)
        return table

    def check_first_rows(self, config: Any, *, has_model: bool) -> None:
        """Checks early, with the first rows, that a label exists: it is in every row or in none.

        Args:
            config: A `tfma.EvalConfig` with its defaults.
            has_model: Whether predictions come from a model instead of a feature.

        Raises:
            InputError: There are no rows, or a label is in none of them.
        """
        names = self.feature_names()
        if not names:
            raise self._empty()
        self.check_names(names, config, has_model=has_model, only=label_keys(config))

    def check_names(
        self,
        names: Collection[str],
        config: Any,
        *,
        has_model: bool,
        only: Collection[str] | None = None,
    ) -> None:
        """Compares the existing features with those that a config names.

        Args:
            names: Features that some row has.
            config: A `tfma.EvalConfig` with its defaults.
            has_model: Whether predictions come from a model instead of a feature.
            only: The features to check; None checks all.

        Raises:
            InputError: A feature is in no row.
        """
        if any(spec.preprocessing_function_names for spec in config.model_specs):
            return  # a transform may make the feature
        wanted = feature_keys(config, predictions=not has_model)
        for name, where in sorted(wanted.items()):
            if name not in names and (only is None or name in only):
                raise self.absent(name, where)

    def tensor_representations(self) -> dict[str, Any]:
        """Returns how features become tensors; those not named take TFMA's default."""
        if self.schema is None:
            return {}
        representations: dict[str, Any] = (
            tensor_representation_util.InferTensorRepresentationsFromMixedSchema(self.schema)
        )
        return representations

    def absent(self, name: str, where: str) -> InputError:
        """Returns the error for a feature that a field of the config names and that no row has."""
        known = sorted(self.feature_names())
        near = difflib.get_close_matches(name, known, n=1)
        return InputError(
            f"{where} is {name!r}, which no row of splits {list(self.splits)} has; they "
            f"have {known}. " + (f"Did you mean {near[0]!r}?" if near else "Name one of those.")
        )


def feature_keys(config: Any, *, predictions: bool = True, slices: bool = True) -> dict[str, str]:
    """Returns the features that labels, weights, predictions and slices come from.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        predictions: Whether to name those of predictions.
        slices: Whether to name those of slices.

    Returns:
        By feature, the field of the config that names it.
    """
    keys: dict[str, str] = {}
    fields = ("label_key", "example_weight_key", *(("prediction_key",) if predictions else ()))
    for spec in config.model_specs:
        for field in fields:
            if getattr(spec, field):
                keys[getattr(spec, field)] = f"`{field}`"
            for name in getattr(spec, f"{field}s").values():
                keys[name] = f"`{field}s`"
    for name in slice_features(config) if slices else ():
        keys.setdefault(name, "a feature of `slicing_specs`")
    return keys


def slice_features(config: Any) -> list[str]:
    """Returns the features that a config names in slices, SQL aside."""
    return [
        name
        for spec in slicing_specs(config)
        for name in (*spec.feature_keys, *spec.feature_values)
    ]


def slicing_specs(config: Any) -> list[Any]:
    """Returns all slicing specs of a config, those of cross slices included."""
    specs = list(config.slicing_specs)
    for cross in config.cross_slicing_specs:
        specs += [cross.baseline_spec, *cross.slicing_specs]
    return specs


def label_keys(config: Any) -> set[str]:
    """Returns the features that labels come from."""
    keys = {spec.label_key for spec in config.model_specs if spec.label_key}
    return keys.union(*(spec.label_keys.values() for spec in config.model_specs))


def _selected(batch: pa.RecordBatch, names: Sequence[str]) -> pa.Table:
    columns = {name: batch[name] for name in names if name in batch.schema.names}
    # A table without columns would have no rows; a column without a name keeps the number of rows.
    return pa.table({**columns, "": pa.nulls(batch.num_rows)})


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    # A feature that a batch lacks has type null there, or no column at all.
    types: dict[str, pa.DataType] = {}
    for table in tables:
        for field in table.schema:
            if field.name not in types or pa.types.is_null(types[field.name]):
                types[field.name] = field.type
    names = sorted(name for name, kind in types.items() if not pa.types.is_null(kind))
    if not names:
        return pa.concat_tables([table.select([""]) for table in tables])
    return pa.concat_tables([_completed(table, names, types) for table in tables])


def _num_rows(table: pa.Table) -> int:
    return int(table.num_rows)


def _completed(table: pa.Table, names: Sequence[str], types: dict[str, pa.DataType]) -> pa.Table:
    columns = {}
    for name in names:
        column = table.column(name) if name in table.column_names else pa.nulls(table.num_rows)
        if pa.types.is_null(column.type):
            column = pa.nulls(table.num_rows, types[name])
        if column.type != types[name]:
            raise InputError(
                f"feature {name!r} is {types[name]} in some rows and {column.type} in "
                "others, expected one type. Correct the component that makes the examples."
            )
        columns[name] = column
    return pa.table(columns)
