"""The packages that a lightweight component of kfp installs before it runs, from its command."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_RUN_THE_REST = '"$0" "$@"'
_INSTALL = ["-m", "pip", "install"]
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Values that authors give as `kfp_package_path`.
_KFP_SOURCES = re.compile(r"kubeflow/pipelines|/kfp[-_.@]")
_END = frozenset({"&&", "||", ";", "|"})
# These change what pip prints, but not what it installs.
_SILENT = frozenset({"--quiet", "-q", "--no-warn-script-location", "--disable-pip-version-check"})
_WITH_VALUE = frozenset(
    {"--index-url", "-i", "--extra-index-url", "--trusted-host", "--find-links", "-f"}
)
# Packages that kfp installs for itself. A component without others runs in Headrace's environment.
_OF_KFP = frozenset({"kfp", "typing-extensions"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSteps:
    """The calls of pip that a component's command begins with.

    Attributes:
        calls: The arguments of each `pip install`, in order, without those that only change its
            output.
        has_kfp: Whether they install kfp, which the component's own code runs through.
    """

    calls: tuple[tuple[str, ...], ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requested packages other than kfp, such as `six==1.16.0`, in the author's order."""
        found = [word for call in self.calls for word in _requirements(call)]
        return tuple(dict.fromkeys(word for word in found if _name(word) not in _OF_KFP))

    @property
    def has_kfp(self) -> bool:
        """Returns whether they install kfp, through which the component's code is called."""
        return any(_name(word) == "kfp" for call in self.calls for word in _requirements(call))


def split(line: Sequence[str]) -> tuple[PackageSteps, list[str]]:
    """Returns the installation steps of a command line, and the command line without them.

    A command line that does not belong to a lightweight component of kfp is returned unchanged.
    """
    nothing = PackageSteps(calls=())
    if list(line[:2]) != ["sh", "-c"] or len(line) < 4 or "pip install" not in line[2]:
        return nothing, list(line)
    script = line[2].rstrip()
    if not script.endswith(_RUN_THE_REST):
        return nothing, list(line)
    return PackageSteps(calls=tuple(_calls(script))), list(line[3:])


def _calls(script: str) -> list[tuple[str, ...]]:
    try:
        words = shlex.split(script)
    except ValueError:  # quotes that no version of kfp writes
        return []
    calls = []
    for index, word in enumerate(words):
        if _PYTHON.fullmatch(word) and words[index + 1 : index + 4] == _INSTALL:
            end = index + 4
            while end < len(words) and words[end] not in _END:
                end += 1
            kept = (each for each in words[index + 4 : end] if each not in _SILENT)
            calls.append(tuple(kept))
    return calls


def _requirements(call: Sequence[str]) -> list[str]:
    found = []
    words = iter(call)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    return found


def _name(requirement: str) -> str:
    """Returns the name of a requirement; for a bare URL, whose name is unknown, the URL."""
    if "://" in requirement and " @ " not in requirement:
        return "kfp" if _KFP_SOURCES.search(requirement) else requirement
    found = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else requirement
