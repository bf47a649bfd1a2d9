"""Every example runs end to end, each task in its image; runs with `make test-images`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import headrace
from headrace.ir.view import Pipeline
from support.launcher import built_images

pytestmark = [pytest.mark.slow, pytest.mark.image]

REPOSITORY = Path(__file__).parents[3]
HEADRACE = Path(sys.executable).with_name("headrace")
EXAMPLES = sorted(path.parent.name for path in (REPOSITORY / "examples").glob("*/pipeline.py"))
NUM_LINES = 20_000  # of a file of rows: other tests show that a model is good
# Other parameters of runs.
PARAMETERS: dict[str, list[list[str]]] = {
    "daily": [["span=15706", "train_steps=20"], ["span=15707", "train_steps=20"]],
    "digits": [["train_steps=100"]],
    "flights": [["train_steps=100"]],
    "penguins": [[]],
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_in_its_images(example: str, tmp_path: Path) -> None:
    pipeline = REPOSITORY / f"examples/{example}/pipeline.py"
    spec = Pipeline(body=headrace.compile(pipeline, target="local"))
    built_images.build(*sorted(spec.headrace_names()))
    names = [name for name in spec.root.input_parameters if name.endswith("_dir")]
    directories = {name: tmp_path / name for name in names}
    for directory in directories.values():
        directory.mkdir()
    data = tmp_path / "data"
    script, file = pipeline.with_name("prepare_data.py"), data_file(example)
    subprocess.run([sys.executable, script, data / file], check=True)
    if file.endswith(".csv"):
        lines = (data / file).read_text("utf-8").splitlines(keepends=True)
        (data / file).write_text("".join(lines[:NUM_LINES]), "utf-8")
    source = f"url=sqlite:///{data / file}" if example == "daily" else f"data={data}"
    words: list[str | Path]
    words = ["run", pipeline, f"--root={tmp_path}/root", "--runner=podman", f"-p{source}"]
    words += [f"-p{name}={path}" for name, path in directories.items()]
    words += ["--mount", f"{data}:ro"]
    words += [word for path in directories.values() for word in ("--mount", path)]

    for more in PARAMETERS[example]:
        result = subprocess.run(
            [HEADRACE, *words, *(f"-p{each}" for each in more)],
            cwd=REPOSITORY,
            env={**os.environ, **built_images.runner_flags()},
            capture_output=True,
            text=True,
            check=False,
        )

        assert result.returncode == 0, result.stdout + result.stderr


def data_file(example: str) -> str:
    return {"daily": "flights.db", "digits": "digits.tfrecord.gz"}.get(example, f"{example}.csv")
