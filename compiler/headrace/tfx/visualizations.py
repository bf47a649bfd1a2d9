"""The reports that a notebook shows for artifacts: pages of Headrace, in a frame."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace_components.library.reports.frames import frame

_REPORT = "report.html"
_SPLIT = "Split-"

_TITLES: Mapping[str, str] = {
    "ExampleAnomalies": "Anomalies",
    "ExampleStatistics": "Data statistics",
    "ModelEvaluation": "Evaluation",
    "Schema": "Schema",
}


def report_of(artifact: Any) -> dict[str, str] | None:
    """Returns the report of an artifact as data of a cell's output, by MIME type.

    The component that made the artifact has written a report beside it. For an artifact from
    elsewhere it is made here, but for an evaluation, of which the artifact does not have all.

    Args:
        artifact: A TFX artifact.

    Returns:
        HTML and plain text; None if there is no report for it.
    """
    page = page_of(str(artifact.type_name), str(artifact.uri))
    if page is None:
        return None
    title = _TITLES[artifact.type_name]
    return {
        "text/html": frame(page, f"{title} of {artifact.uri}"),
        "text/plain": f"{title} of {artifact.uri}",
    }


def page_of(type_name: str, uri: str) -> bytes | None:
    """Returns the HTML page of an artifact, or None if there is none.

    Args:
        type_name: The artifact's type, such as `Schema`.
        uri: Its directory.
    """
    if type_name not in _TITLES or "://" in uri:
        return None
    directory = Path(uri)
    if type_name != "Schema" and directory.with_name(_REPORT).is_file():
        return directory.with_name(_REPORT).read_bytes()
    make = _PAGES.get(type_name)
    return make(directory) if make is not None and directory.exists() else None


def _schema(directory: Path) -> bytes:
    from headrace_components.library.data import schemas
    from headrace_components.library.reports.schema import schema_report

    return schema_report(schemas.read(directory))


def _statistics(directory: Path) -> bytes | None:
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    from headrace_components.statistics_gen.report import statistics_report

    found = _messages(directory, "FeatureStats.pb", DatasetFeatureStatisticsList)
    return statistics_report(found) if found else None


def _anomalies(directory: Path) -> bytes | None:
    from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies

    from headrace_components.library.reports.anomalies import anomalies_report

    found = _messages(directory, "SchemaDiff.pb", Anomalies)
    agreement = "The data agrees with the schema."
    return anomalies_report("Data and schema", agreement, found) if found else None


def _messages(directory: Path, name: str, message: Any) -> dict[str, Any]:
    return {
        file.parent.name.removeprefix(_SPLIT): message.FromString(file.read_bytes())
        for file in sorted(directory.glob(f"{_SPLIT}*/{name}"))
    }


_PAGES: Mapping[str, Callable[[Path], bytes | None]] = {
    "ExampleAnomalies": _anomalies,
    "ExampleStatistics": _statistics,
    "Schema": _schema,
}
