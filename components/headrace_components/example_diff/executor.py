"""Compares rows that have the same identifiers, a column at a time."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.example_diff import features as split_features
from headrace_components.example_diff.checks import check
from headrace_components.example_diff.comparison import confusion_messages
from headrace_components.example_diff.features import ROWS_PER_BATCH, Kinds
from headrace_components.example_diff.found import Found, FoundRows, find
from headrace_components.example_diff.matching import RowNumbers
from headrace_components.example_diff.params import ExampleDiffParams, PairedSkew
from headrace_components.library.data import split_pairs, tfrecord
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.split_pairs import SplitPair

SKEW_STATS = "skew_stats"
SAMPLE_PAIRS = "sample_pairs"
MATCH_STATS = "match_stats"
CONFUSION = "confusion"

_NUM_LOGGED_FEATURES = 20


def execute(task: Task) -> None:
    """Writes one `SplitPair-<test>_<baseline>/` per pair under `example_diff_result`."""
    params = read(ExampleDiffParams, task.params, task.component)
    test, baseline = task.input("examples"), task.input("baseline_examples")
    for artifact in (test, baseline):
        _check_payload(artifact)
    pairs = split_pairs.selected(test, baseline, params.include_split_pairs, same_name=False)
    output = task.output("example_diff_result")
    base_reader = ExamplesReader(baseline.path, task.component)
    test_reader = ExamplesReader(test.path, task.component)
    config = params.paired_skew()
    found: Iterable[Found]
    if params.beam_pipeline_args:
        # Imported late: TFDV imports Beam anyway, but our code for Beam is only needed here.
        from headrace_components.example_diff import beam_engine

        found = beam_engine.compare(
            task, params.beam_pipeline_args, pairs, base_reader, test_reader, config
        )
    else:
        found = (_compared(p, base_reader, test_reader, config) for p in pairs)
    for pair, found_in_pair in zip(pairs, found, strict=True):
        _report(pair, found_in_pair, config)
        _write(found_in_pair, config, pair.directory(output))


def _check_payload(examples: Artifact) -> None:
    payload = examples.metadata.get("payload_format", "FORMAT_TF_EXAMPLE")
    if payload != "FORMAT_TF_EXAMPLE":
        raise InputError(
            f"`{examples.key}` has payload format {payload!r}, expected "
            "'FORMAT_TF_EXAMPLE'. Connect an ExampleGen that writes tf.Examples."
        )


def _compared(
    pair: SplitPair,
    base_reader: ExamplesReader,
    test_reader: ExamplesReader,
    config: PairedSkew,
) -> Found:
    base_kinds, test_kinds = Kinds(split=pair.baseline), Kinds(split=pair.test)
    base = _side(base_reader, base_kinds)
    test = _side(test_reader, test_kinds)
    check(config, base_kinds, test_kinds)
    return find(base, test, {*base.features, *test.features}, config)


def _side(reader: ExamplesReader, kinds: Kinds) -> FoundRows:
    batches = reader.record_batches(kinds.split, batch_size=ROWS_PER_BATCH)
    features = split_features.read(batches, kinds)
    return FoundRows(
        num_rows=kinds.num_rows, features=features, records=partial(_records, reader, kinds.split)
    )


def _records(reader: ExamplesReader, split: str, rows: RowNumbers) -> dict[int, bytes]:
    """Returns records by number of row."""
    wanted = set(rows.tolist())
    found: dict[int, bytes] = {}
    start = 0
    if not wanted:
        return found
    for records in reader.serialized(split):
        for row in wanted.intersection(range(start, start + len(records))):
            found[row] = records[row - start]
        start += len(records)
        if len(found) == len(wanted):
            break
    return found


def _report(pair: SplitPair, found: Found, config: PairedSkew) -> None:
    skew, stats = found.skew, found.matches
    logging.info(
        "Pair %s: %d of %d pairs of rows differ; %d identifiers are missing in the baseline, "
        "%d under test, %d are not unique.",
        pair.name,
        skew.num_different,
        skew.num_pairs,
        stats.ids_missing_in_base_count,
        stats.ids_missing_in_test_count,
        stats.duplicate_id_count,
    )
    if not skew.num_pairs:
        logging.warning(
            "Pair %s: no rows were compared: none has the identifiers %s of another, or all "
            "are left out because they repeat.",
            pair.name,
            list(config.identifier_features),
        )
    messages = sorted(skew.messages(), key=lambda message: -message.diff_count)
    for message in messages[:_NUM_LOGGED_FEATURES]:
        if message.diff_count:
            logging.info("  %s: %d rows differ", message.feature_name, message.diff_count)


def _write(found: Found, config: PairedSkew, directory: Path) -> None:
    """Writes the results, in the files that TFDV's readers expect."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_records(directory, SKEW_STATS, found.skew.messages())
    _write_records(directory, MATCH_STATS, [found.matches])
    _write_records(directory, SAMPLE_PAIRS, [message for _, message in found.sample])
    if config.confused_features:
        _write_records(directory, CONFUSION, confusion_messages(found.confused))


def _write_records(directory: Path, name: str, messages: Iterable[Any]) -> None:
    records: Sequence[bytes] = [message.SerializeToString() for message in messages]
    (directory / f"{name}-00000-of-00001").write_bytes(tfrecord.frame(records))
