"""Puts a program before the command of a lightweight Python component that fills in its templates.

The command comes from kfp, and depends on its version and on the packages that are installed first;
the image comes from the author. So the program is a text in the command,
`headrace_components.contract.filler`, and then starts the original command. It also restores texts
that a backend would replace in the author's code: Kubeflow's launcher replaces `{{$}}`, Argo
`{{workflow.name}}`, and Kubernetes `$$` and `$(NAME)`.
"""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace_components.contract import filler

# A variable's name has no spaces: Kubernetes does not change kfp's own `$(mktemp -d)`.
_REPLACED = re.compile(r"\{(?=\{)|\$(?=\$|\([\w.-]+\))")
_ESCAPED = re.compile(rf"{_REPLACED.pattern}|@(?=\[\[)")

_DOCSTRING = re.compile(r'^ *r?""".*?"""\n', re.DOTALL | re.MULTILINE)
_OWN_IMPORT = re.compile(
    r"^from headrace_components\.contract\.(\w+) import (?:\([^)]*\)|[^(\n]*)\n", re.MULTILINE
)
# The text is older than the folder: to change it would change the cache keys of these tasks. So
# would a change of a comment in the filler.
_HEAD = "# headrace_components/filler.py: fills in parameters, then starts the command behind it.\n"


def with_filler(container: Mapping[str, Any], *, is_asked: bool) -> list[str]:
    """Returns the command of a Python component, after the filler if it needs it.

    Args:
        container: A container, see `ir.is_python_component`.
        is_asked: Whether the task has templates; a command may need the filler without.
    """
    command: list[str] = list(container.get("command", []))
    start = ["python3", "-c", filler_program()]
    is_replaced = any(_REPLACED.search(word) for word in command)
    if command[:3] == start or not (is_asked or is_replaced):
        return command
    return [*start, *(_ESCAPED.sub(r"@[[\g<0>]]", word) for word in command)]


@functools.cache
def filler_program() -> str:
    """Returns the program that fills in templates, and starts the command behind it."""
    return _HEAD + re.sub(r"\n{2,}", "\n", _source("filler")).lstrip()


def _source(module: str) -> str:
    """Returns a module's code without docstrings, with the code of our own modules it imports."""
    text = Path(filler.__file__).with_name(f"{module}.py").read_text("utf-8")
    return _OWN_IMPORT.sub(lambda match: _source(match[1]), _DOCSTRING.sub("", text))
