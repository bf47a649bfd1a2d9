"""Refuses rows without a label or a weight, which metrics would leave out or count wrongly."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_components.contract.errors import InputError
from headrace_components.evaluator.survey import Survey, ValuesSummary


def required_features(config: Any, *, predictions: bool) -> dict[str, str]:
    """Returns the features that each row must have, and the role of each.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        predictions: Whether predictions are features, too.
    """
    kinds = {"label": "label", "example_weight": "example weight"}
    if predictions:
        kinds["prediction"] = "prediction"
    found: dict[str, str] = {}
    for spec in config.model_specs:
        for field, kind in kinds.items():
            names = (getattr(spec, f"{field}_key"), *getattr(spec, f"{field}_keys").values())
            for name in filter(None, names):
                found.setdefault(name, kind)
    return found


def check_columns(
    columns: Mapping[str, Any],
    required: Mapping[str, str],
    splits: Sequence[str],
    *,
    rows: str = "rows",
) -> None:
    """Checks that labels, weights and predictions are in each row.

    Args:
        columns: List columns of features, by name; missing ones are not checked.
        required: The role of each of them, such as `label`.
        splits: Names of the splits that contain the rows.
        rows: The word for the rows in messages.

    Raises:
        InputError: A value is missing.
    """
    for name, kind in sorted(required.items()):
        if name in columns:
            _check_present(name, kind, columns[name], splits, rows)


def check_slice_names(
    columns: Mapping[str, Any],
    names: Iterable[str],
    splits: Sequence[str],
    *,
    rows: str = "rows",
) -> None:
    """Checks that the values that name slices are text.

    Args:
        columns: List columns of features, by name; missing ones are not checked.
        names: The features that slices come from.
        splits: Names of the splits that contain the rows.
        rows: The word for the rows in messages.

    Raises:
        InputError: A value is not UTF-8.
    """
    for name in sorted(set(names) & set(columns)):
        found = columns[name]
        kind = getattr(found.type, "value_type", None)
        if kind is None or not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            continue
        values = [value for value in pc.unique(pc.list_flatten(found)).to_pylist() if value]
        wrong = next((value for value in values if not _is_text(value)), None)
        if wrong is not None:
            raise InputError(
                f"feature {name!r} of `slicing_specs` has the value {wrong[:40]!r} in "
                f"some {rows} of splits {list(splits)}, which is not UTF-8, and the name of a "
                "slice is text. Slice by another feature, or have the value encoded as UTF-8 "
                "where the examples are made."
            )


def _is_text(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def check_numbers(
    surveys: Sequence[Survey], config: Any, splits: Sequence[str], *, rows: str = "rows"
) -> None:
    """Checks that no label is NaN and that weights are finite numbers.

    Args:
        surveys: The surveys of the rows.
        config: A `tfma.EvalConfig` with its defaults.
        splits: Names of the splits that contain the rows.
        rows: The word for the rows in messages.

    Raises:
        InputError: A label is NaN, or a weight is not a finite number.
    """
    for survey in surveys:
        labels = survey.labels
        if labels is not None and labels.num_nan:
            fault = f"the {_named(config, 'label', survey)} is NaN in {labels.num_nan}"
            raise _refusal(fault, survey, splits, rows)
        faulty = _num_faulty(survey.weights)
        if faulty:
            named = _named(config, "example_weight", survey)
            raise _refusal(f"the {named} is NaN or infinite in {faulty}", survey, splits, rows)


def _check_present(name: str, kind: str, column: Any, splits: Sequence[str], rows: str) -> None:
    # TFMA would count such a row as a negative one, or stop with a shape error.
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    # A row may have no values if the label has several values in other rows.
    is_single = lengths.max(initial=0) <= 1
    missing = int((lengths == 0).sum()) if is_single else column.null_count
    if missing:
        raise InputError(
            f"the {kind} {name!r} is missing in {missing} of {len(column)} {rows} of "
            f"splits {list(splits)}, expected one in each. Leave those rows out of the "
            "examples, or evaluate on another split."
        )


def _num_faulty(weights: ValuesSummary | None) -> int:
    return 0 if weights is None else max(weights.num_nan, weights.num_infinite)


def _named(config: Any, field: str, survey: Survey) -> str:
    """Names a label or a weight by its feature, if the config gives one."""
    names = []
    for spec in config.model_specs:
        if len(config.model_specs) == 1 or spec.name == survey.model_name:
            by_output = getattr(spec, f"{field}_keys")
            names.append(by_output.get(survey.output_name) or getattr(spec, f"{field}_key"))
    name = next(filter(None, names), "")
    kind = field.replace("_", " ")
    return f"{kind} {name!r}" if name else kind


def _refusal(fault: str, survey: Survey, splits: Sequence[str], rows: str) -> InputError:
    return InputError(
        f"{fault} of {survey.num_rows} {rows} of splits {list(splits)}, expected a "
        "number in each. Leave those rows out of the examples, or evaluate on another split."
    )
