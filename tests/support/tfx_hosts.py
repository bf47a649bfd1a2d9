"""The host that `import headrace.tfx` installs, for tests that must not make `tfx` importable."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import headrace

_PACKAGE = "headrace.tfx"


def headrace_host() -> Any:
    """Returns a new host. The modules of its package are loaded, but not the package itself."""
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(Path(headrace.__file__).parent / "tfx")]
    others = {name for name in sys.modules if name.startswith(f"{_PACKAGE}.")}
    is_ours = sys.modules.setdefault(_PACKAGE, package) is package
    try:
        return importlib.import_module(f"{_PACKAGE}.host").HeadraceHost()
    finally:
        if is_ours:
            del sys.modules[_PACKAGE]
            for name in list(sys.modules):
                if name.startswith(f"{_PACKAGE}.") and name not in others:
                    del sys.modules[name]
