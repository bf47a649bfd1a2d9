"""Runs one component by its real entry point, imports left out of the cost."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from bench import clock
from headrace_components.contract import task
from headrace_components.library.data.examples import ExamplesReader


def main() -> None:
    run(json.loads(sys.argv[1]))


def run(arguments: dict[str, Any]) -> None:
    """Runs the component of `arguments`, which come from `bench.inputs.component_command`."""
    component, message = arguments["component"], arguments["executor_input"]
    execute = importlib.import_module(f"headrace_components.{component}.executor").execute
    command_line = ["--executor_input", json.dumps(message)]
    codes: list[int] = []
    figures = clock.measure(lambda: codes.append(task.main(component, execute, command_line)))
    if codes != [0]:
        sys.exit(codes[0])
    if arguments["splits"]:
        path = message["inputs"]["artifacts"]["examples"]["artifacts"][0]["uri"]
        reader = ExamplesReader(Path(path), "bench")
        figures["rows"] = sum(reader.num_rows(split) for split in arguments["splits"])
    clock.report(figures)


if __name__ == "__main__":
    main()
