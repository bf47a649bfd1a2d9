"""The components of a Headrace pipeline: one folder each, and the few modules they share."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

_ENTRY = f"{__name__}.contract.entry"


class _SharedMain:
    """Makes `contract/entry.py` the `__main__` of every folder with an executor.

    Python asks it after all others, so a folder may have its own `__main__.py`. It opens no file
    itself, so it also works in a zip file.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        package, _, module = name.rpartition(".")
        is_component = module == "__main__" and package.rpartition(".")[0] == __name__
        if not is_component or find_spec(f"{package}.executor") is None:
            return None
        shared: Any = find_spec(_ENTRY)
        return ModuleSpec(name, self, origin=shared.origin)  # type: ignore[arg-type]

    def get_code(self, name: str) -> CodeType:
        """Returns the code that `python -m` runs; nothing else asks for it."""
        del name
        shared: Any = find_spec(_ENTRY)
        code: CodeType = shared.loader.get_code(_ENTRY)
        return code


sys.meta_path.append(_SharedMain())
