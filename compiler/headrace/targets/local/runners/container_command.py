"""The command line that runs a task in a container."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.targets.local.runners.container_mounts import mounts_of
from headrace.targets.local.runners.runner import TaskProcess
from headrace.targets.local.shared.container_options import ContainerOptions, Mount
from headrace_components.contract.errors import InputError

FLAGS_VARIABLE = "HEADRACE_CONTAINER_FLAGS"

LABEL = "headrace.run"
"""Label of all containers of a run; its value is the run's ID."""

# In memory, and removed with the container. It is the home directory of users that the image does
# not know.
_TMP = Path("/tmp")
# On this machine's disk, in the task's own directory, under a path short enough for sockets.
TMPDIR = "/var/tmp"

_QUANTITY = re.compile(r"([0-9.]+)(m|[kKMGT]i?)?")
_UNITS = {"m": 1e-3, "": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BINARY_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def container_command(
    process: TaskProcess,
    *,
    engine: str,
    image_id: str,
    options: ContainerOptions,
    root: Path,
    directory: Path,
    run_id: str,
) -> list[str]:
    """Returns the command line of an engine that runs a task.

    The container has the caller's user and group, so that outputs are the caller's, and no
    capabilities. It sees the root and the inputs, read-only, the place that it writes to, and the
    author's mounts.

    Args:
        process: The task.
        engine: `docker` or `podman`.
        image_id: ID of its image.
        options: The author's wishes.
        root: The pipeline root.
        directory: The directory for relative paths in parameters.
        run_id: The run.

    Raises:
        InputError: A parameter is a path of this machine that the container would not see, or an
            input that it must not see.
    """
    mounts = mounts_of(process, options, root)
    _check_parameters(process, directory, [mount.path for mount in mounts])
    command = [engine, "run", "--rm", "--label", f"{LABEL}={run_id}", *_user(engine)]
    command += ["--security-opt", "label=disable", "--network", options.network]
    # The command may come from anybody: it gets no rights on this machine, and cannot gain any.
    command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    command += ["--tmpfs", f"{_TMP}:rw,exec,mode=1777"]
    if process.component is not None:
        # Other images may install packages when they start, like kfp's lightweight components.
        command += ["--read-only"]
    for mount in mounts:
        command += ["--mount", mount.option()]
    command += ["--mount", Mount(path=process.attempt.private / "tmp").option(TMPDIR)]
    if directory != _TMP and not any(directory.is_relative_to(mount.path) for mount in mounts):
        # A relative path means the same as elsewhere, and missing directories are not created.
        command += ["--tmpfs", f"{directory}:ro"]
    command += ["--workdir", str(directory)]
    for name, value in _environment(process).items():
        command += ["--env", f"{name}={value}"]
    command += [
        *_limits(process.resources, engine),
        *shlex.split(os.environ.get(FLAGS_VARIABLE, "")),
    ]
    words = list(process.command)
    if words:
        command += ["--entrypoint", words[0]]
    return [*command, image_id, *words[1:], *process.arguments]


def _user(engine: str) -> list[str]:
    user = ["--user", f"{os.getuid()}:{os.getgid()}"]
    # Podman without root maps the caller to root, and others to other users.
    return [*user, "--userns", "keep-id"] if engine == "podman" and os.getuid() else user


def _environment(process: TaskProcess) -> dict[str, str]:
    return {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONUNBUFFERED": "1",
        "HOME": str(_TMP),
        **process.environment,
        "TMPDIR": TMPDIR,
    }


def _check_parameters(process: TaskProcess, directory: Path, visible: Sequence[Path]) -> None:
    for name, text in _texts(process.inputs.parameters):
        if not text.strip("./") or "://" in text:
            continue
        path = Path(os.path.normpath(directory / text))
        if any(path.is_relative_to(each) for each in visible):
            continue
        is_lost = text.startswith("/") and path.is_relative_to(_TMP)
        if is_lost or os.path.exists(path):  # noqa: PTH110  no error for long texts
            raise InputError(
                f"{process.task}: `{name}` is {text!r}, a path of this machine, but the container "
                f"sees only {sorted(map(str, visible))}. Add --mount {path}, with :ro behind it to "
                "have it read-only."
            )


def _texts(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields every text in the parameters' values, with the parameter's name."""
    waiting = list(parameters.items())
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, Mapping):
            waiting += [(name, item) for item in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(name, item) for item in value]


def _limits(resources: Mapping[str, Any], engine: str) -> list[str]:
    """Returns the options for the limits of a `ResourceSpec`: CPU, memory, GPUs."""
    limits = []
    cpus = _amount(resources, "Cpu", 1)
    if cpus:
        limits += ["--cpus", f"{cpus:g}"]
    # The older field is in gigabytes.
    num_bytes = _amount(resources, "Memory", 1e9)
    if num_bytes:
        limits += ["--memory", str(int(num_bytes))]
    accelerator = resources.get("accelerator", {})
    num_gpus = int(accelerator.get("resourceCount") or accelerator.get("count") or 0)
    if num_gpus and engine == "docker":
        limits += ["--gpus", str(num_gpus)]
    elif num_gpus:
        for number in range(num_gpus):  # by the names that the Container Device Interface gives
            limits += ["--device", f"nvidia.com/gpu={number}"]
    return limits


def _amount(resources: Mapping[str, Any], kind: str, unit: float) -> float:
    """Returns a limit, 0 if there is none, from kfp's newer field or the older one."""
    found = _QUANTITY.fullmatch(str(resources.get(f"resource{kind}Limit", "")))
    if found:
        return float(found[1]) * {**_UNITS, **_BINARY_UNITS}[found[2] or ""]
    return float(resources.get(f"{kind.lower()}Limit", 0)) * unit
