"""The generated files follow from the declarations of the components."""

from pathlib import Path

import pytest

from generate.files import ROOT, generated

TEXTS = generated()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == TEXTS[path], "run `make generate`"
