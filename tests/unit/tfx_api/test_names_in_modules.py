"""Modules written for TFX find its names, and messages list the existing ones."""

import importlib.util
import sys
from pathlib import Path

import pytest

from headrace.compilation.passes.module_files import collect
from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.library.clients.storage import read_bytes
from headrace_components.library.user_code.fn_args import DataAccessor, FnArgs, TunerFnResult
from headrace_components.library.user_code.module_pack import pack
from headrace_components.library.user_code.user_module import (
    call_user_function,
    load_function,
    load_module,
)
from headrace_components.transform.stats_options_util import StatsType


def module(folder: Path, source: str, **siblings: str) -> str:
    for name, text in siblings.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    (folder / "module.py").write_text(source, "utf-8")
    return str(folder / "module.py")


@pytest.mark.parametrize(
    ("imports", "name", "expected"),
    [
        ("from tfx import v1 as tfx", "tfx.components.FnArgs", FnArgs),
        ("from tfx import v1 as tfx", "tfx.components.DataAccessor", DataAccessor),
        ("import tfx.v1 as tfx", "tfx.components.TunerFnResult", TunerFnResult),
        ("import tfx", "tfx.v1.components.FnArgs", FnArgs),
        ("from tfx.v1.components import FnArgs", "FnArgs", FnArgs),
        ("from tfx.components.trainer.fn_args_utils import FnArgs", "FnArgs", FnArgs),
        ("from tfx.components.trainer import fn_args_utils as f", "f.DataAccessor", DataAccessor),
        ("from tfx.components.trainer.executor import TrainerFnArgs", "TrainerFnArgs", FnArgs),
        (
            "from tfx.components.tuner.component import TunerFnResult",
            "TunerFnResult",
            TunerFnResult,
        ),
        (
            "from tfx.components.transform import stats_options_util",
            "stats_options_util.StatsType",
            StatsType,
        ),
    ],
)
def test_a_name_of_tfx_is_ours(tmp_path: Path, imports: str, name: str, expected: object) -> None:
    found = load_module("trainer", module(tmp_path, f"{imports}\nfound = {name}\n"))

    assert found.found is expected


def test_names_resolve_while_the_function_runs_as_well(tmp_path: Path) -> None:
    source = "def run_fn(x):\n    from tfx import v1 as tfx\n    return tfx.components.FnArgs\n"
    run_fn = load_function("trainer", module(tmp_path, source), "run_fn")

    assert call_user_function("trainer", run_fn, None) is FnArgs


def test_nothing_called_tfx_remains_afterwards(tmp_path: Path) -> None:
    load_module("trainer", module(tmp_path, "import tfx.v1\nfrom tfx.dsl.io import fileio\n"))

    assert not [name for name in sys.modules if name.split(".")[0] == "tfx"]
    assert importlib.util.find_spec("tfx") is None


def test_files_are_read_and_written_by_io_utils(tmp_path: Path) -> None:
    source = """
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import v1 as tfx
from tfx.dsl.io import fileio
from tfx.utils import io_utils


def run_fn(folder):
    io_utils.write_string_file(folder + "/a/schema.pbtxt", 'feature { name: "x" }')
    schema = tfx.utils.parse_pbtxt_file(folder + "/a/schema.pbtxt", schema_pb2.Schema())
    io_utils.write_string_file(folder + "/a/schema.json", '{"feature": [{"name": "x"}]}')
    assert io_utils.parse_json_file(folder + "/a/schema.json", schema_pb2.Schema()) == schema
    io_utils.copy_dir(folder + "/a", folder + "/b/c")
    assert io_utils.read_bytes_file(folder + "/b/c/schema.pbtxt").startswith(b"feature")
    assert sorted(fileio.listdir(folder + "/b/c")) == ["schema.json", "schema.pbtxt"]
    with tfx.dsl.io.fileio.open(folder + "/b/note", "w") as file:
        file.write("done")
    fileio.rename(folder + "/b/note", folder + "/note")
    fileio.rmtree(folder + "/b")
    assert not fileio.exists(folder + "/b")
    return io_utils.SchemaReader().read(folder + "/a/schema.pbtxt").feature[0].name
"""
    run_fn = load_function("trainer", module(tmp_path, source), "run_fn")

    assert call_user_function("trainer", run_fn, str(tmp_path / "files")) == "x"
    assert (tmp_path / "files/note").read_text() == "done"


@pytest.mark.parametrize(
    "imports",
    [
        "import base",
        "from tfx.examples.birds import base",
        "import tfx.examples.birds.base as base",
        "from tfx.examples.birds.utils import base",
        "from tfx.experimental.templates.birds.models import base",
    ],
)
def test_a_sibling_is_found_as_one_module_by_each_of_its_names(
    tmp_path: Path, imports: str
) -> None:
    path = module(tmp_path, f"import base as plain\n{imports}\n", base="class Bird: ...\n")

    loaded = load_module("trainer", path)

    assert loaded.base.Bird is loaded.plain.Bird


