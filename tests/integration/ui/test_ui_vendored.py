"""The files of others that `headrace ui` ships."""

import hashlib
import re
from pathlib import Path

import headrace.ui

VENDOR = Path(str(headrace.ui.__file__)).parent / "static" / "vendor"


def test_each_file_is_the_published_one_with_its_licence() -> None:
    rows = re.findall(
        r"^\| `(\S+)` \|.*\| \w+, `(\S+)` \| `(\w{64})` \|$",
        (VENDOR / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )

    assert {name for row in rows for name in row[:2]} | {"README.md"} == {
        file.name for file in VENDOR.iterdir()
    }
    for name, _, digest in rows:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_pages_stay_small() -> None:
    files = VENDOR.parent.rglob("*")
    assert sum(file.stat().st_size for file in files if file.is_file()) < 300_000
