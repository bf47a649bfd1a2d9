"""The files that install/slim.py removes from the packages of an image, and those that it keeps."""

import subprocess
import sys
import time
from pathlib import Path

SLIM = Path(__file__).parents[2] / "images/install/slim.py"


def test_what_nothing_reads_is_taken_off_what_was_just_installed(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    below = site / "below/tests/test_it.py"
    write(below)
    time.sleep(0.02)  # file systems count time in steps of a few milliseconds
    marker = write(tmp_path / "marker")
    kept = [
        site / "wing/__init__.py",
        site / "wing/page_trend_test.py",
        site / "pyarrow/dataset.py",
    ]
    for file in kept:
        write(file)
    for name in (
        "wing/tests/deep/a.py",
        "tests/b.py",
        "apache_beam/io/fly_test.py",
        "wing/c/x.pyx",
    ):
        write(site / name)
    for name in ("pyarrow/_flight.so", "pyarrow/include/arrow.hpp", "vertexai/__init__.py"):
        write(site / name)

    subprocess.run([sys.executable, SLIM, site, marker], check=True)

    found = {path for path in site.rglob("*") if path.is_file()}
    assert {path for path in found if path.suffix == ".py"} == {below, *kept}
    assert {path.name.partition(".")[0] for path in found - {below, *kept}} == {
        "__init__",
        "page_trend_test",
        "dataset",
    }
    assert sorted(path.name for path in site.iterdir()) == ["below", "pyarrow", "wing"]


def write(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("", "utf-8")
    return file
