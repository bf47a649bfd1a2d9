"""What a notebook shows of TFX's objects, and the program that is made of a notebook."""

import json
import logging
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headrace_tfx.artifacts import standard
from headrace_tfx.components.example_gens import CsvExampleGen
from headrace_tfx.notebooks.context import InteractiveContext
from headrace_tfx.notebooks.exporting import exported
from headrace_tfx.notebooks.formatters import render
from headrace_tfx.notebooks.registry import ArtifactVisualization, ArtifactVisualizationRegistry
from headrace_tfx.notebooks.results import ExecutionResult


def example_gen() -> Any:
    node = CsvExampleGen(input_base="<data>")
    artifact = standard.Examples()
    artifact.uri = "/root/<1>"
    artifact.id = 7
    artifact.split_names = '["train"]'
    artifact.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    node.outputs["examples"].set_artifacts([artifact])
    return node


def test_an_artifact_is_a_table_of_its_properties() -> None:
    (artifact,) = example_gen().outputs["examples"].get()

    page = render(artifact)

    assert "<b>Artifact</b> of type <b>Examples</b> (uri: /root/&lt;1&gt;)" in page
    assert "<b>.id</b>" in page
    assert "[&quot;train&quot;]" in page
    assert "FORMAT_TF_EXAMPLE" in page
    assert "<script" not in page


def test_a_result_unfolds_into_its_node_and_its_artifacts() -> None:
    result = ExecutionResult(component=example_gen().with_id("Reader"), execution_id=3)

    page = render(result)

    assert page.startswith("<details open")
    assert "ExecutionResult</b> of Reader" in page
    assert "<b>CsvExampleGen</b> Reader" in page
    assert "(1 artifact)" in page
    assert "&lt;data&gt;" in page
    assert page.count("<details open") == 1
    assert repr(result).splitlines()[1:3] == ["    component_id: Reader", "    execution_id: 3"]


def test_outside_of_a_notebook_the_context_only_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = InteractiveContext(pipeline_name="p", pipeline_root=str(tmp_path))

    with caplog.at_level(logging.WARNING):
        assert context.run(example_gen()) is None
        assert context.show(example_gen().outputs["examples"]) is None

    assert [record.getMessage().split(" does")[0] for record in caplog.records] == [
        "InteractiveContext.run",
        "InteractiveContext.show",
    ]
    path = context.metadata_connection_config.sqlite.filename_uri
    assert path == str(tmp_path / "metadata.sqlite")


def test_a_context_without_arguments_names_its_pipeline_and_root(
    caplog: pytest.LogCaptureFixture,
) -> None:
    context = InteractiveContext()

    assert context.pipeline_name.startswith("interactive-2")
    assert f"tfx-{context.pipeline_name}-" in context.pipeline_root
    assert context.pipeline_root in caplog.text
    Path(context.pipeline_root).rmdir()


def test_a_visualization_needs_a_type_of_artifacts() -> None:
    class Nothing(ArtifactVisualization):
        ARTIFACT_TYPE: ClassVar[Any] = str

        def display(self, artifact: Any) -> None: ...

    class Schemas(Nothing):
        ARTIFACT_TYPE = standard.Schema

    registry = ArtifactVisualizationRegistry()
    registry.register(Schemas)

    assert isinstance(registry.get_visualization("Schema"), Schemas)
    assert registry.get_visualization("Model") is None
    with pytest.raises(TypeError, match=r"Nothing: `ARTIFACT_TYPE` is <class 'str'>"):
        registry.register(Nothing)


CELLS = [
    "%load_ext tensorboard\n!pip install tfx\nimport os\nfiles = !ls\nx = 7\nprint('rest'\n  % ())",
    "%%writefile features.py\nraise ValueError",
    "%%skip_for_export\nraise ValueError",
    "%%time\ncontext = InteractiveContext()",
    "if x:\n    !ls\n    %matplotlib inline",
    "gen = CsvExampleGen(input_base='data')\ncontext.run(gen, enable_cache=True)",
    "context.run(component=gen)\nos.environ?",
    "text = '''\n% not a magic\n! neither\n'''",
]


def notebook(path: Path, *cells: str, **rest: Any) -> Path:
    sources: list[Any] = list(cells)
    sources[0] = sources[0].splitlines(keepends=True)
    document = {
        "cells": [
            {"cell_type": "markdown", "source": "# %title"},
            *({"cell_type": "code", "source": source} for source in sources),
        ],
        "nbformat": 4,
        **rest,
    }
    path.write_text(json.dumps(document), "utf-8")
    return path


def made(path: Path) -> str:
    return exported(path, pipeline_name="p", pipeline_root="/r", beam_pipeline_args=["--a=b"])


def test_a_program_has_the_python_of_the_notebook(tmp_path: Path) -> None:
    text = made(notebook(tmp_path / "a.ipynb", *CELLS))

    compile(text, "a.py", "exec")
    code = text.partition("from tfx import v1 as tfx\n")[2]
    assert code.partition("\n\nif __name__")[0].split("\n") == [
        "",
        "import os",
        "",
        "x = 7",
        "print('rest'",
        "  % ())",
        "",
        "context = InteractiveContext()",
        "",
        "if x:",
        "    pass",
        "    pass",
        "",
        "gen = CsvExampleGen(input_base='data')",
        "context.run(gen, enable_cache=True)",
        "",
        "context.run(component=gen)",
        "",
        "text = '''",
        "% not a magic",
        "! neither",
        "'''",
        "",
        "components = [gen]",
        "_pipeline_name = 'p'",
        "_pipeline_root = '/r'",
        "_metadata_path = '/r/metadata.sqlite'",
    ]
    assert "beam_pipeline_args=['--a=b']" in text


def test_a_notebook_may_define_what_the_program_runs(tmp_path: Path) -> None:
    cell = "components = [gen]\n_pipeline_name = 'q'\n_pipeline_root, _metadata_path = '/s', '/m'"
    text = made(notebook(tmp_path / "a.ipynb", cell))

    assert "'p'" not in text
    assert text.count("components = [gen]") == 1


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["x = 1"], r"has neither `components` nor a variable that `context\.run`"),
        (["x = ("], r"a\.ipynb: cell 2, line 1: .*\. Correct the cell, or begin it with"),
    ],
)
def test_a_notebook_that_makes_no_program_is_refused(
    tmp_path: Path, cells: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        made(notebook(tmp_path / "a.ipynb", *cells))


def test_another_file_is_not_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match=r"a\.ipynb: it is not a notebook of version 4"):
        made(tmp_path / "a.ipynb")
