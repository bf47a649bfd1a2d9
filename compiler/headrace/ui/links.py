"""The addresses of the pages. Names of people are quoted here, so no other place builds a path."""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit

RUNS = "/"
MODELS = "/models"


def run_link(run_id: str) -> str:
    """Returns the address of a run's page."""
    return f"/runs/{_quoted(run_id, safe='')}"


def live_link(run_id: str) -> str:
    """Returns the address of what changes on a run's page."""
    return f"{run_link(run_id)}/live"


def task_link(run_id: str, task: str) -> str:
    """Returns the address of a task's page; `*` in the path stands for all rounds of a loop."""
    return f"{run_link(run_id)}/tasks/{_quoted(task)}"


def log_link(run_id: str, task: str) -> str:
    """Returns the address of a task's log as plain text."""
    return f"{run_link(run_id)}/log/{_quoted(task)}"


def log_piece_link(run_id: str, task: str, **place: int) -> str:
    """Returns the address of a part of a task's log."""
    return with_query(f"{run_link(run_id)}/log-piece/{_quoted(task)}", place)


def report_link(pipeline: str, run_id: str, task: str, port: str, index: int) -> str:
    """Returns the address of an HTML page that a task made.

    It has the form of the report's path under the root, from which the report takes its title.
    """
    place = "/".join(_quoted(part, safe="") for part in (pipeline or "-", run_id))
    return with_query(f"/reports/{place}/{_quoted(task)}", {"port": port, "index": index})


def compare_link(run_ids: Iterable[str]) -> str:
    """Returns the address of a comparison."""
    return f"/compare?{urlencode([('run', run_id) for run_id in run_ids], errors='replace')}"


def with_query(path: str, values: Mapping[str, str | int | Sequence[str] | None]) -> str:
    """Returns an address with a query; values that are None or empty are left out."""
    kept = {name: value for name, value in values.items() if value not in (None, "", [], ())}
    return f"{path}?{urlencode(kept, doseq=True, errors='replace')}" if kept else path


def outside(address: str) -> str:
    """Returns an address that a record holds if a browser may follow it; else an empty text."""
    return address if urlsplit(address).scheme in ("http", "https") else ""


def artifact_link(uri: str, **values: str | int | None) -> str:
    """Returns the address of an artifact's page, with more for its query."""
    return _of_artifact("/artifacts", uri, values)


def comparison_link(before: str, after: str) -> str:
    """Returns the address of the page that compares two artifacts of one type."""
    return f"{_of_artifact('/artifacts', after, {'with': before})}#comparison"


def document_link(uri: str, file: str = "") -> str:
    """Returns the address of an HTML file of an artifact, as a document of its own."""
    return _of_artifact("/artifacts/document", uri, {"file": file})


def file_link(uri: str, file: str) -> str:
    """Returns the address of the page with the beginning of a file of an artifact."""
    return _of_artifact("/artifacts/file", uri, {"file": file})


def download_link(uri: str, file: str) -> str:
    """Returns the address of a file of an artifact, to be saved."""
    return _of_artifact("/artifacts/download", uri, {"file": file})


def lineage_link(uri: str) -> str:
    """Returns the address of the lineage of an artifact."""
    return _of_artifact("/lineage", uri, {})


def _of_artifact(path: str, uri: str, values: Mapping[str, str | int | None]) -> str:
    return with_query(path, {"uri": uri, **values})


def _quoted(text: str, safe: str = "/") -> str:
    return quote(text, safe=safe, errors="replace")
