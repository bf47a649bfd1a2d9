"""The anomalies of an artifact as a table."""

from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import anomalies_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.data import anomalies
from headrace_components.library.previews.blocks import Block, cut, note, section, table


def read_anomalies(path: Path) -> list[Block]:
    """Returns the sections of an ExampleAnomalies artifact.

    Raises:
        InputError: It holds no anomalies, or they are damaged.
    """
    files = sorted(path.glob(f"*/{anomalies.FILE_NAME}")) or sorted(path.glob(anomalies.FILE_NAME))
    if not files:
        found = sorted(each.name for each in path.glob("*"))
        raise InputError(f"{path} has {found[:10]} and no {anomalies.FILE_NAME}.")
    rows = []
    for file in files:
        split = "" if file.parent == path else file.parent.name.partition("-")[2]
        try:
            diff = anomalies_pb2.Anomalies.FromString(file.read_bytes())
        except DecodeError as error:
            raise InputError(f"{file} is not an Anomalies message ({error}).") from error
        rows += anomalies.found(split, diff)
    if not rows:
        words = f"No anomalies in {len(files)} split{'' if len(files) == 1 else 's'}."
        return [section("Anomalies", note(words, "good"))]
    cells = [
        [cut(each.feature), cut(each.split), cut(each.summary), cut(each.detail, 600)]
        for each in rows
    ]
    words = f"{len(rows)} anomal{'y' if len(rows) == 1 else 'ies'}."
    columns = ("feature", "split", "anomaly", "detail")
    return [section("Anomalies", note(words, "bad"), table("Anomalies", columns, cells))]
