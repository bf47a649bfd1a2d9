"""Imports kfp without the modules that only its API client needs.

`kfp/__init__.py` imports `kfp.client`, and with it the Kubernetes client: two thirds of the time
that `import kfp` takes, for a class that compiling does not use. kfp's own switch, the environment
variable `_KFP_RUNTIME`, would leave `kfp.dsl` half imported in this process and in its children.
Here nothing is left out, only put off: `kfp.Client`, `kfp.client` and kfp's `requests` are imported
the moment somebody asks for them.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

_CLIENT = "kfp.client"

# `kfp.components` imports it to load components from a URL.
_REQUESTS = "requests"


class _Deferred(ModuleType):
    """Stands in for a module that is imported at the first use of one of its attributes.

    `importlib.util.LazyLoader` does not work: `inspect.stack()`, which kfp's `set_cpu_limit` calls,
    asks each module of `sys.modules` for its file, and this loads a lazy module. This stand-in is
    removed from `sys.modules` as soon as kfp has it.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks every module for these
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


def import_kfp() -> None:
    """Imports kfp, unless it is imported already; `kfp.Client` loads when it is first used."""
    if "kfp" in sys.modules or _CLIENT in sys.modules:
        return
    stand_ins = [ModuleType(_CLIENT)]
    stand_ins[0].__dict__["Client"] = None
    if _REQUESTS not in sys.modules:
        stand_ins.append(_Deferred(_REQUESTS))
    sys.modules.update({module.__name__: module for module in stand_ins})
    try:
        kfp = importlib.import_module("kfp")
    finally:
        for module in stand_ins:
            del sys.modules[module.__name__]
    # Without the stand-in's, kfp has neither name, and asks this function for them (PEP 562).
    kfp.__dict__.pop("Client", None)
    kfp.__dict__["__getattr__"] = _missing_attribute


def _missing_attribute(name: str) -> Any:
    if name not in ("Client", "client"):
        raise AttributeError(f"module 'kfp' has no attribute {name!r}")
    client = importlib.import_module(_CLIENT)
    value = client if name == "client" else client.Client
    sys.modules["kfp"].__dict__[name] = value
    return value
