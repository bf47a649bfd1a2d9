"""An author's module on Beam workers."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib.metadata import PathDistribution
from pathlib import Path
from types import ModuleType

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions

from headrace_components.library.beam.user_packages import shipped, write_wheel
from headrace_components.library.user_code.user_module import load_module

MODULE = """
import features
import queue
from tfx import v1 as tfx


def double(x):
    return features.scaled(x, 2)
"""
SIBLING = """
from tfx.components.trainer.fn_args_utils import FnArgs

BY_NAME = FnArgs.__name__


def scaled(x, factor):
    return x * factor
"""
# Like pickle with a function of the module, and TFMA with a metric of a sibling.
WORKER = "import {name} as m, features; print(m.double(21), m.__file__, features.BY_NAME)"


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    (tmp_path / "module.py").write_text(MODULE, "utf-8")
    (tmp_path / "features.py").write_text(SIBLING, "utf-8")
    (tmp_path / "queue.py").write_text("", "utf-8")  # hides the library's from a fresh interpreter
    (tmp_path / "metrics.py").write_text("import constants\n", "utf-8")
    (tmp_path / "constants.py").write_text("", "utf-8")
    (tmp_path / "unrelated.py").write_text("", "utf-8")
    return load_module("test", str(tmp_path / "module.py"))


def test_a_remote_worker_imports_what_the_wheel_holds(module: ModuleType, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    plugin = installed_in(installed, module, ["metrics", "tfma.other"])

    modules = installed / plugin / "modules"
    entry = f"{module.__name__}.py"
    names = {path.name for path in modules.iterdir() if path.is_file()}
    assert names == {entry, "module.py", "features.py", "metrics.py", "constants.py"}
    found = on_worker(installed, plugin, module)
    # The file exists, with the lines that tracebacks and tf.function read.
    assert found == ["42", f"{modules}/{module.__name__}_files/module.py", "FnArgs"]


def test_jobs_whose_files_have_the_same_names_keep_their_own_in_one_pool_of_workers(
    module: ModuleType, tmp_path: Path
) -> None:
    folder, installed = tmp_path, tmp_path / "installed"
    first = installed_in(installed, module)
    (folder / "features.py").write_text(SIBLING.replace("x * factor", "-x"), "utf-8")
    # The entry and its name are unchanged.
    edited = load_module("test", str(folder / "module.py"))
    assert edited.__name__ == module.__name__

    second = installed_in(installed, edited)

    assert on_worker(installed, second, edited)[0] == "-21"
    # A worker without its plugin uses the last installed package.
    assert on_worker(installed, "os", edited)[0] == "-21"
    # Also a module that a worker of the first job imports only now.
    assert on_worker(installed, first, module)[0] == "42"


def installed_in(site: Path, module: ModuleType, others: Sequence[str] = ()) -> str:
    """Installs what is shipped as workers do; returns the plugin that each of them imports."""
    with shipped(["--runner=DataflowRunner"], module, others) as args:
        assert args[0] == "--runner=DataflowRunner"
        wheel = Path(args[1].removeprefix("--extra_package="))
        with zipfile.ZipFile(wheel) as content:
            content.extractall(site)
        options = PipelineOptions(list(args)).view_as(SetupOptions)
    assert not wheel.exists()
    assert options.extra_packages == [str(wheel)]
    (plugin,) = options.beam_plugins
    return str(plugin)


def on_worker(site: Path, plugin: str, module: ModuleType) -> list[str]:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return in_fresh_interpreter(module, {**os.environ, "PYTHONPATH": path}, plugin)


def test_processes_of_this_machine_find_it_on_their_path(module: ModuleType) -> None:
    before = os.environ.get("PYTHONPATH")
    with shipped(["--runner=DirectRunner"], module) as args:
        assert args == ["--runner=DirectRunner"]
        assert in_fresh_interpreter(module, dict(os.environ))[::2] == ["42", "FnArgs"]
    assert os.environ.get("PYTHONPATH") == before


def test_without_beam_or_a_module_nothing_is_shipped(module: ModuleType) -> None:
    with shipped([], module) as args:
        assert args == []
    with shipped(["--runner=DataflowRunner"], None) as args:
        assert args == ["--runner=DataflowRunner"]


def test_a_wheel_is_one_that_installers_take(tmp_path: Path) -> None:
    wheel = write_wheel("code_1", {"a.py": b"A = 1\n", "b.py": b""}, tmp_path)
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "installed")
    name, version, *tags = wheel.stem.split("-")
    assert (version, tags) == ("0", ["py3", "none", "any"])
    info = PathDistribution(tmp_path / "installed" / f"{name}-0.dist-info")
    assert (info.name, info.version) == (name, "0")
    for file in info.files or []:
        if file.hash is not None:
            digest = hashlib.sha256((tmp_path / "installed" / file).read_bytes()).digest()
            assert file.hash.value == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert {str(file) for file in info.files or []} == {
        str(path.relative_to(tmp_path / "installed"))
        for path in (tmp_path / "installed").rglob("*")
        if path.is_file()
    }


def in_fresh_interpreter(
    module: ModuleType, environment: dict[str, str], plugin: str = "os"
) -> list[str]:
    code = f"import {plugin}\n{WORKER.format(name=module.__name__)}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()
