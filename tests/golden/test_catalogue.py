"""The catalogue page says what the components declare."""

import importlib.util
import os
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_catalogue_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("catalogue", DOCS / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    catalogue = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(catalogue)
    if os.environ.get("HEADRACE_REGENERATE") and not os.environ.get("CI"):
        catalogue.PAGE.write_text(catalogue.render(), "utf-8")

    assert catalogue.PAGE.read_text("utf-8") == catalogue.render(), "run `make golden`"
