"""The model that `headrace serve DIR|RUN` means."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from headrace.contract.service import RunArtifact, ServiceRun

_COMMAND = "headrace serve"
_MODEL_FILE = "saved_model.pb"
_ARTIFACT_DIR = "Format-Serving"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """What is served.

    Attributes:
        name: Its name on the server.
        base_path: The directory with its versions; None for a single SavedModel.
        single: That SavedModel, and the number to serve it under; None for `base_path`.
        examples: Directory of examples that it can answer; None if there are none.
        notes: Lines for the person who starts it.
    """

    name: str
    base_path: Path | None = None
    single: tuple[Path, int] | None = None
    examples: Path | None = None
    notes: tuple[str, ...] = ()

    def newest(self) -> Path:
        """Returns the SavedModel that is served first."""
        if self.single is not None:
            return self.single[0]
        return max(_versions(self.base_path or Path()), key=lambda each: int(each.name))


def served_model(text: str, root: Path, name: str) -> ServedModel:
    """Finds the model.

    Args:
        text: What the person wrote: a directory, or a run.
        root: Directory of runs.
        name: The name on the server; empty for that of the directory or the pipeline.

    Raises:
        InputError: There is no such directory or run, or it has no model.
    """
    if name and not _NAME.fullmatch(name):
        raise InputError(
            f"{_COMMAND}: --name is {name!r}, expected letters, digits and . _ - with a letter or "
            "digit first, since it is a part of addresses. Choose another."
        )
    if "://" in text:
        raise InputError(
            f"{_COMMAND}: {text!r} is a URI, expected a directory on this machine, or a run such "
            "as latest. Copy the model here first; TensorFlow Serving reads such URIs itself."
        )
    path = Path(text)
    if path.is_dir():
        return _of_directory(path.absolute(), name)
    if path.exists() or (not root.is_dir() and not _is_run_like(text)):
        raise InputError(
            f"{_COMMAND}: {text!r} is {'a file' if path.exists() else 'not there'}, expected a "
            "directory with a model, or a run such as latest. Correct the path."
        )
    return _of_run(text, root, name)


def _is_run_like(text: str) -> bool:
    return text.rpartition("/")[2].startswith("latest") or "/" not in text


def _of_directory(path: Path, name: str) -> ServedModel:
    for folder in (path, path / _ARTIFACT_DIR):
        if (folder / _MODEL_FILE).is_file():
            number = int(path.name) if _is_number(path.name) else 1
            own = path.parent.name if _is_number(path.name) else path.name
            return ServedModel(name=name or _as_name(own), single=(folder, number))
    if _versions(path):
        return ServedModel(name=name or _as_name(path.name), base_path=path)
    found = sorted(each.name for each in path.iterdir())
    meant = [name for name in found if _versions(path / name)]
    raise InputError(
        f"{_COMMAND}: {str(path)!r} has no model: expected {_MODEL_FILE}, or directories with "
        f"numbers for names that have it, as a pusher writes, but found {found[:8]}. "
        + (f"Did you mean {str(path / meant[0])!r}?" if meant else "")
        + ("" if meant else "Name a pusher's directory, a SavedModel, or a run such as latest.")
    )


def _of_run(text: str, root: Path, name: str) -> ServedModel:
    from headrace.contract.run_names import resolved
    from headrace.profiles.profile import Profile
    from headrace.targets.local.target import TARGET

    runs = TARGET.runs(root, Profile())
    return model_of(runs.describe(resolved(runs, text, _COMMAND)), name)


def model_of(run: "ServiceRun", name: str) -> ServedModel:
    """Returns the model of a run: the one that it pushed, else its blessed or its last one.

    Raises:
        InputError: The run made no SavedModel that is on this machine.
    """
    own = name or _as_name(run.pipeline)
    examples = next((path for each in _made(run, "Examples") if (path := _local(each.uri))), None)
    for pushed in reversed(list(_made(run, "PushedModel"))):
        if not pushed.metadata.get("pushed"):
            continue
        for place in (str(pushed.metadata.get("pushed_destination", "")), pushed.uri):
            folder = _local(place)
            if folder is not None and (folder / _MODEL_FILE).is_file():
                version = str(pushed.metadata.get("pushed_version", "")) or folder.name
                number = int(version) if _is_number(version) else 1
                note = f"The model that run {run.id} pushed."
                return ServedModel(
                    name=own, single=(folder, number), examples=examples, notes=(note,)
                )
    for model, note in _candidates(run):
        folder = _local(model.uri)
        if folder is not None and (folder / _ARTIFACT_DIR / _MODEL_FILE).is_file():
            return ServedModel(
                name=own,
                single=(folder / _ARTIFACT_DIR, 1),
                examples=examples,
                notes=(f"{note} of run {run.id}, which pushed none.",),
            )
    raise InputError(
        f"{_COMMAND}: run {run.id} of {run.pipeline} {run.state}, and has no SavedModel on this "
        f"machine. `headrace runs show {run.id}` shows what it made; name another run, or the "
        "directory of a model."
    )


def _candidates(run: "ServiceRun") -> Iterator[tuple["RunArtifact", str]]:
    """Yields a run's models, the one to serve first, with words for it."""
    for task in reversed(run.tasks):
        verdicts = _of_type(task.outputs, "ModelBlessing")
        if any(each.metadata.get("blessed") for each in verdicts):
            for model in _of_type(task.inputs, "Model"):
                yield model, "The blessed model"
                break
    for model in reversed(list(_made(run, "Model"))):
        yield model, "The last model, which is not blessed,"


def _made(run: "ServiceRun", kind: str) -> Iterator["RunArtifact"]:
    for task in run.tasks:
        yield from _of_type(task.outputs, kind)


def _of_type(ports: Mapping[str, Sequence["RunArtifact"]], kind: str) -> list["RunArtifact"]:
    return [
        each
        for artifacts in ports.values()
        for each in artifacts
        if each.type.rpartition(".")[2] == kind
    ]


def _local(uri: str) -> Path | None:
    path = Path(uri.removeprefix("file://"))
    return path if uri and "://" not in str(path) and path.is_dir() else None


def _versions(path: Path) -> list[Path]:
    return [each.parent for each in path.glob(f"*/{_MODEL_FILE}") if _is_number(each.parent.name)]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-") or "model"
