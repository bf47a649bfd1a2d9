"""The benchmark's table, its ratios, its processes, and its messages about wrong arguments."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest
from bench import eval_configs, inputs
from bench.__main__ import main
from bench.harness import (
    BenchError,
    Figures,
    Measurement,
    Recorded,
    Result,
    Side,
    medians,
    run_side,
    take,
)
from bench.inputs import Inputs, data_file
from bench.report import ratio, table

from headrace_components import catalog

REPORTS = "import json; print('a word'); print(json.dumps({'seconds': 0.5, 'rows': 7}))"


def python(code: str, *, is_whole_process: bool = False, rows: int | None = None) -> Side:
    command = [sys.executable, "-c", code]
    return Side(
        label="a program", command=lambda _: command, is_whole_process=is_whole_process, rows=rows
    )


def result(headrace: Figures, beside: Figures | Recorded | None) -> Result:
    other = python("") if isinstance(beside, Figures) else beside
    return Result(
        measurement=Measurement(title="a thing", headrace=python(""), beside=other),
        headrace=(headrace,),
        beside=(beside,) if isinstance(beside, Figures) else (),
    )


def cells(text: str) -> list[str]:
    """Returns the cells of the table's first row below the header."""
    return [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]


def test_a_ratio_compares_seconds_per_row_where_both_sides_count_rows() -> None:
    ours = Figures(seconds=2.0, rows=1000)
    theirs = Figures(seconds=4.0, rows=100)

    assert ratio(ours, theirs) == pytest.approx(20.0)


def test_a_ratio_compares_seconds_where_a_side_has_no_rows() -> None:
    assert ratio(Figures(seconds=2.0, rows=1000), Figures(seconds=4.0)) == pytest.approx(2.0)


def test_medians_are_taken_of_each_figure_by_itself_and_skip_what_is_not_known() -> None:
    runs = [
        Figures(seconds=1.0, cpu_seconds=9.0, rows=5),
        Figures(seconds=3.0, cpu_seconds=7.0, rows=5),
        Figures(seconds=2.0, rows=5),
    ]

    assert medians(runs) == Figures(seconds=2.0, cpu_seconds=8.0, rows=5)


def test_the_table_has_both_sides_and_their_ratio_in_a_row() -> None:
    ours = Figures(seconds=2.0, cpu_seconds=1.5, peak_mib=1200.4, rows=4000)
    theirs = Figures(seconds=30.0, cpu_seconds=29.0, peak_mib=2400.0, rows=3000)

    assert cells(table([result(ours, theirs)])) == [
        *("a thing", "4,000", "2.00", "1.50", "2,000", "1,200"),
        *("a program", "3,000", "30.00", "29.00", "100", "2,400", "20.0"),
    ]


def test_the_table_marks_a_recorded_figure_and_leaves_blank_what_was_not_recorded() -> None:
    recorded = Recorded(label="TFX, recorded elsewhere", figures=Figures(seconds=8.0, rows=400))

    row = cells(table([result(Figures(seconds=2.0, rows=100), recorded)]))

    assert row[6:] == ["TFX, recorded elsewhere", "400", "8.00", "", "50", "", "1.0"]


def test_the_table_has_a_row_for_what_is_measured_alone() -> None:
    assert cells(table([result(Figures(seconds=2.0), None)]))[6:] == [""] * 7


def test_rows_that_only_headrace_counts_are_those_of_the_other_side_too() -> None:
    row = cells(table([result(Figures(seconds=2.0, rows=100), Figures(seconds=6.0))]))

    assert (row[7], row[12]) == ("100", "3.0")


def test_a_side_reports_its_figures_in_its_last_line(tmp_path: Path) -> None:
    assert run_side(python(REPORTS), tmp_path / "run") == Figures(seconds=0.5, rows=7)
    assert not (tmp_path / "run").exists()


