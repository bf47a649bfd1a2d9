"""Components that bring examples into a pipeline."""

from typing import Any

from headrace_tfx.artifacts import standard
from headrace_tfx.authoring.channels import Channel
from headrace_tfx.authoring.executor_specs import BeamExecutorSpec
from headrace_tfx.authoring.nodes import BaseBeamComponent
from headrace_tfx.components import executors
from headrace_tfx.components.specs import FileBasedExampleGenSpec, QueryBasedExampleGenSpec

PAYLOAD_FORMATS = {
    "FORMAT_UNSPECIFIED": 0,
    "FORMAT_TF_EXAMPLE": 6,
    "FORMAT_TF_SEQUENCE_EXAMPLE": 7,
    "FORMAT_PROTO": 11,
    "FORMAT_PARQUET": 15,
}
FILE_FORMATS = {
    "FILE_FORMAT_UNSPECIFIED": 0,
    "FORMAT_TFRECORDS_GZIP": 5,
    "FILE_FORMAT_PARQUET": 16,
}
FORMAT_TF_EXAMPLE = PAYLOAD_FORMATS["FORMAT_TF_EXAMPLE"]
FORMAT_TFRECORDS_GZIP = FILE_FORMATS["FORMAT_TFRECORDS_GZIP"]


class FileBasedExampleGen(BaseBeamComponent):
    """Makes examples from files, with an executor for their format.

    Outputs: `examples`.
    """

    SPEC_CLASS = FileBasedExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.FileBasedExampleGenExecutor)

    def __init__(
        self,
        input_base: Any = None,
        input_config: Any = None,
        output_config: Any = None,
        custom_config: Any = None,
        range_config: Any = None,
        output_data_format: Any = FORMAT_TF_EXAMPLE,
        output_file_format: Any = FORMAT_TFRECORDS_GZIP,
        custom_executor_spec: Any = None,
    ) -> None:
        spec = FileBasedExampleGenSpec(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            custom_config=custom_config,
            range_config=range_config,
            output_data_format=output_data_format,
            output_file_format=output_file_format,
            examples=Channel(type=standard.Examples),
        )
        super().__init__(spec=spec, custom_executor_spec=custom_executor_spec)


class CsvExampleGen(FileBasedExampleGen):
    """Makes examples from CSV files.

    Outputs: `examples`.
    """

    EXECUTOR_SPEC = BeamExecutorSpec(executors.CsvExampleGenExecutor)

    def __init__(
        self,
        input_base: Any = None,
        input_config: Any = None,
        output_config: Any = None,
        range_config: Any = None,
    ) -> None:
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            range_config=range_config,
        )


class ImportExampleGen(FileBasedExampleGen):
    """Makes examples from TFRecord files.

    Outputs: `examples`.
    """

    EXECUTOR_SPEC = BeamExecutorSpec(executors.ImportExampleGenExecutor)

    def __init__(
        self,
        input_base: Any = None,
        input_config: Any = None,
        output_config: Any = None,
        range_config: Any = None,
        payload_format: Any = FORMAT_TF_EXAMPLE,
    ) -> None:
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            range_config=range_config,
            output_data_format=payload_format,
        )


class QueryBasedExampleGen(BaseBeamComponent):
    """Makes examples from the answers of a database, with an executor for it.

    Outputs: `examples`.

    Raises:
        ValueError: A format is none of TFX's.
    """

    SPEC_CLASS = QueryBasedExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executors.QueryBasedExampleGenExecutor)

    def __init__(
        self,
        input_config: Any,
        output_config: Any = None,
        custom_config: Any = None,
        range_config: Any = None,
        output_data_format: Any = FORMAT_TF_EXAMPLE,
        output_file_format: Any = FORMAT_TFRECORDS_GZIP,
        custom_executor_spec: Any = None,
    ) -> None:
        name = type(self).__name__
        _check_format(name, "output_data_format", output_data_format, PAYLOAD_FORMATS)
        _check_format(name, "output_file_format", output_file_format, FILE_FORMATS)
        spec = QueryBasedExampleGenSpec(
            input_config=input_config,
            output_config=output_config,
            custom_config=custom_config,
            range_config=range_config,
            output_data_format=output_data_format,
            output_file_format=output_file_format,
            examples=Channel(type=standard.Examples),
        )
        super().__init__(spec=spec, custom_executor_spec=custom_executor_spec)


class BigQueryExampleGen(QueryBasedExampleGen):
    """Makes examples from BigQuery: `extensions.google_cloud_big_query.BigQueryExampleGen`.

    Outputs: `examples`.

    Raises:
        RuntimeError: There is neither `query` nor `input_config`, or there are both.
    """

    EXECUTOR_SPEC = BeamExecutorSpec(executors.BigQueryExampleGenExecutor)

    def __init__(
        self,
        query: Any = None,
        input_config: Any = None,
        output_config: Any = None,
        range_config: Any = None,
        custom_executor_spec: Any = None,
        custom_config: Any = None,
    ) -> None:
        if bool(query) == bool(input_config):
            raise RuntimeError(
                f"{type(self).__name__}: got query={query!r} and input_config={input_config!r}, "
                "expected one of them."
            )
        if input_config is None:
            # As TFX's default: the answer is one split, whose pattern is the query.
            input_config = {"splits": [{"name": "single_split", "pattern": query}]}
        super().__init__(
            input_config=input_config,
            output_config=output_config,
            custom_config=custom_config,
            range_config=range_config,
            custom_executor_spec=custom_executor_spec,
        )
        if query is not None:
            self.exec_properties["query"] = query


def _check_format(component: str, argument: str, value: Any, known: dict[str, int]) -> None:
    if value not in known.values():
        names = ", ".join(f"{name} ({number})" for name, number in known.items())
        raise ValueError(f"{component}: `{argument}` is {value!r}, expected one of {names}.")
