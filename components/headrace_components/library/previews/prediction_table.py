"""The predictions of an InferenceResult as rows of a table."""

import itertools
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.data.tfrecord import read_records
from headrace_components.library.previews.blocks import Block, Cell, note, section, table
from headrace_components.library.previews.values import cell
from headrace_components.library.previews.wire import Spec, decode

_MAX_ROWS = 200

# tensorflow_serving/apis/prediction_log.proto and what it uses
_TENSOR: Spec = {
    1: ("dtype", "int"),
    4: ("content", "bytes"),
    5: ("float*", "float"),
    6: ("double*", "double"),
    7: ("int*", "int"),
    8: ("string*", "bytes"),
    10: ("long*", "int"),
}
_OUTPUTS: Spec = {1: ("outputs*", {1: ("key", "text"), 2: ("value", _TENSOR)})}
_CLASSES: Spec = {1: ("classes*", {1: ("label", "text"), 2: ("score", "float")})}
_CLASSIFIED: Spec = {1: ("result", {1: ("classifications*", _CLASSES)})}
_REGRESSED: Spec = {1: ("result", {1: ("regressions*", {1: ("value", "float")})})}
_LOG: Spec = {
    2: ("classify", {2: ("response", _CLASSIFIED)}),
    3: ("regress", {2: ("response", _REGRESSED)}),
    6: ("predict", {2: ("response", _OUTPUTS)}),
}
_FORMATS = {1: "f", 2: "d", 3: "i", 9: "q"}


def read_predictions(path: Path) -> list[Block]:
    """Returns a section with the first predictions.

    Raises:
        InputError: The files are damaged, or hold something else.
    """
    files = sorted(path.glob("prediction_logs*"))
    if not files:
        words = "It has no logs of predictions: the model was not blessed, or they became examples."
        return [section("Predictions", note(words))]
    logs = itertools.islice((record for file in files for record in read_records(file)), _MAX_ROWS)
    rows: list[dict[str, Cell]] = []
    for number, log in enumerate(logs):
        try:
            rows.append(dict(_outputs(decode(log, _LOG))))
        except (ValueError, struct.error) as error:
            raise InputError(f"record {number} of {path} is no PredictionLog: {error}.") from error
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells: list[list[Cell]] = [
        [number, *(row.get(name) for name in names)] for number, row in enumerate(rows, 1)
    ]
    words = f"The first {len(rows)} rows." if len(rows) == _MAX_ROWS else f"{len(rows)} rows."
    return [section("Predictions", note(words), table("Predictions", ("row", *names), cells))]


def _outputs(log: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    readers: dict[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, Cell]]]] = {
        "predict": _predicted,
        "classify": _classified,
        "regress": _regressed,
    }
    for name, read in readers.items():
        if log[name] and log[name]["response"]:
            yield from read(log[name]["response"])


def _predicted(response: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    for entry in response["outputs"]:
        yield entry["key"] or "", cell(_values(entry["value"] or {}))


def _classified(response: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    for each in (response["result"] or {"classifications": []})["classifications"]:
        best = sorted(each["classes"], key=lambda one: -(one["score"] or 0))[:5]
        yield "classes", ", ".join(f"{one['label'] or ''} {one['score'] or 0:.4g}" for one in best)


def _regressed(response: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    for each in (response["result"] or {"regressions": []})["regressions"]:
        yield "value", cell(float(each["value"] or 0))


def _values(tensor: Mapping[str, Any]) -> list[Any]:
    for name in ("string", "float", "double", "int", "long"):
        if tensor.get(name):
            return list(tensor[name])
    content, form = tensor.get("content") or b"", _FORMATS.get(tensor.get("dtype") or 0)
    if not content or form is None:
        return []
    count = len(content) // struct.calcsize(form)
    return list(struct.unpack(f"<{count}{form}", content[: count * struct.calcsize(form)]))
