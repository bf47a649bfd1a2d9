"""Runs queries in BigQuery, and reads their results as Arrow.

An emulator is used if BIGQUERY_EMULATOR_HOST has its URL, as in the client library.
BIGQUERY_STORAGE_EMULATOR_HOST may then have the host and port of its Storage Read API.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import google.auth
import grpc
import pyarrow as pa
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (
    BigQueryReadGrpcTransport,
)

from headrace_components.bigquery_example_gen.failures import (
    errors_explained,
    reason_of,
    shortened,
)
from headrace_components.bigquery_example_gen.params import BigqueryExampleGenParams
from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.texts import one_line

_COMPONENT = BigqueryExampleGenParams.component
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_EMULATOR = "BIGQUERY_EMULATOR_HOST"
_STORAGE_EMULATOR = "BIGQUERY_STORAGE_EMULATOR_HOST"

# Responses of the Storage Read API have some hundred rows, too few to encode well.
_ROWS_PER_BATCH = 10_000
# Each stream needs a thread and keeps some responses in memory.
_MAX_STREAMS = 8
# An error at the first request is rarely temporary; the library would try for ten minutes.
_FIRST_RETRY = DEFAULT_RETRY.with_timeout(15)

_TYPES = frozenset(
    {
        "BIGNUMERIC",
        "BOOL",
        "BOOLEAN",
        "BYTES",
        "DATE",
        "DATETIME",
        "FLOAT",
        "FLOAT64",
        "GEOGRAPHY",
        "INT64",
        "INTEGER",
        "JSON",
        "NUMERIC",
        "STRING",
        "TIME",
        "TIMESTAMP",
    }
)
_STRUCTS = frozenset({"RECORD", "STRUCT"})


class BigQuery:
    """Runs queries.

    Args:
        client: The client of the REST API.
        storage: The client of the Storage Read API, or None to read by the REST API.
        params: How to run them.
    """

    def __init__(
        self,
        client: bigquery.Client,
        storage: BigQueryReadClient | None,
        params: BigqueryExampleGenParams,
    ) -> None:
        self._client = client
        self._storage = storage
        self._params = params

    def batches(self, split: str, query: str) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a query.

        Args:
            split: Name of the input split, for error messages.
            query: The query, in GoogleSQL.

        Raises:
            InputError: BigQuery refuses the query, the query is not a SELECT, or the type of a
                column does not exist in tf.Examples.
            PlatformError: BigQuery does not answer, or does not let this task in.
        """
        with errors_explained(query):
            self._check(split, query)
            job = self._client.query(query, job_config=self._config())
            yield from _regrouped(self._arrow(job))

    def _config(self, *, dry_run: bool = False) -> bigquery.QueryJobConfig:
        config = bigquery.QueryJobConfig(labels=dict(self._params.labels), dry_run=dry_run)
        if self._params.maximum_bytes_billed:
            config.maximum_bytes_billed = self._params.maximum_bytes_billed
        return config

    def _check(self, split: str, query: str) -> None:
        """Lets BigQuery plan the query, which costs nothing and changes nothing."""
        plan = self._client.query(
            query, job_config=self._config(dry_run=True), retry=_FIRST_RETRY, job_retry=None
        )
        if plan.statement_type != "SELECT":
            raise InputError(
                f"{shortened(query)} is a statement of the kind "
                f"{plan.statement_type}, expected a SELECT. It was not run. Give a query."
            )
        _check_types(plan.schema or ())
        logging.info(
            "%s: the query of input split %r processes %s bytes.",
            _COMPONENT,
            split,
            f"{plan.total_bytes_processed or 0:,}",
        )

    def _arrow(self, job: bigquery.QueryJob) -> Iterator[pa.RecordBatch]:
        rows = job.result()
        _check_types(rows.schema)
        batches = iter(
            rows.to_arrow_iterable(bqstorage_client=self._storage, max_stream_count=_MAX_STREAMS)
        )
        try:
            first = next(batches, None)
        except exceptions.Forbidden as error:
            if self._storage is None:
                raise
            logging.warning(
                "%s: reading by the REST API, since the Storage Read API refuses: %s. Grant the "
                "role roles/bigquery.readSessionUser and enable bigquerystorage.googleapis.com to "
                "read faster.",
                _COMPONENT,
                reason_of(error),
            )
            batches, first = iter(job.result().to_arrow_iterable()), None
        if first is not None:
            yield first
        yield from batches


@contextmanager
def open_bigquery(params: BigqueryExampleGenParams) -> Iterator[BigQuery]:
    """Opens BigQuery.

    Raises:
        InputError: No project is given, and the environment does not name one.
        PlatformError: There are no credentials.
    """
    credentials, project = _credentials()
    if not (params.project or project):
        raise InputError(
            "`project` is empty, and the environment names no project. Give the one "
            "that runs and pays for the query."
        )
    client = bigquery.Client(
        project=params.project or project,
        credentials=credentials,
        location=params.location or None,
    )
    storage = _storage_client(credentials) if params.use_storage_api else None
    try:
        yield BigQuery(client, storage, params)
    finally:
        client.close()
        if storage is not None:
            storage.transport.close()


def _credentials() -> tuple[Credentials, str | None]:
    if os.environ.get(_EMULATOR):
        return AnonymousCredentials(), os.environ.get("GOOGLE_CLOUD_PROJECT")
    try:
        credentials, project = google.auth.default(scopes=_SCOPES)
    except DefaultCredentialsError as error:
        raise PlatformError(
            f"the task has no Google credentials ({one_line(error)}). On Google "
            "Cloud give it a service account, elsewhere a key in GOOGLE_APPLICATION_CREDENTIALS; "
            "on a laptop run `gcloud auth application-default login`."
        ) from error
    return credentials, project


def _storage_client(credentials: Credentials) -> BigQueryReadClient | None:
    if not os.environ.get(_EMULATOR):
        return BigQueryReadClient(credentials=credentials)
    address = os.environ.get(_STORAGE_EMULATOR)
    if not address:
        return None
    channel = grpc.insecure_channel(address)
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


def _check_types(schema: Iterable[bigquery.SchemaField]) -> None:
    for column in schema:
        if column.field_type in _TYPES:
            continue
        if column.field_type in _STRUCTS:
            advice = (
                f"Select its fields by name, for example `{column.name}."
                f"{column.fields[0].name if column.fields else 'field'}`; of a repeated one, "
                "collect a field by ARRAY(SELECT ... FROM UNNEST(...))."
            )
        else:
            advice = "CAST it to a STRING in the query, or leave it out."
        raise InputError(
            f"column {column.name!r} is of type {column.field_type}, expected "
            f"numbers, truth values, text, bytes, dates or times, or arrays of them. {advice}"
        )


def _regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields the same rows in batches of some thousand."""
    waiting: list[pa.RecordBatch] = []
    num_rows = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
            num_rows += batch.num_rows
        if num_rows >= _ROWS_PER_BATCH:
            yield _joined(waiting)
            waiting, num_rows = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined
