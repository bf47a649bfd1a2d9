"""Values of lineage, in the form of both interfaces of Kubeflow Pipelines."""

import json
from collections.abc import Mapping
from typing import Any

from headrace_components.contract.templates import TEMPLATES_INPUT, fill


def short_type(title: str) -> str:
    """Returns an artifact's type without the namespace of TFX or KFP."""
    return title.removeprefix("tfx.").removeprefix("system.")


def texts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns parameters by name, lists and dicts as JSON text, as in `lineage_records`.

    Templates in parameters of Headrace's components are filled in, as the components do it.
    """
    if TEMPLATES_INPUT in parameters:
        parameters = fill(parameters, "lineage")
    return {
        name: json.dumps(value) if isinstance(value, (dict, list)) else value
        for name, value in sorted(parameters.items())
    }
