"""Marks for the executors of TFX's components: our components do their work.

Authors name these classes: `ExecutorClassSpec(GenericExecutor)` chooses one, and a class derived
from one is an executor of the author's own.
"""

from typing import Any, ClassVar


class BuiltinExecutor:
    """What runs a component of TFX.

    Attributes:
        COMPONENT: Name of the component's class.
    """

    COMPONENT: ClassVar[str] = ""

    def Do(self, *args: Any, **kwargs: Any) -> None:  # noqa: N802  TFX's name
        """Raises an error: the executor is not here."""
        raise NotImplementedError(
            f"the executor of {self.COMPONENT} is not part of Headrace, whose own component does "
            "its work. Derive your class from BaseExecutor."
        )


class FileBasedExampleGenExecutor(BuiltinExecutor):
    """Of FileBasedExampleGen, which has no format of its own."""

    COMPONENT = "FileBasedExampleGen"


class QueryBasedExampleGenExecutor(BuiltinExecutor):
    """Of QueryBasedExampleGen, which has no database of its own."""

    COMPONENT = "QueryBasedExampleGen"


class CsvExampleGenExecutor(BuiltinExecutor):
    """Reads CSV files."""

    COMPONENT = "CsvExampleGen"


class ImportExampleGenExecutor(BuiltinExecutor):
    """Reads TFRecord files."""

    COMPONENT = "ImportExampleGen"


class AvroExecutor(BuiltinExecutor):
    """Reads Avro files, for FileBasedExampleGen."""

    COMPONENT = "FileBasedExampleGen"


class ParquetExecutor(BuiltinExecutor):
    """Reads Parquet files, for FileBasedExampleGen."""

    COMPONENT = "FileBasedExampleGen"


class BigQueryExampleGenExecutor(BuiltinExecutor):
    """Of BigQueryExampleGen."""

    COMPONENT = "BigQueryExampleGen"


class StatisticsGenExecutor(BuiltinExecutor):
    """Of StatisticsGen."""

    COMPONENT = "StatisticsGen"


class SchemaGenExecutor(BuiltinExecutor):
    """Of SchemaGen."""

    COMPONENT = "SchemaGen"


class ImportSchemaGenExecutor(BuiltinExecutor):
    """Of ImportSchemaGen."""

    COMPONENT = "ImportSchemaGen"


class ExampleValidatorExecutor(BuiltinExecutor):
    """Of ExampleValidator."""

    COMPONENT = "ExampleValidator"


class ExampleDiffExecutor(BuiltinExecutor):
    """Of ExampleDiff."""

    COMPONENT = "ExampleDiff"


class DistributionValidatorExecutor(BuiltinExecutor):
    """Of DistributionValidator."""

    COMPONENT = "DistributionValidator"


class FilterExecutor(BuiltinExecutor):
    """Of FilterComponent."""

    COMPONENT = "FilterComponent"


class DataViewExecutor(BuiltinExecutor):
    """Of TfGraphDataViewProvider and DataViewBinder."""

    COMPONENT = "DataViewBinder"


class TransformExecutor(BuiltinExecutor):
    """Of Transform."""

    COMPONENT = "Transform"


class GenericExecutor(BuiltinExecutor):
    """Calls a `run_fn`, as Trainer always does here."""

    COMPONENT = "Trainer"


class TunerExecutor(BuiltinExecutor):
    """Of Tuner."""

    COMPONENT = "Tuner"


class EvaluatorExecutor(BuiltinExecutor):
    """Of Evaluator."""

    COMPONENT = "Evaluator"


class InfraValidatorExecutor(BuiltinExecutor):
    """Of InfraValidator."""

    COMPONENT = "InfraValidator"


class ModelValidatorExecutor(BuiltinExecutor):
    """Of ModelValidator."""

    COMPONENT = "ModelValidator"


class PusherExecutor(BuiltinExecutor):
    """Copies a model to a directory."""

    COMPONENT = "Pusher"


class BulkInferrerExecutor(BuiltinExecutor):
    """Of BulkInferrer."""

    COMPONENT = "BulkInferrer"


class VertexTrainerExecutor(BuiltinExecutor):
    """Trains on Vertex AI: that of `extensions.google_cloud_ai_platform.trainer`."""

    COMPONENT = "Trainer"


class VertexTunerExecutor(BuiltinExecutor):
    """Tunes on Vertex AI: that of `extensions.google_cloud_ai_platform.tuner`."""

    COMPONENT = "Tuner"


class VertexPusherExecutor(BuiltinExecutor):
    """Deploys to Vertex AI: that of `extensions.google_cloud_ai_platform.pusher`."""

    COMPONENT = "Pusher"


class CloudAIBulkInferrerExecutor(BuiltinExecutor):
    """Predicts on Google's retired AI Platform."""

    COMPONENT = "CloudAIBulkInferrerComponent"


class BigQueryPusherExecutor(BuiltinExecutor):
    """Pushes to BigQuery ML: that of `extensions.google_cloud_big_query.pusher`."""

    COMPONENT = "Pusher"
