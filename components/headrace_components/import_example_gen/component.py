"""Imports files of serialized examples and splits them.

This example has tf.Examples in one directory per day. It reads the latest day and divides it
2:1:

    import_example_gen(
        input_base="gs://bucket/rides",
        input_config={"splits": [{"name": "all", "pattern": "{YYYY}-{MM}-{DD}/*.tfrecord.gz"}]},
    )

This example has sequence examples that are already divided:

    import_example_gen(
        input_base="/data/reviews",
        input_config={
            "splits": [
                {"name": "train", "pattern": "train-*"},
                {"name": "eval", "pattern": "test-*"},
            ]
        },
        payload_format="FORMAT_TF_SEQUENCE_EXAMPLE",
    )
"""

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Output
from headrace_components.import_example_gen.params import ImportExampleGenParams
from headrace_components.library.sources.hooks import FILE_CHECKS, cache_of_files

COMPONENT = Component(
    name="import_example_gen",
    doc=__doc__,
    outputs={
        "examples": Output(
            EXAMPLES,
            """The unchanged records, in gzip TFRecords, or in Parquet files for
            `FORMAT_PARQUET`.""",
        ),
    },
    parameters=ImportExampleGenParams,
    execution_type="tfx.components.example_gen.import_example_gen.component.ImportExampleGen",
    cache=cache_of_files(ImportExampleGenParams),
    checks=FILE_CHECKS,
    read_paths=("input_base",),
    footprint="reading",
)
