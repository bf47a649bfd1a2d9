"""A run on a disk that is too small."""

# mypy: disallow-untyped-decorators=False

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp import dsl

import headrace
from headrace.backends.local import engine
from headrace_components.catalog import csv_example_gen
from local_pipelines import compiled

SIZE_MEBIBYTES = 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MEBIBYTES}m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a disk of a chosen size")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@dsl.pipeline(name="rows")
def rows(data: str) -> None:
    csv_example_gen(input_base=data)


def test_a_full_disk_fails_the_task_and_leaves_nothing_half_written(
    small_disk: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    lines = (f"{row * 7919},{row * row},{row}.25" for row in range(400_000))
    (data / "rows.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n", "utf-8")

    result = engine.start(
        compiled(rows),
        parameters={"data": str(data)},
        options=engine.Options(root=small_disk / "root"),
    )

    assert result.state == "failed"
    (failure,) = result.failures
    assert failure.kind == "platform"
    assert "csv" in failure.message
    assert "space" in failure.message
    assert not list(result.directory.glob("**/*.gz"))

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    finished = headrace.resume(result.run_id, root=small_disk / "root")

    assert finished.state == "succeeded"
    assert list(result.directory.glob("csv-example-gen/examples/Split-train/*.gz"))
