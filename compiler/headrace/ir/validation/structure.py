"""Holds the data of a compiled pipeline to the messages of `messages.py`."""

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from headrace.ir.validation.messages import (
    BOOL,
    DOUBLE,
    DURATION,
    EXACTLY_ONE,
    EXCLUSIVE,
    INTEGER,
    MESSAGES,
    PIPELINE,
    PLATFORM,
    REQUIRED,
    SCALARS,
    STRING,
    STRUCT,
    Choice,
    FieldKind,
    Items,
    Objects,
)
from headrace.ir.validation.reading import MAX_DEPTH
from headrace_components.contract.errors import InputError

_DURATION = re.compile(r"\d{1,12}(\.\d{1,9})?s")
_NUMBER = re.compile(r"\[\d+\]")
_WHOLE = re.compile(r"-?\d{1,19}")


def check_structure(document: Any, where: str) -> None:
    """Refuses a document that is not a `PipelineSpec` message.

    Args:
        document: The data.
        where: The beginning of messages, such as the file's name.

    Raises:
        InputError: A field is unknown, missing, or of another kind; the message has its place, such
            as `root.dag.tasks.trainer.inputs`.
    """
    if not isinstance(document, Mapping):
        raise InputError(
            f"{where} holds {type(document).__name__} data, expected a compiled pipeline. Compile "
            "it with `headrace compile`."
        )
    _check_form(document, where)
    _message(document, PIPELINE, (), where)


def check_platform(document: Any, where: str) -> None:
    """Refuses a document that is not a `PlatformSpec` message, like `check_structure`.

    Raises:
        InputError: As there.
    """
    _message(document, PLATFORM, (), where)


def place(path: tuple[str, ...]) -> str:
    """Returns a value's place, such as `root.dag.tasks.trainer`; names with dots are quoted."""
    parts = (part if _NUMBER.fullmatch(part) else f".{_quoted(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _quoted(part: str) -> str:
    return part if re.fullmatch(r"[\w-]{1,60}", part) else repr(shortened(part, 60))


def shortened(text: str, length: int = 80) -> str:
    """Returns a text without its middle if it is longer than `length` characters."""
    if len(text) <= length:
        return text
    return f"{text[: length - 23]}...{text[-20:]}"


def named(value: Any) -> str:
    """Returns a description of a value, for messages."""
    if value is None:
        return "null"
    if isinstance(value, (dict, list, Mapping)):
        return "an object" if isinstance(value, Mapping) else "a list"
    return shortened(repr(value))


def _check_form(document: Mapping[str, Any], where: str) -> None:
    missing = [key for key in REQUIRED[PIPELINE] if key not in document]
    if not missing:
        return
    hint = "Compile it with `headrace compile`."
    if "implementation" in document:
        hint = "It is a component: call it in a pipeline, and compile that."
    elif "apiVersion" in document:
        hint = "It is an object of Kubernetes: compile the pipeline's source again."
    elif "platforms" in document:
        hint = "It has settings of Kubernetes alone, which follow the pipeline in a file."
    keys = [shortened(str(key), 40) for key in list(document)[:8]]
    raise InputError(
        f"{where}: the pipeline has no `{missing[0]}`, so it is not a compiled kfp v2 pipeline; it "
        f"has {sorted(keys)}. {hint}"
    )


def _message(value: Any, name: str, path: tuple[str, ...], where: str) -> None:
    if not isinstance(value, Mapping):
        raise _other(value, f"an object, {name}", path, where)
    fields = MESSAGES[name]
    for key, item in value.items():
        if key not in fields:
            raise _unknown(key, fields, path, where)
        _kind(item, fields[key], (*path, key), where)
    for key in REQUIRED.get(name, ()):
        if key not in value:
            raise _missing(f"`{key}`", value, path, where)
    choices = EXCLUSIVE.get(name, ())
    given = [key for key in choices if key in value]
    if len(given) > 1:
        raise InputError(
            f"{where}: {place(path)} has {given}, expected one of them. Remove the others, or "
            "compile the pipeline again."
        )
    if not given and name in EXACTLY_ONE:
        raise _missing(f"one of {list(choices)}", value, path, where)


def _kind(value: Any, kind: FieldKind, path: tuple[str, ...], where: str) -> None:
    if isinstance(kind, Objects):
        if not isinstance(value, Mapping):
            raise _other(value, "an object", path, where)
        for key, item in value.items():
            if not isinstance(key, str):
                raise _other(key, "a text as the name", path, where)
            _kind(item, kind.of, (*path, key), where)
    elif isinstance(kind, Items):
        if not isinstance(value, list):
            raise _other(value, "a list", path, where)
        for number, item in enumerate(value):
            _kind(item, kind.of, (*path, f"[{number}]"), where)
    elif isinstance(kind, Choice):
        if value not in kind.of:
            raise _other(value, f"one of {list(kind.of)}", path, where)
    elif kind in SCALARS:
        _scalar(value, kind, path, where)
    else:
        _message(value, kind, path, where)


def _scalar(value: Any, kind: str, path: tuple[str, ...], where: str) -> None:
    if kind == STRING:
        if not isinstance(value, str):
            raise _other(value, "a text", path, where)
        # Text from JSON may contain halves of characters, which cannot be written to a file.
        if not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
            raise _other(value, "a text of whole characters", path, where)
    elif kind == BOOL:
        if not isinstance(value, bool):
            raise _other(value, "true or false", path, where)
    elif kind == INTEGER:
        if not _is_whole(value):
            raise _other(value, "a whole number", path, where)
    elif kind == DOUBLE:
        if not _is_number(value):
            raise _other(value, "a number", path, where)
    elif kind == DURATION:
        if not isinstance(value, str) or not _DURATION.fullmatch(value):
            raise _other(value, "a time such as '30s'", path, where)
    elif kind == STRUCT and not isinstance(value, Mapping):
        raise _other(value, "an object", path, where)
    else:
        _json(value, path, where)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):  # how protojson writes 64 bits
        return _WHOLE.fullmatch(value) is not None
    return _is_number(value) and float(value).is_integer() and abs(value) < 2**63


