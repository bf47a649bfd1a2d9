"""Reads one shuffled epoch as a trainer does: through Headrace's data accessor, or tfx_bsl's."""

import json
import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx_bsl.public import tfxio

from bench import clock
from headrace_components.library.data import schemas
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.user_code.data_accessor import make_data_accessor

BATCH_SIZE = 512  # As in the flights example.


def main() -> None:
    arguments = json.loads(sys.argv[1])
    reader = ExamplesReader(Path(arguments["examples"]), "bench")
    files = [reader.tfrecord_pattern("train")]
    schema = schemas.read(Path(arguments["schema"]))
    options = tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, num_epochs=1, shuffle_seed=13)

    def epoch() -> None:
        if arguments["reader"] == "tfx_bsl":
            records = tfxio.TFExampleRecord(files, schema=schema)
            _drain(records.TensorFlowDataset(options))
        else:
            _drain(make_data_accessor("bench").tf_dataset_factory(files, options, schema))

    figures = clock.measure(epoch)
    clock.report({**figures, "rows": reader.num_rows("train")})


def _drain(dataset: tf.data.Dataset) -> Any:
    # In the graph, as Keras reads it, not batch by batch in Python.
    return dataset.reduce(tf.constant(0, tf.int64), lambda count, _: count + 1)


if __name__ == "__main__":
    main()
