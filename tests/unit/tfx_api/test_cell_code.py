"""The code of components in cells of a notebook: what a function needs, and no more."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from headrace.frontend.tfx_pipelines.cell_code import needed_code

CELLS = (
    "import headrace.tfx\nfrom tfx import v1 as tfx\nimport json, os.path\n",
    "LIMIT = 3\nOTHER = load_everything()\n",
    "def size(text):\n    return len(text)\n",
    "get_ipython().run_line_magic('matplotlib', 'inline')\n",
    "def size(text):\n    return min(len(text), LIMIT)\n",
    "this is not Python",
    "@tfx.dsl.components.component\ndef Measure(text: tfx.dsl.components.Parameter[str]):\n"
    "    print(json.dumps(size(text)))\n",
    "node = Measure(text='abc')\n",
)


def test_a_function_takes_the_last_definitions_of_its_names_along() -> None:
    assert needed_code(CELLS, "Measure") == (
        "from tfx import v1 as tfx\n\n\nimport json, os.path\n\n\nLIMIT = 3\n\n\n"
        "def size(text):\n    return min(len(text), LIMIT)\n\n\n"
        "@tfx.dsl.components.component\ndef Measure(text: tfx.dsl.components.Parameter[str]):\n"
        "    print(json.dumps(size(text)))\n"
    )
    with pytest.raises(NameError, match="no cell of the notebook defines Nothing"):
        needed_code(CELLS, "Nothing")


NOTEBOOK = [
    """
    import headrace.tfx
    from tfx import v1 as tfx
    from tfx.types.artifact import Property, PropertyType
    import beside
    """,
    """
    GREETING = "hello"

    class Said(tfx.dsl.Artifact):
        TYPE_NAME = "Said"
        PROPERTIES = {"n": Property(type=PropertyType.INT)}

    def greet(name):
        return f"{GREETING} {name} {beside.WORD}"
    """,
    """
    @tfx.dsl.components.component
    def Say(
        said: tfx.dsl.components.OutputArtifact[Said], name: tfx.dsl.components.Parameter[str]
    ) -> tfx.dsl.components.OutputDict(text=str):
        said.n = len(name)
        return {"text": greet(name)}

    @tfx.dsl.components.component
    def Hear(said: tfx.dsl.components.InputArtifact[Said], text: str):
        assert (said.n, text) == (2, "hello me here"), (said, text)
    """,
    """
    say = Say(name="me")
    hear = Hear(said=say.outputs["said"], text=say.outputs["text"])
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(pipeline_name="cells", pipeline_root="root", components=[say, hear])
    )
    """,
]
RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()
"""


@pytest.mark.slow
def test_components_of_cells_run_with_what_lies_beside_the_notebook(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    (tmp_path / "beside.py").write_text('WORD = "here"\n', "utf-8")
    cells = json.dumps([textwrap.dedent(cell).strip() for cell in NOTEBOOK])

    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=cells,
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "root/cells").glob("*/Say/said"))
