"""Transform on Beam has the same results as the embedded engine."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.beam.analyzer_cache import DatasetKey

from headrace_components.contract.task import main
from headrace_components.library.data import schemas, statistics
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.transform import analyzer_cache
from headrace_components.transform.executor import execute
from support.launcher.entry_points import Launcher, Outcome, TaskFailedError
from support.oracles.statistics import differences
from support.programs.beam_clusters import cluster, executor_input

IN_MEMORY = ["--runner=DirectRunner"]
PROCESSES = [*IN_MEMORY, "--direct_running_mode=multi_processing", "--direct_num_workers=1"]
NUM_ROWS = 300

SCHEMA = """
feature { name: "company" type: BYTES value_count { max: 1 } }
feature { name: "fare" type: FLOAT presence { min_fraction: 1 } shape {} }
feature { name: "hour" type: INT value_count { max: 1 } }
feature { name: "unused" type: INT value_count { max: 1 } }
feature { name: "words" type: BYTES }
"""

MODULE = """
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    hour = inputs["hour"]
    one_wide = tf.SparseTensor(hour.indices, hour.values, [hour.dense_shape[0], 1])
    return {
        "fare_z": tft.scale_to_z_score(inputs["fare"]),
        "fare_bucket": tft.bucketize(inputs["fare"], 4),
        "company_index": tft.compute_and_apply_vocabulary(
            inputs["company"], top_k=3, num_oov_buckets=1, vocab_filename="company"
        ),
        "hour_unit": tft.scale_to_0_1(tf.sparse.to_dense(one_wide, -1)),
        "words": tf.RaggedTensor.from_sparse(inputs["words"]),
        "characters": tf.strings.unicode_split(
            tf.RaggedTensor.from_sparse(inputs["words"]), "UTF-8"
        ),
    }
"""

VOCABULARY_ALONE = """
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    index = tft.compute_and_apply_vocabulary(inputs["company"], vocab_filename="company")
    return {"company_index": index, "fare": inputs["fare"]}
"""

TWO_PHASES = """
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    words = tft.compute_and_apply_vocabulary(inputs["words"], vocab_filename="words")
    again = tf.strings.as_string(words.values)
    tft.vocabulary(again, vocab_filename="indices")
    return {"words": words}
"""

GRAPH_ALONE = {"materialize": False, "disable_statistics": True}
COMPANY_IN_EACH = '"company" type: BYTES presence { min_fraction: 1 } shape {}'

# The author's own analyzer, in a file beside the module, with a tensor that cannot be pickled.
SIBLING = """
import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

LEAST = tf.constant(3, tf.int64)


def longest(batch):
    lengths = [len(word) for word in batch[0]]
    return max(lengths, default=0) if FnArgs else 0


def at_least(length):
    return np.int64(max(length, LEAST.numpy()))


class Longest(beam.PTransform):
    def expand(self, batches):
        batches, *_ = batches if isinstance(batches, tuple) else (batches,)
        return batches | beam.Map(longest) | beam.CombineGlobally(max) | beam.Map(at_least)
"""

MODULE_WITH_ANALYZER = """
import longest_words
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx


def preprocessing_fn(inputs):
    words = inputs["words"]
    (length,) = tft.experimental.ptransform_analyzer(
        [words.values], longest_words.Longest(), [tf.int64], [[]]
    )
    assert tfx.components.FnArgs is longest_words.FnArgs
    return {"length": tf.fill(tf.shape(inputs["fare"]), length)}
