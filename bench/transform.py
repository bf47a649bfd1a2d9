"""Measures transform: penguins-size and flights-size rows, the embedded engine and Beam.

Usage: python bench/transform.py CSV MODULE [embedded|beam] [DIRECTORY]

CSV has a header; two rows of three become `train`. Each measurement is the component's `execute` in
this process, imports excluded.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import tensorflow_data_validation as tfdv

from headrace_components import schemas, statistics
from headrace_components.examples import ExamplesWriter
from headrace_components.task import Artifact, Task
from headrace_components.transform import analysis, executor, statistics_outputs

ROWS_PER_BATCH = 10_000


def main() -> None:
    source, module = Path(sys.argv[1]), Path(sys.argv[2])
    engine = sys.argv[3] if len(sys.argv) > 3 else "embedded"
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(sys.argv[4]) if len(sys.argv) > 4 else Path(scratch)
        inputs = make_inputs(source, directory)
        if engine == "beam":
            executor.analyze = analysis.analyze_on_beam
        timings = time_parts()
        task = make_task(directory, inputs, module)
        start, start_cpu = time.perf_counter(), time.process_time()
        executor.execute(task)
        timings["total"] = time.perf_counter() - start
        timings["total_cpu"] = time.process_time() - start_cpu
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report = {name: round(seconds, 2) for name, seconds in timings.items()}
        print(json.dumps({"engine": engine, **report, "peak_rss_mib": round(peak_mib)}))


def make_inputs(source: Path, directory: Path) -> dict[str, Path]:
    """Writes the CSV's rows as Examples, and their schema."""
    examples, schema = directory / "examples", directory / "schema"
    batches = [list_columns(batch) for batch in pyarrow.csv.read_csv(source).to_batches(10_000)]
    for split, keep in (("train", lambda row: row % 3 < 2), ("eval", lambda row: row % 3 == 2)):
        with ExamplesWriter(examples, split) as writer:
            for batch in batches:
                rows = [row for row in range(batch.num_rows) if keep(row)]
                writer.write(batch.take(pa.array(rows)))
    summary = statistics.compute(batches, tfdv.StatsOptions())
    schemas.write(tfdv.infer_schema(summary, infer_feature_shape=False), schema)
    return {"examples": examples, "schema": schema}


def list_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the columns as lists of at most one value, as tf.Examples hold them."""
    columns = []
    for column in batch.columns:
        values = column
        if pa.types.is_floating(values.type):
            values = values.cast(pa.float32())
        elif not pa.types.is_integer(values.type):
            values = pc.if_else(pc.equal(values, "NA"), None, values.cast(pa.string()))
            values = values.cast(pa.large_string()).cast(pa.large_binary())
        present = values.is_valid().to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *present.cumsum()], pa.int64())
        lists = pa.LargeListArray.from_arrays(offsets, values.drop_null())
        columns.append(pc.if_else(pa.array(present), lists, pa.nulls(len(lists), lists.type)))
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def make_task(directory: Path, inputs: dict[str, Path], module: Path) -> Task:
    """Returns a task that does all that transform can."""
    ports = ["transform_graph", "transformed_examples", "updated_analyzer_cache"]
    ports += ["pre_transform_schema", "pre_transform_stats", "post_transform_schema"]
    ports += ["post_transform_stats", "post_transform_anomalies"]
    outputs = {}
    for port in ports:
        path = directory / "out" / port
        path.mkdir(parents=True, exist_ok=True)
        outputs[port] = Artifact(key=port, name=port, uri=str(path), path=path)
    return Task(
        component="transform",
        params={"module_file": str(module)},
        inputs={
            key: (Artifact(key=key, name=key, uri=str(path), path=path),)
            for key, path in inputs.items()
        },
        outputs=outputs,
        output_file=directory / "output.json",
    )


def time_parts() -> dict[str, float]:
    """Makes the executor's steps note how long they took, and returns where they note it."""
    timings: dict[str, float] = {}
    for owner, name, label in (
        (executor, "analyze", "analysis"),
        (statistics_outputs, "write_before", "statistics_before"),
        (statistics_outputs, "write_after", "apply_write_and_statistics_after"),
    ):
        setattr(owner, name, _timed(getattr(owner, name), label, timings))
    return timings


def _timed(function, label, timings):
    def timed(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            timings[label] = time.perf_counter() - start

    return timed


if __name__ == "__main__":
    main()
