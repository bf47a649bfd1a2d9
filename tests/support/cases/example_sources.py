"""Shared by the contract tests of the components that make examples."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace_components.library.data.examples import ExamplesReader
from support.launcher.entry_points import Stored

FIXTURE = Path(__file__).parents[2] / "fixtures/example_sources"
EXPECTED = json.loads((FIXTURE / "expected.json").read_text("utf-8"))
TWO = [{"name": "train", "hash_buckets": 2}, {"name": "eval", "hash_buckets": 1}]
THREE = [
    {"name": "a", "hash_buckets": 3},
    {"name": "b", "hash_buckets": 5},
    {"name": "c", "hash_buckets": 2},
]
ONE = {"split_config": {"splits": [{"name": "all", "hash_buckets": 1}]}}


def divided(splits: Sequence[Mapping[str, Any]], feature: str = "") -> dict[str, Any]:
    """Returns an `output_config`."""
    return {"split_config": {"splits": list(splits), "partition_feature_name": feature}}


def digests(examples: Stored, message: Any) -> dict[str, list[str]]:
    """Returns the sorted digests of each split's records, in the form of `expected.json`."""
    reader = ExamplesReader(examples.path, "test")
    return {
        split: sorted(_digest(message, record) for record in records_of(examples, split))
        for split in reader.split_names
    }


def records_of(examples: Stored, split: str = "all") -> list[bytes]:
    """Returns the records of a split."""
    reader = ExamplesReader(examples.path, "test")
    return [record for records in reader.serialized(split) for record in records]


def rows_of(examples: Stored, split: str = "all") -> dict[str, list[Any]]:
    """Returns the rows of a split by column."""
    batches = list(ExamplesReader(examples.path, "test").record_batches(split))
    columns: dict[str, list[Any]] = pa.Table.from_batches(batches).to_pydict()
    return columns


def _digest(message: Any, record: bytes) -> str:
    from headrace_components.import_example_gen.messages import canonical

    return hashlib.sha256(canonical(message.FromString(record))).hexdigest()
