"""Which files of joined examples belong together, beside the splits in `joined.json`.

    {"format_version": 1,
     "splits": {"train": [{"tfrecords": 2, "parquet": 1}, {"tfrecords": 1, "parquet": 1}]}}

Each entry is one of the artifacts that were joined, in the order of the files. Whoever keeps
results of single spans, such as an analyzer cache, finds them again in another range of spans.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace_components.library.data.examples import ExamplesReader

FILE_NAME = "joined.json"
_FORMAT_VERSION = 1


def write(directory: Path, splits: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    """Writes the numbers of TFRecord and Parquet files of each joined artifact, by split."""
    entries = {
        split: [{"tfrecords": records, "parquet": parquet} for records, parquet in counts]
        for split, counts in splits.items()
    }
    content = {"format_version": _FORMAT_VERSION, "splits": entries}
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    (directory / FILE_NAME).write_text(text, "utf-8")


def parts(reader: ExamplesReader, split: str) -> list[ExamplesReader]:
    """Returns a reader for each artifact that was joined to a split; `reader` for other examples.

    A file that does not fit the split, for example a damaged one, does not count.
    """
    counts = _counts(reader.path / FILE_NAME, split)
    records = [count for count, _ in counts]
    parquet = [count for _, count in counts]
    if len(counts) < 2 or sum(records) != len(reader.tfrecord_names(split)):
        return [reader]
    if sum(parquet) != len(reader.twin_parts(split) or ()):
        return [reader]
    return [
        reader.part(split, slice(*records_), slice(*parquet_))
        for records_, parquet_ in zip(_bounds(records), _bounds(parquet), strict=True)
    ]


def _bounds(counts: Sequence[int]) -> list[tuple[int, int]]:
    ends = [sum(counts[: index + 1]) for index in range(len(counts))]
    return [(end - count, end) for end, count in zip(ends, counts, strict=True)]


def _counts(file: Path, split: str) -> list[tuple[int, int]]:
    try:
        content = json.loads(file.read_text("utf-8"))
        if content["format_version"] != _FORMAT_VERSION:
            return []
        entries = content["splits"][split]
        return [(int(entry["tfrecords"]), int(entry["parquet"])) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
