"""The directories of this machine that a task's container sees, and those that it must not see."""

import stat
from pathlib import Path

from headrace.targets.local.records.store import WORKSPACE
from headrace.targets.local.runners.runner import TaskProcess
from headrace.targets.local.shared.container_options import ContainerOptions, Mount
from headrace_components.contract.errors import InputError

# Directories that a container has itself, and those that show how this machine works or give access
# to it.
_SYSTEM = tuple(
    Path(name)
    for name in (
        *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin"),
        *("/sys", "/usr", "/var/run"),
    )
)


def mounts_of(process: TaskProcess, options: ContainerOptions, root: Path) -> list[Mount]:
    """Returns the directories and files that the container of a task sees, under their own paths.

    Args:
        process: The task.
        options: The author's wishes.
        root: The pipeline root.

    Raises:
        InputError: An input artifact is a part of this machine and not data, such as `/` or `/etc`.
    """
    # The author's own mounts come last: a directory that a task both reads and writes is writable.
    mounts = [
        Mount(path=root, read_only=True),
        *(Mount(path=path, read_only=True) for path in _imported(process, options, root)),
        *options.parsed_mounts,
        Mount(path=process.attempt.partial),
        *_workspace(process, root),
    ]
    return list({mount.path: mount for mount in mounts}.values())


def _workspace(process: TaskProcess, root: Path) -> list[Mount]:
    """Returns the directory that the run's tasks share, if the pipeline has one."""
    above = (path for path in process.attempt.final.parents if path.is_relative_to(root))
    return [Mount(path=path / WORKSPACE) for path in above if (path / WORKSPACE).is_dir()]


def _imported(process: TaskProcess, options: ContainerOptions, root: Path) -> list[Path]:
    """Returns the local paths that input artifacts name and the container would not see."""
    found = set()
    for port, artifacts in process.inputs.artifacts.items():
        for artifact in artifacts:
            path = Path(artifact.uri)
            if not path.is_absolute() or path.is_relative_to(root):
                continue
            if any(path.resolve().is_relative_to(each.path) for each in options.parsed_mounts):
                continue  # the author allows tasks to see it
            _check(path, f"{process.task}: its input `{port}`")
            found.add(path)
    return sorted(found)


def _check(path: Path, where: str) -> None:
    real = path.resolve()
    system = (*_SYSTEM, *(each.resolve() for each in _SYSTEM))
    home = _home()
    is_private = home is not None and (
        home.is_relative_to(real)
        or (real.is_relative_to(home) and real.relative_to(home).parts[0].startswith("."))
    )
    if is_private or any(real.is_relative_to(each) or each.is_relative_to(real) for each in system):
        raise InputError(
            f"{where} is {str(path)!r}, which is of this machine itself or private to you, so "
            "containers do not see it. Import a directory that holds data alone, or show it with "
            "--mount DIR:ro."
        )
    if "," in str(path) or not _is_data(real):
        raise InputError(
            f"{where} is {str(path)!r}, expected a file or a directory without a comma in its "
            "path. Copy it to another place, and import that."
        )


def _home() -> Path | None:
    try:
        home = Path.home().resolve()
    except RuntimeError:  # a user that this machine does not know, as in a container
        return None
    return home if home != Path("/") else None


def _is_data(path: Path) -> bool:
    """Returns whether a path is a file or a directory, and not a socket of some service."""
    mode = path.stat().st_mode if path.exists() else 0
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
