"""The directory of a run: its tasks are either done or not, and never in between.

Layout under `<root>/<pipeline>/<run_id>/`:

    run.json                         what is run, and how; for its owner alone, and written first
    summary.json                     the short form of it, for lists; for its owner alone
    state.json                       running, succeeded, failed or interrupted
    tasks.jsonl                      how each task went, in the form of `records/journal.py`
    .cancel                          there if somebody asks for the run to end
    logs/<task>.log                  one file a task; a retry appends
    logs/.keys/<digest>.json         the parts of a task's cache key, for `headrace why`
    <task path>/<output>/            what a finished task made
    <task path>/.headrace/result.json

A task writes into a hidden sibling, `.<task>.<random>.partial/`. When it has succeeded its
result is written in there, all of it is on the disk, and one rename makes it visible. So a task is
done if its directory has a result, whenever the power went.
"""

import contextlib
import difflib
import fcntl
import json
import os
import re
import secrets
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, TextIO

from headrace.targets.local.records.attempt import PRIVATE, Attempt
from headrace.targets.local.records.json_files import read_json, readable_json, write_json
from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.patience import patiently, until

# No task has a name that begins with a dot.
WORKSPACE = ".workspace"

SPINS = ".spins"
"""The directory under the root for tries of single tasks. No run and no cache looks there."""

# kfp also keeps imported artifacts in this directory of a workspace.
_IMPORTS = ".artifacts"

# A Unix socket's path has at most 108 bytes, and multiprocessing puts sockets with names of some 40
# into TMPDIR.
_MAX_TMPDIR_LENGTH = 60
_PRIVATE_MODE = 0o600

# Whoever asks whether a run is being worked on holds its lock for a moment.
_LOCK_SECONDS = 1.0
_SUMMARY = "summary.json"

# Eight digits and no dot: `.Evaluator.*` would also be a task named `Evaluator.mnist`.
_RANDOM = "[0-9a-f]" * 8
_LEFTOVER = re.compile(r"\..*\.[0-9a-f]{8}\.partial")


def damage(record: Path, reason: Exception) -> str:
    """Returns the message about a run whose record is damaged."""
    return (
        f"headrace run: {record} is damaged ({' '.join(str(reason).split())}). It says what is "
        "run, so this run cannot be finished. Start a new one: what is done comes from the cache."
    )


