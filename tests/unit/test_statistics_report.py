"""The report on statistics: its contents, unusual properties, and a limited size."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import tensorflow_data_validation as tfdv

from headrace_components.library.data import statistics
from headrace_components.library.reports.page import MAX_BYTES
from headrace_components.statistics_gen.report import statistics_report

BYTES = pa.large_list(pa.large_binary())
FLOATS = pa.large_list(pa.float32())


def rows(**columns: Sequence[Any]) -> Any:
    """Statistics of columns of scalars; None for a missing value."""
    arrays = {}
    for name, values in sorted(columns.items()):
        cells = [None if value is None else [value] for value in values]
        is_text = any(isinstance(value, bytes) for value in values)
        arrays[name] = pa.array(cells, BYTES if is_text else FLOATS)
    batch = pa.RecordBatch.from_pydict(arrays)
    return statistics.compute([batch], tfdv.StatsOptions())


def report(**splits: Any) -> str:
    return statistics_report(splits).decode()


def notes(text: str) -> str:
    """The unusual properties, as plain text."""
    section = text.partition("What stands out</h2>")[2].partition("</section>")[0]
    return re.sub(r"(<[^>]+>|\s)+", " ", section.replace("<wbr>", ""))


def test_a_feature_is_shown_with_its_splits_side_by_side() -> None:
    train = rows(fare=[1.0, 2.0, 4.0, None] * 10)
    evaluation = rows(fare=[1.0, 8.0] * 10)

    text = report(train=train, eval=evaluation)

    card = text.partition("<article")[2]
    assert '<th scope="col">train</th><th scope="col">eval</th>' in card
    assert '<th scope="row">Missing</th><td>25.0 %</td><td>0 %</td>' in card
    assert '<th scope="row">Mean</th><td>2.333</td><td>4.5</td>' in card
    assert '<th scope="row">Max</th><td>4</td><td>8</td>' in card
    # Both histograms have the axis from 1 to 8.
    assert card.count("<span>1</span><span>8</span>") == 2


def test_a_list_without_values_is_a_missing_value() -> None:
    batch = pa.RecordBatch.from_pydict({"gust": pa.array([[1.0], [], None, []] * 5, FLOATS)})

    text = report(train=statistics.compute([batch], tfdv.StatsOptions()))

    assert '<th scope="row">Missing</th><td>75.0 %</td>' in text


def test_a_category_is_shown_by_its_most_frequent_values() -> None:
    text = report(train=rows(area=[b"north"] * 3 + [b"south"]))

    card = text.partition("<article")[2]
    assert "<span>north</span>" in card
    assert '<span class="num">75.0 %</span>' in card
    assert card.index("north") < card.index("south")
    assert '<th scope="row">Unique</th><td>2</td>' in card


def test_what_stands_out_is_named_with_its_splits() -> None:
    count = 200
    usual = [float(index) for index in range(count)]
    train = rows(
        constant=[5.0] * count,
        empty=[b"a"] + [None] * (count - 1),
        identifier=[f"id-{index}".encode() for index in range(count)],
        only_train=usual,
        usual=usual,
        zeros=[0.0] * (count - 1) + [1.0],
    )
    evaluation = rows(
        constant=usual,
        empty=[b"a", b"b"] * (count // 2),
        identifier=[b"x", b"y"] * (count // 2),
        usual=usual,
        zeros=usual,
    )

    found = notes(report(train=train, eval=evaluation))

    assert "constant is constant, so a model learns nothing from it in the split train" in found
    assert "empty is mostly missing in the split train" in found
    assert "identifier has a different value in most rows" in found
    assert "only_train is not in the split eval" in found
    assert "zeros is zero nearly everywhere in the split train" in found
    assert "usual" not in found


def test_values_that_are_no_numbers_stand_out() -> None:
    train = rows(a=[1.0, 2.0, float("nan")], b=[1.0, 2.0, float("inf")])

    found = notes(report(train=train))

    assert "a has values that are not a number (NaN)" in found
    assert "b has infinite values" in found


def test_nothing_stands_out_of_ordinary_data() -> None:
    assert "Nothing: no feature is constant" in notes(report(train=rows(a=[1.0, 2.0, 3.0])))


def test_a_split_without_rows_is_shown_as_empty() -> None:
    empty = statistics.compute([], tfdv.StatsOptions())

    text = report(train=rows(a=[1.0, 2.0]), eval=empty)

    assert '<th scope="row">eval</th><td class="num">0</td>' in text
    assert "is not in the split" not in text


def test_names_and_values_of_the_data_are_escaped() -> None:
    text = report(train=rows(**{"<script>alert(1)</script>": [b"<img src=x>", b"b"]}))

    assert text.count("<script") == 1  # the page's own
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text


def wide(num_features: int) -> Mapping[str, Any]:
    columns: dict[str, Sequence[Any]] = {
        f"feature_with_a_long_name_{index:05}_{'x' * 60}": [
            f"{row} a value that is long {'y' * 60}".encode() for row in range(12)
        ]
        for index in range(num_features)
    }
    columns["zz_constant"] = [1.0] * 12
    return {"train": rows(**columns), "eval": rows(**columns)}


def test_a_report_on_very_many_features_stays_small_and_says_what_it_leaves_out() -> None:
    data = wide(2_000)
    started = time.process_time()  # other tests run beside this one

    content = statistics_report(data)

    assert time.process_time() - started < 2
    assert len(content) < MAX_BYTES
    text = content.decode()
    assert "1701 more features are in the statistics but have no card here" in text
    assert "1001 more features are not listed" in text
    # Unusual features are never left out.
    assert "<h3>zz_<wbr>constant</h3>" in text


def test_a_text_about_many_features_is_shown_once_with_their_names() -> None:
    columns = {f"flag_{index}": [1.0] * 20 for index in range(5)}

    text = report(train=rows(**columns, fare=[1.0, 2.0] * 10, other=[3.0] * 20))

    assert notes(text).count("is constant") == 1
    assert "6 features: each is constant, so a model learns nothing from it" in notes(text)
    assert all(f"flag_{index}" in notes(text) for index in range(5))


def test_a_page_of_many_features_lists_them_and_folds_their_cards() -> None:
    columns = {f"number_{index:03}": [float(index), 1.5] * 10 for index in range(60)}

    text = report(train=rows(**columns, text=[b"a", b"b"] * 10))

    index = text.partition("<h2>Features</h2>")[2].partition("</section>")[0]
    assert index.count("<tr data-name=") == 61
    assert '<a href="#f7">number_<wbr>007</a>' in index
    cards = text.partition("<h2>Numeric features</h2>")[2].partition("</section>")[0]
    assert cards.count("<details>") == 3
    assert "<summary>number_000 to number_023 (24)</summary>" in cards
    assert cards.count("<article") == 60


def test_the_values_of_a_skewed_feature_are_also_drawn_on_a_logarithmic_axis() -> None:
    skewed = [10.0 ** (index / 40) for index in range(200)]
    text = report(train=rows(amount=skewed, even=[float(index) for index in range(200)]))

    amount, even = text.split("<article")[1:]
    assert '<th scope="row">Log scale</th>' in amount
    assert '<th scope="row">P90</th>' in amount
    # Ten buckets with as many values, which are equally wide on this axis.
    bars = re.findall(r"h([\d.]+)v-([\d.]+)h", amount.partition("Log scale")[2])
    assert len(bars) == 10
    assert max(float(wide) for wide, _ in bars) - min(float(wide) for wide, _ in bars) < 2
    assert "Log scale" not in even


def test_negative_numbers_have_no_logarithmic_axis_but_percentiles() -> None:
    skewed = [-(10.0 ** (index / 30)) for index in range(200)]

    text = report(train=rows(amount=skewed))

    assert "Log scale" not in text
    assert '<th scope="row">P10</th>' in text


def test_the_same_statistics_give_the_same_bytes() -> None:
    data = wide(3)

    assert statistics_report(data) == statistics_report(dict(data))
