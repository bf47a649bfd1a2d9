"""A fake BigQuery on this machine, for the real client libraries.

It supports the parts of the REST API (v2) and of the Storage Read API (v1, gRPC) that clients use
to run a query. It does not understand SQL: a test sets the result of a query, or its error.
"""

import base64
import datetime
import decimal
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1.types import storage, stream

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

# The Arrow types of the Storage Read API by column type.
_ARROW = {
    "BIGNUMERIC": pa.decimal256(76, 38),
    "BOOLEAN": pa.bool_(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "DATETIME": pa.timestamp("us"),
    "FLOAT": pa.float64(),
    "GEOGRAPHY": pa.string(),
    "INTEGER": pa.int64(),
    "JSON": pa.string(),
    "NUMERIC": pa.decimal128(38, 9),
    "STRING": pa.string(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a result; `mode` is NULLABLE or REPEATED, `fields` are those of a RECORD."""

    name: str
    type: str
    values: Sequence[Any] = ()
    mode: str = "NULLABLE"
    fields: Sequence["Column"] = ()

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"name": self.name, "type": self.type, "mode": self.mode}
        if self.fields:
            schema["fields"] = [inner.schema() for inner in self.fields]
        return schema

    def array(self) -> pa.Array:
        kind = _ARROW[self.type]
        return pa.array(self.values, pa.list_(kind) if self.mode == "REPEATED" else kind)

    def cell(self, row: int) -> dict[str, Any]:
        value = self.values[row]
        if self.mode == "REPEATED":
            return {"v": [{"v": self._text(item)} for item in value]}
        return {"v": None if value is None else self._text(value)}

    def _text(self, value: Any) -> str:
        if self.type == "BOOLEAN":
            return "true" if value else "false"
        if self.type == "BYTES":
            return base64.b64encode(value).decode()
        if self.type == "TIMESTAMP":
            return str((value - _EPOCH) // datetime.timedelta(microseconds=1))
        if self.type in ("DATE", "DATETIME", "TIME"):
            return str(value.isoformat())
        return format(value, "f") if isinstance(value, decimal.Decimal) else str(value)


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a query.

    With `is_planned_only` the query only fails with `error` when it runs, else also when it is
    planned.
    """

    columns: Sequence[Column] = ()
    statement_type: str = "SELECT"
    error: "Refusal | None" = None
    is_planned_only: bool = False

    @property
    def num_rows(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def schema(self) -> dict[str, Any]:
        return {"fields": [column.schema() for column in self.columns]}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An error of BigQuery: HTTP status, reason and message."""

    status: int
    reason: str
    message: str


@dataclass(kw_only=True)
class Server:
    """The server.

    Attributes:
        results: The results of queries, by text.
        rows_per_page: Rows in a page of REST and in a response of a stream.
        storage_error: Status with which the Storage Read API refuses; None if it does not refuse.
        jobs: Configurations of the requested jobs.
        sessions: Number of streams, by the job that is read.
        num_pages: Pages of rows that were read by REST.
        num_streams: Streams that were read.
    """

    results: dict[str, Result] = field(default_factory=dict)
    rows_per_page: int = 7
    storage_error: grpc.StatusCode | None = None
    jobs: list[dict[str, Any]] = field(default_factory=list)
    sessions: dict[int, int] = field(default_factory=dict)
    num_pages: int = 0
    num_streams: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def queries(self) -> list[str]:
        """The texts of the queries that ran."""
        return [job["query"]["query"] for job in self.jobs if not job.get("dryRun")]

    def job(self, number: int) -> dict[str, Any]:
        configuration = self.jobs[number]
        text = configuration["query"]["query"]
        result = self.results.get(text, _UNKNOWN)
        is_dry = bool(configuration.get("dryRun"))
        if result.error and not (is_dry and result.is_planned_only):
            raise _RefusedError(result.error)
        destination = {"projectId": "p", "datasetId": "_results", "tableId": str(number)}
        query = {**configuration["query"], "destinationTable": destination}
        statistics = {"statementType": result.statement_type, "totalBytesProcessed": "12345"}
        if is_dry:
            statistics["schema"] = result.schema()  # type: ignore[assignment]
        return {
            "jobReference": self._reference(number),
            "configuration": {**configuration, "query": query},
            "status": {"state": "DONE"},
            "statistics": {"query": statistics},
        }

    def page(self, number: int, start: int, limit: int) -> dict[str, Any]:
        result = self.results[self.jobs[number]["query"]["query"]]
        end = min(start + min(self.rows_per_page, limit), result.num_rows)
        if limit:
            self.num_pages += 1
        rows = [{"f": [column.cell(row) for column in result.columns]} for row in range(start, end)]
        page = {
            "jobComplete": True,
            "jobReference": self._reference(number),
            "schema": result.schema(),
            "totalRows": str(result.num_rows),
            "rows": rows,
        }
        return {**page, "pageToken": str(end)} if end < result.num_rows else page

    def _reference(self, number: int) -> dict[str, str]:
        return {"projectId": "p", "jobId": str(number), "location": "US"}

    def create_read_session(
        self, request: storage.CreateReadSessionRequest, context: grpc.ServicerContext
    ) -> stream.ReadSession:
        if self.storage_error is not None:
            context.abort(self.storage_error, "Permission 'bigquery.readsessions.create' denied")
        number = request.read_session.table.rpartition("/")[2]
        num_streams = min(request.max_stream_count or 2, 2)
        self.sessions[int(number)] = num_streams
        schema = self._table(int(number)).schema
        return stream.ReadSession(
            name=f"sessions/{number}",
            data_format=stream.DataFormat.ARROW,
            arrow_schema={"serialized_schema": schema.serialize().to_pybytes()},
            streams=[{"name": f"sessions/{number}/streams/{part}"} for part in range(num_streams)],
        )

    def read_rows(
        self, request: storage.ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[storage.ReadRowsResponse]:
        del context
        _, number, _, name = request.read_stream.split("/")
        self.num_streams += 1
        table = self._table(int(number))
        part = self._part(table, int(name), self.sessions[int(number)])
        batches = part.slice(request.offset).to_batches(max_chunksize=self.rows_per_page)
        for index, batch in enumerate(batches):
            response = storage.ReadRowsResponse(
                row_count=batch.num_rows,
                arrow_record_batch={"serialized_record_batch": batch.serialize().to_pybytes()},
            )
            if index == 0:
                schema = table.schema.serialize().to_pybytes()
                response.arrow_schema = {"serialized_schema": schema}
            yield response

    @staticmethod
    def _part(table: pa.Table, index: int, num_parts: int) -> pa.Table:
        bounds = [table.num_rows * part // num_parts for part in (index, index + 1)]
        return table.slice(bounds[0], bounds[1] - bounds[0])

    def _table(self, number: int) -> pa.Table:
        result = self.results[self.jobs[number]["query"]["query"]]
        return pa.table({column.name: column.array() for column in result.columns})


_UNKNOWN = Result(
    error=Refusal(
        status=404,
        reason="notFound",
        message="Not found: Table p:rides.gone was not found in location US",
    )
)


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class _Handler(BaseHTTPRequestHandler):
    bigquery: Server

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body: Mapping[str, Any] = json.loads(self.rfile.read(length))
        self.bigquery.jobs.append(dict(body["configuration"]))
        self._answer(lambda: self.bigquery.job(len(self.bigquery.jobs) - 1))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        *_, kind, number = url.path.split("/")
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if kind == "jobs":
            self._answer(lambda: self.bigquery.job(int(number)))
            return
        start, limit = int(asked.get("pageToken", 0)), int(asked.get("maxResults", 10**9))
        self._answer(lambda: self.bigquery.page(int(number), start, limit))

    def _answer(self, make: Any) -> None:
        try:
            status, content = 200, make()
        except _RefusedError as error:
            status = error.refusal.status
            reason = {"reason": error.refusal.reason, "message": error.refusal.message}
            content = {"error": {"code": status, "errors": [reason], "message": reason["message"]}}
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        del format, args


@contextmanager
def bigquery_server() -> Iterator[Server]:
    """Runs a server; its `environment` leads the component to it."""
    server = Server()
    rest = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bigquery": server}))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    rpc = grpc.server(futures.ThreadPoolExecutor(8))
    rpc.add_generic_rpc_handlers((_rpc_handler(server),))
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    server.environment = {
        "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{rest.server_port}",
        "BIGQUERY_STORAGE_EMULATOR_HOST": f"127.0.0.1:{port}",
    }
    try:
        yield server
    finally:
        rpc.stop(None)
        rest.shutdown()
        rest.server_close()


def _rpc_handler(server: Server) -> Any:
    return grpc.method_handlers_generic_handler(
        _SERVICE,
        {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                server.create_read_session,
                request_deserializer=storage.CreateReadSessionRequest.deserialize,
                response_serializer=stream.ReadSession.serialize,
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(
                server.read_rows,
                request_deserializer=storage.ReadRowsRequest.deserialize,
                response_serializer=storage.ReadRowsResponse.serialize,
            ),
        },
    )
