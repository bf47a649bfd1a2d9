"""Finds out which Keras a tuner's models use, and imports KerasTuner for it.

KerasTuner decides at import which Keras it works with, and takes Keras 3 if it is installed. Then
it refuses a `tuner_fn` with models of `tf.keras`, such as TFX's. So KerasTuner is only imported
when it is known which Keras the user's code builds its models with.
"""

import ast
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from headrace_components.library.user_code.siblings import sibling_names

KerasVersion = Literal[2, 3]

_TUNER = "keras_tuner"
# KerasTuner stores its choice here. A module that is already loaded is not executed again.
_CHOICE = "keras_tuner.src.backend.config"
# The root of a module's package is at most this many folders above it.
_MAX_PACKAGE_DEPTH = 4


def versions_in(file: Path) -> set[KerasVersion]:
    """Returns the versions of Keras that a module names, or a file that it imports by path.

    Args:
        file: A Python file. Its imports from installed packages are ignored.

    Raises:
        SyntaxError: A file is not Python.
    """
    found = set[KerasVersion]()
    seen, waiting = set[Path](), [file]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        tree = ast.parse(path.read_bytes())
        imported = set(_imported(tree))
        found.update(_versions(imported))
        names = {name.replace(".", "/") for name in imported} | sibling_names(tree)
        for folder in {path.parent, *file.parents[:_MAX_PACKAGE_DEPTH]}:
            waiting += [folder / f"{name}.py" for name in names]
            waiting += [folder / name / "__init__.py" for name in names]
    return found


def versions_in_texts(files: Mapping[str, str]) -> str:
    """Returns what the files of a packed module name, by which a cache sees that it changes."""
    return repr(
        {name: sorted(set(_versions(_imported(ast.parse(text))))) for name, text in files.items()}
    )


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yields the dotted names that a module imports, and `tensorflow.keras` if it is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from (f"{module}.{alias.name}".strip(".") for alias in node.names)
            yield module
        elif isinstance(node, ast.Attribute) and node.attr == "keras":
            yield "tensorflow.keras"  # for any name of TensorFlow there


def _versions(imported: Iterable[str]) -> Iterator[KerasVersion]:
    for name in imported:
        top, _, rest = name.partition(".")
        if top == "keras":
            yield 3
        elif top == "tf_keras":
            yield 2
        elif top == "tensorflow" and "keras" in rest.split("."):
            yield _version_of_tf_keras()


def _version_of_tf_keras() -> KerasVersion:
    # The same rule as in TensorFlow.
    return 2 if os.environ.get("TF_USE_LEGACY_KERAS") in ("true", "True", "1") else 3


def choose(version: KerasVersion) -> None:
    """Makes later imports of KerasTuner use this Keras."""
    imported = sys.modules.get(_CHOICE)
    if imported is not None and imported.multi_backend() == (version == 3):
        return
    logging.info("tuner: KerasTuner is imported for Keras %d.", version)
    for name in [name for name in sys.modules if name.partition(".")[0] == _TUNER]:
        del sys.modules[name]
    if version == 2:
        choice = ModuleType(_CHOICE)
        vars(choice).update(multi_backend=_of_keras_2, backend=_tensorflow)
        sys.modules[_CHOICE] = choice


def _of_keras_2() -> bool:
    return False


def _tensorflow() -> str:
    return "tensorflow"


def version_built(tuner: Any) -> KerasVersion | None:
    """Returns the version of Keras of a tuner's model; None if the tuner builds no model.

    Args:
        tuner: A tuner, whose hypermodel builds one model of its search space.
    """
    build: Callable[..., Any] | None = getattr(getattr(tuner, "hypermodel", None), "build", None)
    if build is None:
        return None
    model = build(tuner.oracle.get_space())
    packages = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    if packages & {"keras", "tf_keras"} == {"tf_keras"}:
        return 2
    return 3 if "keras" in packages else None
