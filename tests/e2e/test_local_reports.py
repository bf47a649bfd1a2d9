# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Reports of a run on the local backend: files that a browser opens."""

from pathlib import Path

import pytest
from kfp import dsl

from support.cases.local_pipelines import run_pipeline


@pytest.fixture(autouse=True)
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.txt"))


WRITE_PAGE = "import sys; open(sys.argv[1], 'w').write('<!DOCTYPE html><p>Hello')"


@dsl.container_component
def write_page(page: dsl.Output[dsl.HTML], notes: dsl.Output[dsl.Markdown]):
    """Writes one of its two outputs, as a component of somebody else's would."""
    return dsl.ContainerSpec(image="test", command=["python", "-c", WRITE_PAGE], args=[page.path])


@dsl.container_component
def read_page(page: dsl.Input[dsl.HTML]):
    """Fails unless the page is a file."""
    return dsl.ContainerSpec(
        image="test",
        command=["python", "-c", "import sys; sys.exit('Hello' not in open(sys.argv[1]).read())"],
        args=[page.path],
    )


@dsl.pipeline(name="pages")
def pages():
    read_page(page=write_page().outputs["page"])


def test_a_page_of_another_component_has_the_name_that_a_backend_gives(
    tmp_path: Path,
) -> None:
    first = run_pipeline(pages, tmp_path).result
    second = run_pipeline(pages, tmp_path).result

    assert first.state == "succeeded", first.failures
    task = next(task for task in first.tasks if task.name == "write-page")
    page, notes = (Path(task.artifacts[name][0].uri) for name in ("page", "notes"))
    assert page == first.directory / "write-page/page"
    assert page.read_text("utf-8") == "<!DOCTYPE html><p>Hello"
    assert notes.name == "notes"
    assert notes.read_bytes() == b""
    assert first.reports == (str(page),)
    assert {task.state for task in second.tasks} == {"cached"}
    assert second.reports == first.reports