def storage_error(task: str, error: OSError) -> PlatformError:
    """Returns the meaning of a file system error for a task."""
    return PlatformError(
        f"{task}: {error.filename or 'a file of the run'} cannot be written: {error.strerror}. "
        "Free space or mend the directory, then resume the run; nothing half-written was kept."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStore:
    """The files of one run.

    Attributes:
        root: The pipeline root.
        directory: `<root>/<pipeline>/<run_id>`.
    """

    root: Path
    directory: Path

    @classmethod
    def create(
        cls,
        root: Path,
        pipeline: str,
        run_id: str,
        record: Mapping[str, Any],
        summary: Mapping[str, Any] | None = None,
    ) -> "RunStore":
        """Makes the directory of a new run and its record, with the short form of it.

        Raises:
            PlatformError: The root cannot be written.
        """
        store = cls(root=root, directory=root / pipeline / run_id)
        try:
            (store.directory / "logs").mkdir(parents=True)
            store.write_record(record, summary or {})
        except OSError as error:
            raise PlatformError(
                f"headrace run: {store.directory} cannot be written: {error.strerror}. "
                "Choose another directory with --root, or free space."
            ) from error
        return store

    @classmethod
    def find(cls, root: Path, run_id: str) -> "RunStore":
        """Returns the store of an earlier run.

        Raises:
            InputError: There is no run with that name under the root.
        """
        # The ID must be a name, not a pattern or a path.
        is_name = run_id == Path(run_id).name and run_id not in ("", ".", "..")
        found = [path / run_id for path in sorted(root.glob("[!.]*"))] if is_name else []
        found = [directory for directory in found if (directory / "run.json").is_file()]
        if not found:
            runs = sorted(path.parent.name for path in root.glob("[!.]*/*/run.json"))
            near = difflib.get_close_matches(run_id, runs, n=1) or runs[-1:]
            hint = f"The nearest is {near[0]!r}. " if near else "It holds no run at all. "
            raise InputError(
                f"headrace: no run {run_id!r} is under {root}. {hint}"
                "See `headrace runs list`, or pass the --root of that run."
            )
        return cls(root=root, directory=found[0])

    def record(self) -> dict[str, Any]:
        """Returns the record from `create`.

        Raises:
            InputError: The file is damaged.
        """
        file = self.directory / "run.json"
        try:
            return read_json(file)
        except (ValueError, OSError) as error:
            raise InputError(damage(file, error)) from error

    def write_record(self, record: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
        """Writes the record of the run. Parameters may be secrets, so others may not read it."""
        write_json(self.directory / "run.json", record, mode=_PRIVATE_MODE)
        write_json(self.directory / _SUMMARY, summary, mode=_PRIVATE_MODE)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run, so that no second process works on it.

        Raises:
            InputError: Another process has locked it.
        """
        with self._opened_lock() as file:
            patiently(
                lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
                errors=BlockingIOError,
                waits=until(time.monotonic() + _LOCK_SECONDS, repeat(0.01)),
                explained=lambda _: InputError(
                    f"headrace run: run {self.directory.name!r} is still being worked on by "
                    "another process. Wait for it, or end it: headrace runs cancel "
                    f"{self.directory.name} --root {shlex.quote(str(self.root))}"
                ),
            )
            if not (self.directory / "run.json").is_file():
                raise self._deleted
            yield

    def _opened_lock(self) -> TextIO:
        try:
            return self._lock_file.open("w", encoding="utf-8")
        except FileNotFoundError as error:
            raise self._deleted from error

    @property
    def _deleted(self) -> InputError:
        name = self.directory.name
        return InputError(f"headrace: run {name!r} was just deleted. Start a new one.")

    @property
    def is_locked(self) -> bool:
        """Whether a process works on the run."""
        try:
            with self._lock_file.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:  # held, or of a file system without locks, where nobody could tell
            return True
        return False

    @property
    def summary(self) -> dict[str, Any]:
        """The short form of the record; empty if it is missing or damaged, or for somebody else."""
        return readable_json(self.directory / _SUMMARY)

    @property
    def state(self) -> dict[str, Any]:
        """What `write_state` wrote last; empty before, and if it is damaged."""
        return readable_json(self.directory / "state.json")

    @property
    def _lock_file(self) -> Path:
        return self.directory / ".lock"

    @property
    def cancel_request(self) -> Path:
        """The file that is there if somebody asks for the run to end."""
        return self.directory / ".cancel"

    def write_state(self, state: str, **details: Any) -> None:
        """Records the state of the run, even if the disk has no space for another file."""
        file = self.directory / "state.json"
        content = {"state": state, **details}
        try:
            write_json(file, content)
        except OSError:
            if not file.is_file():
                raise
            with file.open("r+", encoding="utf-8") as stream:  # in the room that it has
                stream.write(json.dumps({"state": state}))
                stream.truncate()

    @property
    def workspace(self) -> Path:
        """The directory that tasks of the run may share; whoever needs it makes it."""
        return self.directory / WORKSPACE

    def imports(self, path: tuple[str, ...]) -> Path:
        """Returns the directory of the workspace for the copies of an importer."""
        return self.workspace.joinpath(_IMPORTS, *_checked(path))

    def log_path(self, path: tuple[str, ...]) -> Path:
        """Returns the log file of a task."""
        return self.directory / "logs" / f"{'.'.join(_checked(path))}.log"

    def findings_path(self, path: tuple[str, ...]) -> Path:
        """Returns the directory for the results of a failed task."""
        return self.log_path(path).with_suffix(".findings")

    def result(self, path: tuple[str, ...]) -> dict[str, Any] | None:
        """Returns the result of a task that is done, else None.

        Raises:
            ValueError: Its file is damaged.
            OSError: It cannot be read.
        """
        file = self.result_path(path)
        return read_json(file) if file.is_file() else None

    def result_path(self, path: tuple[str, ...]) -> Path:
        """Returns the file that marks a task as done."""
        return self._final(path) / PRIVATE / "result.json"

    def holds(self, path: tuple[str, ...], uri: str) -> bool:
        """Returns whether an artifact is in the directory of a task."""
        return Path(uri).is_relative_to(self._final(path))

    def update_result(self, path: tuple[str, ...], result: Mapping[str, Any]) -> None:
        """Replaces the result of a task that is done."""
        write_json(self.result_path(path), result)

    def attempt(self, path: tuple[str, ...]) -> Attempt:
        """Returns a new directory for a task; files of a killed attempt are removed."""
        final = self._final(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        for leftover in final.parent.glob(f".{final.name}.{_RANDOM}.partial"):
            remove_leftover(leftover)
        partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
        temporary = partial / PRIVATE / "tmp"
        temporary.mkdir(parents=True)
        if len(str(temporary)) > _MAX_TMPDIR_LENGTH:
            _link(partial).symlink_to(temporary)
            temporary = _link(partial)
        return Attempt(partial=partial, final=final, temporary=temporary)

    def leftovers(self) -> list[Path]:
        """Returns the directories of attempts that were killed; nobody may work on the run."""
        found = []
        for folder, names, _ in os.walk(self.directory):
            if PRIVATE in names:  # a task is done; what it has made may have any names
                names.clear()
            partial = [name for name in names if _LEFTOVER.fullmatch(name)]
            found += [Path(folder, name) for name in partial]
            names[:] = [name for name in names if name not in partial]
        return sorted(found)

    def _final(self, path: tuple[str, ...]) -> Path:
        return self.directory.joinpath(*_checked(path))


def _checked(path: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the path of a task, after a check that no name leads out of the run's directory.

    A pipeline's names are checked before it runs. This makes sure of it, because existing files in
    the place of a finished task are removed.
    """
    for name in path:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise InputError(
                f"headrace run: {path!r} is not a path of a task: {name!r} leads out of the run's "
                "directory. Rename the task."
            )
    return path


def remove_leftover(partial: Path) -> None:
    """Removes the directory of an attempt that was killed."""
    _link(partial).unlink(missing_ok=True)
    shutil.rmtree(partial, ignore_errors=True)


def _link(partial: Path) -> Path:
    """Returns the short name under which a task may know its TMPDIR."""
    return Path(tempfile.gettempdir()) / f"headrace-{partial.name.split('.')[-2]}"
