"""Imports kfp without what only its API client needs.

`kfp/__init__.py` imports `kfp.client`, and with it the Kubernetes client: two thirds of the time
that `import kfp` takes, for a class that compiling does not use. kfp's own switch, the environment
variable `_KFP_RUNTIME`, would leave `kfp.dsl` half imported in this process and in its children.
Here nothing is left out, only put off: `kfp.Client`, `kfp.client` and `requests` are imported the
moment somebody asks for them.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

_CLIENT = "kfp.client"

# `kfp.components` imports it to load components from a URL, and `kfp.client` to talk to a server.
_LAZY = frozenset({"requests"})


class _LazyFinder(MetaPathFinder):
    """Finds the modules of `_LAZY` so that they load at the first use of an attribute."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _LAZY:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def import_kfp() -> None:
    """Imports kfp, unless it is imported already; `kfp.Client` loads when it is first used."""
    if "kfp" in sys.modules or _CLIENT in sys.modules:
        return
    stand_in = ModuleType(_CLIENT)
    stand_in.__dict__["Client"] = None
    finder = _LazyFinder()
    sys.modules[_CLIENT] = stand_in
    sys.meta_path.insert(0, finder)
    try:
        kfp = importlib.import_module("kfp")
    finally:
        sys.meta_path.remove(finder)
        del sys.modules[_CLIENT]
    # Without the stand-in, kfp has neither name, and asks this function for them (PEP 562).
    kfp.__dict__.pop("Client", None)
    kfp.__dict__["__getattr__"] = _missing_attribute


def _missing_attribute(name: str) -> Any:
    if name not in ("Client", "client"):
        raise AttributeError(f"module 'kfp' has no attribute {name!r}")
    client = importlib.import_module(_CLIENT)
    value = client if name == "client" else client.Client
    sys.modules["kfp"].__dict__[name] = value
    return value
