"""The page of a schema: what each feature must look like."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace_components.library.reports import page
from headrace_components.library.reports.markup import Markup, breakable, shortened
from headrace_components.library.reports.numbers import ABSENT, number, percent

# A row takes at most about 2,700 bytes.
_MAX_ROWS = 600
_MAX_DOMAINS = 100
_NAME_LENGTH = 120
_VALUE_LENGTH = 40
_NUM_VALUES = 8

_COLUMNS = ("Feature", "Type", "Presence", "Values in a row", "Domain", "Notes")


def schema_report(schema: Any) -> bytes:
    """Returns an HTML page of under 2 MB.

    Args:
        schema: A `Schema` message of tensorflow_metadata.
    """
    domains = {domain.name: domain for domain in schema.string_domain}
    features = list(_features(schema.feature, ()))
    plural = "" if len(features) == 1 else "s"
    rows = [_row(path, feature, domains) for path, feature in features[:_MAX_ROWS]]
    cut = len(features) - len(rows)
    blocks = [page.data_table("What each feature must look like", _head(), rows)]
    if cut:
        blocks.append(page.paragraph(f"{number(cut)} more features are in the artifact."))
    return page.page(
        "Schema",
        f"{number(len(features))} feature{plural}",
        page.section("Features", *blocks),
        *_domains(schema.string_domain),
        *_environments(schema),
    )


def _features(features: Sequence[Any], above: tuple[str, ...]) -> Any:
    for feature in features:
        path = (*above, feature.name)
        yield path, feature
        if feature.HasField("struct_domain"):
            yield from _features(feature.struct_domain.feature, path)


def _head() -> Markup:
    first, *others = _COLUMNS
    return page.heading_row([first], others)


def _row(path: Sequence[str], feature: Any, domains: Mapping[str, Any]) -> Markup:
    name = shortened(".".join(path), _NAME_LENGTH)
    kind = type(feature).DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number
    return page.row(
        name,
        [],
        kind[feature.type].name,
        _presence(feature),
        _count(feature),
        _domain(feature, domains),
        _notes(feature),
    )


def _presence(feature: Any) -> str:
    presence = feature.presence
    if presence.min_fraction == 1.0:
        return "in every row"
    parts = []
    if presence.min_fraction:
        parts.append(f"in {percent(presence.min_fraction)} of the rows or more")
    if presence.min_count:
        noun = "row" if presence.min_count == 1 else "rows"
        parts.append(f"in {number(presence.min_count)} {noun} or more")
    return ", ".join(parts) or "may be missing"


def _count(feature: Any) -> str:
    if feature.HasField("shape"):
        sizes = [number(each.size) for each in feature.shape.dim]
        return " x ".join(sizes) if sizes else "1"
    if feature.HasField("value_count"):
        return _between(feature.value_count.min, feature.value_count.max)
    if feature.HasField("value_counts"):
        levels = feature.value_counts.value_count
        return ", of these each ".join(_between(each.min, each.max) for each in levels)
    return "any number"


def _between(least: int, most: int) -> str:
    if not most:
        return f"{number(least)} or more"
    return number(least) if least == most else f"{number(least)} to {number(most)}"


def _domain(feature: Any, domains: Mapping[str, Any]) -> Markup | str:
    kind = feature.WhichOneof("domain_info")
    if kind == "domain":
        named = domains.get(feature.domain)
        return breakable(feature.domain) if named is None else _values(named.value)
    if kind == "string_domain":
        return _values(feature.string_domain.value)
    if kind in ("int_domain", "float_domain"):
        return _range(getattr(feature, kind))
    if kind == "bool_domain":
        named = [feature.bool_domain.false_value, feature.bool_domain.true_value]
        return _values([each for each in named if each]) if any(named) else "true or false"
    if kind is None or kind == "struct_domain":
        return ABSENT
    return str(kind).removesuffix("_domain").replace("_", " ")


def _range(domain: Any) -> str:
    parts = []
    if domain.HasField("min"):
        parts.append(f"{number(domain.min)} or more")
    if domain.HasField("max"):
        parts.append(f"{number(domain.max)} or less")
    if domain.is_categorical:
        parts.append("categories")
    return ", ".join(parts) or ABSENT


def _values(values: Sequence[str]) -> Markup:
    shown = [shortened(value, _VALUE_LENGTH) for value in values[:_NUM_VALUES]]
    more = len(values) - len(shown)
    text = ", ".join(repr(value) for value in shown)
    return breakable(f"{text} and {number(more)} more" if more > 0 else text)


def _notes(feature: Any) -> Markup | str:
    notes = []
    stages = type(feature).DESCRIPTOR.fields_by_name["lifecycle_stage"].enum_type.values_by_number
    if feature.lifecycle_stage:
        notes.append(stages[feature.lifecycle_stage].name)
    if feature.in_environment:
        notes.append(f"only in {', '.join(feature.in_environment)}")
    if feature.not_in_environment:
        notes.append(f"not in {', '.join(feature.not_in_environment)}")
    if feature.HasField("skew_comparator"):
        notes.append("compared with the serving data")
    if feature.HasField("drift_comparator"):
        notes.append("compared with the data before")
    return breakable("; ".join(notes)) if notes else ""


def _domains(domains: Sequence[Any]) -> list[Markup]:
    if not domains:
        return []
    rows = [
        page.row(shortened(each.name, _NAME_LENGTH), [number(len(each.value))], _values(each.value))
        for each in domains[:_MAX_DOMAINS]
    ]
    head = page.heading_row(["Domain", "Values"], ["These are"])
    return [page.section("Domains", page.data_table("Sets of values", head, rows))]


def _environments(schema: Any) -> list[Markup]:
    names = list(schema.default_environment)
    if not names:
        return []
    return [page.section("Environments", page.paragraph(", ".join(names)))]
