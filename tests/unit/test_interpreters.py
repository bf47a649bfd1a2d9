# mypy: disallow-untyped-decorators=False
"""The Python for an environment, and machines without a Python for a lock."""

import platform
import sys
from pathlib import Path

import pytest
from kfp import dsl

from headrace.images.locks import lock_file
from headrace.targets.local import engine
from headrace.targets.local.runners.interpreters import check_interpreters, interpreter_for
from headrace.targets.local.shared.options import Options
from headrace_components.artifacts import Examples
from headrace_components.catalog import pusher, statistics_gen
from headrace_components.contract.errors import InputError
from support.cases.local_pipelines import compiled


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes this a machine of Debian 13 with Python 3.11; returns the only directory on PATH."""
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.41"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "python_version", lambda: "3.11.9")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def add_python(directory: Path, script: str) -> Path:
    directory.mkdir(exist_ok=True)
    program = directory / "python3.13"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("image", ["pusher", "tfjs_converter"])
def test_a_lock_that_is_for_no_one_python_is_made_with_headraces(machine: Path, image: str) -> None:
    check_interpreters([image])

    assert interpreter_for(image, lock_file(image)).path == Path(sys.executable)


def test_the_locks_of_the_images_are_made_with_the_first_python_3_13_that_runs(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_python(machine / "shims", "exit 127")
    program = add_python(machine / "bin", """echo '["/opt/python", "3.13.5"]'""")
    monkeypatch.setenv("PATH", f"{machine / 'shims'}:{machine / 'bin'}")

    check_interpreters(["statistics_gen"])

    found = interpreter_for("statistics_gen", lock_file("statistics_gen"))
    assert (found.path, found.prefix, found.version) == (program, "/opt/python", "3.13.5")


def test_an_old_glibc_is_refused_with_what_to_do(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    add_python(machine, """echo '["/opt/python", "3.13.5"]'""")

    with pytest.raises(
        InputError,
        match=r"^headrace run: the runner venv makes environments from the locks of "
        r"\['statistics_gen', 'transform'\], but this machine has glibc 2\.36 on x86_64 and Python "
        r"3\.13\.5; the locks are for glibc 2\.40 or newer on x86_64 and Python 3\.13\. Choose "
        r"--runner worker, or call this on such a machine, for example Debian 13\.$",
    ):
        check_interpreters(["transform", "pusher", "statistics_gen", "transform"])


def test_a_machine_without_the_images_python_is_refused(machine: Path) -> None:
    with pytest.raises(InputError, match=r"glibc 2\.41 on x86_64 and no python3\.13 on PATH"):
        check_interpreters(["statistics_gen"])


def test_a_run_is_refused_before_it_starts(machine: Path, tmp_path: Path) -> None:
    @dsl.pipeline(name="two")
    def two() -> None:
        examples = dsl.importer(artifact_uri="rows", artifact_class=Examples).output
        statistics_gen(examples=examples)
        pusher()

    root = tmp_path / "root"
    with pytest.raises(InputError, match=r"from the locks of \['statistics_gen'\]"):
        engine.start(compiled(two), options=Options(root=root, runner="venv"))

    assert not root.exists()
