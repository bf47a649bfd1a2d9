"""Finds the functions that a module defines, and explains a missing one. Standard library only."""

import ast
import difflib
from collections.abc import Iterator, Sequence

from headrace_components.contract.errors import InputError

# These names can define other names: only running the module shows which.
_MAKERS = frozenset({"exec", "globals", "setattr", "__getattr__", "vars", "locals"})


def check_source(module_file: str, function_name: str, dotted: str) -> None:
    """Rejects a function that is not given, given in two ways, or given by a name without a module.

    Args:
        module_file: The file that defines the function; or empty.
        function_name: The function's name there, and the parameter that takes a dotted path.
        dotted: The function, such as `package.module.function`; or empty.

    Raises:
        InputError: Both or neither are given, or the path does not contain a module.
    """
    if bool(module_file) == bool(dotted):
        got = "both `module_file` and" if module_file else "neither `module_file` nor"
        raise InputError(
            f"{got} `{function_name}` are given, expected one of them. Pass "
            f"`module_file` with a Python file that defines {function_name}, or "
            f"`{function_name}` with a dotted path such as 'package.module.{function_name}'."
        )
    if dotted and not (dotted.count(".") and all(map(str.isidentifier, dotted.split(".")))):
        raise InputError(
            f"`{function_name}` is {dotted!r}, expected a dotted path. Pass it as "
            f"'package.module.{function_name}', or pass a file as `module_file`."
        )


def missing_function(file: str, names: Sequence[str], functions: Sequence[str]) -> InputError:
    """Returns the error for a module without the function that the component calls.

    Args:
        file: Name of the module's file.
        names: Names of functions; the module must have one of them.
        functions: Names of the functions that it defines.
    """
    wanted = " or ".join(repr(name) for name in names)
    advice = f"Define {' or '.join(names)} there."
    if names[0] == "run_fn" and "trainer_fn" in functions:
        # TFX's older function. A new name would not help: it returns an Estimator.
        advice = (
            "'trainer_fn' is the entry of TFX's Estimator executor, and TensorFlow has no "
            "Estimators since 2.16. Write run_fn(fn_args), which trains a Keras model and saves "
            "it to fn_args.serving_model_dir."
        )
    elif near := difflib.get_close_matches(names[0], functions, n=1):
        advice = f"Rename {near[0]!r} to {names[0]!r}."
    return InputError(f"{file} has no function {wanted}; it defines {list(functions)}. {advice}")


def defined(tree: ast.Module) -> tuple[set[str], list[str]] | None:
    """Returns all names that a module has after it has run, and its functions, sorted.

    Returns None if the text does not show them, for example with `from features import *`.
    """
    names = set[str]()
    functions = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _MAKERS:
            return None
        if isinstance(node, ast.Global):  # names that a function defines in its module
            names.update(node.names)
    for statement in _statements(tree.body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions.add(statement.name)
        elif isinstance(statement, ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            if any(alias.name == "*" for alias in statement.names):
                return None
            names.update((alias.asname or alias.name).split(".")[0] for alias in statement.names)
        else:
            names.update(_assigned(statement))
    if functions & _MAKERS:
        return None
    return names | functions, sorted(functions)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields the statements of a module, also those in blocks such as `if` and `try`."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, field, []))
        for handler in getattr(statement, "handlers", []):
            yield from _statements(handler.body)
        for case in getattr(statement, "cases", []):
            yield from _statements(case.body)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
