"""The measurements, by name. Each says what runs on either side; `bench.harness` runs it."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import eval_configs
from bench.harness import Measurement, Side, progress, run_side
from bench.inputs import FLIGHTS, PENGUINS, data_file
from bench.sides import (
    Bench,
    compile_side,
    component_side,
    evaluator_side,
    gpu_name,
    recorded,
    run_command,
    tfx_side,
)

_COPIES = 4
_PENGUINS_TRAIN_STEPS = 200  # The default of examples/penguins.
_FLIGHTS_TRAIN_STEPS = 1500  # The default of examples/flights.
# Some seconds of a CPU each.
_FLIGHTS_MEASURED_STEPS = 600
_IMAGES_MEASURED_STEPS = 40
_STEPS_ON_A_GPU = 10


def csv_example_gen(bench: Bench) -> Measurement:
    inputs = bench.inputs
    all_rows = inputs.num_rows(inputs.flights_csv)
    rows = min(bench.tfx_rows or all_rows, all_rows)
    part = inputs.flights_csv if rows == all_rows else inputs.first_flights(rows)
    return Measurement(
        title="csv_example_gen, flights",
        headrace=_csv_side(inputs.flights_csv, all_rows),
        beside=tfx_side(bench, "csv_example_gen", lambda: {"csv": str(part)}, rows=rows)
        or recorded("CsvExampleGen, 336,776 flights", seconds=158.0, rows=336_776),
    )


def csv_memory(bench: Bench) -> Measurement:
    repeated = bench.inputs.repeated_flights(_COPIES)
    return Measurement(
        title=f"csv_example_gen, {_COPIES} times the file",
        headrace=_csv_side(repeated, bench.inputs.num_rows(repeated)),
    )


def statistics_gen(bench: Bench) -> Measurement:
    inputs = bench.inputs
    rows = inputs.num_rows(inputs.flights_csv)
    examples = {"examples": inputs.examples["examples"]}
    return Measurement(
        title="statistics_gen, flights",
        headrace=component_side("statistics_gen", {}, examples, rows=rows),
        beside=tfx_side(bench, "statistics_gen", lambda: _paths(examples), rows=rows)
        or recorded("StatisticsGen, 18 columns", seconds=70.8, rows=1_000_000, peak_mib=1_302),
    )


def transform(bench: Bench) -> Measurement:
    inputs = bench.inputs
    rows = inputs.num_rows(inputs.flights_csv)
    parameters = {"module_file": str(FLIGHTS / "module.py")}
    artifacts = {"examples": inputs.examples["examples"], "schema": inputs.schema["schema"]}
    return Measurement(
        title="transform, flights",
        headrace=component_side("transform", parameters, artifacts, rows=rows),
        beside=tfx_side(bench, "transform", lambda: {**_paths(artifacts), **parameters}, rows=rows)
        or recorded("Transform, taxi rides", seconds=226.7, rows=1_000_000, peak_mib=2_154),
    )


def trainer_input(bench: Bench) -> Measurement:
    transformed = bench.inputs.transformed
    paths = {
        "examples": transformed["transformed_examples"]["uri"],
        "schema": transformed["transform_graph"]["uri"] + "/transformed_metadata",
    }

    def side(label: str, reader: str) -> Side:
        arguments = json.dumps({**paths, "reader": reader})
        command = [sys.executable, "-m", "bench.headrace_side.trainer_input", arguments]
        return Side(label=label, command=lambda _: command)

    return Measurement(
        title="trainer's input, one epoch of flights",
        headrace=side("Headrace", "headrace"),
        beside=side("tfx_bsl TFExampleRecord", "tfx_bsl"),
    )


def training(bench: Bench) -> Measurement:
    transformed = bench.inputs.transformed
    arguments = {
        "examples": transformed["transformed_examples"]["uri"],
        "transform_graph": transformed["transform_graph"]["uri"],
    }
    return _training("flights", arguments, _FLIGHTS_MEASURED_STEPS)


def training_images(bench: Bench) -> Measurement:
    return _training(
        "images", {"images": str(bench.inputs.directory / "images")}, _IMAGES_MEASURED_STEPS
    )


def evaluator(bench: Bench) -> Measurement:
    artifacts = _evaluated(bench)

    def arguments() -> dict[str, Any]:
        return {**_paths(artifacts), "eval_config": eval_configs.FLIGHTS}

    return Measurement(
        title="evaluator, flights",
        headrace=evaluator_side(artifacts, "Headrace", "component"),
        beside=tfx_side(bench, "evaluator", arguments)
        or recorded("Evaluator, no slices", seconds=236.0, rows=333_693, peak_mib=1_604),
    )


def evaluator_beam(bench: Bench) -> Measurement:
    artifacts = _evaluated(bench)
    return Measurement(
        title="evaluator, flights",
        headrace=evaluator_side(artifacts, "Headrace", "component"),
        beside=evaluator_side(artifacts, "TFMA on Beam, here", "evaluator_on_beam"),
    )


def compile_flights(bench: Bench) -> Measurement:
    def arguments() -> dict[str, Any]:
        steps = _FLIGHTS_TRAIN_STEPS
        return _pipeline("flights", FLIGHTS, eval_configs.FLIGHTS, steps, has_validator=True)

    return Measurement(
        title="headrace compile, flights *",
        headrace=compile_side(),
        beside=tfx_side(bench, "compile_pipeline", arguments, is_whole_process=True)
        or recorded("compile, 9 nodes", seconds=13.57, cpu_seconds=13.84, peak_mib=795),
    )


def compile_kfp(bench: Bench) -> Measurement:  # noqa: ARG001  all measurements are made alike
    command = [sys.executable, "-c", "import kfp.compiler"]
    return Measurement(
        title="headrace compile, flights *",
        headrace=compile_side(),
        beside=Side(label="import kfp.compiler", command=lambda _: command, is_whole_process=True),
    )


def penguins(bench: Bench) -> Measurement:
    data_file(PENGUINS / "data/penguins.csv")

    def command(directory: Path) -> list[str]:
        return run_command(PENGUINS, PENGUINS / "data", directory)

    def arguments() -> dict[str, Any]:
        steps = _PENGUINS_TRAIN_STEPS
        return _pipeline("penguins", PENGUINS, eval_configs.PENGUINS, steps, has_validator=False)

    return Measurement(
        title="penguins, end to end *",
        headrace=Side(label="Headrace", command=command, is_whole_process=True),
        beside=tfx_side(bench, "run_pipeline", arguments, is_whole_process=True)
        or recorded("penguins", seconds=71.1, cpu_seconds=70.6, peak_mib=1_086),
    )


def flights(bench: Bench) -> Measurement:
    return Measurement(title="flights, end to end *", headrace=_flights_side(bench))


def flights_cached(bench: Bench) -> Measurement:
    root = bench.directory / "flights-headrace-0"
    if not root.is_dir():
        progress("preparing: flights, end to end")
        run_side(_flights_side(bench), root)

    def command(_: Path) -> list[str]:
        return run_command(FLIGHTS, bench.inputs.flights_csv, root / "written")

    return Measurement(
        title="flights again, all from the cache *",
        headrace=Side(label="Headrace", command=command, is_whole_process=True),
    )


MEASUREMENTS: Mapping[str, Callable[[Bench], Measurement]] = {
    "csv_example_gen": csv_example_gen,
    "csv_memory": csv_memory,
    "statistics_gen": statistics_gen,
    "transform": transform,
    "trainer_input": trainer_input,
    "training": training,
    "training_images": training_images,
    "evaluator": evaluator,
    "evaluator_beam": evaluator_beam,
    "compile": compile_flights,
    "compile_kfp": compile_kfp,
    "penguins": penguins,
    "flights": flights,
    "flights_cached": flights_cached,
}


def _training(what: str, arguments: Mapping[str, Any], steps: int) -> Measurement:
    device = gpu_name()
    steps *= _STEPS_ON_A_GPU if device else 1

    def side(label: str, loop: str) -> Side:
        text = json.dumps({**arguments, "loop": loop, "steps": steps, "xla": bool(device)})
        command = [sys.executable, "-m", "bench.headrace_side.training", text]
        return Side(label=label, command=lambda _: command)

    return Measurement(
        title=f"training, {what}, on {device or 'the CPU: no GPU was there'}",
        headrace=side("Headrace", "run_fn"),
        beside=side(f"tf.data{' + XLA' if device else ''} by hand", "hand"),
    )


def _csv_side(csv: Path, rows: int) -> Side:
    return component_side("csv_example_gen", {"input_base": str(csv)}, {}, rows=rows)


def _evaluated(bench: Bench) -> dict[str, Any]:
    inputs = bench.inputs
    return {
        "examples": inputs.examples["examples"],
        "model": inputs.model["model"],
        "schema": inputs.schema["schema"],
    }


def _flights_side(bench: Bench) -> Side:
    def command(directory: Path) -> list[str]:
        return run_command(FLIGHTS, bench.inputs.flights_csv, directory)

    return Side(label="Headrace", command=command, is_whole_process=True, keeps_directory=True)


def _pipeline(
    name: str, example: Path, eval_config: Any, train_steps: int, *, has_validator: bool
) -> dict[str, Any]:
    """Returns what `bench.tfx_side.pipelines` makes a pipeline of, but its output directory."""
    return {
        "name": name,
        "csv": str(example / "data"),
        "module_file": str(example / "module.py"),
        "eval_config": eval_config,
        "train_steps": train_steps,
        "has_validator": has_validator,
    }


def _paths(artifacts: Mapping[str, Any]) -> dict[str, str]:
    return {port: artifact["uri"] for port, artifact in artifacts.items()}