def test_a_whole_process_is_measured_from_outside(tmp_path: Path) -> None:
    code = "import time; cells = bytearray(80 << 20); time.sleep(0.2)"

    figures = run_side(python(code, is_whole_process=True, rows=3), tmp_path / "run")

    assert figures.seconds > 0.2
    assert figures.rows == 3
    assert figures.cpu_seconds is not None
    assert figures.peak_mib is not None
    assert figures.peak_mib > 80


def test_both_sides_run_in_turns_and_every_run_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measurement = Measurement(title="it", headrace=python(REPORTS), beside=python(REPORTS))

    taken = take("it", measurement, tmp_path, repeat=2)

    assert len(taken.as_json("it")["headrace"]) == len(taken.beside) == 2
    assert [line.split(" a ")[0] for line in capsys.readouterr().err.splitlines()] == [
        *["it 1/2"] * 2,
        *["it 2/2"] * 2,
    ]


def test_a_process_that_ends_with_an_error_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ended with exit code 3, expected 0.*\n.*no room"):
        run_side(
            python("import sys; print('no room', file=sys.stderr); sys.exit(3)"), tmp_path / "r"
        )


def test_what_a_failed_run_wrote_is_not_kept(tmp_path: Path) -> None:
    failing = ["/bin/false"]
    side = Side(label="a program", command=lambda _: failing, keeps_directory=True)

    with pytest.raises(BenchError, match="ended with exit code 1"):
        run_side(side, tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_a_process_that_reports_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"printed \['done'\] last, expected a line of JSON"):
        run_side(python("print('done')"), tmp_path / "run")


def test_part_of_the_flights_keeps_the_header_and_copies_keep_every_row(tmp_path: Path) -> None:
    inputs = Inputs(directory=tmp_path / "inputs")
    source = tmp_path / "source"
    source.mkdir()
    (source / "flights.csv").write_text("a,b\n1,2\n3,4\n5,6\n", "utf-8")
    inputs.__dict__["flights_csv"] = source

    assert inputs.num_rows(source) == 3
    assert inputs.num_rows(inputs.repeated_flights(4)) == 12


def test_missing_data_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"flights\.csv is not there, .*Run `make bench`"):
        data_file(tmp_path / "flights.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "compiel"], r"--only names \['compiel'\], but the measurements are \['csv_"),
        (["--repeat", "0"], "--repeat is 0, expected 1 or more. Leave it out"),
        (["--rows", "-1"], "--rows is -1, expected 0 or more"),
        (["--tfx-rows", "-1"], "--tfx-rows is -1, expected 0 or more"),
        (["--tfx-python", "/no/python"], r"--tfx-python is '/no/python', expected a Python"),
        (["--tfx-python", "/bin/false"], r"--tfx-python is '/bin/false', which cannot import TFX"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2

    assert re.search(message, capsys.readouterr().err)


def test_tfx_evaluates_what_the_examples_evaluate() -> None:
    for name, expected in (("flights", eval_configs.FLIGHTS), ("penguins", eval_configs.PENGUINS)):
        assert expected == importlib.import_module(f"{name}.pipeline").EVAL_CONFIG


def test_a_measurement_is_written_with_every_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"

    assert main(["--only", "compile", "--repeat", "1", "--json", str(path)]) == 0

    (written,) = json.loads(path.read_text("utf-8"))["results"]
    assert written["headrace"][0]["seconds"] > 0
    assert "recorded elsewhere" in capsys.readouterr().out


def test_every_output_of_a_measured_component_is_announced(tmp_path: Path) -> None:
    measured = (
        "csv_example_gen",
        "statistics_gen",
        "schema_gen",
        "transform",
        "trainer",
        "evaluator",
    )
    for component in measured:
        declared = getattr(catalog, component).component_spec.outputs
        command = inputs.component_command(component, {}, {}, tmp_path)
        announced = json.loads(command[-1])["executor_input"]["outputs"]["artifacts"]
        assert set(announced) == set(declared)
        for port, ports in announced.items():
            (artifact,) = ports["artifacts"]
            assert artifact["type"]["schemaTitle"] == declared[port].type.partition("@")[0]
