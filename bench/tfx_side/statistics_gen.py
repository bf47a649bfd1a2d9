"""Runs TFX's StatisticsGen on Examples that Headrace wrote, imports left out of the cost."""

import json
import sys

from tfx.components.statistics_gen import executor
from tfx.types import standard_artifacts

from bench import clock
from bench.tfx_side import artifacts


def main() -> None:
    arguments = json.loads(sys.argv[1])
    inputs = {"examples": [artifacts.examples(arguments["examples"])]}
    kinds = {"statistics": standard_artifacts.ExampleStatistics}
    outputs = artifacts.outputs(arguments["output"], kinds)
    component = executor.Executor(artifacts.context(arguments["output"]))
    clock.report(clock.measure(lambda: component.Do(inputs, outputs, {"exclude_splits": "[]"})))


if __name__ == "__main__":
    main()
