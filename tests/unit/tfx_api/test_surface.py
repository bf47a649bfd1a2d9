"""Every name of the table of TFX's names can be imported, and the others are explained."""

import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import headrace_tfx
from headrace_tfx import names, surface
from headrace_tfx.finder import tfx_importable

PACKAGE = Path(headrace_tfx.__file__).parent


@pytest.fixture(autouse=True)
def ours() -> Iterator[None]:
    with tfx_importable(None, in_front=True):
        yield


@pytest.mark.parametrize("below", sorted(names.TABLE))
def test_each_name_can_be_imported(below: str) -> None:
    full = f"tfx.{below}" if below else "tfx"
    module = importlib.import_module(full)

    for name in surface.names_of(full):
        found: dict[str, object] = {}
        exec(f"from {full} import {name} as found", found)
        assert found["found"] is getattr(module, name)
        assert name in dir(module)


@pytest.mark.parametrize("module", ["v1.proto", "proto.example_gen_pb2", "v1.types", "types"])
def test_all_names_of_a_module_can_be_imported_at_once(module: str) -> None:
    found: dict[str, object] = {}

    exec(f"from tfx.{module} import *", found)

    assert set(surface.names_of(f"tfx.{module}")) <= set(found)


@pytest.mark.parametrize("below", sorted(names.REFUSED))
def test_what_is_refused_says_what_to_use_instead(below: str) -> None:
    module, _, name = f"tfx.{below}".rpartition(".")

    with pytest.raises(ImportError, match=r"Use|Give|inside|Leave out") as caught:
        exec(f"from {module} import {name}")

    assert str(caught.value).startswith(f"'tfx.{below}' ")
    assert str(caught.value).endswith(". See docs/from-tfx.md")
    with pytest.raises((AttributeError, ImportError), match=r"See docs/from-tfx.md"):
        exec(f"import tfx\ntfx.{below}")


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("tfx.v1.components.Trianer", "tfx.v1.components.Trainer"),
        ("tfx.v1.components.trainer", "tfx.v1.components.Trainer"),
        ("tfx.types.Artifcat", "tfx.types.Artifact"),
        ("tfx.dsl.Pipeline", "tfx.v1.dsl.Pipeline"),
        ("tfx.orchestration.LocalDagRunner", "tfx.v1.orchestration.LocalDagRunner"),
        ("tfx.dsl.components.component", "tfx.v1.dsl.components.component"),
        ("tfx.proto.trainer_pb", "tfx.proto.trainer_pb2"),
        ("tfx.utils.io_util", "tfx.utils.io_utils"),
        ("tfx.v1.types.standard_artifact", "tfx.v1.types.standard_artifacts"),
    ],
)
def test_an_unknown_name_gets_the_closest(name: str, closest: str) -> None:
    module, _, last = name.rpartition(".")

    with pytest.raises(ImportError, match=rf"'{name}' is not one of .* did you mean '{closest}'\?"):
        exec(f"from {module} import {last}")


def test_the_manual_has_each_name() -> None:
    manual = (PACKAGE.parents[1] / "docs/tfx-names.md").read_text("utf-8")
    rows = [line for line in manual.splitlines() if line.startswith("|")]
    for below in names.TABLE:
        full = f"tfx.{below}" if below else "tfx"
        (row,) = [line for line in rows if f"`{full}`" in line]
        for name in surface.names_of(full):
            assert f"`{name}`" in row
    for below in (*names.REFUSED, *(each.removeprefix("tfx.") for each in names.SIBLINGS)):
        assert f"`tfx.{below}" in manual


def test_modules_are_found_as_attributes() -> None:
    found: dict[str, object] = {}
    code = "import tfx\nfound = tfx.types.artifact.Artifact, tfx.utils.io_utils.copy_file\n"

    exec(code, found)

    assert [getattr(each, "__name__", "") for each in found["found"]] == ["Artifact", "copy_file"]  # type: ignore[attr-defined]


def test_tfx_has_a_version_and_a_path() -> None:
    tfx = importlib.import_module("tfx")

    assert tfx.__version__ == importlib.import_module("tfx.v1").__version__
    assert tfx.__version__.split(".")[0] == "1"
    assert Path(tfx.__path__[0]).is_dir()
    assert {"components", "dsl", "types", "v1"} <= set(dir(tfx))
    with pytest.raises(AttributeError):
        _ = tfx.__nothing__


def test_importing_the_names_costs_little() -> None:
    code = """
    import contextlib, importlib.util, os, pathlib, threading, time  # what any program has
    start = time.process_time()
    from headrace_tfx import finder
    with finder.tfx_importable(None):
        from tfx import v1 as tfx
        import tfx.types, tfx.components, tfx.orchestration
    took = time.process_time() - start
    import sys
    assert not {"google.protobuf", "tensorflow", "ml_metadata", "kfp", "absl"} & set(sys.modules)
    assert took < 0.05, took  # 0.01 on a quiet machine
    """

    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


