"""TFX's components that Headrace refuses, and what to use instead."""

from typing import Any

from headrace.frontend.tfx_pipelines.translation import Translated, Translation, Translator


def refused(reason: str) -> Translator:
    """Returns the translator of a component that there is nothing for.

    Args:
        reason: What is not there, and what to use instead, in whole sentences.
    """

    def translate(_: Any, translation: Translation) -> Translated:
        raise translation.error(f"{reason} docs/from-tfx.md has more.")

    return translate


DATA_VIEW = refused(
    "Headrace has no data views: their decoders need struct2tensor. Write the records as "
    "tf.Examples, and read them with ImportExampleGen."
)
MODEL_VALIDATOR = refused(
    "ModelValidator is gone from TFX. Use Evaluator with a `baseline_model` and a "
    "`change_threshold` in its eval_config."
)
BIGQUERY_PUSHER = refused(
    "Headrace has no pusher to BigQuery ML. Use Pusher with a directory in Cloud Storage, and run "
    "CREATE MODEL ... OPTIONS (model_type='TENSORFLOW', model_path=...) on it."
)
AI_PLATFORM_BULK_INFERRER = refused(
    "Google has retired the AI Platform that this component predicts on. Use BulkInferrer, which "
    "also runs on Dataflow."
)
NO_FILE_FORMAT = refused(
    "FileBasedExampleGen needs an executor for its format, expected `custom_executor_spec`. Use "
    "CsvExampleGen or ImportExampleGen, or name the executor for Avro or Parquet."
)
NO_DATABASE = refused(
    "QueryBasedExampleGen needs an executor for its database. Use BigQueryExampleGen, or write "
    "query_example_gen of Headrace's catalogue into the converted pipeline."
)
MANUAL_NODE = refused(
    "ManualNode is a step that a person does, which no backend waits for. Split the pipeline "
    "there, and start the second one by hand."
)
