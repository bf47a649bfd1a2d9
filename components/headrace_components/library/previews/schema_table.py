"""A schema as a table of its features, and what differs between two schemas."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.library.data import schemas
from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    cut,
    facts,
    note,
    section,
    soft,
    table,
    toned,
)

_COLUMNS = ("feature", "type", "presence", "values per row", "domain", "environments")
_NUM_VALUES = 8


def read_schema(path: Path) -> list[Block]:
    """Returns the sections of a Schema artifact. Raises InputError if it holds none."""
    schema = schemas.read(path)
    rows: list[Sequence[Cell]] = [_row(feature, schema) for feature in schema.feature]
    blocks = [table("Features", _COLUMNS, rows) if rows else note("The schema has no features.")]
    general = _general(schema)
    if general:
        blocks.append(facts(general))
    return [section("Features", *blocks)]


def compare_schemas(before: Path, after: Path) -> list[Block]:
    """Returns the sections on what changed from one schema to another."""
    old, new = schemas.read(before), schemas.read(after)
    olds = {feature.name: feature for feature in old.feature}
    news = {feature.name: feature for feature in new.feature}
    rows: list[Sequence[Cell]] = []
    for name in [*news, *(name for name in olds if name not in news)]:
        if name not in olds:
            rows.append(
                [cut(name), toned("new", "good"), soft("absent"), _described(news[name], new)]
            )
        elif name not in news:
            rows.append(
                [cut(name), toned("gone", "bad"), _described(olds[name], old), soft("absent")]
            )
        else:
            rows += _changes(olds[name], old, news[name], new)
    if not rows:
        return [section("Schema", note("The two schemas have the same features.", "good"))]
    columns = ("feature", "what changed", "before", "after")
    return [section("Schema", table("Differences of the schemas", columns, rows))]


def _changes(old: Any, before: Any, new: Any, after: Any) -> list[Sequence[Cell]]:
    found: list[Sequence[Cell]] = []
    old_row, new_row = _row(old, before), _row(new, after)
    for column, was, now in zip(_COLUMNS[1:], old_row[1:], new_row[1:], strict=True):
        old_values, new_values = _values(old, before), _values(new, after)
        if column == "domain" and old_values and new_values and old_values != new_values:
            added = [value for value in new_values if value not in set(old_values)]
            lost = [value for value in old_values if value not in set(new_values)]
            found.append(
                [cut(new.name), "values", _listed("without", lost), _listed("with", added)]
            )
        elif was != now:
            found.append([cut(new.name), column, was, now])
    return found


def _listed(word: str, values: Sequence[str]) -> Cell:
    if not values:
        return soft("none more")
    return cut(f"{len(values):,} {word}: {', '.join(values[:_NUM_VALUES])}")


def _described(feature: Any, schema: Any) -> str:
    cells = _row(feature, schema)[1:]
    return cut(", ".join(str(cell) for cell in cells if cell and not isinstance(cell, dict)))


def _row(feature: Any, schema: Any) -> list[Cell]:
    return [
        cut(feature.name),
        schema_pb2.FeatureType.Name(feature.type).removeprefix("TYPE_").lower()
        if feature.type in schema_pb2.FeatureType.values()
        else str(feature.type),
        _presence(feature),
        _shape(feature),
        _domain(feature, schema),
        _environments(feature),
    ]


def _presence(feature: Any) -> Cell:
    if feature.deprecated:
        return soft("deprecated")
    fraction = feature.presence.min_fraction
    if fraction == 1:
        return "in each row"
    return f"in {fraction:.0%} of the rows or more" if fraction else "optional"


def _shape(feature: Any) -> Cell:
    kind = feature.WhichOneof("shape_type")
    if kind == "shape":
        sizes = [str(dim.size) for dim in feature.shape.dim]
        return f"({', '.join(sizes)})" if sizes else "one value"
    if kind == "value_count":
        low, high = feature.value_count.min, feature.value_count.max
        if low == high:
            return f"{low}" if low else soft("any")
        return f"{low} to {high}" if high else f"{low} or more"
    return f"{kind}".replace("_", " ") if kind else soft("any")


def _values(feature: Any, schema: Any) -> list[str]:
    if feature.WhichOneof("domain_info") == "string_domain":
        return [str(value) for value in feature.string_domain.value]
    if feature.domain:
        named = next((each for each in schema.string_domain if each.name == feature.domain), None)
        return [str(value) for value in named.value] if named is not None else []
    return []


def _domain(feature: Any, schema: Any) -> Cell:
    values = _values(feature, schema)
    if values:
        more = f", ... {len(values):,} values" if len(values) > _NUM_VALUES else ""
        return cut(f"{', '.join(values[:_NUM_VALUES])}{more}")
    kind = feature.WhichOneof("domain_info")
    if kind in ("int_domain", "float_domain"):
        domain = getattr(feature, kind)
        low = f"{domain.min:g}" if domain.HasField("min") else "any"
        high = f"{domain.max:g}" if domain.HasField("max") else "any"
        words = " categorical" if kind == "int_domain" and domain.is_categorical else ""
        return f"{low} to {high}{words}"
    return f"{kind}".replace("_", " ") if kind else soft("any")


def _environments(feature: Any) -> Cell:
    inside, outside = list(feature.in_environment), list(feature.not_in_environment)
    words = [f"in {', '.join(inside)}"] if inside else []
    words += [f"not in {', '.join(outside)}"] if outside else []
    return cut("; ".join(words)) if words else soft("all")


def _general(schema: Any) -> list[tuple[str, Cell]]:
    groups = [
        ("Default environments", schema.default_environment),
        ("Sparse features", [each.name for each in schema.sparse_feature]),
        ("Weighted features", [each.name for each in schema.weighted_feature]),
        ("Tensor representations", list(schema.tensor_representation_group)),
    ]
    return [(name, cut(", ".join(values))) for name, values in groups if len(values)]
