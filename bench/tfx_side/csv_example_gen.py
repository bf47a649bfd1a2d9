"""Runs TFX's CsvExampleGen, imports left out of the cost."""

import json
import sys

from tfx.components.example_gen import utils
from tfx.components.example_gen.csv_example_gen import executor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from bench import clock
from bench.tfx_side import artifacts


def main() -> None:
    arguments = json.loads(sys.argv[1])
    input_config = utils.make_default_input_config()
    output_config = utils.make_default_output_config(input_config)
    properties = {
        "input_base": arguments["csv"],
        "input_config": proto_utils.proto_to_json(input_config),
        "output_config": proto_utils.proto_to_json(output_config),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
        "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
    }
    outputs = artifacts.outputs(arguments["output"], {"examples": standard_artifacts.Examples})
    component = executor.Executor(artifacts.context(arguments["output"]))
    clock.report(clock.measure(lambda: component.Do({}, outputs, properties)))


if __name__ == "__main__":
    main()
