"""Runs TFX's Evaluator on a model that Headrace trained, imports left out of the cost."""

import json
import sys

from tfx.components.evaluator import executor
from tfx.types import standard_artifacts

from bench import clock
from bench.tfx_side import artifacts

KINDS = {
    "evaluation": standard_artifacts.ModelEvaluation,
    "blessing": standard_artifacts.ModelBlessing,
}


def main() -> None:
    arguments = json.loads(sys.argv[1])
    inputs = {
        "examples": [artifacts.examples(arguments["examples"])],
        "model": [artifacts.at(standard_artifacts.Model, arguments["model"])],
        "schema": [artifacts.at(standard_artifacts.Schema, arguments["schema"])],
    }
    outputs = artifacts.outputs(arguments["output"], KINDS)
    properties = {"eval_config": json.dumps(arguments["eval_config"])}
    component = executor.Executor(artifacts.context(arguments["output"]))
    clock.report(clock.measure(lambda: component.Do(inputs, outputs, properties)))


if __name__ == "__main__":
    main()
