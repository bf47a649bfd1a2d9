"""Finds the installed packages of Headrace from their records; it does not import them."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from headrace.contract.checks import Check
from headrace.extras import install_command

# In TFX's libraries and TensorFlow, the minor version is the number of their generation.
_GENERATION_MARKERS = (
    "tensorflow",
    "tensorflow-data-validation",
    "tensorflow-transform",
    "tfx-bsl",
)


def headrace() -> Check:
    """Checks that Headrace and the packages for compiling are installed in supported versions."""
    found = _installed(extra="")
    version = metadata.version("headrace")
    kfp = f", kfp {found.versions['kfp']}" if "kfp" in found.versions else ""
    return Check(
        name="Headrace",
        state="broken" if found.problems else "ok",
        found="; ".join(found.problems) or f"{version}{kfp}",
        enables="compile pipelines",
        advice=f"Run `make setup`, or `{install_command()}`." if found.problems else "",
    )


def embedded() -> Check:
    """Checks that the libraries the components run on are all there and of one generation."""
    enables = "run Headrace's components on this machine, without containers"
    found = _installed(extra="embedded")
    # Some others of these packages come with kfp.
    if not any(name in found.versions for name in _GENERATION_MARKERS):
        return Check(
            name="Embedded environment",
            state="missing",
            found="not installed",
            enables=enables,
            advice=f"Run `make setup`, or `{install_command('embedded')}`.",
        )
    generations = {_minor(found.versions[n]) for n in _GENERATION_MARKERS if n in found.versions}
    problems = list(found.problems)
    if len(generations) > 1:
        markers = [f"{n} {found.versions[n]}" for n in _GENERATION_MARKERS if n in found.versions]
        problems.append(f"libraries of several generations: {', '.join(markers)}")
    if problems:
        return Check(
            name="Embedded environment",
            state="broken",
            found="; ".join(problems),
            enables=enables,
            advice="Run `make clean setup` for an environment from the lock file, or "
            f"`{install_command('embedded')}` in a new one.",
        )
    (generation,) = generations
    return Check(
        name="Embedded environment",
        state="ok",
        found=f"complete, TFX 1.{generation} generation, TensorFlow {found.versions['tensorflow']}",
        enables=enables,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Installed:
    versions: Mapping[str, str]
    problems: Sequence[str]


def _installed(extra: str) -> _Installed:
    """Returns the installed requirements of Headrace, and their problems."""
    versions: dict[str, str] = {}
    problems = []
    for requirement in metadata.requires("headrace") or ():
        specification, _, marker = requirement.partition(";")
        if not _applies(marker, extra):
            continue
        specification = re.sub(r"\[.*?\]", "", specification)  # `psycopg[binary]` is psycopg
        name = re.split(r"[<>=! ]", specification, maxsplit=1)[0]
        bounds = specification[len(name) :].strip()
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            problems.append(f"{name} is not installed")
            continue
        if not all(_satisfies(versions[name], bound) for bound in bounds.split(",") if bound):
            problems.append(f"{name} is {versions[name]}, expected {bounds}")
    return _Installed(versions=versions, problems=problems)


def _applies(marker: str, extra: str) -> bool:
    """Returns whether a requirement is one of an extra, on this Python.

    Headrace's own requirements have the markers `extra` and `python_version`, joined by `and`.
    """
    conditions = dict.fromkeys(re.findall(r"(\w+)\s*([<>=]+)\s*['\"]([^'\"]*)['\"]", marker))
    extras = [value for name, _, value in conditions if name == "extra"]
    python = ".".join(map(str, sys.version_info[:2]))
    return extras == ([extra] if extra else []) and all(
        _satisfies(python, f"{operator}{value}")
        for name, operator, value in conditions
        if name == "python_version"
    )


def _satisfies(version: str, bound: str) -> bool:
    # Headrace's own requirements use these three operators and no others.
    limit = numbers(bound.lstrip("<>= "))
    actual = numbers(version)
    if bound.startswith(">="):
        return actual >= limit
    if bound.startswith("<"):
        return actual < limit
    return actual == limit


def numbers(version: str) -> tuple[int, ...]:
    """Returns the leading numbers of a version: (2, 16) of "2.16rc1"."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if digits:
            numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def _minor(version: str) -> int:
    return numbers(version)[1]
