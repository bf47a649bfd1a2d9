"""Finds docker, podman or buildah, and makes the command lines for each."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_components.contract.errors import InputError, PlatformError

ENGINES = ("docker", "podman", "buildah")

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/")
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One image to build.

    Attributes:
        dockerfile: The Dockerfile; the file beside it that ends with `.dockerignore` lists what is
            left out of the context.
        context: The directory whose files it copies.
        target: The stage to build.
        reference: The name that the image gets.
        arguments: Build arguments.
        ca: Certificates to trust while building, for a machine behind a proxy; in no image.
    """

    dockerfile: Path
    context: Path
    target: str
    reference: str
    arguments: Mapping[str, str]
    ca: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A program that builds images and pushes them.

    Attributes:
        name: One of `ENGINES`.
        command: Its words, such as `("podman", "--runtime", "runc")`.
        options: Options of its `build`, such as `("--network", "host")`.
    """

    name: str
    command: tuple[str, ...]
    options: tuple[str, ...] = ()

    def build_command(self, build: Build) -> list[str]:
        """Returns the command line that builds an image."""
        words = [*self.command, *(("buildx", "build", "--load") if self.is_docker else ("build",))]
        if not self.is_docker:
            # Docker finds the file by its name. All registries accept this format.
            words += ["--layers", "--format", "docker"]
            words += ["--ignorefile", f"{build.dockerfile}.dockerignore"]
        words += [*self.options, "--file", str(build.dockerfile), "--target", build.target]
        for name, value in sorted(build.arguments.items()):
            words += ["--build-arg", f"{name}={value}"]
        if build.ca is not None:
            words += ["--secret", f"id=ca,src={build.ca}"]
        return [*words, "--tag", build.reference, str(build.context)]

    def push_commands(self, local: str, remote: str, digest_file: Path) -> list[list[str]]:
        """Returns the command lines that push an image.

        Podman and buildah write its digest to `digest_file`; Docker prints it.
        """
        if self.is_docker:
            tag = [*self.command, "tag", local, remote]
            return [tag, [*self.command, "push", remote]]
        push = [*self.command, "push", *plain_http(remote), "--digestfile", str(digest_file)]
        return [[*push, local, f"docker://{remote}"]]

    def import_commands(self, archive: Path, reference: str) -> list[list[str]]:
        """Returns the command lines that make an image of the files in a tar archive."""
        if self.name != "buildah":
            return [[*self.command, "import", str(archive), reference]]
        container = "headrace-base"
        return [
            [*self.command, "from", "--name", container, "scratch"],
            [*self.command, "add", container, str(archive)],
            [*self.command, "commit", "--rm", container, reference],
        ]

    def has(self, reference: str) -> bool:
        """Returns whether the engine's own store has an image."""
        kind = ["--type", "image"] if self.name == "buildah" else []
        words = ["inspect", *kind] if self.name == "buildah" else ["image", "inspect"]
        return _answers([*self.command, *words, reference])

    @property
    def is_docker(self) -> bool:
        """Whether it is Docker, and not an engine without a daemon."""
        return self.name == "docker"


def plain_http(reference: str) -> list[str]:
    """Returns the options of podman and buildah for a registry that may speak plain HTTP.

    Like Docker by default, plain HTTP is only used with this machine.
    """
    return ["--tls-verify=false"] if _LOOPBACK.match(reference) else []


def find(chosen: str = "", options: str = "") -> Engine:
    """Returns the engine to use: the chosen one, or the first of `ENGINES` that works.

    Args:
        chosen: A name of `ENGINES`, with options if need be: `podman --runtime runc`.
        options: Options of its `build`, in the syntax of a shell.

    Raises:
        InputError: There is no engine, or the chosen one is unknown or does not work.
    """
    extra = tuple(shlex.split(options))
    if not chosen:
        reasons = {}
        for name in ENGINES:
            engine = Engine(name=name, command=(name,), options=extra)
            reasons[name] = _missing(engine)
            if not reasons[name]:
                return engine
        found = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise InputError(
            f"images: no engine to build with ({found}). Install one of them, for example by "
            "`apt-get install podman`."
        )
    command = tuple(shlex.split(chosen))
    name = Path(command[0]).name
    if name not in ENGINES:
        raise InputError(
            f"images: the engine {chosen!r} is unknown, expected one of {', '.join(ENGINES)}. "
            "Correct --engine, or HEADRACE_ENGINE."
        )
    engine = Engine(name=name, command=command, options=extra)
    reason = _missing(engine)
    if reason:
        raise InputError(
            f"images: the engine {chosen!r} cannot be used: {reason}. Choose another one of "
            f"{', '.join(ENGINES)} with --engine, or HEADRACE_ENGINE."
        )
    return engine


def call(command: Sequence[str], purpose: str, advice: str) -> str:
    """Runs an engine, shows its output, and returns the output.

    Args:
        command: The command line.
        purpose: A description, such as `build pusher`.
        advice: A sentence about what to do after an error.

    Raises:
        PlatformError: It ended with an error.
    """
    lines = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    with process:
        for line in process.stdout or ():
            print(line, end="", flush=True)  # noqa: T201
            lines.append(line)
    if process.returncode != 0:
        last_line = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        raise PlatformError(
            f"images: {command[0]} could not {purpose} (exit code {process.returncode}); it said "
            f"last: {last_line}. {advice}"
        )
    return "".join(lines)


def digest(output: str) -> str:
    """Returns the last digest in an engine's output; empty without one."""
    found = _DIGEST.findall(output)
    return found[-1] if found else ""


def _missing(engine: Engine) -> str:
    if not shutil.which(engine.command[0]):
        return "not installed"
    checks: Mapping[str, Callable[[], bool]] = {
        "`docker buildx` is not installed": lambda: _answers(
            [*engine.command, "buildx", "version"]
        ),
        "its daemon does not answer": lambda: _answers([*engine.command, "info"]),
    }
    if engine.is_docker:
        return next((reason for reason, check in checks.items() if not check()), "")
    return "" if _answers([*engine.command, "--version"]) else "it does not start"


def _answers(command: Sequence[str]) -> bool:
    try:
        result = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0
