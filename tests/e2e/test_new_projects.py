"""The projects of `headrace new`, as a newcomer uses them: run, test, compile."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.cli.new_project import TEMPLATES
from headrace.images.definitions import images
from headrace.target_registry import TARGETS

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def call(*words: str | Path, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=at, capture_output=True, text=True, check=False)


def succeed(*words: str | Path, at: Path) -> str:
    result = call(*words, at=at)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout + result.stderr


@pytest.fixture(scope="module", params=TEMPLATES)
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    at = tmp_path_factory.mktemp("with a blank")
    succeed(BIN / "headrace", "new", "night-shift", "--template", request.param, at=at)
    yield at / "night-shift"


def test_a_project_trains_a_blessed_model_and_pushes_it(project: Path) -> None:
    said = succeed(BIN / "headrace", "run", "pipeline.py", at=project)

    (version,) = (project / "serving/night-shift").iterdir()
    assert f"Pushed model: {version}" in said
    assert (version / "saved_model.pb").is_file()
    (blessing,) = project.glob("headrace_root/night-shift/*/[eE]valuator/blessing")
    assert [each.name for each in blessing.iterdir()] == ["BLESSED"]
    reports = [line for line in said.splitlines() if line.startswith("Report: ")]
    assert len(reports) >= 2

    again = succeed(BIN / "headrace", "run", "pipeline.py", at=project)
    assert "Run " in again
    assert (project / ".gitignore").read_text("utf-8").count("/serving/") == 1


def test_the_own_tests_of_a_project_pass(project: Path) -> None:
    said = succeed(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", at=project)

    assert "2 passed" in said


def test_a_project_compiles_for_every_target_with_the_tables_that_it_suggests(
    project: Path,
) -> None:
    profile = project / "headrace.toml"
    lines = profile.read_text("utf-8").splitlines()
    settings = [line.removeprefix("# ") for line in lines if line[:3] == "# [" or " = " in line]
    profile.write_text("\n".join(settings) + "\n", "utf-8")
    (project / "images").mkdir(exist_ok=True)
    digests = {image.name: f"sha256:{64 * '5'}" for image in images(REPOSITORY / "images")}
    (project / "images/digests.json").write_text(json.dumps(digests), "utf-8")

    for target in TARGETS:
        said = succeed(BIN / "headrace", "compile", "pipeline.py", "--target", target, at=project)
        assert "night-shift" in said


def test_the_code_of_a_project_passes_a_type_checker(project: Path) -> None:
    untyped = ["import-untyped", "import-not-found"]
    flags = [f"--disable-error-code={code}" for code in untyped]

    succeed(
        sys.executable, "-m", "mypy", "--config-file=", "--follow-imports=silent", *flags, ".",
        at=project,
    )  # fmt: skip


def test_another_day_continues_from_the_model_of_the_day_before(tmp_path: Path) -> None:
    succeed(BIN / "headrace", "new", "daily-orders", "--template", "daily", at=tmp_path)
    project = tmp_path / "daily-orders"
    succeed(BIN / "headrace", "run", "pipeline.py", at=project)
    succeed(sys.executable, "prepare_data.py", at=project)

    said = succeed(BIN / "headrace", "run", "pipeline.py", at=project)

    assert sorted(each.name for each in (project / "data").iterdir())[-1] == "2026-01-08"
    assert len(list((project / "serving/daily-orders").iterdir())) == 2, said
    logs = sorted(project.glob("headrace_root/daily-orders/*/logs/span-range.log"))
    assert len(logs) == 2
