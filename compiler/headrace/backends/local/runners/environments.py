"""Virtual environments made from the locks of images.

Components that need one of their own always run in theirs, and with the runner `venv` all do.

An environment is `<image>-<hash>/` under HEADRACE_ENVIRONMENTS, by default
`~/.cache/headrace/environments`. The hash is that of the lock and of the Python that it is for: so
it is made once, for all runs, and never changed.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import headrace_components
from headrace.backends.local.runners.client import Request
from headrace.backends.local.runners.environment_errors import unmade
from headrace.backends.local.runners.interpreters import Interpreter, interpreter_for
from headrace.backends.local.runners.locks import lock_file

VARIABLE = "HEADRACE_ENVIRONMENTS"

_WAIT_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """How to start a component in an environment of its own.

    Attributes:
        python: Its interpreter.
        variables: What the component's process needs in its environment.
    """

    python: Path
    variables: Mapping[str, str]


class Environments:
    """Makes environments when they are first needed.

    Args:
        start: Runs a process and returns its exit status.
        log: The file that the output of what makes them is appended to.
        tell: Is told, in a line, when one is made: it takes a while.
    """

    def __init__(
        self,
        start: Callable[[Request], Awaitable[int]],
        log: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._start = start
        self._log = log
        self._tell = tell
        self._unfinished: set[Path] = set()

    async def get(self, image: str) -> Environment:
        """Returns the environment of an image's lock, which is made if it is not there.

        Raises:
            InputError: There is no lock, or no Python or packages that fit it.
            PlatformError: A package cannot be had, or is not the one that the lock names.
        """
        lock = lock_file(image)
        python = interpreter_for(image, lock)
        target = _directory() / f"{image}-{_identity(lock, python)}"
        if not _is_whole(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            async with _held(target.with_name(f".{target.name}.lock")):
                if not _is_whole(target):  # another process may have made it meanwhile
                    self._tell(f"making the environment of {image}, once")
                    await self._make(image, lock, python, target)
        search = f"{target / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        return Environment(
            python=target / "bin/python",
            variables={
                "PATH": search,
                "PYTHONPATH": str(_components()),
                # A module in the author's directory must not stand in for one of the environment.
                "PYTHONSAFEPATH": "1",
            },
        )

    def clean_up(self) -> None:
        """Removes what was not finished; the processes must have ended."""
        for partial in self._unfinished:
            shutil.rmtree(partial, ignore_errors=True)

    async def _make(self, image: str, lock: Path, python: Interpreter, target: Path) -> None:
        for leftover in target.parent.glob(f".{target.name}.*.partial"):
            shutil.rmtree(leftover)  # of a process that was killed: nobody else holds the lock
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        self._unfinished.add(partial)
        for command in _commands(partial, lock, python.path):
            await self._run(image, lock, python, command)
        # What is in the way lost its Python.
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        self._unfinished.remove(partial)

    async def _run(self, image: str, lock: Path, python: Interpreter, command: list[str]) -> None:
        begin = self._log.stat().st_size if self._log.exists() else 0
        request = Request(
            component=None,
            command=command,
            # Installers must not take packages of this environment for those of the new one.
            environment={"PYTHONPATH": "", "NO_COLOR": "1"},
            directory=lock.parent,
            log=self._log,
        )
        status = await self._start(request)
        if status != 0:
            with self._log.open("rb") as log:
                log.seek(begin)
                output = log.read().decode("utf-8", errors="replace")
            raise unmade(image, lock, python.version, command, status, output, self._log)


def _directory() -> Path:
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "headrace/environments")


def _identity(lock: Path, python: Interpreter) -> str:
    # An environment points at the Python that it was made with.
    version = tuple(int(part) for part in python.version.split(".")[:2])
    return _digest(lock.read_bytes(), f"{python.prefix}\0{version}".encode())[:16]


def _is_whole(environment: Path) -> bool:
    return (environment / "bin/python").exists()


def _commands(environment: Path, lock: Path, base: Path) -> list[list[str]]:
    """Returns the commands that make an environment: with uv, which is faster, or with pip."""
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    python = str(environment / "bin/python")
    # The lock is complete; what it leaves out of a package's requirements is not needed.
    options = ["--no-deps", "--require-hashes", "--requirement", str(lock)]
    uv = shutil.which("uv", path=search)
    if uv:
        return [
            [uv, "venv", "--quiet", "--no-project", "--python", str(base), str(environment)],
            [uv, "pip", "install", "--quiet", "--python", python, *options],
        ]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    return [
        [str(base), "-m", "venv", str(environment)],
        [python, "-m", "pip", "install", *quiet, *options],
    ]


def _components() -> Path:
    """Returns a directory that holds Headrace's components and nothing else.

    The one that they lie in may hold all packages of this environment.
    """
    package = Path(next(iter(headrace_components.__path__))).resolve()
    link = _directory() / f"components-{_digest(bytes(package))[:16]}" / package.name
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary = link.with_name(f".{secrets.token_hex(4)}")
        temporary.symlink_to(package)
        temporary.replace(link)
    return link.parent


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
