"""Executes an author's TFX file and notes the pipelines that it makes and runs.

The file is executed as `__main__`, as `python FILE.py` does it, with a host that notes a pipeline
in place of running it.
"""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.author_errors import author_error
from headrace_components.contract.errors import ComponentError
from headrace_components.contract.texts import one_line
from headrace_tfx.running import host


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """What a file made.

    Attributes:
        module: The executed file.
        pipelines: The pipelines that runners were called with, each once, in this order.
    """

    module: ModuleType
    pipelines: tuple[Any, ...]


class _Recorder:
    """The host of a file that is only read."""

    def __init__(self) -> None:
        self.pipelines: list[Any] = []

    def run(self, pipeline: Any, **_: Any) -> None:
        if not any(pipeline is other for other in self.pipelines):
            self.pipelines.append(pipeline)

    def compile(self, pipeline: Any, **_: Any) -> dict[str, Any]:
        self.run(pipeline)
        return {}


def executed(path: Path, flags: Sequence[str] = ()) -> Captured:
    """Executes a file; its runner calls only note their pipeline.

    Args:
        path: The file. `tfx` and its siblings have to be importable.
        flags: What stands behind the file's name on the command line.

    Raises:
        CompileError: The author's code raises an error, or ends with an exit code that is not 0.
    """
    recorder = _Recorder()
    module = ModuleType("__main__")
    with host.use(recorder):
        try:
            run_as_main(path, flags, module)
        except SystemExit as exit_:
            _check_exit(exit_, path, flags)
    return Captured(module=module, pipelines=tuple(recorder.pipelines))


def run_as_main(path: Path, flags: Sequence[str] = (), module: ModuleType | None = None) -> None:
    """Executes a file as `__main__`.

    Args:
        path: The file.
        flags: What stands behind the file's name on the command line.
        module: The module to execute it in; None for a new one.

    Raises:
        CompileError: The author's code raises an error.
        SystemExit: The author's code ends the program.
    """
    module = module or ModuleType("__main__")
    module.__file__ = str(path)
    source = path.read_bytes()
    # Behind `import absl` alone: TFX imports the rest of it.
    for name in ("absl.app", "absl.flags", "absl.logging"):
        if name.encode() in source and importlib.util.find_spec("absl"):
            importlib.import_module(name)
    with _as_main(module, [str(path), *flags]), _flags_forgotten(str(path)):
        try:
            exec(compile(source, str(path), "exec"), vars(module))
        except ComponentError:
            raise
        except Exception as error:
            # As in `loading`: what the author's code raises is for the author.
            report = author_error(error, path.parent)
            if report is None:
                raise
            raise report from error


def _check_exit(exit_: SystemExit, path: Path, flags: Sequence[str]) -> None:
    if exit_.code in (None, 0):
        return
    given = f"the flags {list(flags)}" if flags else "no flags"
    raise CompileError(
        f"{path.name}: it ended with exit code {one_line(str(exit_.code))!r} and {given}, expected "
        "to make a pipeline. Its own message is above; give flags that it requires behind `--`, as "
        f"in `headrace run {path.name} -- --name=value`."
    ) from exit_


@contextlib.contextmanager
def _as_main(module: ModuleType, arguments: list[str]) -> Iterator[None]:
    before, own = sys.argv, sys.modules["__main__"]
    sys.argv, sys.modules["__main__"] = arguments, module
    try:
        yield
    finally:
        sys.argv, sys.modules["__main__"] = before, own


@contextlib.contextmanager
def _flags_forgotten(program: str) -> Iterator[None]:
    """Forgets the absl flags that a file defines, so that it can be executed again.

    absl knows them by the module that defines them, and the file's own by the program's name.
    """
    before = set(sys.modules)
    was_parsed = "absl.flags" in sys.modules and sys.modules["absl.flags"].FLAGS.is_parsed()
    try:
        yield
    finally:
        if "absl.flags" in sys.modules:
            values = sys.modules["absl.flags"].FLAGS
            names = [
                flag.name
                for module, flags in values.flags_by_module_dict().items()
                for flag in flags
                if module == program or _is_author_module(module, before, Path(program).parent)
            ]
            for name in set(names):
                delattr(values, name)
            if not was_parsed:
                values.unparse_flags()


def _is_author_module(name: str, before: set[str], directory: Path) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None)
    return name not in before and file is not None and Path(file).is_relative_to(directory)