REAL = {
    "__init__.py": "",
    "v1/__init__.py": "WHO = 'the real one'",
    "types/__init__.py": "WHO = 'the real one'",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in REAL.items():
        (tmp_path / "site/tfx" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site/tfx" / name).write_text(text, "utf-8")
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("variable", "in_front", "expected"),
    [
        ("", True, "['ours', 'real']"),
        ("installed", True, "['real', 'real']"),
        ("", False, "['real', 'real']"),
    ],
)
def test_the_author_chooses_which_tfx_is_in_front(
    site: Path, variable: str, in_front: bool, expected: str
) -> None:
    code = f"""
    import tfx.v1  # also if it is there already
    from headrace_tfx.finder import tfx_importable
    def which():
        from tfx import types
        return "real" if hasattr(types, "WHO") else "ours"
    with tfx_importable(None, in_front={in_front}):
        inside = which()
    assert tfx.v1.WHO
    print([inside, which()])
    """
    environment = {**os.environ, "HEADRACE_TFX": variable, "PYTHONPATH": str(site)}

    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )

    assert found.stdout == f"{expected}\n"


def test_activated_names_stay_and_repeating_it_is_fine(site: Path) -> None:
    code = """
    from headrace_tfx import finder
    finder.activate()
    finder.activate()
    with finder.tfx_importable(None):
        import tfx.types
    from tfx.types import Artifact
    import sys
    assert sum(type(each).__module__ == "headrace_tfx.finder" for each in sys.meta_path) == 1
    print(Artifact.__module__)
    """
    environment = {**os.environ, "PYTHONPATH": str(site)}

    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )

    assert found.stdout == "headrace_tfx.artifacts.base\n"


def test_a_folder_called_tfx_is_not_tfx(tmp_path: Path) -> None:
    (tmp_path / "tfx/pipelines").mkdir(parents=True)
    code = """
    from headrace_tfx.finder import tfx_importable
    with tfx_importable(None):
        from tfx.types import Artifact
    """

    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, check=True)


FILES = {
    "taxi/models/features.py": "NAME = 'features'",
    "taxi/models/keras_model/model.py": (
        "from tfx.experimental.templates.taxi.models import features\n"
        "from tfx.experimental.templates.taxi.models.keras_model import constants\n"
    ),
    "taxi/models/keras_model/constants.py": "NAME = 'constants'",
    "taxi/pipeline/configs.py": "NAME = 'configs'",
    "hello_world/hello_component/component.py": "NAME = 'hello'",
    "hello_world/example/pipeline.py": "",
    "birds/pipeline.py": "",
    "birds/birds_base.py": "NAME = 'birds'",
}


@pytest.mark.parametrize(
    ("folder", "imported", "name"),
    [
        ("taxi", "tfx.experimental.templates.taxi.pipeline import configs", "configs"),
        ("taxi/pipeline", "tfx.experimental.templates.taxi.pipeline import configs", "configs"),
        ("taxi/models", "tfx.experimental.templates.taxi.models import features", "features"),
        (
            "taxi/models/keras_model",
            "tfx.experimental.templates.taxi.models import features",
            "features",
        ),
        (
            "hello_world/example",
            "tfx.examples.custom_components.hello_world.hello_component import component",
            "hello",
        ),
        ("birds", "tfx.examples.birds import birds_base", "birds"),
        ("birds", "tfx.examples.birds.birds_base import NAME", "birds"),
    ],
)
def test_files_of_examples_are_found_around_the_authors(
    tmp_path: Path, folder: str, imported: str, name: str
) -> None:
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    code = f"""
    from pathlib import Path
    from headrace_tfx.finder import tfx_importable
    with tfx_importable(Path({str(tmp_path / folder)!r}), in_front=True):
        from {imported} as found
    print(getattr(found, "NAME", found))
    """

    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True
    )

    assert found.stdout == f"{name}\n"


def test_a_plain_name_above_the_authors_directory_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "birds").mkdir()
    (tmp_path / "base.py").write_text("", "utf-8")

    with (
        tfx_importable(tmp_path / "birds"),
        pytest.raises(ImportError, match=r"not a file that came with the module. Put 'Bird.py'"),
    ):
        exec("from tfx.examples.birds.base import Bird")


def test_the_names_that_examples_mean_are_tails() -> None:
    template = "tfx.experimental.templates.taxi.models.keras_model.constants"

    assert surface.siblings(template) == (
        "models.keras_model.constants",
        "keras_model.constants",
        "constants",
    )
    assert surface.siblings("tfx.examples.mnist.mnist_utils") == ("mnist_utils",)
    assert surface.siblings("tfx.examples.mnist") == ()
    assert surface.siblings("tfx.components.trainer") == ()
    assert surface.siblings("tensorflow.python.x.y") == ()
