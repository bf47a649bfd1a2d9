"""Compares the items of loops with the types that their tasks take, before anything runs."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.known_values import Known, is_conditional
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.parameter_types import AUTHOR_NAMES, is_handed_on


def check_loop_values(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
    """Checks the lists of loops, if they are known.

    Args:
        spec: A pipeline whose loops have typed items.
        values: Values of its run parameters; missing ones have their defaults. None if they are not
            known yet.

    Raises:
        CompileError: An item is of another type than the tasks of its loop take.
    """
    for node in specs.tasks(spec):
        iterator = node.task.get("parameterIterator", {})
        kind = (
            specs.parameters(node.component).get(iterator.get("itemInput"), {}).get("parameterType")
        )
        given = None if is_conditional(node) else values
        for number, item in enumerate(Known(spec, given, {}).items(node) or ()):
            is_part = kind == "NUMBER_INTEGER" and isinstance(item, float) and not item.is_integer()
            if item is None or is_part or not is_handed_on(item, kind):
                wanted = AUTHOR_NAMES.get(kind or "", "a value")
                raise CompileError(
                    f"task `{node.label}`: item {number} of the list that it loops over is "
                    f"{json.dumps(item)[:100]}, but its tasks take {wanted}, and backends convert "
                    f"into texts alone. Give a list of {wanted} alone."
                )
