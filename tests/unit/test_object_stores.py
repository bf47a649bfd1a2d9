"""Files in object stores: their paths on this machine."""

from pathlib import Path

import pytest

from headrace_components.library.clients.object_stores import below


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "a/..", ".", "", "/etc/x", "a//x", "a/", "a\0b", "a" * 300]
)
def test_a_name_that_leads_out_of_a_directory_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a file below a directory"):
        below(Path("/artifact"), name)


@pytest.mark.parametrize("name", ["x", "a/b/x", "..x", "a..b/größe %41"])
def test_other_names_are_paths_below_it(name: str) -> None:
    assert below(Path("/artifact"), name) == Path(f"/artifact/{name}")
