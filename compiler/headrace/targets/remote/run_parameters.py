"""The parameters of a run from what its service knows."""

from collections.abc import Mapping
from typing import Any

from headrace.contract.shown_values import shown
from headrace.ir import specs
from headrace.ir.values import whole_numbers


def known_parameters(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a run's parameters that are known.

    Args:
        spec: The pipeline; empty if the service does not give it.
        given: Values that the run was started with. JSON and protobuf have no whole numbers.
    """
    declared = specs.parameters(spec["root"]) if spec.get("root") else {}
    defaults = {
        name: each["defaultValue"] for name, each in declared.items() if "defaultValue" in each
    }
    return {name: whole_numbers(value) for name, value in {**defaults, **given}.items()}


def shown_parameters(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the same in the form for people, sorted by name."""
    return {name: shown(value) for name, value in sorted(known_parameters(spec, given).items())}
