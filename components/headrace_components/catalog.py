"""Every component: `from headrace_components.catalog import trainer`."""

from headrace_components.avro_example_gen.interface import avro_example_gen
from headrace_components.bigquery_example_gen.interface import bigquery_example_gen
from headrace_components.bulk_inferrer.interface import bulk_inferrer
from headrace_components.csv_example_gen.interface import csv_example_gen
from headrace_components.distribution_validator.interface import distribution_validator
from headrace_components.evaluator.interface import evaluator
from headrace_components.example_diff.interface import example_diff
from headrace_components.example_validator.interface import example_validator
from headrace_components.filter_examples.interface import filter_examples
from headrace_components.import_example_gen.interface import import_example_gen
from headrace_components.import_schema_gen.interface import import_schema_gen
from headrace_components.infra_validator.interface import infra_validator
from headrace_components.kubernetes_pusher.interface import kubernetes_pusher
from headrace_components.latest_artifact.interface import latest_artifact
from headrace_components.latest_blessed_model.interface import latest_blessed_model
from headrace_components.parquet_example_gen.interface import parquet_example_gen
from headrace_components.pusher.interface import pusher
from headrace_components.query_example_gen.interface import query_example_gen
from headrace_components.schema_gen.interface import schema_gen
from headrace_components.span_range.interface import span_range
from headrace_components.statistics_gen.interface import statistics_gen
from headrace_components.tfjs_converter.interface import tfjs_converter
from headrace_components.tflite_converter.interface import tflite_converter
from headrace_components.trainer.interface import trainer
from headrace_components.transform.interface import transform
from headrace_components.tuner.interface import tuner
from headrace_components.vertex_pusher.interface import vertex_pusher

__all__ = [
    "avro_example_gen",
    "bigquery_example_gen",
    "bulk_inferrer",
    "csv_example_gen",
    "distribution_validator",
    "evaluator",
    "example_diff",
    "example_validator",
    "filter_examples",
    "import_example_gen",
    "import_schema_gen",
    "infra_validator",
    "kubernetes_pusher",
    "latest_artifact",
    "latest_blessed_model",
    "parquet_example_gen",
    "pusher",
    "query_example_gen",
    "schema_gen",
    "span_range",
    "statistics_gen",
    "tfjs_converter",
    "tflite_converter",
    "trainer",
    "transform",
    "tuner",
    "vertex_pusher",
]
