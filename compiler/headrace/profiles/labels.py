"""Labels of resources on Google Cloud."""

import re
from collections.abc import Mapping
from typing import Any

from headrace.errors import CompileError

MAX_CHARS = 63

# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


def check_labels(labels: Mapping[str, Any]) -> None:
    """Refuses labels that Google Cloud does not take.

    Raises:
        CompileError: A key or a value has other characters, or too many.
    """
    for key, value in labels.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(str(value)):
            raise CompileError(
                f"label {key!r} = {value!r}, expected at most {MAX_CHARS} lower-case letters, "
                "digits, - and _, the key starting with a letter. Rename it."
            )


def label_value(name: str) -> str:
    """Returns `name` in a form that is allowed in a label."""
    return re.sub("[^a-z0-9_-]", "-", name.lower())[:MAX_CHARS]
