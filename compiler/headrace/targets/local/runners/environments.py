"""Virtual environments, made from the locks of images and the packages of kfp's components.

Components that need a separate environment always run in theirs, and with the runner `venv` all do.

An environment is `<image>-<hash>/` under HEADRACE_ENVIRONMENTS, by default
`~/.cache/headrace/environments`, or `packages-<hash>/`. The hash is that of the lock, or of the
list of packages, and of the Python that it is for: so it is made once, for all runs, and never
changed.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shlex
import shutil
import site
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.images.locks import lock_file
from headrace.targets.local.runners.environment_errors import unmade
from headrace.targets.local.runners.installing import from_lock, from_packages
from headrace.targets.local.runners.interpreters import (
    PythonInterpreter,
    interpreter_for,
    own_interpreter,
)
from headrace.targets.local.runners.nursery_client import ProcessRequest
from headrace.targets.local.runners.package_steps import PackageSteps
from headrace.targets.local.shared.task_code import packages_of_tasks

VARIABLE = "HEADRACE_ENVIRONMENTS"

_WAIT_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """How to start a component in its own environment.

    Attributes:
        python: Its interpreter.
        variables: The environment variables that the component's process needs.
    """

    python: Path
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How to make an environment.

    Attributes:
        name: That of its directory.
        title: A title for people who wait.
        who: Whose it is, for errors.
        what: The source of the environment, for errors.
        advice: The next step if no package fits.
        python: The Python to make it with.
        directory: Where the commands run.
        commands: The commands that make it, given its directory.
    """

    name: str
    title: str
    who: str
    what: str
    advice: str
    python: PythonInterpreter
    directory: Path
    commands: Callable[[Path], list[list[str]]]


