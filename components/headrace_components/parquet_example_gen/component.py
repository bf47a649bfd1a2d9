"""Reads Parquet files into tf.Examples and splits them.

Integers and booleans become int64, other numbers float32. Text and bytes become bytes. Dates
and times become text in ISO 8601 format. A list keeps its values. 0, False and the empty text
are values; TFX treats them as missing. This example reads the files of the latest day, and
divides them by customer:

    parquet_example_gen(
        input_base="gs://bucket/orders",
        input_config={"splits": [{"name": "all", "pattern": "day={YYYY}-{MM}-{DD}/*.parquet"}]},
        output_config={
            "split_config": {
                "splits": [
                    {"name": "train", "hash_buckets": 9},
                    {"name": "eval", "hash_buckets": 1},
                ],
                "partition_feature_name": "customer",
            }
        },
    )
"""

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Output
from headrace_components.library.sources.hooks import FILE_CHECKS, cache_of_files
from headrace_components.parquet_example_gen.params import ParquetExampleGenParams

COMPONENT = Component(
    name="parquet_example_gen",
    doc=__doc__,
    outputs={
        "examples": Output(
            EXAMPLES, "The rows as gzip TFRecords of tf.Example, with a columnar twin."
        ),
    },
    parameters=ParquetExampleGenParams,
    cache=cache_of_files(ParquetExampleGenParams),
    checks=FILE_CHECKS,
    read_paths=("input_base",),
    footprint="reading",
)
