"""Reads CSV files with a header line into tf.Examples and splits them."""

from headrace_components.contract.artifact_types import EXAMPLES
from headrace_components.contract.declaration import Component, Output
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.sources.hooks import FILE_CHECKS, cache_of_files

COMPONENT = Component(
    name="csv_example_gen",
    doc=__doc__,
    outputs={
        "examples": Output(
            EXAMPLES, "The rows as gzip TFRecords of tf.Example, with a columnar twin."
        ),
    },
    parameters=CsvExampleGenParams,
    execution_type="tfx.components.example_gen.csv_example_gen.component.CsvExampleGen",
    cache=cache_of_files(CsvExampleGenParams),
    checks=FILE_CHECKS,
    read_paths=("input_base",),
    footprint="reading",
)
