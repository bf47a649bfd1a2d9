"""Values of parameters in the form that people see: without packed code and passwords of URLs."""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.lineage.local_store.messages import without_passwords
from headrace_components.library.user_code.module_pack import is_packed

_DIGEST_LENGTH = 8


def shown(value: Any) -> Any:
    """Returns a value in which packed modules have names, such as `module.py@1a2b3c4d`.

    Behind the name is the beginning of the code's SHA-256, so that other code has another name.
    """
    if isinstance(value, str):
        return _name_of(value) if is_packed(value) else without_passwords(value)
    if isinstance(value, Mapping):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def _name_of(module: str) -> str:
    _, _, entry, digest, *_ = [*module.split(":", 4), "", "", ""]
    return f"{entry}@{digest[:_DIGEST_LENGTH]}"


def packed_in(value: Any) -> Iterator[str]:
    """Yields the packed modules in a value, at any depth."""
    if isinstance(value, str):
        if is_packed(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from packed_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from packed_in(item)
