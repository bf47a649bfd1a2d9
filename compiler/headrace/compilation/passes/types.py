"""Gives artifacts TFX's type names.

kfp only accepts titles under `system.` and `google.`, so authors write those. The compiled pipeline
has the names that TFX gives the same layouts.
"""

from collections.abc import Mapping
from typing import Any

from headrace.contract.target import Target
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.artifact_types import BY_TFX_TITLE, own_title

# User data, which may contain the same words by chance.
_VALUES = frozenset({"runtimeValue", "defaultValue", "literals", "metadata"})


def apply_types(spec: Mapping[str, Any], target: Target) -> Spec:
    """Returns `spec` with `tfx.Examples` for `system.Examples`, and so on.

    An author's own types are `tfx.<name>`, too. kfp's own types are kept.
    """
    titles = {each.schema_title: title for title, each in BY_TFX_TITLE.items()}
    result: Spec = _renamed(specs.copy(spec), titles, target)
    return result


def _renamed(value: Any, titles: Mapping[str, str], target: Target) -> Any:
    if isinstance(value, list):
        return [_renamed(item, titles, target) for item in value]
    if not isinstance(value, dict):
        return value
    declared = value.get("schemaTitle")
    if isinstance(declared, str) and (title := titles.get(declared) or own_title(declared)):
        return target.artifact_type(value, title)
    return {
        key: item if key in _VALUES else _renamed(item, titles, target)
        for key, item in value.items()
    }
