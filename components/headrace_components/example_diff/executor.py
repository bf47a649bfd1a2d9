"""Compares rows that have the same identifiers, in this process and a column at a time."""

import difflib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace_components.data import split_pairs, tfrecord
from headrace_components.data.examples import ExamplesReader
from headrace_components.data.split_pairs import SplitPair
from headrace_components.errors import InputError
from headrace_components.example_diff import features as split_features
from headrace_components.example_diff.comparison import Confusion, Sample, Skew
from headrace_components.example_diff.features import Codes
from headrace_components.example_diff.matching import Rows, match
from headrace_components.example_diff.params import ExampleDiffParams, PairedSkew
from headrace_components.parameters import read
from headrace_components.task import Artifact, Task

SKEW_STATS = "skew_stats"
SAMPLE_PAIRS = "sample_pairs"
MATCH_STATS = "match_stats"
CONFUSION = "confusion"

# Bounds memory where identifiers repeat: a feature takes some 50 bytes a pair while it is compared.
_MAX_PAIRS = 1 << 18

_NUM_LOGGED_FEATURES = 20


def execute(task: Task) -> None:
    """Writes `SplitPair-<test>_<baseline>/` under the `example_diff_result` output, one a pair."""
    params = read(ExampleDiffParams, task.params, task.component)
    test, baseline = task.input("examples"), task.input("baseline_examples")
    for artifact in (test, baseline):
        _check_payload(artifact)
    pairs = split_pairs.selected(
        test, baseline, params.include_split_pairs, task.component, same_name=False
    )
    output = task.output("example_diff_result")
    readers = (
        ExamplesReader(baseline.path, task.component),
        ExamplesReader(test.path, task.component),
    )
    for pair in pairs:
        comparison = _Comparison(pair, *readers, params.paired_skew(), task.component)
        comparison.run()
        comparison.write(pair.directory(output))


def _check_payload(examples: Artifact) -> None:
    payload = examples.metadata.get("payload_format", "FORMAT_TF_EXAMPLE")
    if payload != "FORMAT_TF_EXAMPLE":
        raise InputError(
            f"example_diff: `{examples.key}` has payload format {payload!r}, expected "
            "'FORMAT_TF_EXAMPLE'. Connect an ExampleGen that writes tf.Examples."
        )


class _Comparison:
    """The comparison of one pair of splits."""

    def __init__(
        self,
        pair: SplitPair,
        base_reader: ExamplesReader,
        test_reader: ExamplesReader,
        config: PairedSkew,
        component: str,
    ) -> None:
        self._pair = pair
        self._base_reader = base_reader
        self._test_reader = test_reader
        self._config = config
        base, num_base = split_features.read(base_reader, pair.baseline, component)
        test, num_test = split_features.read(test_reader, pair.test, component)
        self._num_rows = {"baseline_examples": num_base, "examples": num_test}
        self._known = sorted({*base, *test})
        self._features: dict[str, Codes] = {}
        for name in (*self._known, *config.identifier_features, *config.confused_features):
            self._features[name] = split_features.encode(
                split_features.of(base, name, num_base),
                split_features.of(test, name, num_test),
                config.float_round_ndigits,
            )
        self._matching = match([self._identifier(name) for name in config.identifier_features])
        self._skew = Skew()
        self._sample = Sample(config.skew_sample_size)
        self._confusions = [self._confusion(name, component) for name in config.confused_features]

    def run(self) -> None:
        """Compares all pairs of rows."""
        compared = self._compared()
        for base_rows, test_rows in self._matching.pairs(
            allow_duplicates=self._config.allow_duplicate_identifiers, max_pairs=_MAX_PAIRS
        ):
            different = self._skew.add(compared, base_rows, test_rows)
            self._sample.add(base_rows[different], test_rows[different])
            for confusion in self._confusions:
                confusion.add(base_rows, test_rows)
        self._report()

    def write(self, directory: Path) -> None:
        """Writes what was found, in the files that TFDV's readers expect."""
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory, SKEW_STATS, self._skew.messages())
        _write(directory, MATCH_STATS, [self._matching.stats()])
        sample = self._sample.messages(
            self._compared(),
            _records(self._base_reader, self._pair.baseline, self._sample.base_rows),
            _records(self._test_reader, self._pair.test, self._sample.test_rows),
        )
        _write(directory, SAMPLE_PAIRS, sample)
        if self._confusions:
            counts = [count for confusion in self._confusions for count in confusion.messages()]
            _write(directory, CONFUSION, counts)

    def _compared(self) -> Mapping[str, Codes]:
        left_out = {*self._config.identifier_features, *self._config.ignore_features}
        return {name: codes for name, codes in self._features.items() if name not in left_out}

    def _identifier(self, name: str) -> Codes:
        codes = self._feature(name, "identifier_features")
        kinds = {"baseline_examples": codes.base.kind, "examples": codes.test.kind}
        is_missing = any(kinds[side] is None and self._num_rows[side] for side in kinds)
        if is_missing or len({kind for kind in kinds.values() if kind is not None}) > 1:
            held = [f"{kind or 'no value'} in `{side}`" for side, kind in kinds.items()]
            raise InputError(
                f"example_diff: the identifier {name!r} holds {' and '.join(held)} (splits "
                f"{self._pair.baseline!r} and {self._pair.test!r}), expected one type in both. "
                "Name other `identifier_features`, or give it one type where the examples are made."
            )
        return codes

    def _confusion(self, name: str, component: str) -> Confusion:
        codes = self._feature(name, "confusion_config")
        return Confusion(name, codes.base, codes.test, component)

    def _feature(self, name: str, parameter: str) -> Codes:
        if name not in self._known and any(self._num_rows.values()):
            near = difflib.get_close_matches(name, self._known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Name one of {self._known}."
            raise InputError(
                f"example_diff: `{parameter}` names {name!r}, which no row of the splits "
                f"{self._pair.test!r} and {self._pair.baseline!r} has. {hint}"
            )
        return self._features[name]

    def _report(self) -> None:
        skew, stats = self._skew, self._matching.stats()
        logging.info(
            "Pair %s: %d of %d pairs of rows differ; %d identifiers are missing in the baseline, "
            "%d under test, %d are not unique.",
            self._pair.name,
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
                self._pair.name,
                list(self._config.identifier_features),
            )
        found = sorted(skew.messages(), key=lambda message: -message.diff_count)
        for message in found[:_NUM_LOGGED_FEATURES]:
            if message.diff_count:
                logging.info("  %s: %d rows differ", message.feature_name, message.diff_count)


def _records(reader: ExamplesReader, split: str, rows: Rows) -> dict[int, bytes]:
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


def _write(directory: Path, name: str, messages: Iterable[Any]) -> None:
    records: Sequence[bytes] = [message.SerializeToString() for message in messages]
    (directory / f"{name}-00000-of-00001").write_bytes(tfrecord.frame(records))
