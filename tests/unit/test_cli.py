"""The command line: exit codes, messages, and the imports at the start of a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import headrace
from headrace.cli.main import main
from headrace_components import catalog

ROOT = Path(__file__).parents[2]
PENGUINS = ROOT / "examples" / "penguins" / "pipeline.py"


def headrace_process(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def test_a_pipeline_is_compiled_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(PENGUINS), "--target", "local"]) == 0

    assert json.loads(capsys.readouterr().out)["pipelineInfo"]["name"] == "penguins"


def test_output_that_cannot_be_written_is_told_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "headrace.cli.main", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert result.returncode == 1
    assert result.stderr.startswith(
        "error: headrace: could not write to standard output: No space left on device. "
    )
    assert result.stderr.count("\n") == 1


def test_a_current_directory_that_was_removed_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m headrace.cli.main doctor"

    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert result.stderr.startswith("error: headrace: the current directory cannot be read (No ")
    assert result.stderr.count("\n") == 1


def test_what_the_file_prints_is_no_part_of_the_document(tmp_path: Path) -> None:
    path = tmp_path / "talkative.py"
    path.write_text("print('hello')\n" + PENGUINS.read_text("utf-8"), "utf-8")
    (tmp_path / "module.py").write_bytes(PENGUINS.with_name("module.py").read_bytes())

    result = headrace_process("compile", str(path), "--target", "local")

    assert json.loads(result.stdout)["pipelineInfo"]["name"] == "penguins"
    assert result.stderr == "hello\n"


def test_a_pipeline_is_compiled_to_a_file_in_a_new_directory(tmp_path: Path) -> None:
    output = tmp_path / "build" / "penguins.json"

    assert main(["compile", str(PENGUINS), "--target", "local", "-o", str(output)]) == 0

    assert output.read_bytes().endswith(b"}\n")


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    command = ["compile", str(PENGUINS), "--target", "local", "-o"]

    assert main([*command, str(tmp_path / "file" / "p.json")]) == 2
    assert "error: compile: could not write" in capsys.readouterr().err
    assert main([*command, str(tmp_path)]) == 2
    assert "Is a directory. Free space, or choose another file" in capsys.readouterr().err
    assert main([*command, "."]) == 2
    assert "could not write '.': Is a directory" in capsys.readouterr().err


def test_compiling_for_vertex_ends_with_how_to_submit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = "sha256:" + "0" * 64
    digests = "".join(f'{name} = "{digest}"\n' for name in catalog.__all__)
    config = tmp_path / "headrace.toml"
    config.write_text(
        '[vertex]\npipeline_root = "gs://b/r"\nproject = "p"\nregion = "europe-west1"\n'
        f'[images]\nregistry = "ghcr.io/mine"\n[images.digests]\n{digests}',
        "utf-8",
    )
    output = tmp_path / "job.json"
    command = ["compile", str(PENGUINS), "--target", "vertex", "--config", str(config)]

    assert main([*command, "-o", str(output)]) == 0

    assert json.loads(output.read_text("utf-8"))["displayName"] == "penguins"
    assert capsys.readouterr().err.endswith(
        f"\nRun it with: headrace submit {PENGUINS} --target vertex --config {config}\n"
    )


def test_the_python_api_gives_what_the_command_gives(tmp_path: Path) -> None:
    output = tmp_path / "penguins.json"

    document = headrace.compile(PENGUINS, target="local", output=output)

    assert json.loads(output.read_text("utf-8")) == document


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "gone.py", "--target", "local"], "error: compile: 'gone.py' is not there"),
        (["compile", str(PENGUINS), "--target", "vertx"], "error: Invalid value for '--target'"),
        (["compile", str(PENGUINS), "--target", "vertex"], "error: images: target vertex needs"),
        (["compile", str(PENGUINS)], "error: Missing option '--target'"),
        (
            ["compil"],
            "error: headrace: there is no command 'compil', only ['new', 'compile', 'run',",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    captured = capsys.readouterr()
    assert captured.out.startswith("Usage: headrace")
    assert captured.err == ""


def test_an_error_of_the_pipeline_file_shows_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n", "utf-8")

    result = headrace_process("compile", str(path), "--target", "local")

    assert result.returncode == 2
    assert result.stderr.startswith("error: broken.py:1: ")
    assert len(result.stderr.splitlines()) == 1


def test_help_lists_the_commands_and_imports_none(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom headrace.cli.main import main\nmain(['--help'])\n"
        "print([name for name in sys.modules if name.startswith(('kfp', 'headrace.cli'))"
        " and name not in ('headrace.cli', 'headrace.cli.main')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    for command in ("compile", "run", "lineage", "images", "doctor"):
        assert f"\n  {command} " in result.stdout
    assert result.stdout.endswith("[]\n")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    texts = set()
    for seed in ("0", "1"):
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "headrace.cli.main",
                "compile",
                str(PENGUINS),
                "--target",
                "local",
            ],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        texts.add(result.stdout)

    assert len(texts) == 1
