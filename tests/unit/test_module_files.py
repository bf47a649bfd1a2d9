"""Modules of a project: the modules that they import from it are packed, and found everywhere."""

import pickle
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headrace.compilation.passes.modules import pack_module
from headrace.contract.target import target_named
from headrace.errors import CompileError
from headrace_components.library.beam.user_packages import shipped
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.user_code.module_pack import unpack
from headrace_components.library.user_code.user_module import load_module


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        (root / name).write_bytes(data)


def packed(root: Path, module_file: str) -> str:
    text: str = pack_module(module_file, "task `t`", target_named("kubeflow"), root)
    return text


def names(text: str) -> list[str]:
    return sorted(unpack(text)[1])


def loaded(text: str) -> ModuleType:
    return load_module("trainer", text)


TAXI = {
    "models/preprocessing.py": (
        "from models import features\n\n"
        "def preprocessing_fn(inputs):\n    return features.LABEL, __package__\n"
    ),
    "models/features.py": "LABEL = 'tips'\n",
    "models/features_test.py": "from models import features\nimport absent_test_library\n",
    "models/keras_model/model.py": (
        "from models import features\n"
        "import models.keras_model.constants as c\n"
        "from models.keras_model import layers\n\n"
        "def run_fn(fn_args):\n"
        "    from pipeline import configs\n"
        "    return features.LABEL, c.UNITS, layers.size(), configs.NAME\n"
    ),
    "models/keras_model/constants.py": "UNITS = 5\n",
    "models/keras_model/layers.py": "from ..features import LABEL\nfrom . import constants\n\n"
    "def size():\n    return len(LABEL) * constants.UNITS\n",
    "pipeline/configs.py": "import os\nNAME = 'taxi'\n",
    "data/rows.csv": "a,b\n",
}
PACKAGES = {f"{name}/__init__.py": "" for name in ("models", "models/keras_model", "pipeline")}


@pytest.fixture(autouse=True)
def _import_path_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize("packages", [{}, PACKAGES], ids=["bare folders", "packages"])
@pytest.mark.parametrize("started_in", ["project", "elsewhere"])
def test_a_module_of_a_project_runs_from_anywhere(
    packages: Mapping[str, str], started_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    write(project, {**TAXI, **packages})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / started_in)

    preprocessing = packed(project, "models/preprocessing.py")
    model = packed(project, "models/keras_model/model.py")
    write(project, dict.fromkeys(TAXI, "raise ValueError('not the packed file')\n"))

    assert loaded(preprocessing).preprocessing_fn(None) == ("tips", "models")
    assert loaded(model).run_fn(None) == ("tips", 5, 20, "taxi")
    inits = sorted(name for name in packages if not name.startswith("pipeline"))
    assert names(preprocessing) == sorted(
        ["models/features.py", "models/preprocessing.py", *(each for each in inits[:1])]
    )
    assert "models/features_test.py" not in names(model)


def test_packing_is_the_same_every_time(tmp_path: Path) -> None:
    write(tmp_path, {**TAXI, **PACKAGES})

    text = packed(tmp_path, "models/keras_model/model.py")

    assert text == packed(tmp_path, "models/keras_model/model.py")
    assert text.startswith("headrace-module:v2:models/keras_model/model.py:")


def test_a_project_in_a_source_folder_is_found(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "src/birds/train/model.py": "from birds.shared import names\n\n"
            "def run_fn(a):\n    return names.ALL\n",
            "src/birds/shared/names.py": "from birds import __doc__ as text\nALL = ['tit', text]\n",
            "src/birds/__init__.py": "'Birds.'\n",
            "pipelines/daily/pipeline.py": "",
        },
    )

    text = packed(tmp_path / "pipelines/daily", "../../src/birds/train/model.py")

    assert loaded(text).run_fn(None) == ["tit", "Birds."]


def test_circular_imports_and_packages_beside_a_module_travel(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "module.py": "import a\nfrom lib.sub import f\nfrom lib import other as o\n\n"
            "def run_fn(x):\n    return a.b.NAME, f(), o.X\n",
            "a.py": "import b\n",
            "b.py": "import a\nNAME = 'b'\n",
            "lib/__init__.py": "from lib.sub import f\n",
            "lib/sub.py": "import lib\n\ndef f():\n    return lib.__name__\n",
            "lib/other.py": "X = 1\n",
        },
    )

    text = packed(tmp_path, "module.py")

    assert loaded(text).run_fn(None) == ("b", "lib", 1)


def test_stars_and_names_in_calls_are_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "m.py": "import importlib\nfrom lib import *\n\n"
            "def run_fn(a):\n    return sub.X, importlib.import_module('late.one').Y\n",
            "lib/__init__.py": "__all__ = ['sub']\n",
            "lib/sub.py": "X = 1\n",
            "late/one.py": "Y = 2\n",
        },
    )

    assert loaded(packed(tmp_path, "m.py")).run_fn(None) == (1, 2)


def test_relative_imports_reach_the_folders_above(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "work/jobs/one/train.py": "from ..shared import x\nfrom .. import y\n"
            "from ...top import z\n\ndef run_fn(a):\n    return x.X, y.Y, z\n",
            "work/jobs/shared/x.py": "X = 1\n",
            "work/jobs/y.py": "Y = 2\n",
            "work/top.py": "z = 3\n",
        },
    )

    assert loaded(packed(tmp_path / "work/jobs/one", "train.py")).run_fn(None) == (1, 2, 3)


