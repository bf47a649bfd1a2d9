"""Parts of pages: places of lines in a chart, parts of tables, places that may be read."""

import math
from pathlib import Path

import pytest

from headrace.ui.artifacts.charts import HEIGHT, WIDTH, line_chart
from headrace.ui.artifacts.kfp_metrics import confusion_matrix, matrix_sections, roc_points
from headrace.ui.artifacts.places import file_within, holding_of, place_of
from headrace.ui.artifacts.tables import table_page, whole
from headrace.ui.filters import stepped


def chart(points: list[list[float]]) -> dict[str, object]:
    return {"caption": "loss", "x": "step", "series": [{"name": "train", "points": points}]}


@pytest.mark.parametrize(
    "points",
    [
        [[0, 1], [1, 2]],
        [[0, 1], [1, 1]],
        [[5, -3.5]],
        [],
        [[0, 1e300], [1, -1e300]],
        [[0, 1e-300], [1, 2e-300]],
        [[0, math.nan], [1, math.inf], [2, 3]],
        [[-1e18, 0], [1e18, 5e-324]],
        [[0, 1.7e308], [1, -1.7e308], [2, 10**400]],
    ],
)
def test_every_curve_lies_in_its_picture(points: list[list[float]]) -> None:
    found = line_chart(chart(points))

    for tick in (*found.across, *found.up):
        assert 0 <= tick.at <= WIDTH
    (line,) = found.lines
    for pair in line.path.removeprefix("M").split("L") if line.path else ():
        x, y = map(float, pair.split())
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_a_page_of_a_table_after_its_end_is_the_first() -> None:
    table = {"rows": [[f"name {n}", n] for n in range(120)]}

    assert table_page(table, "1", {"from-1": "100"}).rows[0] == ["name 100", 100]
    assert table_page(table, "1", {"from-1": "5000"}).first == 0
    assert table_page(table, "1", {"find-1": "NAME 11"}).num_found == 11
    assert table_page(table, "1", {"find-2": "nothing"}).num_found == 120
    assert table_page(table, "1", {}).numeric == {1}


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "9" * 40, "²", "٣x"])
def test_what_is_no_number_in_an_address_is_zero(text: str) -> None:
    assert whole(text) == 0


def test_an_address_keeps_the_rest_of_its_query() -> None:
    assert stepped({"uri": "/a b", "row": "20"}, "row", 40) == "?uri=%2Fa+b&row=40"
    assert stepped({"uri": "/a", "with": "/b"}, "with", "") == "?uri=%2Fa"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "no whole path"),
        ("relative", "no whole path"),
        ("http://host/x", "It is at http://"),
        ("/\0", "cannot be read"),
        ("/" + "x" * 5000, "cannot be read"),
    ],
)
def test_a_record_without_a_place_on_this_machine_is_not_read(
    tmp_path: Path, uri: str, words: str
) -> None:
    found = place_of(uri, tmp_path)

    assert found.path is None
    assert words in found.reason


def test_a_file_uri_and_a_path_with_dots_lead_to_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/x").write_text("x")

    assert place_of(f"file://{tmp_path}/a%20b", tmp_path).path == tmp_path / "a b"
    assert place_of(f"{tmp_path}/a b/../a b", tmp_path).path == tmp_path / "a b"
    assert place_of(f"{tmp_path}/..", tmp_path).path is None
    assert file_within(tmp_path / "a b", "../a b/x") == tmp_path / "a b/x"
    assert file_within(tmp_path / "a b", "..") is None


def test_a_very_deep_directory_is_listed(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(400):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "f").write_text("x")

    found = holding_of(tmp_path)

    assert [each.num_bytes for each in found.files] == [1]
    assert found.is_complete


@pytest.mark.parametrize("value", ["[[[", "7", "null", "[]", '{"rows": 3}', "[1, {}]", "NaN"])
def test_damaged_curves_and_matrices_are_empty(value: str) -> None:
    assert roc_points({"confidenceMetrics": value}) == []
    assert confusion_matrix({"confusionMatrix": value})[1] == []


def test_a_cell_of_a_matrix_has_the_tint_of_its_share() -> None:
    (section,) = matrix_sections(["a", "b"], [[9, 1], [0, -3], [True, "x", math.nan]])

    rows = section["blocks"][0]["rows"]
    assert [cell["heat"] for cell in rows[0][1:]] == [9, 1]
    assert rows[1] == ["b", {"text": "0", "heat": 0}, {"text": "-3", "heat": 0}]
    assert rows[2][0] == "2"
    assert rows[2][2:] == ["x", "nan"]
