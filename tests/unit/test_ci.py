"""Programs that tests start: `.ci/run` installs them, and CI does not pass without them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.programs.finding import program

SCRIPT = Path(__file__).parents[2] / ".ci/run"
# The programs that this test lets the script find.
INSTALLED = (
    "initdb",
    "mariadbd",
    "node",
    "npm",
    "podman",
    "buildah",
    "mmdebstrap",
    "docker-registry",
    "chromium",
)

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")


def run(directory: Path, installed: tuple[str, ...], apt: str) -> tuple[list[str], list[str]]:
    """Runs the script with only `installed` on the PATH.

    Returns the lines that it prints, and the commands that it calls.

    Args:
        directory: An empty directory.
        installed: Names of programs.
        apt: The work of apt-get, as a shell script.
    """
    programs = dict.fromkeys(installed, "")
    note = f'echo "${{0##*/}} $*" >>{directory}/calls'
    programs |= {"apt-get": f"{note}\n{apt}", "make": note}
    for name, text in programs.items():
        (directory / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        (directory / name).chmod(0o755)
    (directory / "dirname").symlink_to(shutil.which("dirname") or "")
    (directory / ".ci").mkdir()
    shutil.copy(SCRIPT, directory / ".ci/run")
    result = subprocess.run(
        [shutil.which("bash") or "", str(directory / ".ci/run")],
        env={"PATH": str(directory), "CI": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return result.stdout.splitlines(), (directory / "calls").read_text("utf-8").splitlines()


@is_root
def test_only_what_is_missing_is_installed(tmp_path: Path) -> None:
    printed, called = run(tmp_path, INSTALLED, apt="echo much")

    assert printed == ["Installing runc for the tests."]
    assert called == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends runc",
        "make test",
    ]


@is_root
def test_the_tests_run_where_nothing_can_be_installed(tmp_path: Path) -> None:
    printed, called = run(tmp_path, INSTALLED, apt="echo no network >&2; exit 100")

    assert printed == [
        "Installing runc for the tests.",
        "no network",
        "apt-get could not install them: tests that need them fail.",
    ]
    assert called == ["apt-get update", "make test"]


def test_nothing_is_installed_where_nothing_is_missing(tmp_path: Path) -> None:
    assert run(tmp_path, (*INSTALLED, "runc"), apt="") == ([], ["make test"])


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_test_without_its_program_fails_in_ci_and_is_skipped_elsewhere(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome, match="no-such-program is not installed, so nothing is served"):
        program("no-such-program", "nothing is served")
