"""Vocabularies: which tokens are kept, in which order, and the content of the file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_transform import analyzer_nodes

from headrace_components.transform import vocabularies

COUNTS = [(3, b"b"), (3, b"c"), (9, b"a"), (1, b"z")]


def test_counts_of_several_data_sets_add_up() -> None:
    accumulated = [(b"a", 2), (b"b", 1), (b"a", 5)]

    (merged,) = vocabularies.merge(None, [accumulated])

    assert sorted(merged) == [(1, b"b"), (7, b"a")]


def test_equal_counts_are_ordered_by_token_larger_first(tmp_path: Path) -> None:
    assert written(COUNTS, tmp_path) == b"a\nc\nb\nz\n"


def test_frequencies_are_written_before_their_tokens(tmp_path: Path) -> None:
    assert written(COUNTS, tmp_path, store_frequency=True) == b"9 a\n3 c\n3 b\n1 z\n"


def test_reserved_tokens_come_first_and_once(tmp_path: Path) -> None:
    reserved = [[np.array([b"<pad>", b"b"], dtype=object)]]

    assert written(COUNTS, tmp_path, extra=[reserved]) == b"<pad>\nb\na\nc\nz\n"


def test_an_empty_vocabulary_holds_one_token_that_no_data_hold(tmp_path: Path) -> None:
    content = written([], tmp_path)

    assert len(content.splitlines()) == 1
    assert vocabularies.count(None, [[]])[0][0] == 1


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"top_k": 2, "frequency_threshold": 0}, [b"a", b"c"]),
        ({"top_k": None, "frequency_threshold": 3}, [b"b", b"c", b"a"]),
        ({"top_k": 10, "frequency_threshold": 4}, [b"a"]),
    ],
)
def test_rare_tokens_are_dropped_before_the_most_frequent_are_taken(
    options: dict[str, Any], kept: list[bytes]
) -> None:
    operation = prune_operation(tf.string.name, **options)

    (pruned,) = vocabularies.prune(operation, [COUNTS])

    assert [token for _, token in pruned] == kept


def test_numbers_become_text_before_they_are_ordered() -> None:
    operation = prune_operation(tf.int64.name, top_k=2, frequency_threshold=0)

    (pruned,) = vocabularies.prune(operation, [[(1, 10), (1, 9), (1, -3)]])

    assert pruned == [(1, b"9"), (1, b"10")]


def prune_operation(dtype: str, **options: Any) -> Any:
    with tf.Graph().as_default():
        return analyzer_nodes.VocabularyPrune(input_dtype=dtype, **options)


def written(counts: Any, directory: Path, *, extra: Any = (), **options: Any) -> bytes:
    with tf.Graph().as_default():
        operation = analyzer_nodes.VocabularyOrderAndWrite(
            vocab_filename="vocabulary",
            file_format="text",
            fingerprint_shuffle=False,
            **{"store_frequency": False, **options},
        )
    path = vocabularies.write(operation, [counts, *extra], str(directory))
    return Path(str(path)).read_bytes()
