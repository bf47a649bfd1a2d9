"""Reads a `tfdv.StatsOptions` of an author as parameters of statistics_gen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.frontend.tfx_pipelines.plan import Value
from headrace.frontend.tfx_pipelines.translation import Translation
from headrace_components.library.data.statistics_values import OPTION_NAMES

# Fields that TFDV sets itself, or that have no effect on examples.
_IGNORED = frozenset({"infer_type_from_schema", "experimental_slice_functions"})


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticsOptions:
    """What a `tfdv.StatsOptions` says.

    Attributes:
        parameters: Parameters of statistics_gen.
        schema: The schema in JSON form; None if there is none.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    schema: Value = None


def statistics_options(options: Any, translation: Translation) -> StatisticsOptions:
    """Returns the fields of an author's options that are not those of new options.

    Raises:
        CompileError: A field is set that Headrace does not have, as functions that slice.
    """
    if options is None:
        return StatisticsOptions()
    fresh = type(options)()
    changed = {
        name.lstrip("_"): getattr(options, name.lstrip("_"), value)
        for name, value in vars(options).items()
        if not _equal(value, vars(fresh).get(name)) and name.lstrip("_") not in _IGNORED
    }
    schema = changed.pop("schema", None)
    rate = changed.pop("sample_rate", None)
    unknown = sorted(set(changed) - OPTION_NAMES)
    if unknown:
        raise translation.error(
            f"`stats_options` sets {unknown}, expected fields of {sorted(OPTION_NAMES)}. Leave "
            "them out."
        )
    values = {name: translation.value(value, name) for name, value in sorted(changed.items())}
    return StatisticsOptions(
        parameters={"stats_options": values, "sample_rate": rate},
        schema=None if schema is None else translation.value(schema, "schema"),
    )


def _equal(value: Any, other: Any) -> bool:
    return value is other or bool(value == other)
