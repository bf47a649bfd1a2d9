"""Refuses numbers that a pipeline cannot carry unchanged.

A PipelineSpec is JSON with one type of number, the double. Whole numbers are exact in it up to
2^53; kfp rounds larger ones without a message. JSON has neither NaN nor infinity.
"""

import importlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs

LARGEST = 2**53


@contextmanager
def refused_by_kfp() -> Iterator[None]:
    """Has kfp refuse these numbers, in lists and dicts too, while a file is loaded."""
    builder: Any = importlib.import_module("kfp.compiler.pipeline_spec_builder")
    convert = builder.to_protobuf_value

    def checked(value: Any) -> Any:
        if _is_changed(value):
            raise ValueError(words(value))
        return convert(value)

    builder.to_protobuf_value = checked
    try:
        yield
    finally:
        builder.to_protobuf_value = convert


def check(spec: Mapping[str, Any]) -> None:
    """Checks the integer parameters of a pipeline that was compiled before.

    Raises:
        CompileError: A default or constant is so large that it may have been rounded.
    """
    pipeline = specs.pipeline_name(spec)
    for component in (spec.get("root", {}), *spec.get("components", {}).values()):
        for name, declaration in specs.parameters(component).items():
            _check(declaration, declaration.get("defaultValue"), pipeline, name)
    for node in specs.tasks(spec):
        declared = specs.parameters(node.component)
        for name, source in specs.parameter_inputs(node.task).items():
            _check(
                declared.get(name, {}),
                specs.constant(source),
                f"{pipeline}: task `{node.label}`",
                name,
            )


def changed(value: Any) -> float | None:
    """Returns a number in JSON data that a pipeline cannot carry; None if there is none."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return next((found for item in value if (found := changed(item)) is not None), None)
    return value if _is_changed(value) else None


def words(value: float) -> str:
    """Returns the problem of a number that a pipeline cannot carry."""
    if not math.isfinite(value):
        return (
            f"the number {value} is given, but a pipeline is JSON, which has neither NaN nor "
            "infinity. Pass it as a string, or pass a finite number."
        )
    return (
        f"the integer {int(value)} is given, but a pipeline carries numbers as doubles, which are "
        f"exact below 2^53 ({LARGEST}). Pass it as a string, or a smaller one."
    )


def _is_changed(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and abs(value) > LARGEST


def _check(declaration: Mapping[str, Any], value: Any, where: str, name: str) -> None:
    is_integer = declaration.get("parameterType") == "NUMBER_INTEGER"
    if is_integer and isinstance(value, (int, float)) and abs(value) >= LARGEST:
        raise CompileError(f"{where}: parameter `{name}`: {words(value)}")