def test_modules_of_two_pipelines_with_equal_names_are_not_mixed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(
            tmp_path / name,
            {
                "models/m.py": "from models import f\n\ndef run_fn(a):\n    return f.X\n",
                "models/f.py": f"X = {name!r}\n",
            },
        )

    texts = [packed(tmp_path / name, "models/m.py") for name in ("one", "two", "one")]

    assert [loaded(text).run_fn(None) for text in texts] == ["one", "two", "one"]


def test_what_the_author_put_on_the_import_path_travels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        {
            "libs/company_library/text.py": "X = 1\n",
            "project/m.py": "from company_library.text import X\n\ndef run_fn(a):\n    return X\n",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path / "libs"))

    assert names(packed(tmp_path / "project", "m.py")) == ["company_library/text.py", "m.py"]


def test_a_folder_that_is_named_like_an_installed_library_is_left_to_that(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "jobs/m.py": "import yaml\nfrom numpy import random\nimport json\n",
            "numpy/random.py": "raise ValueError\n",
            "yaml/notes.py": "raise ValueError\n",
            "json/notes.py": "raise ValueError\n",
        },
    )

    assert names(packed(tmp_path, "jobs/m.py")) == ["m.py"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfNAME = '\xc3\xa9'\n",
        b"# -*- coding: latin-1 -*-\nNAME = '\xe9'\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nNAME = '\xe9'\n",
    ],
)
def test_a_module_may_be_in_any_encoding_that_python_reads(content: bytes, tmp_path: Path) -> None:
    write(tmp_path, {"m.py": b"\xef\xbb\xbfimport n\n", "n.py": content})

    assert loaded(packed(tmp_path, "m.py")).n.NAME == "é"
    assert load_module("trainer", str(tmp_path / "n.py")).NAME == "é"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"models/m.py": "import os\nfrom models.absent import x\n", "models/__init__.py": ""},
            r"models/m.py:2 imports 'models.absent', but .*models has no module 'absent'",
        ),
        ({"models/m.py": "from .. import base\n"}, r"m.py:1 imports '..base', but .* 'base'"),
        ({"models/m.py": "from .x.y import z\n", "models/x.py": ""}, "has no module 'y'"),
        (
            {"models/m.py": "\ndef f():\n  import fast\n", "models/fast.abi3.so": "ELF"},
            r"models/m.py:3 imports 'fast.abi3.so', which is compiled",
        ),
    ],
)
def test_what_cannot_travel_is_refused_with_its_line(
    files: dict[str, str | bytes], words: str, tmp_path: Path
) -> None:
    write(tmp_path, files)

    with pytest.raises(CompileError, match=f"^task `t`: .*{words}"):
        packed(tmp_path, "models/m.py")


def test_an_import_that_the_module_can_do_without_may_be_missing(tmp_path: Path) -> None:
    text = "try:\n    from models.absent import x\nexcept ImportError:\n    x = 1\n"
    write(tmp_path, {"models/m.py": text, "models/__init__.py": ""})

    assert loaded(packed(tmp_path, "models/m.py")).x == 1


def test_workers_of_beam_find_the_packages_of_a_module(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "models/m.py": "from . import features\n\n"
            "def f(n):\n    from models.late import X\n    return features.LABEL * n, X\n",
            "models/features.py": "LABEL = 'ab'\n",
            "models/late.py": "from tfx.utils import io_utils\nX = io_utils is not None\n",
        },
    )
    module: Any = loaded(packed(tmp_path, "models/m.py"))
    data = pickle.dumps(module.f)
    code = f"import pickle; print(pickle.loads({data!r})(2))"

    with shipped(["--runner=DirectRunner"], module):
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
        )

    assert found.stdout == "('abab', True)\n", found.stderr


PIPELINE = """
from kfp import dsl
from headrace_components.catalog import csv_example_gen, filter_examples

@dsl.pipeline(name="kept")
def kept(data: str):
    examples = csv_example_gen(input_base=f"{data}/rows", columnar=True)
    filter_examples(examples=examples.outputs["examples"], module_file="jobs/keep.py")
"""


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["worker", "process"])
def test_a_project_runs_from_another_directory(runner: str, tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(150_000).hex()
    write(
        tmp_path,
        {
            "project/pipeline.py": PIPELINE,
            "project/jobs/keep.py": "from jobs import limits\nfrom .words import WORD\n\n"
            "def filter_batch_fn(batch):\n    import pyarrow.compute as pc\n"
            "    numbers = pc.list_element(batch['n'], 0)\n"
            "    return pc.less(numbers, limits.LIMIT + len(WORD))\n",
            "project/jobs/limits.py": "LIMIT = 7\n",
            # Too large for one argument of a process.
            "project/jobs/words.py": f"WORD = 'abc'\nNOISE = '{noise}'\n",
            "data/rows/rows.csv": "n\n" + "".join(f"{n}\n" for n in range(40)),
            "elsewhere/notes.txt": "",
        },
    )
    headrace = str(Path(sys.executable).with_name("headrace"))
    command = [headrace, "run", "../project/pipeline.py"]
    options = ["--root", "../root", "--runner", runner, "-p", f"data={tmp_path}/data"]

    ran = subprocess.run(
        [*command, *options],
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    (kept,) = (tmp_path / "root/kept").glob("*/filter-examples/*examples*")
    reader = ExamplesReader(kept, "test")
    numbers = [
        value
        for split in ("train", "eval")
        for batch in reader.record_batches(split)
        for (value,) in batch["n"].to_pylist()
    ]
    assert sorted(numbers) == list(range(10))
