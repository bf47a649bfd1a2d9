"""`headrace completion`: a real bash completes what is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli.main import main
from support.programs.finding import program

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


def offered(line: str, at: Path, shell: str = "") -> list[str]:
    """Returns what bash offers for a line; for another shell, what its script is told."""
    words = line.split(" ")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    if shell:
        environment |= {"_HEADRACE_COMPLETE": f"{shell}_complete", "COMP_WORDS": line}
        environment["COMP_CWORD"] = words[-1] if shell == "fish" else str(len(words) - 1)
        result = subprocess.run(
            ["headrace"], cwd=at, env=environment, capture_output=True, text=True, check=True
        )
        return result.stdout.split("\n")
    script = f"""
eval "$(headrace completion bash)"
COMP_WORDS=({line}{' ""' if line.endswith(" ") else ""}); COMP_CWORD={len(words) - 1}
compopt() {{ echo "compopt $2" >&2; }}
_headrace_completion headrace "${{COMP_WORDS[COMP_CWORD]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    result = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [each for each in (result.stdout + result.stderr).split("\n") if each]


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two runs."""
    directory = tmp_path_factory.mktemp("runs")
    subprocess.run([BIN / "headrace", "new", "fraud"], cwd=directory, check=True)
    for _ in range(2):
        words = ["run", "fraud/pipeline.py", "--to-nodes", "csv-example-gen"]
        subprocess.run([BIN / "headrace", *words], cwd=directory, check=True)
    return directory


def runs(at: Path) -> list[str]:
    found = [each.name for each in (at / "headrace_root/fraud").iterdir()]
    return sorted((each for each in found if each[0].isdecimal()), reverse=True)


def test_bash_completes_commands_options_and_targets(at: Path) -> None:
    program("bash", "nothing completes")

    assert offered("headrace co", at) == ["compile", "completion", "convert"]
    assert offered("headrace runs li", at) == ["list"]
    assert "--runner" in offered("headrace run --r", at)
    assert offered("headrace submit x.py --target v", at) == ["vertex"]
    assert offered("headrace new fraud --template t", at) == ["tabular", "text"]
    assert offered("headrace nothing a", at) == []


def test_bash_completes_runs_tasks_and_images(at: Path) -> None:
    newest, oldest = runs(at)

    assert offered("headrace runs show ", at) == [
        *("latest", "latest-failed", "latest-succeeded"),
        newest,
        oldest,
    ]
    assert offered(f"headrace logs {oldest[:-2]}", at) == [oldest]
    assert offered("headrace logs latest csv", at) == ["csv-example-gen"]
    assert offered("headrace images build vertex", at) == ["vertex_pusher"]
    assert offered("headrace runs show --root nowhere 2", at) == []
    assert offered("headrace runs show --target kubeflow 2", at) == []


def test_bash_completes_files_where_a_pipeline_is_expected_and_directories_for_models(
    at: Path,
) -> None:
    assert offered("headrace run fra", at) == ["compopt default"]
    assert offered("headrace compile fra", at) == ["compopt default"]
    models = offered("headrace serve late", at)
    assert models == ["latest", "latest-failed", "latest-succeeded", "compopt dirnames"]


def test_zsh_and_fish_are_told_the_same_with_what_each_command_does(at: Path) -> None:
    assert offered("headrace compl", at, "fish") == [
        "plain,completion\tPrint the script for completion in a shell.",
        "",
    ]
    zsh = offered("headrace compl", at, "zsh")
    assert zsh[:3] == ["plain", "completion", "Print the script for completion in a shell."]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_that_of_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert f"_HEADRACE_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err