class Environments:
    """Makes environments when they are first needed.

    Args:
        start: Runs a process and returns its exit status.
        log: The file to which the output of the installers is appended.
        notify: Gets a line when one is made: it takes a while.
    """

    def __init__(
        self,
        start: Callable[[ProcessRequest], Awaitable[int]],
        log: Path,
        notify: Callable[[str], None],
    ) -> None:
        self._start = start
        self._log = log
        self._notify = notify
        self._unfinished: set[Path] = set()

    async def get(self, image: str) -> Environment:
        """Returns the environment of an image's lock, which is made if it is not there.

        Raises:
            InputError: There is no lock, or no Python or packages that fit it.
            PlatformError: A package is not available, or is not the one in the lock.
        """
        lock = lock_file(image)
        python = interpreter_for(image, lock)
        target = await self._made(
            Recipe(
                name=_name(image, lock, python),
                title=image,
                who=image,
                what=str(lock),
                advice="Run Headrace with another Python from 3.11 to 3.13, or on another machine.",
                python=python,
                directory=lock.parent,
                commands=lambda environment: from_lock(environment, lock, python.path),
            )
        )
        return Environment(
            python=target / "bin/python",
            variables={
                **_on_path(target),
                "PYTHONPATH": str(_components()),
                # A module in the author's directory must not stand in for one of the environment.
                "PYTHONSAFEPATH": "1",
            },
        )

    async def of_packages(
        self, task: str, steps: PackageSteps, directory: Path, *, alone: bool
    ) -> Environment:
        """Returns the environment of a list of packages, which is made if it is not there.

        Args:
            task: Path of the task, for messages.
            steps: The packages that its component installs.
            directory: The directory for relative paths in the list.
            alone: Whether it has nothing else; if not, the packages of this environment follow
                its own, in place of those of the component's image.

        Raises:
            InputError: A package does not exist, or none of its versions fits.
            PlatformError: A package cannot be had.
        """
        python = own_interpreter()
        below = () if alone else tuple(site.getsitepackages())
        calls = " && ".join(map(shlex.join, steps.calls))
        identity = _identity(python, *(part.encode() for part in (calls, *below)))
        wanted = ", ".join(steps.requirements)
        target = await self._made(
            Recipe(
                name=f"packages-{identity}",
                title=wanted,
                who=task,
                what=f"its component's packages ({wanted})",
                advice="Correct `packages_to_install` of the component.",
                python=python,
                directory=directory,
                commands=lambda environment: from_packages(environment, steps, python.path, below),
            )
        )
        return Environment(python=target / "bin/python", variables=_on_path(target))

    @staticmethod
    def current_name(image: str) -> str:
        """Returns the name of the environment that an image's lock has now.

        Raises:
            InputError: There is no lock, or no Python for it.
        """
        lock = lock_file(image)
        return _name(image, lock, interpreter_for(image, lock))

    def clean_up(self) -> None:
        """Removes unfinished environments; the processes must have ended."""
        for partial in self._unfinished:
            shutil.rmtree(partial, ignore_errors=True)

    async def _made(self, recipe: Recipe) -> Path:
        target = directory() / recipe.name
        if not _is_whole(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            async with _held(target.with_name(f".{target.name}.lock")):
                if not _is_whole(target):  # another process may have made it meanwhile
                    self._notify(f"making the environment of {recipe.title}, once")
                    await self._make(recipe, target)
        with contextlib.suppress(OSError):  # it may be somebody else's
            os.utime(target)  # says when it was used last
        return target

    async def _make(self, recipe: Recipe, target: Path) -> None:
        for leftover in target.parent.glob(f".{target.name}.*.partial"):
            shutil.rmtree(leftover)  # from a process that was killed: nobody else has the lock
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        self._unfinished.add(partial)
        for command in recipe.commands(partial):
            await self._run(recipe, command)
        _settle(partial, target)
        # An existing directory has lost its Python.
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        self._unfinished.remove(partial)

    async def _run(self, recipe: Recipe, command: list[str]) -> None:
        begin = self._log.stat().st_size if self._log.exists() else 0
        request = ProcessRequest(
            component=None,
            command=command,
            # Installers must not take packages of this environment for those of the new one.
            environment={"PYTHONPATH": "", "NO_COLOR": "1"},
            directory=recipe.directory,
            log=self._log,
        )
        status = await self._start(request)
        if status != 0:
            with self._log.open("rb") as log:
                log.seek(begin)
                output = log.read().decode("utf-8", errors="replace")
            raise unmade(
                recipe.who,
                recipe.what,
                recipe.advice,
                recipe.python.version,
                command,
                status,
                output,
                self._log,
            )


def directory() -> Path:
    """Returns the directory of all environments."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "headrace/environments")


def _name(image: str, lock: Path, python: PythonInterpreter) -> str:
    return f"{image}-{_identity(python, lock.read_bytes())}"


def _identity(python: PythonInterpreter, *parts: bytes) -> str:
    # An environment points at the Python that it was made with.
    version = tuple(int(part) for part in python.version.split(".")[:2])
    return _digest(*parts, f"{python.prefix}\0{version}".encode())[:16]


def _on_path(environment: Path) -> dict[str, str]:
    """Returns the variables of a process that finds an environment's programs first."""
    return {"PATH": f"{environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


def _is_whole(environment: Path) -> bool:
    return (environment / "bin/python").exists()


def _settle(partial: Path, target: Path) -> None:
    """Names the final place in an environment's programs, which begin with that of its Python."""
    for program in (partial / "bin").iterdir():
        if not program.is_symlink() and program.is_file():
            text = program.read_bytes()
            if bytes(partial) in text:
                program.write_bytes(text.replace(bytes(partial), bytes(target)))


def _components() -> Path:
    """Returns a directory that contains only Headrace's packages for tasks.

    The installed one may also contain all packages of this environment.
    """
    packages = packages_of_tasks()
    folder = directory() / f"components-{_digest(*map(bytes, packages))[:16]}"
    for package in packages:
        link = folder / package.name
        if not link.is_symlink():
            folder.mkdir(parents=True, exist_ok=True)
            temporary = link.with_name(f".{secrets.token_hex(4)}")
            temporary.symlink_to(package)
            temporary.replace(link)
    return folder


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@contextlib.asynccontextmanager
async def _held(file: Path) -> AsyncIterator[None]:
    """Holds a file's lock. The kernel gives it back when the process ends, however that ends."""
    with file.open("w", encoding="utf-8") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_WAIT_SECONDS)
        yield
