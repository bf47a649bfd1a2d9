"""docs/from-tfx.md: its pipeline and its commands do what the page says."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import headrace
from headrace.cli.main import main

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/from-tfx.md").read_text("utf-8")
# These need the network, a service, or the Jupyter of a user.
ELSEWHERE = ("pip install", "headrace submit", "python -m headrace.tfx kernel")


def steps() -> list[str]:
    """Returns the commands of the guide, in its order."""
    section = PAGE.partition("\n## In an hour\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^    (\w.*)$", section, re.MULTILINE)
    return [command for command in commands if not command.startswith(ELSEWHERE)]


def is_compiled(command: str) -> bool:
    return command.startswith(("headrace compile", "headrace convert"))


def execute(command: str, project: Path) -> int:
    words = shlex.split(command.replace("/home/me/taxi", str(project)))
    if words[0] == "headrace":
        return main(words[1:])
    assert words[0] == "python"
    return subprocess.run([sys.executable, *words[1:]], cwd=project, check=False).returncode


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files that the page shows, and digests of images."""
    for name, text in re.findall(r"```\w+\n# (\S+\.\w+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    images = [folder.parent.name for folder in (REPOSITORY / "images").glob("*/requirements.in")]
    (tmp_path / "images").mkdir()
    digests = dict.fromkeys(images, f"sha256:{'0' * 64}")
    (tmp_path / "images/digests.json").write_text(json.dumps(digests), "utf-8")
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "make_data.py"], check=True)
    return tmp_path


def follow(commands: list[str], project: Path, capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Executes commands of the guide, and returns what each has said."""
    said = {}
    for command in commands:
        status = execute(command, project)
        out, err = capfd.readouterr()
        assert status == 0, f"{command}\n{out}{err}"
        said[command] = out + err
    return said


def test_the_runs_of_the_guide_do_what_it_says(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = follow([command for command in steps() if not is_compiled(command)], project, capfd)

    assert "9 done" in said["headrace run local_runner.py"]
    assert "1 skipped" in said["headrace run local_runner.py -p min_rows=1000"]
    assert "8 cached, 1 done" in said["python -m headrace.tfx local_runner.py"]
    assert "taxi" in said["headrace lineage runs --file local_runner.py"]
    assert list((project / "serving").glob("*/saved_model.pb"))
    assert list((project / "root/taxi").glob("*/Evaluator/report.html"))


def test_the_guide_compiles_and_converts(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = follow([command for command in steps() if is_compiled(command)], project, capfd)

    assert len(said) == 3
    job = json.loads((project / "taxi.json").read_text("utf-8"))
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://my-bucket/taxi"
    assert (project / "taxi.yaml").is_file()
    converted, original = (
        headrace.compile(name, target="kubeflow") for name in ("pipeline.py", "local_runner.py")
    )
    assert converted == original
