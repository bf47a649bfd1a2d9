"""Reads a TOML table into a dataclass: names and types are those of its fields."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from headrace.errors import CompileError
from headrace_components.contract.reading import Style, converted, nearest

T = TypeVar("T")

_STYLE = Style(
    unknown="{path}: unknown setting `{first}`, known: {known}. {hint}",
    similar="Did you mean `{0}`?",
    otherwise="Remove it.",
    similarity=0.6,
    not_object="{path} is {value!r}, expected a table.",
    mistyped="{place} `{name}` is {value!r}, expected {expected}. Correct the value.",
    expected={
        str: "a string",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        dict: "a table",
        tuple: "a list",
    },
    whole=False,
    checks_items=False,
    error=CompileError,
)


DEFAULT_FILE = "headrace.toml"


def read_toml(path: Path | None) -> tuple[dict[str, Any], Path]:
    """Returns the tables of a profile, and its path.

    Args:
        path: The TOML file; None reads `headrace.toml` of the current directory, or has no tables
            if that does not exist.

    Raises:
        CompileError: The file is missing or no TOML.
    """
    if path is None:
        path = Path(DEFAULT_FILE)
        if not path.is_file():
            return {}, path
    if not path.is_file():
        raise CompileError(
            f"config: {str(path)!r} is not a file, expected a target profile in TOML. "
            f"Correct `--config`, or write a {DEFAULT_FILE} with a table [images]."
        )
    try:
        return tomllib.loads(path.read_text("utf-8")), path
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompileError(f"{path}: not TOML: {error}. Correct that line.") from error


def read_table(source: Path, name: str, cls: type[T], values: Any) -> T:
    """Returns `cls` made from the TOML table `name`.

    Args:
        source: The file, for messages.
        name: The table's name in messages, such as `vertex` or `tasks.trainer`.
        cls: A dataclass whose fields are strings, numbers, booleans, mappings or tuples, or one of
            them or None.
        values: The table.

    Raises:
        CompileError: It is not a table, has a name that `cls` lacks, or a value of another type.
    """
    check_table(f"{source}: `{name}`", name, values)
    checked = converted(cls, values, f"{source}: [{name}]", _STYLE)
    try:
        return cls(**checked)
    except CompileError as error:
        raise CompileError(f"{source}: [{name}] {error}") from error


def read_tables(source: Path, name: str, cls: type[T], values: Any) -> dict[str, T]:
    """Returns `cls` made from each table of the table `name`, by the table's own name."""
    check_table(f"{source}: `{name}`", f"{name}.NAME", values)
    return {
        key: read_table(source, f"{name}.{toml_key(key)}", cls, value)
        for key, value in values.items()
    }


def check_table(where: str, header: str, values: Any) -> None:
    """Refuses a value that is not a table.

    Raises:
        CompileError: `values` is not a mapping.
    """
    if not isinstance(values, dict):
        raise CompileError(
            f"{where} is {values!r}, expected a table. Write [{header}] on a line of its own and "
            "its settings below."
        )


def check_tables(name: str, values: Mapping[str, Any]) -> None:
    """Refuses a table of tables with other contents.

    Raises:
        CompileError: One of `values` is not a table.
    """
    for key, value in values.items():
        check_table(f"`{name}` has {key!r}, which", f"...{name}.{toml_key(key)}", value)


def check_names(where: str, kind: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuses an unknown name, and suggests the one that was probably meant.

    Raises:
        CompileError: One of `given` is not in `known`. The message begins with `where`.
    """
    for name in given:
        if name not in known:
            near = nearest(name, known)
            advice = f"Did you mean `{near}`?" if near else "Remove it."
            raise CompileError(
                f"{where}: unknown {kind} `{name}`, known: {sorted(known)}. {advice}"
            )


def check_texts(where: str, values: Mapping[str, Any] | Sequence[Any], expected: str) -> None:
    """Refuses tables and lists whose values are not strings.

    Raises:
        CompileError: A value is not a text. The message begins with `where`.
    """
    items = values.items() if isinstance(values, Mapping) else enumerate(values)
    for key, value in items:
        if not isinstance(value, str):
            raise CompileError(
                f"{where}[{key!r}] is {value!r}, expected {expected}. Put it into quotes."
            )


def toml_key(name: str) -> str:
    """Returns `name` as a key in a TOML header: in quotes if it needs them."""
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'
