"""A run on a disk that is too small."""

# mypy: disallow-untyped-decorators=False

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp import dsl

import headrace
from headrace.lineage.local_store.connection import default_url
from headrace.lineage.local_store.writer import LineageStore
from headrace.targets.local import engine
from headrace.targets.local.shared.options import Options
from headrace_components.catalog import csv_example_gen
from headrace_components.contract.errors import PlatformError
from support.cases.local_pipelines import compiled, fill_disk

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
        options=Options(root=small_disk / "root"),
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


def fill(disk: Path) -> Path:
    file = disk / "rest"
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)
    return file


def test_lineage_goes_on_when_a_full_disk_has_room_again(small_disk: Path) -> None:
    store = LineageStore(default_url(small_disk))
    store.begin_run("p", "r", {})
    rest = fill(small_disk)

    for _ in range(2):
        with pytest.raises(PlatformError, match="database or disk is full"):
            store.begin_execution("r", "t", "csv_example_gen", {"text": "y" * 9000}, {})
    rest.unlink()

    execution = store.begin_execution("r", "t", "csv_example_gen", {"text": "y" * 9000}, {})
    store.finish_execution(execution, "failed", {})
    store.finish_run("r", "failed")


@dsl.pipeline(name="filling")
def filling(disk: str) -> None:
    fill_disk(disk=disk)


def test_a_run_whose_lineage_finds_no_room_does_not_say_that_it_runs(
    small_disk: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    metadata = f"sqlite:///{small_disk / 'lineage.sqlite'}"

    with pytest.raises(PlatformError, match="disk is full"):
        engine.start(
            compiled(filling),
            parameters={"disk": str(small_disk)},
            options=Options(root=root, metadata=metadata),
        )

    (state,) = root.glob("filling/*/state.json")
    assert json.loads(state.read_text("utf-8"))["state"] == "failed"
    (small_disk / "rest").unlink()
    finished = engine.resume(state.parent.name, root=root)
    assert finished.state == "succeeded"
