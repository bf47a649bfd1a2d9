"""Files in object stores: their paths on this machine."""

from pathlib import Path

import pytest

from headrace_components.contract.errors import InputError
from headrace_components.library.clients.object_stores import below, files_below
from headrace_components.library.sources.files import find_files
from support.fakes import object_stores


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "a/..", ".", "", "/etc/x", "a//x", "a/", "a\0b", "a" * 300]
)
def test_a_name_that_leads_out_of_a_directory_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a file below a directory"):
        below(Path("/artifact"), name)


@pytest.mark.parametrize("name", ["x", "a/b/x", "..x", "a..b/größe %41"])
def test_other_names_are_paths_below_it(name: str) -> None:
    assert below(Path("/artifact"), name) == Path(f"/artifact/{name}")


def test_an_input_whose_name_has_an_empty_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with object_stores.s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        filesystem = object_stores.store(environment)
        object_stores.put_key(environment, "rides/1/a.csv")
        assert [file.path for file in files_below(filesystem, "bucket/rides")] == [
            "bucket/rides/1/a.csv"
        ]

        object_stores.put_key(environment, "rides/1//b.csv")
        with pytest.raises(
            InputError, match=r"minio://bucket/rides: the name bucket/rides/1//\.\.\. "
        ):
            find_files("minio://bucket/rides")("minio://bucket/rides", "*/*.csv")
        object_stores.put_key(environment, "rides/1//b.csv", None)
