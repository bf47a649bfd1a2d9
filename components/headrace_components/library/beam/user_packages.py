"""Makes an author's module file importable on Beam workers.

Workers get the functions and classes of a module by name, not as code. Only this works for
everything in a module: tables and layers of TensorFlow, which cannot be pickled; modules that a
function imports when it runs; metrics, which TFMA imports by name. So on the workers the module
must be importable under the name from `user_module`, and the files beside it under theirs.

A package contains these files. Beside it there is one stand-in module per name: it runs its file
with the names of TFX importable, like `user_module`. Workers that this machine starts find them
on their path. Workers on other machines install them as a wheel, in a package whose name depends on
the content, because one pool of workers serves many jobs, whose files may have the same names. A
worker belongs to one job. It first imports the package of that job, which Beam calls a plugin, and
the plugin puts the job's modules on the path. If a worker gets no plugins, for example because
Beam's start program has another version, it uses the plain names of the last installed wheel.
"""

import base64
import contextlib
import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.user_code.code_state import with_siblings
from headrace_components.library.user_code.user_module import code_of, package_files
from headrace_tfx.finder import tfx_importable

_STAND_IN = '''"""Stands for {file}, which a component sent with its job."""
from headrace_components.library.beam.user_packages import run

run(__name__, {path!r}, {package!r})
'''

_PLUGIN = b'''"""Has this process find the modules of its own job, which are beside this file."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules"))
'''

# The import system uses the entry in `sys.modules` afterwards.
_WAY_IN = '''"""Leads to this name in the code of a job."""
import importlib
import sys

import {plugin}

del sys.modules[__name__]
sys.modules[__name__] = importlib.import_module(__name__)
'''


@contextlib.contextmanager
def shipped(
    args: Sequence[str],
    module: ModuleType | None,
    others: Iterable[str] = (),
) -> Iterator[Sequence[str]]:
    """Yields the options with which workers can import a module inside the `with` block.

    Args:
        args: `beam_pipeline_args`; empty if nothing runs on Beam.
        module: The result of `user_module.load_module`, or None.
        others: Names of modules that are also needed if they are beside the module.
    """
    if not args or module is None:
        yield args
        return
    contents = _contents(module, others)
    with tempfile.TemporaryDirectory(prefix="headrace-beam-") as directory:
        if BeamOptions(args).is_remote:
            name = f"headrace_user_code_{_digest_of(contents)}"
            files = {f"{name}/__init__.py": _PLUGIN}
            for path, content in contents.items():
                files[f"{name}/modules/{path}"] = content
                if not path.startswith(f"{module.__name__}_files/"):
                    files[path] = _WAY_IN.format(plugin=name).encode()
            wheel = write_wheel(name, files, Path(directory))
            yield [*args, f"--extra_package={wheel}", f"--beam_plugin={name}"]
            return
        for name, content in contents.items():
            file = Path(directory) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        with _on_path_of_children(directory):
            yield args


def run(name: str, path: str, package: str | None = None) -> None:
    """Turns the module `name`, a stand-in for the file at `path`, into that file's module.

    Args:
        name: Name of the module.
        path: The file, from the module's own.
        package: The package for relative imports of the file, if it is not that of the module.
    """
    module = sys.modules[name]
    file = Path(os.path.normpath(Path(module.__file__ or "").parent / path))
    vars(module).pop("run")
    module.__file__ = str(file)
    if package:
        module.__package__ = package
    with tfx_importable(file.parent):
        exec(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), vars(module))


def write_wheel(distribution: str, contents: Mapping[str, bytes], directory: Path) -> Path:
    """Writes a wheel of files by their names, and returns its path.

    The format is that of the binary distribution format of Python packages, version 1.0.
    """
    info = f"{distribution}-0.dist-info"
    files = {
        **contents,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: headrace\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(
        f"{name},{_digest(content)},{len(content)}\n" for name, content in files.items()
    )
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = directory / f"{distribution}-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            wheel.writestr(zipfile.ZipInfo(name), content)
    return path


def _digest_of(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(b"%d %s %d " % (len(name), name.encode(), len(content)) + content)
    return digest.hexdigest()[:12]


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def _contents(module: ModuleType, others: Iterable[str]) -> dict[str, bytes]:
    """Returns the files of the package and the modules that stand for them, by name."""
    entry, root = code_of(module)
    beside = {file for name in others for file in with_siblings(entry.with_name(f"{name}.py"))}
    beside.update(with_siblings(entry))
    files = {*package_files(entry.parent, root), *beside}
    package = f"{module.__name__}_files"
    names = {file: file.relative_to(root).as_posix() for file in files}
    contents = {f"{package}/{name}": file.read_bytes() for file, name in names.items()}
    # Files beside the module have plain names, and all files have their full names.
    stand_ins = {name: name for name in names.values()}
    stand_ins |= {
        file.name: name
        for file, name in names.items()
        if file.parent == entry.parent and file.name != "__init__.py"
    }
    stand_ins[f"{module.__name__}.py"] = names[entry]
    for place, name in stand_ins.items():
        # In this process, such a file hides nothing, because the library's module was loaded
        # before.
        if place.removesuffix(".py") not in sys.stdlib_module_names:
            up = "../" * place.count("/")
            own = module.__package__ if place == f"{module.__name__}.py" else None
            text = _STAND_IN.format(file=name, path=f"{up}{package}/{name}", package=own)
            contents[place] = text.encode()
    return contents


@contextlib.contextmanager
def _on_path_of_children(directory: str) -> Iterator[None]:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([directory, *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
