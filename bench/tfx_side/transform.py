"""Runs TFX's Transform with all that it writes by default, imports left out of the cost."""

import json
import sys

from tfx.components.transform import executor
from tfx.types import standard_artifacts

from bench import clock
from bench.tfx_side import artifacts

KINDS = {
    "transform_graph": standard_artifacts.TransformGraph,
    "transformed_examples": standard_artifacts.Examples,
    "updated_analyzer_cache": standard_artifacts.TransformCache,
    "pre_transform_schema": standard_artifacts.Schema,
    "pre_transform_stats": standard_artifacts.ExampleStatistics,
    "post_transform_schema": standard_artifacts.Schema,
    "post_transform_stats": standard_artifacts.ExampleStatistics,
    "post_transform_anomalies": standard_artifacts.ExampleAnomalies,
}


def main() -> None:
    arguments = json.loads(sys.argv[1])
    inputs = {
        "examples": [artifacts.examples(arguments["examples"])],
        "schema": [artifacts.at(standard_artifacts.Schema, arguments["schema"])],
    }
    outputs = artifacts.outputs(arguments["output"], KINDS)
    properties = {"module_file": arguments["module_file"], "disable_statistics": 0}
    component = executor.Executor(artifacts.context(arguments["output"]))
    clock.report(clock.measure(lambda: component.Do(inputs, outputs, properties)))


if __name__ == "__main__":
    main()
