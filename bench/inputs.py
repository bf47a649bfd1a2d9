"""The inputs of measurements: parts of the flights, and outputs of Headrace's components."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from bench.harness import REPOSITORY, BenchError, progress, run_process
from headrace_components.contract.artifact_types import ArtifactType
from headrace_components.contract.declaration import find

FLIGHTS = REPOSITORY / "examples/flights"
PENGUINS = REPOSITORY / "examples/penguins"

# Enough for a model that is not constant; the quality of its predictions does not matter here.
_TRAIN_STEPS = 200

Artifacts = Mapping[str, Any]  # By port: an artifact as an ExecutorInput has it.


@dataclass(kw_only=True)
class Inputs:
    """The inputs of all measurements, each made when it is first asked for.

    Attributes:
        directory: Where they are written.
        rows: Flights to measure with; 0 takes all.
    """

    directory: Path
    rows: int = 0
    _counts: dict[Path, int] = field(default_factory=dict)

    @cached_property
    def flights_csv(self) -> Path:
        """The directory of the CSV file that everything is measured with."""
        return self.first_flights(self.rows)

    def first_flights(self, rows: int) -> Path:
        """Returns a directory with the first `rows` flights as CSV; all of them for 0."""
        source = data_file(FLIGHTS / "data/flights.csv")
        if not rows:
            return source.parent
        target = self.directory / f"flights-{rows}"
        if not target.is_dir():
            target.mkdir(parents=True)
            with source.open("rb") as lines, (target / source.name).open("wb") as first:
                first.writelines(islice(lines, rows + 1))
        return target

    def repeated_flights(self, times: int) -> Path:
        """Returns a directory that has the CSV file `times` times."""
        target = self.directory / f"flights-times-{times}"
        if not target.is_dir():
            target.mkdir(parents=True)
            (source,) = self.flights_csv.iterdir()
            for copy in range(times):
                (target / f"{copy}-{source.name}").symlink_to(source.resolve())
        return target

    def num_rows(self, directory: Path) -> int:
        """Returns how many rows the CSV files of a directory have, headers left out."""
        if directory not in self._counts:
            # No cell of the flights contains a line break.
            self._counts[directory] = sum(_num_lines(path) - 1 for path in directory.iterdir())
        return self._counts[directory]

    @cached_property
    def examples(self) -> Artifacts:
        """The flights as Examples."""
        parameters = {"input_base": str(self.flights_csv)}
        return self._made("csv_example_gen", parameters, {})

    @cached_property
    def schema(self) -> Artifacts:
        """Their schema, without shapes, as the transform of the example expects it."""
        made = self._made("statistics_gen", {}, _only(self.examples, "examples"))
        statistics = _only(made, "statistics")
        return self._made("schema_gen", {"infer_feature_shape": False}, statistics)

    @cached_property
    def transformed(self) -> Artifacts:
        """All that transform makes of them."""
        inputs = {**_only(self.examples, "examples"), **self.schema}
        return self._made("transform", {"module_file": str(FLIGHTS / "module.py")}, inputs)

    @cached_property
    def model(self) -> Artifacts:
        """A model of them, with the transform in its graph."""
        parameters = {"module_file": str(FLIGHTS / "module.py"), "train_steps": _TRAIN_STEPS}
        inputs = {
            "examples": self.transformed["transformed_examples"],
            "transform_graph": self.transformed["transform_graph"],
        }
        return _only(self._made("trainer", parameters, inputs), "model")

    def _made(self, component: str, parameters: Mapping[str, Any], inputs: Artifacts) -> Artifacts:
        progress(f"preparing: {component}")
        directory = self.directory / component
        shutil.rmtree(directory, ignore_errors=True)  # of an attempt that failed
        directory.mkdir(parents=True)
        run_process(component_command(component, parameters, inputs, directory), directory)
        published = json.loads((directory / "output.json").read_text("utf-8"))["artifacts"]
        return {port: entry["artifacts"][0] for port, entry in published.items()}


def component_command(
    component: str,
    parameters: Mapping[str, Any],
    inputs: Artifacts,
    directory: Path,
    *,
    module: str = "component",
    splits: tuple[str, ...] = (),
) -> list[str]:
    """Returns the command that runs a component and reports what it cost.

    Args:
        component: Name of the component.
        parameters: Its parameters.
        inputs: Its input artifacts by port.
        directory: Where its outputs go, by port, and `output.json`.
        module: The module of `bench.headrace_side` that runs it.
        splits: Splits of input `examples` whose rows are those that it processes; none where the
            number of rows is known.
    """
    executor_input = {
        "inputs": {
            "parameterValues": dict(parameters),
            "artifacts": {port: {"artifacts": [entry]} for port, entry in inputs.items()},
        },
        "outputs": {
            "outputFile": str(directory / "output.json"),
            "artifacts": _outputs(component, directory),
        },
    }
    arguments = {"component": component, "executor_input": executor_input, "splits": splits}
    return [sys.executable, "-m", f"bench.headrace_side.{module}", json.dumps(arguments)]


def _outputs(component: str, directory: Path) -> dict[str, Any]:
    """Returns the output artifacts by port. Declarations need no kfp, whose import takes memory."""
    declared = find(component)
    if declared is None:
        raise LookupError(component)
    return {
        port: {
            "artifacts": [
                {
                    "name": port,
                    "type": {"schemaTitle": output.type.schema_title},
                    "uri": str(directory / port),
                    "metadata": {},
                }
            ]
        }
        for port, output in declared.outputs.items()
        if isinstance(output.type, ArtifactType)
    }


def data_file(path: Path) -> Path:
    """Returns `path`.

    Raises:
        BenchError: It is not there.
    """
    if not path.is_file():
        raise BenchError(
            f"bench: {path} is not there, expected the data that prepare_data.py writes. Run "
            "`make bench`, which prepares it."
        )
    return path


def _only(artifacts: Artifacts, port: str) -> Artifacts:
    return {port: artifacts[port]}


def _num_lines(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for _ in lines)
