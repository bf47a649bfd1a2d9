"""Statistics as a table of their features, and what moved between two of them."""

import bisect
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    cut,
    note,
    section,
    soft,
    table,
    toned,
)
from headrace_components.library.reports.feature_summary import num_present

_FILE = "FeatureStats.pb"
_TYPE = statistics_pb2.FeatureNameStatistics.Type
_QUANTILES = statistics_pb2.Histogram.HistogramType.QUANTILES
_COLUMNS = (
    "feature",
    "type",
    "rows",
    "missing",
    "mean",
    "deviation",
    "min",
    "median",
    "max",
    "different values",
    "most frequent",
)
_CHANGE_COLUMNS = (
    "feature",
    "moved",
    "distance",
    "missing before",
    "missing after",
    "mean before",
    "mean after",
)
# A smaller distance is what two samples of the same data have.
_MOVED = 0.1


def read_statistics(path: Path) -> list[Block]:
    """Returns one section for each split. Raises InputError if there are no statistics."""
    sections = []
    for split, dataset in _datasets(path).items():
        features = _features(dataset)
        rows = [_row(name, features[name], dataset) for name in sorted(features)]
        heading = f"{split or 'All rows'}: {dataset.num_examples:,} rows"
        sections.append(section(heading, table(heading, _COLUMNS, rows)))
    return sections


def compare_statistics(before: Path, after: Path) -> list[Block]:
    """Returns one section for each split of both, the feature that moved most first."""
    olds, news = _datasets(before), _datasets(after)
    sections = []
    for split in [split for split in news if split in olds]:
        old, new = olds[split], news[split]
        changes = sorted(_changes(old, new), key=lambda change: (-change[0], str(change[1][0])))
        heading = (
            f"{split or 'All rows'}: {old.num_examples:,} rows before, {new.num_examples:,} after"
        )
        moved = sum(score >= _MOVED for score, _ in changes)
        words = f"{moved} of {len(changes)} features moved by {_MOVED} or more."
        about = (
            f"{words} The distance is the largest difference between the shares of rows below a "
            "number, or between the shares of a value: 0 for the same data, 1 for no overlap."
        )
        sections.append(
            section(
                heading,
                note(about, "warn" if moved else "good"),
                table("Features by distance", _CHANGE_COLUMNS, [row for _, row in changes]),
            )
        )
    if not sections:
        words = f"The splits differ: {_names(olds)} before, {_names(news)} after."
        return [section("Statistics", note(words, "warn"))]
    return sections


def _names(datasets: Mapping[str, Any]) -> str:
    return cut(", ".join(name or "all rows" for name in datasets))


def _datasets(path: Path) -> dict[str, Any]:
    files = {
        file.parent.name.removeprefix("Split-"): file for file in path.glob(f"Split-*/{_FILE}")
    }
    if (path / _FILE).is_file():
        files[""] = path / _FILE
    if not files:
        found = sorted(each.name for each in path.glob("*"))
        raise InputError(f"{path} has {found[:10]} and no {_FILE}, so it holds no statistics.")
    order = {"train": 0, "eval": 1}
    return {
        split: _dataset(files[split]) for split in sorted(files, key=lambda s: (order.get(s, 2), s))
    }


def _dataset(file: Path) -> Any:
    message = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        message.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise InputError(
            f"{file} is not a DatasetFeatureStatisticsList ({error}). Run the component that wrote "
            "it again."
        ) from error
    # Several data sets are slices of one; the first is of all rows.
    return message.datasets[0] if message.datasets else statistics_pb2.DatasetFeatureStatistics()


def _features(dataset: Any) -> dict[str, Any]:
    return {feature.name or ".".join(feature.path.step): feature for feature in dataset.features}


def _common(feature: Any) -> Any:
    kind = feature.WhichOneof("stats")
    part = getattr(feature, kind) if kind else feature.num_stats
    return part if kind == "common_stats" else part.common_stats


def _missing(feature: Any | None, dataset: Any) -> float | None:
    if feature is None or not dataset.num_examples:
        return None
    return float(1 - min(num_present(_common(feature)) / dataset.num_examples, 1))


