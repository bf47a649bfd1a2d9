"""Features whose splits differ in type: whole numbers in one and decimals in another, or no values.

TFDV marks such a feature DEPRECATED when it updates a schema, without a message, and every later
component leaves it out. A note in the schema records the reason, which survives copies and edits of
the schema.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

_TAG = "splits_differ"
_WORDS = {
    statistics_pb2.FeatureNameStatistics.INT: "whole numbers",
    statistics_pb2.FeatureNameStatistics.FLOAT: "decimal numbers",
    statistics_pb2.FeatureNameStatistics.STRING: "text",
    statistics_pb2.FeatureNameStatistics.BYTES: "bytes",
    statistics_pb2.FeatureNameStatistics.STRUCT: "structures",
}

_Path = tuple[str, ...]


def note_differences(schema: schema_pb2.Schema, by_split: Mapping[str, Any]) -> dict[str, str]:
    """Adds a note to each feature that TFDV gave up, with the reason.

    Args:
        schema: An inferred schema; it is changed.
        by_split: Statistics by the name of their split.

    Returns:
        By feature, its values in each split, such as `nothing in 'train', whole numbers in 'eval'`.
    """
    kinds = {name: _kinds(found) for name, found in by_split.items()}
    noted = {}
    for path, feature in _features(schema.feature):
        if feature.lifecycle_stage != schema_pb2.DEPRECATED:
            continue
        has = [f"{kinds[name].get(path, 'nothing')} in {name!r}" for name in by_split]
        feature.annotation.tag.append(_TAG)
        feature.annotation.comment.append(", ".join(has))
        noted[".".join(path)] = ", ".join(has)
    return noted


def given_up(schema: schema_pb2.Schema) -> dict[str, str]:
    """Returns the features that a schema gave up, with their kind in each split.

    Args:
        schema: The schema, with the notes of `note_differences`.
    """
    return {
        ".".join(path): "; ".join(feature.annotation.comment) for path, feature in _noted(schema)
    }


def add_anomalies(diff: anomalies_pb2.Anomalies, schema: schema_pb2.Schema, found: Any) -> None:
    """Adds an anomaly for each feature of a split that the schema gave up.

    Args:
        diff: The anomalies of the split; they are changed.
        schema: The schema, with the notes of `note_differences`.
        found: The statistics of the split.
    """
    there = _kinds(found)
    for path, feature in _noted(schema):
        if path not in there:
            continue
        info = diff.anomaly_info[".".join(path)]
        info.path.step[:] = path
        info.severity = anomalies_pb2.AnomalyInfo.ERROR
        info.short_description = "The splits differ in kind"
        info.description = (
            f"It has {'; '.join(feature.annotation.comment)}, so the schema marks it DEPRECATED "
            "and later components leave it out."
        )
        info.reason.add(
            type=anomalies_pb2.AnomalyInfo.UNEXPECTED_DATA_TYPE,
            short_description=info.short_description,
            description=info.description,
        )


def _noted(schema: schema_pb2.Schema) -> Iterator[tuple[_Path, schema_pb2.Feature]]:
    for path, feature in _features(schema.feature):
        is_given_up = feature.lifecycle_stage == schema_pb2.DEPRECATED
        if is_given_up and _TAG in feature.annotation.tag:
            yield path, feature


def _kinds(found: Any) -> dict[_Path, str]:
    """Returns the kind of values in a split, by path, without features that have no values."""
    kinds = {}
    for part in found.datasets[0].features:
        common = getattr(part, part.WhichOneof("stats") or "num_stats").common_stats
        if common.num_non_missing:
            path = tuple(part.path.step) or (part.name,)
            kinds[path] = _WORDS.get(part.type, "values")
    return kinds


def _features(
    features: Sequence[schema_pb2.Feature], above: _Path = ()
) -> Iterator[tuple[_Path, schema_pb2.Feature]]:
    for feature in features:
        path = (*above, feature.name)
        yield path, feature
        yield from _features(feature.struct_domain.feature, path)