def _json(value: Any, path: tuple[str, ...], where: str) -> None:
    if len(path) > MAX_DEPTH:
        raise InputError(
            f"{where}: {place(path[:8])} is nested deeper than {MAX_DEPTH} levels, which no "
            "pipeline needs. Write the data flatter, or pass it as a file."
        )
    if isinstance(value, Mapping):
        for key, item in value.items():
            _scalar(key, STRING, path, where)
            _json(item, (*path, key), where)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _json(item, (*path, f"[{number}]"), where)
    elif isinstance(value, str):
        _scalar(value, STRING, path, where)
    elif value is not None and not isinstance(value, bool) and not _is_number(value):
        raise _other(value, "JSON data: texts, finite numbers, true, false, null", path, where)


def _other(value: Any, expected: str, path: tuple[str, ...], where: str) -> InputError:
    return InputError(
        f"{where}: {place(path) or 'the whole'} is {named(value)}, expected {expected}. Correct it "
        "there, or compile the pipeline again."
    )


def _missing(what: str, value: Any, path: tuple[str, ...], where: str) -> InputError:
    older = " It is of an older kfp, which wrote `type`." if "type" in value else ""
    return InputError(
        f"{where}: {place(path)} lacks {what}; it has {sorted(value)}.{older} Compile the pipeline "
        "again with kfp 2.13 to 2.17."
    )


def _unknown(
    key: Any, fields: Mapping[str, FieldKind], path: tuple[str, ...], where: str
) -> InputError:
    camel = re.sub(r"_(\w)", lambda match: match[1].upper(), str(key))
    near = [camel] if camel in fields else difflib.get_close_matches(str(key), fields, n=1)
    advice = f"Did you mean `{near[0]}`?" if near else "Remove it."
    return InputError(
        f"{where}: {place(path) or 'the whole'} has {shortened(repr(key), 60)}, which kfp 2.13 "
        f"to 2.17 do not know there; known are {sorted(fields)}. {advice}"
    )