def _row(name: str, feature: Any, dataset: Any) -> list[Cell]:
    missing = _missing(feature, dataset)
    is_number = feature.WhichOneof("stats") == "num_stats"
    numbers = feature.num_stats
    figures: list[Cell] = (
        [numbers.mean, numbers.std_dev, numbers.min, numbers.median, numbers.max]
        if is_number
        else [None] * 5
    )
    texts = feature.string_stats
    top = ", ".join(
        f"{cut(each.value, 40)} ({each.frequency:,.0f})" for each in texts.top_values[:3]
    )
    return [
        cut(name),
        _type_name(feature),
        num_present(_common(feature)),
        None if missing is None else _share(missing),
        *figures,
        texts.unique or None,
        cut(top) if top else None,
    ]


def _type_name(feature: Any) -> str:
    return str(_TYPE.Name(feature.type)).lower() if feature.type in _TYPE.values() else "unknown"


def _share(value: float) -> Cell:
    text = f"{value:.1%}".replace(".0%", "%")
    return toned(text, "warn") if value > 0.5 else text


def _changes(old: Any, new: Any) -> Iterator[tuple[float, list[Cell]]]:
    olds, news = _features(old), _features(new)
    for name in {**olds, **news}:
        was, now = olds.get(name), news.get(name)
        missing = [_missing(was, old), _missing(now, new)]
        cells: list[Cell] = [None if each is None else _share(each) for each in missing]
        means: list[Cell] = [_mean(was), _mean(now)]
        if was is None or now is None:
            words = toned("new", "warn") if was is None else toned("gone", "bad")
            yield 2.0, [cut(name), words, None, *cells, *means]
            continue
        if was.WhichOneof("stats") != now.WhichOneof("stats"):
            words = toned(f"{_type_name(was)} became {_type_name(now)}", "bad")
            yield 1.5, [cut(name), words, None, *cells, *means]
            continue
        distance = _distance(was, now)
        shift = abs((missing[0] or 0) - (missing[1] or 0))
        score = max(distance or 0, shift)
        words = toned("yes", "warn") if score >= _MOVED else soft("no")
        yield (
            score,
            [cut(name), words, None if distance is None else round(distance, 4), *cells, *means],
        )


def _mean(feature: Any | None) -> Cell:
    if feature is None or feature.WhichOneof("stats") != "num_stats":
        return None
    return float(feature.num_stats.mean)


def _distance(old: Any, new: Any) -> float | None:
    if old.WhichOneof("stats") == "num_stats":
        cuts = [_quantiles(old), _quantiles(new)]
        if not all(cuts):
            return None
        points = sorted({*cuts[0], *cuts[1]})
        return max(abs(_below(cuts[0], at) - _below(cuts[1], at)) for at in points)
    if old.WhichOneof("stats") == "string_stats":
        shares = [_shares(old), _shares(new)]
        names = {*shares[0], *shares[1]}
        return max((abs(shares[0].get(n, 0) - shares[1].get(n, 0)) for n in names), default=None)
    return None


def _quantiles(feature: Any) -> list[float]:
    """Returns the borders of buckets with the same number of values each."""
    for histogram in feature.num_stats.histograms:
        if histogram.type == _QUANTILES and histogram.buckets:
            buckets = histogram.buckets
            borders = [buckets[0].low_value, *(bucket.high_value for bucket in buckets)]
            return borders if all(map(math.isfinite, borders)) else []
    return []


def _below(borders: Sequence[float], at: float) -> float:
    """Returns the share of values up to `at`, as the borders of quantiles give it."""
    last = len(borders) - 1
    if at >= borders[-1]:
        return 1.0
    if at < borders[0] or not last:
        return 0.0
    index = bisect.bisect_right(borders, at) - 1
    low, high = borders[index], borders[index + 1]
    return (index + (at - low) / (high - low)) / last


def _shares(feature: Any) -> dict[str, float]:
    counts = {each.label: each.sample_count for each in feature.string_stats.rank_histogram.buckets}
    total = feature.string_stats.common_stats.tot_num_values or sum(counts.values())
    return {name: count / total for name, count in counts.items()} if total else {}
