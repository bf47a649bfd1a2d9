"""Measures csv_example_gen on CSV files: seconds and memory, and TFX's CsvExampleGen beside it.

Run `python bench/csv_example_gen.py --csv DIRECTORY [--times 3] [--copies 4] [--tfx INTERPRETER]
[--tfx-rows 20000]`. `--copies` reads the files so many times over, which shows whether memory grows
with them. `--tfx` names an interpreter that has TFX 1.16; its first rows are compared record by
record.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from headrace_components.examples import ExamplesReader

_OURS = """
import json, resource, sys, time
start = time.monotonic()
from headrace_components import task
from headrace_components.csv_example_gen.executor import execute
imported, cpu = time.monotonic(), time.process_time()
code = task.main("csv_example_gen", execute, ["--executor_input", sys.argv[1]])
print(json.dumps({
    "exit_code": code,
    "import_seconds": imported - start,
    "seconds": time.monotonic() - imported,
    "cpu_seconds": time.process_time() - cpu,
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""

_TFX = """
import json, resource, sys, time
start = time.monotonic()
from tfx.components.example_gen.csv_example_gen import executor
from tfx.components.example_gen import utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts
from tfx.utils import proto_utils
imported = time.monotonic()
base, output = sys.argv[1:]
examples = standard_artifacts.Examples()
examples.uri = output
context = base_beam_executor.BaseBeamExecutor.Context(
    beam_pipeline_args=[], tmp_dir=output + "-temporary", unique_id="1")
config = utils.make_default_input_config()
executor.Executor(context).Do({}, {"examples": [examples]}, {
    "input_base": base,
    "input_config": proto_utils.proto_to_json(config),
    "output_config": proto_utils.proto_to_json(utils.make_default_output_config(config)),
    "output_data_format": 6,
    "output_file_format": 5,
})
print(json.dumps({
    "import_seconds": imported - start,
    "seconds": time.monotonic() - imported,
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def measure_ours(base: Path, output: Path) -> dict[str, Any]:
    """Returns seconds and peak memory of a process that runs the component."""
    message = {
        "inputs": {"parameterValues": {"input_base": str(base)}},
        "outputs": {
            "outputFile": str(output.parent / "output.json"),
            "artifacts": {"examples": {"artifacts": [{"uri": str(output)}]}},
        },
    }
    figures = _run([sys.executable, "-c", _OURS, json.dumps(message)])
    reader = ExamplesReader(output, "bench")
    figures["rows"] = sum(reader.num_rows(split) for split in reader.split_names)
    return figures


def measure_tfx(interpreter: str, base: Path, output: Path) -> dict[str, Any]:
    """Returns seconds and peak memory of a process that runs TFX's executor."""
    return _run([interpreter, "-c", _TFX, str(base), str(output)])


def same_records(ours: Path, theirs: Path) -> bool:
    """Says whether both hold the same records in the same splits."""
    # Loaded here: only this needs protobuf's own view of a record.
    from tensorflow.core.example.example_pb2 import Example

    def digests(path: Path) -> dict[str, Counter[bytes]]:
        reader = ExamplesReader(path, "bench")
        return {
            split: Counter(
                hashlib.sha256(
                    Example.FromString(record).SerializeToString(deterministic=True)
                ).digest()
                for records in reader.serialized(split)
                for record in records
            )
            for split in reader.split_names
        }

    return digests(ours) == digests(theirs)


def _run(command: list[str]) -> dict[str, Any]:
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


def _head(base: Path, target: Path, num_rows: int) -> Path:
    (source,) = base.iterdir()
    target.mkdir()
    with source.open() as lines, (target / source.name).open("w") as head:
        head.writelines(islice(lines, num_rows + 1))
    return target


def _copied(base: Path, target: Path, copies: int) -> Path:
    target.mkdir()
    for source in base.iterdir():
        for copy in range(copies):
            (target / f"{copy}-{source.name}").symlink_to(source.resolve())
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True, help="directory of CSV files")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--tfx", default="", help="interpreter that has TFX")
    parser.add_argument("--tfx-rows", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for index in range(options.times):
            print("headrace", measure_ours(options.csv, root / f"ours-{index}"))
        if options.copies:
            base = _copied(options.csv, root / "copies", options.copies)
            print(f"headrace, {options.copies} times the rows", measure_ours(base, root / "many"))
        if options.tfx:
            base = _head(options.csv, root / "head", options.tfx_rows)
            print("headrace, first rows", measure_ours(base, root / "ours-head"))
            print("tfx, first rows", measure_tfx(options.tfx, base, root / "tfx-head"))
            print("same records:", same_records(root / "ours-head", root / "tfx-head"))


if __name__ == "__main__":
    main()