"""


@pytest.mark.slow
def test_beam_writes_what_the_embedded_engine_writes(launcher: Launcher, tmp_path: Path) -> None:
    wired = inputs(launcher, tmp_path)

    embedded = run(launcher, tmp_path, wired, MODULE)
    on_beam = run(launcher, tmp_path, wired, MODULE, beam_pipeline_args=IN_MEMORY)

    check_outputs_agree(embedded, on_beam)
    for port in ("pre_transform_stats", "post_transform_stats"):
        ours, theirs = (statistics.read(run[port].path) for run in (embedded, on_beam))
        assert not differences(ours, theirs)
    (ours,) = embedded["updated_analyzer_cache"].path.iterdir()
    (theirs,) = on_beam["updated_analyzer_cache"].path.iterdir()
    assert ours.name == theirs.name
    assert cached(ours) == cached(theirs)


def test_beam_takes_the_accumulators_of_an_earlier_run(launcher: Launcher, tmp_path: Path) -> None:
    wired = inputs(launcher, tmp_path)
    first = run(launcher, tmp_path, wired, VOCABULARY_ALONE, **GRAPH_ALONE)
    cache = first["updated_analyzer_cache"]
    (folder,) = cache.path.iterdir()
    write_rows(wired["examples"].path, companies=("x", "y"))
    other = run(launcher, tmp_path, wired, VOCABULARY_ALONE, **GRAPH_ALONE)
    (own,) = other["updated_analyzer_cache"].path.iterdir()
    # The cached results of other rows, under the name of these rows, show that the cache is used.
    folder.rename(folder.with_name(own.name))

    second = run(
        launcher,
        tmp_path,
        {**wired, "analyzer_cache": cache},
        VOCABULARY_ALONE,
        beam_pipeline_args=IN_MEMORY,
        **GRAPH_ALONE,
    )

    assert assets(second) == assets(first) != assets(other)
    (after,) = second["updated_analyzer_cache"].path.iterdir()
    assert cached(folder.with_name(own.name)) == cached(after)
    assert not list(second["transformed_examples"].path.glob("*"))
    assert not list(second["pre_transform_stats"].path.glob("*"))


@pytest.mark.slow
def test_a_module_with_an_analyzer_of_its_own_reaches_processes(
    launcher: Launcher, tmp_path: Path
) -> None:
    wired = inputs(launcher, tmp_path)
    (tmp_path / "longest_words.py").write_text(SIBLING, "utf-8")

    outcome = run(
        launcher,
        tmp_path,
        wired,
        MODULE_WITH_ANALYZER,
        beam_pipeline_args=PROCESSES,
        **GRAPH_ALONE,
    )

    # `other` is the longest word.
    assert served(outcome["transform_graph"].path)["length"].numpy().tolist() == [5, 5]


def test_a_cluster_gets_the_module_as_a_wheel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_rows(tmp_path / "examples")
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / schemas.FILE_NAME).write_text(SCHEMA, "utf-8")
    (tmp_path / "longest_words.py").write_text(SIBLING, "utf-8")
    (tmp_path / "module.py").write_text(MODULE_WITH_ANALYZER, "utf-8")

    with cluster() as args:
        parameters = {"module_file": str(tmp_path / "module.py"), "beam_pipeline_args": args}
        message = executor_input(
            "transform", str(tmp_path), tmp_path / "output.json", parameters, ["examples", "schema"]
        )
        code = main("transform", execute, ["--executor_input", message])

    assert code == 0
    assert re.search(r"headrace_user_code_\w+-0-py3-none-any\.whl", caplog.text)
    reader = ExamplesReader(tmp_path / "transformed_examples", "test")
    assert reader.num_rows("train") == NUM_ROWS
    before = statistics.read(tmp_path / "pre_transform_stats").datasets[0]
    assert before.num_examples == NUM_ROWS
    assert not list(tmp_path.rglob(".headrace-beam-*"))


def test_what_analyzers_read_of_others_is_analyzed_by_one_worker(
    launcher: Launcher, tmp_path: Path
) -> None:
    wired = inputs(launcher, tmp_path)

    embedded = run(launcher, tmp_path, wired, TWO_PHASES, **GRAPH_ALONE)
    on_beam = run(
        launcher, tmp_path, wired, TWO_PHASES, beam_pipeline_args=PROCESSES, **GRAPH_ALONE
    )

    assert assets(on_beam) == assets(embedded)


@pytest.mark.parametrize(
    ("schema", "module", "message"),
    [
        (
            SCHEMA.replace('"fare" type: FLOAT', '"fare" type: INT'),
            VOCABULARY_ALONE,
            r"transform: the schema says feature 'fare' is INT, but split 'train' holds FLOAT\. "
            r"Connect the schema that was made of these examples, or correct its type\.",
        ),
        (
            SCHEMA.replace('"company" type: BYTES value_count { max: 1 }', COMPANY_IN_EACH),
            VOCABULARY_ALONE,
            r"feature 'company' holds 0 values in a row of split 'train', but the schema fixes 1",
        ),
        (
            SCHEMA,
            "def preprocessing_fn(inputs):\n    return {'x': inputs['fare'][:1]}\n",
            r"transform: preprocessing_fn made 1 rows of \d+, expected one for each",
        ),
        (
            SCHEMA,
            "import tensorflow as tf\nimport tensorflow_transform as tft\n\n\n"
            "def preprocessing_fn(inputs):\n"
            "    two = tf.ensure_shape(inputs['fare'][:3], [2])\n"
            "    return {'x': inputs['fare'] - tft.mean(two)}\n",
            r"transform: the graph of preprocessing_fn does not run on split 'train': Shape of "
            r"tensor \S+ \[3\] is not compatible with expected shape \[2\]\. Correct the operation",
        ),
    ],
    ids=["type", "missing", "rows", "graph"],
)
def test_what_workers_find_is_told_to_the_author(
    launcher: Launcher, tmp_path: Path, schema: str, module: str, message: str
) -> None:
    wired = inputs(launcher, tmp_path, schema)

    with pytest.raises(TaskFailedError, match=message):
        run(launcher, tmp_path, wired, module, beam_pipeline_args=IN_MEMORY)


def test_an_option_that_beam_does_not_have_is_told(launcher: Launcher, tmp_path: Path) -> None:
    wired = inputs(launcher, tmp_path)

    with pytest.raises(
        TaskFailedError, match=r"has '--runer=DirectRunner', which is not an option"
    ):
        run(launcher, tmp_path, wired, MODULE, beam_pipeline_args=["--runer=DirectRunner"])


def check_outputs_agree(ours: Outcome, theirs: Outcome) -> None:
    """Compares the outputs of both, except for statistics and the analyzer cache."""
    graphs = [outcome["transform_graph"].path for outcome in (ours, theirs)]
    for name in ("transform_fn/assets", "transformed_metadata", "metadata"):
        assert files(graphs[0] / name) == files(graphs[1] / name)
    for port in ("pre_transform_schema", "post_transform_schema", "post_transform_anomalies"):
        assert files(ours[port].path) == files(theirs[port].path)
    examples = ours["transformed_examples"], theirs["transformed_examples"]
    assert examples[0].metadata == examples[1].metadata
    check_graphs_agree(*graphs)
    for split in ("train", "eval"):
        check_rows_agree(rows(ours, split), rows(theirs, split))
        reader = ExamplesReader(examples[1].path, "test")
        assert reader.has_columnar(split)
        assert reader.num_rows(split) == len(rows(theirs, split))


def check_rows_agree(ours: Sequence[Any], theirs: Sequence[Any]) -> None:
    assert len(ours) == len(theirs)
    for left, right in zip(sorted_rows(ours), sorted_rows(theirs), strict=True):
        assert left.keys() == right.keys()
        for name, values in left.items():
            if values and isinstance(values[0], float):
                np.testing.assert_allclose(values, right[name], rtol=1e-5, err_msg=name)
            else:
                assert values == right[name], name


def sorted_rows(examples: Sequence[Any]) -> list[dict[str, list[Any]]]:
    found = []
    for example in examples:
        features = example.features.feature
        found.append(
            {
                name: list(getattr(value, value.WhichOneof("kind")).value)
                for name, value in sorted(features.items())
                if value.WhichOneof("kind")
            }
        )
    # Sums of floats differ in their last digits.
    return sorted(found, key=lambda row: repr({name: _rounded(row[name]) for name in row}))


def _rounded(values: Sequence[Any]) -> list[Any]:
    return [round(value, 3) if isinstance(value, float) else value for value in values]


def served(graph: Path) -> Mapping[str, Any]:
    """Returns the outputs of a graph for two rows."""
    layer = tft.TFTransformOutput(str(graph)).transform_features_layer()
    outputs: Mapping[str, Any] = layer(
        {
            "company": tf.sparse.from_dense([["b"], ["new"]]),
            "fare": tf.constant([5.0, 0.1]),
            "hour": tf.sparse.from_dense(tf.constant([[1], [9]], tf.int64)),
            "unused": tf.sparse.from_dense(tf.constant([[1], [1]], tf.int64)),
            "words": tf.sparse.from_dense([["to", "be"], ["or", ""]]),
        }
    )
    return outputs


def check_graphs_agree(ours: Path, theirs: Path) -> None:
    both = [served(graph) for graph in (ours, theirs)]
    assert both[0].keys() == both[1].keys()
    for name, tensor in both[0].items():
        for left, right in zip(
            tf.nest.flatten(tensor, expand_composites=True),
            tf.nest.flatten(both[1][name], expand_composites=True),
            strict=True,
        ):
            if left.dtype.is_floating:
                np.testing.assert_allclose(left, right, rtol=1e-5, err_msg=name)
            else:
                np.testing.assert_array_equal(left, right, err_msg=name)


def cached(folder: Path) -> dict[bytes, Counter[bytes]]:
    """Accumulators by entry, without bytes of sketches and last digits of sums, which vary."""
    key = DatasetKey(folder.name)
    entries = analyzer_cache.read(folder.parent, key)
    exact = {name: Counter(records) for name, records in entries.items() if b"ocab" in name}
    assert exact
    return {**{name: Counter() for name in entries}, **exact}


def assets(outcome: Outcome) -> Mapping[str, bytes]:
    return files(outcome["transform_graph"].path / "transform_fn/assets")


def rows(outcome: Outcome, split: str) -> list[Any]:
    reader = ExamplesReader(outcome["transformed_examples"].path, "test")
    return [
        tf.train.Example.FromString(record)
        for records in reader.serialized(split)
        for record in records
    ]


def files(directory: Path) -> Mapping[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def run(
    launcher: Launcher, tmp_path: Path, wired: Mapping[str, Any], module: str, **parameters: Any
) -> Outcome:
    path = tmp_path / "module.py"
    path.write_text(module, "utf-8")
    return launcher.run("transform", {"module_file": str(path), **parameters}, **wired)


def inputs(launcher: Launcher, tmp_path: Path, schema: str = SCHEMA) -> dict[str, Any]:
    write_rows(tmp_path / "examples")
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / schemas.FILE_NAME).write_text(schema, "utf-8")
    return {
        "examples": launcher.store(tmp_path / "examples"),
        "schema": launcher.store(tmp_path / "schema"),
    }


def write_rows(
    directory: Path, *, seed: int = 1, companies: Sequence[str] = ("a", "b", "c", "d")
) -> None:
    """Writes two splits of several files; some rows lack each feature that may be missing."""
    random = np.random.default_rng(seed)
    for split, size in (("train", NUM_ROWS), ("eval", NUM_ROWS // 3)):
        names = [name.encode() for name in random.choice(companies, size)]
        words = [
            random.choice([b"to", b"be", b"", b"other"], count).tolist()
            for count in random.integers(0, 4, size)
        ]
        hours = random.integers(0, 24, size).tolist()
        batch = pa.RecordBatch.from_pydict(
            {
                "company": pa.array(
                    [None if index % 7 == 0 else [name] for index, name in enumerate(names)],
                    pa.large_list(pa.large_binary()),
                ),
                "fare": pa.array(
                    [[fare] for fare in random.lognormal(2, 1, size)], pa.large_list(pa.float32())
                ),
                "hour": pa.array(
                    [None if hour == 0 else [hour] for hour in hours], pa.large_list(pa.int64())
                ),
                "words": pa.array(words, pa.large_list(pa.large_binary())),
            }
        )
        with ExamplesWriter(directory, split, rows_per_shard=120) as writer:
            for start in range(0, size, 60):
                writer.write(batch.slice(start, 60))
