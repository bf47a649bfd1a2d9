"""TFX's extension for BigQuery. The classes have TFX's names, from which the ids of nodes come."""

from headrace_tfx.authoring.executor_specs import ExecutorClassSpec
from headrace_tfx.components import executors, vertex
from headrace_tfx.components.example_gens import BigQueryExampleGen

PUSHER_SERVING_ARGS_KEY = "bigquery_serving_args"


class Pusher(vertex.Pusher):
    """Pushes to BigQuery ML. Headrace refuses it when the pipeline is read."""

    EXECUTOR_SPEC = ExecutorClassSpec(executors.BigQueryPusherExecutor)


__all__ = ["PUSHER_SERVING_ARGS_KEY", "BigQueryExampleGen", "Pusher"]
