"""A target is a folder and a line of the registry, and mypy names what it lacks."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from mypy import api

from headrace.contract.target import target_named
from headrace.profiles.profile import Profile
from headrace.target_registry import TARGETS, TargetName, settings_class

REPOSITORY = Path(__file__).parents[2]
TOY = REPOSITORY / "tests/support/targets"

PIPELINE = """
from kfp import dsl

@dsl.container_component
def step(rows: int):
    return dsl.ContainerSpec(image="docker.io/library/busybox", command=["echo"], args=[rows])

@dsl.pipeline(name="small")
def small(rows: int = 3):
    step(rows=rows).set_accelerator_type("nvidia-l4").set_accelerator_limit(1)

@dsl.pipeline(name="loops")
def loops():
    with dsl.ParallelFor([1, 2]) as item:
        step(rows=item)
"""

# The additions of a target's author to the source: the folder, and the line.
ADDED = """
import sys
import headrace.targets
from headrace.target_registry import TARGETS, Registered
headrace.targets.__path__.append({folder!r})
TARGETS[{name!r}] = Registered({facts})
from headrace.cli.main import main
sys.exit(main({words!r}))
"""
FACTS = "settings='Toy', suffix='.py', has_service=True"

MUTE = """
from headrace.contract.target import Target

class MuteTarget(Target):
    name = "mute"