def test_a_folder_of_the_authors_and_a_package_may_have_one_name(tmp_path: Path) -> None:
    files = {
        "birds/example/module.py": (
            "from tfx.examples.custom.birds.yaml import settings\n"
            "from tfx.examples.custom.birds.part import user\n"
        ),
        "birds/yaml/__init__.py": "",
        "birds/yaml/settings.py": "SIZE = 3\n",
        "birds/part/user.py": "import yaml\nFOUND = yaml.safe_load('4')\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")

    loaded = load_module("trainer", str(tmp_path / "birds/example/module.py"))

    assert (loaded.settings.SIZE, loaded.user.FOUND) == (3, 4)


def test_the_next_module_has_its_own_siblings(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        source = "from tfx.examples.birds.base import NAME\n"
        path = module(tmp_path / name, source, base=f"NAME = {name!r}\n")
        found.append(load_module("trainer", path).NAME)

    assert found == ["one", "two"]


def test_files_of_a_template_travel_with_the_module_that_imports_them(tmp_path: Path) -> None:
    template = "tfx.experimental.templates.birds.models"
    files = {
        "models/model.py": f"from {template}.keras import net\nfrom {template} import names\n",
        "models/keras/net.py": f"from {template} import names\nSIZE = len(names.ALL)\n",
        "models/names.py": "ALL = ['a', 'b']\n",
        "models/other.py": "1 / 0\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")

    sources = collect(tmp_path / "models/model.py", "trainer", tmp_path)
    loaded = load_module("trainer", pack(sources.files, sources.entry))

    assert set(sources.files) == {"models/model.py", "models/keras/net.py", "models/names.py"}
    assert loaded.net.SIZE == 2
    assert loaded.net.names is loaded.names
    assert Path(loaded.names.__file__).parts[-2:] == ("models", "names.py")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "from tfx.dsl import Pipeline\n",
            r"importing module.py raised ImportError at module.py, line 1: 'tfx.dsl.Pipeline' is "
            r"not one of TFX's names .* mean 'tfx.v1.dsl.Pipeline'\? docs/tfx-names.md .* has tfx",
        ),
        ("from tfx.v1 import protos\n", r"'tfx.v1.protos' is not one of .* 'tfx.v1.proto'\?"),
        ("from tfx.v1.components import Trianer\n", r"components.Trianer' is not .*nts.Trainer'\?"),
        ("import tfx.wonder\n", r"'tfx.wonder' is not one of TFX's names that Headrace has. docs/"),
        (
            "from tfx import v1 as tfx\nx = tfx.components.Trianer\n",
            r"AttributeError at module.py, line 2: 'tfx.v1.components.Trianer' is not one of",
        ),
        (
            "from tfx.utils.io_utils import copy_fil\n",
            r"'tfx.utils.io_utils.copy_fil' is not one of .* 'tfx.utils.io_utils.copy_file'\?",
        ),
        (
            "from tfx.examples.birds.base import Bird\n",
            r"'tfx.examples.birds.base.Bird' is not a file that came with the module. Put",
        ),
    ],
)
def test_a_name_that_is_not_there_is_explained(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_module("trainer", module(tmp_path, source))


REAL_TFX = {
    "__init__.py": "",
    "v1/__init__.py": "from tfx.v1 import components, dsl",
    "v1/components.py": "class FnArgs: ...\nclass Trainer: ...",
    "v1/dsl.py": "class Pipeline: ...",
    "components/trainer/fn_args_utils.py": "from tfx.v1.components import FnArgs",
    "examples/birds/base.py": "NAME = 'of TFX'",
}


@pytest.mark.parametrize("is_imported", [False, True])
def test_the_real_tfx_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_imported: bool
) -> None:
    for name, text in REAL_TFX.items():
        file = tmp_path / "site/tfx" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    source = """
import sys
from tfx import v1 as tfx
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.examples.birds import base

FINDERS = [type(finder).__module__ for finder in sys.meta_path]


def run_fn(fn_args):
    from tfx.v1 import dsl
    return tfx.components.Trainer, dsl.Pipeline
"""
    path = module(tmp_path, source, base="NAME = 'of the author'")

    try:
        real = importlib.import_module("tfx") if is_imported else None
        loaded = load_module("trainer", path)
        used = call_user_function("trainer", loaded.run_fn, None)
        remaining = sys.modules["tfx"]
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "tfx"]:
            del sys.modules[name]

    assert loaded.FnArgs is loaded.tfx.components.FnArgs is not FnArgs
    assert loaded.base.NAME == "of TFX"
    assert [kind.__name__ for kind in used] == ["Trainer", "Pipeline"]
    assert not [name for name in loaded.FINDERS if "headrace_tfx" in name]
    assert real in (None, remaining)
    assert Path(str(remaining.__file__)).is_relative_to(tmp_path / "site")


def test_a_uri_that_the_image_cannot_open_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)

    with pytest.raises(PlatformError, match=r"the image lacks the package .* fsspec .* Use an ima"):
        read_bytes("gs://bucket/module.py", "module_file")
