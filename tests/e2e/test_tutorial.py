"""The tutorial, as a reader follows it: its files are written and its commands run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial.md"
HEADRACE = Path(sys.executable).with_name("headrace")

pytestmark = pytest.mark.slow


def files() -> dict[str, str]:
    """The files that the tutorial asks to write, by name."""
    text = TUTORIAL.read_text("utf-8")
    return dict(
        re.findall(
            r"Write `([\w.]+)`[^`]*(?:`[^`\n]+`[^`]*)*?\n\n```python\n(.*?)```", text, re.DOTALL
        )
    )


def run(folder: Path, *command: str | Path, code: int = 0) -> str:
    result = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tickets")
    written = files()
    assert set(written) == {
        "prepare_data.py",
        "look.py",
        "features.py",
        "model.py",
        "pipeline.py",
    }
    for name, content in written.items():
        (folder / name).write_text(content, "utf-8")
    run(folder, sys.executable, "prepare_data.py")
    return folder


def test_the_data_begins_as_the_tutorial_says(project: Path) -> None:
    head = (project / "data/tickets.csv").read_text("utf-8").splitlines()[:2]

    assert "\n".join(f"    {line}" for line in head) in TUTORIAL.read_text("utf-8")


def test_a_reader_looks_at_the_data_trains_spoils_the_model_and_sees_why(project: Path) -> None:
    looked = run(project, HEADRACE, "run", "look.py")
    assert "statistics-gen/report.html" in looked

    trained = run(project, HEADRACE, "run", "pipeline.py")
    assert re.search(r"✓ evaluator +blessed", trained)
    [first] = (project / "serving/tickets").iterdir()
    [report] = (project / "headrace_root/tickets").glob("*/evaluator/report.html")
    slices = report.read_text("utf-8").partition("<h2>Slices</h2>")[2]
    assert all(f"plan={plan}" in slices for plan in ("free", "pro", "enterprise"))
    assert "billing" in report.read_text("utf-8").partition("Confusion matrix")[2]

    features = project / "features.py"
    features.write_text(features.read_text("utf-8").replace("NUM_WORDS = 300", "NUM_WORDS = 5"))
    spoiled = run(project, HEADRACE, "run", "pipeline.py")
    assert re.search(r"✗ evaluator +not blessed", spoiled)
    assert list((project / "serving/tickets").iterdir()) == [first]

    assert "features.py" in run(project, HEADRACE, "why", "latest", "transform")
    compared = run(project, HEADRACE, "runs", "compare", "latest-succeeded", "latest")
    assert "sparse_categorical_accuracy" in compared