TARGET: Target = MuteTarget()
"""


def headrace_with(
    folder: Path, name: str, facts: str, words: list[str], directory: Path
) -> subprocess.CompletedProcess[str]:
    (directory / "pipeline.py").write_text(PIPELINE, "utf-8")
    code = ADDED.format(folder=str(folder), name=name, facts=facts, words=words)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, check=False
    )


def toy(directory: Path, *words: str, profile: str = "") -> subprocess.CompletedProcess[str]:
    (directory / "headrace.toml").write_text(profile, "utf-8")
    return headrace_with(TOY, "toy", FACTS, list(words), directory)


def test_a_new_target_compiles_a_pipeline_with_settings_of_its_own(tmp_path: Path) -> None:
    profile = '[toy]\nowner = "ops"\n[toy.tasks.step]\nretries = 2\n[toy.parameters]\nlines = 1\n'

    done = toy(
        tmp_path, "compile", "pipeline.py:small", "--target", "toy", "-o", "dag.py", profile=profile
    )

    assert done.returncode == 0, done.stderr
    assert "[toy.parameters] has `lines`, which pipeline 'small' does not have" in done.stderr
    assert "Wrote dag.py.\nRun it with: headrace submit pipeline.py:small --target toy" in (
        done.stderr
    )
    written: dict[str, dict[str, object]] = {}
    exec((tmp_path / "dag.py").read_text("utf-8"), written)
    assert written["PIPELINE"]["owner"] == "ops"
    text = repr(written["PIPELINE"]["pipeline"])
    assert "'resourceType': 'toy-l4'" in text
    assert "'maxRetryCount': 2" in text


def test_a_new_target_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    words = ("compile", "pipeline.py:loops", "--target", "toy")

    assert "target toy does not loop. Write each task." in toy(tmp_path, *words).stderr
    for profile, message in (
        ('[toy]\nowner = "you and me"\n', "headrace.toml: [toy] `owner` is 'you and me'"),
        ('[toy]\nonwer = "ops"\n', "[toy]: unknown setting `onwer`"),
        ('[defaults]\nshm = "1Gi"\n', "target toy has no `shm`. Remove it."),
    ):
        done = toy(tmp_path, *words, profile=profile)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        (["compile"], "[local|kubeflow|vertex|toy]"),
        (["submit"], "[kubeflow|vertex|toy]"),
        (["runs", "list"], "[local|kubeflow|vertex|toy]"),
        (["lineage"], "[local|kubeflow]"),
        (["doctor"], "[kubeflow]"),
    ],
)
def test_commands_offer_a_new_target_where_it_answers_them(
    tmp_path: Path, command: list[str], choices: str
) -> None:
    assert choices in toy(tmp_path, *command, "--help").stdout


def test_a_run_is_submitted_to_the_service_of_a_new_target(tmp_path: Path) -> None:
    done = toy(tmp_path, "submit", "pipeline.py:small", "--target", "toy")
    listed = toy(tmp_path, "runs", "list", "--target", "toy")

    assert done.stderr == listed.stderr
    assert (done.returncode, done.stderr) == (
        75,
        "error: toy: Tokyo does not answer. Try again tomorrow.\n",
    )


def test_a_new_target_compiles_an_example(tmp_path: Path) -> None:
    example = REPOSITORY / "examples/penguins/pipeline.py"
    profile = (REPOSITORY / "examples/headrace.toml").read_text("utf-8")

    done = toy(
        tmp_path,
        *("compile", str(example), "--target", "toy", "-o", "dag.py"),
        profile=f'{profile}\n[toy]\nowner = "ops"\n',
    )

    assert (done.returncode, "Wrote dag.py." in done.stderr) == (0, True), done.stderr
    assert re.search(r"/trainer@sha256:\w{64}", (tmp_path / "dag.py").read_text("utf-8"))


def test_compiling_for_a_target_imports_no_other_one(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom headrace.cli.main import main\n"
        "main(['compile', 'pipeline.py:small', '--target', 'vertex', '-o', 'out.json'])\n"
        "targets = (name for name in sys.modules if name.startswith('headrace.targets.'))\n"
        "print({name.split('.')[2] for name in targets})"
    )
    (tmp_path / "pipeline.py").write_text(PIPELINE, "utf-8")
    (tmp_path / "headrace.toml").write_text('[vertex]\npipeline_root = "gs://b/r"\n', "utf-8")

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "Wrote out.json" in done.stderr
    assert done.stdout == "{'vertex'}\n"


def test_a_target_that_cannot_write_a_document_does_not_say_that_it_wrote_one(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "targets"
    (folder / "mute").mkdir(parents=True)
    (folder / "mute/target.py").write_text(MUTE, "utf-8")
    words = ["compile", "pipeline.py:small", "--target", "mute", "-o", "dag.py"]

    done = headrace_with(folder, "mute", "", words, tmp_path)

    assert done.returncode != 0
    assert "Wrote" not in done.stdout + done.stderr
    assert re.search(r"abstract .*\bemit\b", done.stderr)
    assert not (tmp_path / "dag.py").exists()


def test_mypy_names_what_a_target_lacks(tmp_path: Path) -> None:
    whole = (TOY / "toy/target.py").read_text("utf-8")
    lacking = re.sub(r"    def (emit|connect)\(.*?\n\n", "", whole, flags=re.DOTALL)
    path = tmp_path / "lacking.py"
    path.write_text(lacking.replace("from .settings", "from support.targets.toy.settings"), "utf-8")
    options = ["--config-file", "pyproject.toml", "--follow-imports", "silent"]

    printed, _, _ = api.run([*options, "--cache-dir", str(tmp_path / "cache"), str(path)])

    assert re.findall(r"error: (.*)", printed) == [
        'Cannot instantiate abstract class "ToyTarget" with abstract attributes "connect" and '
        '"emit"  [abstract]'
    ]


def test_the_registry_agrees_with_the_targets() -> None:
    assert list(get_args(TargetName)) == list(TARGETS)
    for name, registered in TARGETS.items():
        target = target_named(name)
        settings = target.settings(Profile())
        assert target.name == name
        assert (settings is not None) == bool(registered.settings)
        assert settings is None or type(settings) is settings_class(name)
        assert registered.has_service or target.connect(Profile()) is None
        lineage = target.lineage(Path("root"), "", None) if not registered.has_lineage else ""
        assert (lineage is not None) == registered.has_lineage
