"""The model to push, and whether it may be pushed. Standard library only."""

import hashlib
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from headrace_components.contract import reasons
from headrace_components.contract.errors import InputError
from headrace_components.contract.notices import announce
from headrace_components.contract.task import Artifact, MetadataValue, Task
from headrace_components.library.models.blessings import is_blessed

_SERVING_DIR = "Format-Serving"
_STAMPED_DIR = "stamped_model"

# A server treats a directory as a model as soon as this file exists.
READY_FILE = "saved_model.pb"


@dataclass(frozen=True, kw_only=True, slots=True)
class PushSource:
    """The directory of a model's files.

    Attributes:
        path: Its path for this process.
        uri: Its URI for every task and service.
    """

    path: Path
    uri: str

    def digest(self) -> str:
        """Returns the SHA-256 of the files' names and contents, in hexadecimal.

        An artifact's URI does not identify a model: an imported model may change, and a cached one
        is pushed again, both under the same URI.
        """
        digest = hashlib.sha256()
        for file in sorted(path for path in self.path.rglob("*") if path.is_file()):
            name = file.relative_to(self.path).as_posix()
            with file.open("rb") as stream:
                contents = hashlib.file_digest(stream, "sha256").digest()
            digest.update(hashlib.sha256(name.encode()).digest() + contents)
        return digest.hexdigest()


def refusal(task: Task) -> dict[str, MetadataValue]:
    """Returns the metadata of a model that may not be pushed, and logs why not.

    It is empty if each blessing that is connected is one.
    """
    model_blessing = task.optional_input("model_blessing")
    infra_blessing = task.optional_input("infra_blessing")
    if model_blessing is None and infra_blessing is None:
        logging.warning(
            "%s: the model is pushed without validation. Connect an evaluator's `blessing` "
            "to `model_blessing` to push only models that pass.",
            task.component,
        )
    for blessing, yes, no, reason in (
        (model_blessing, "BLESSED", "NOT_BLESSED", "the model is not blessed"),
        (infra_blessing, "INFRA_BLESSED", "INFRA_NOT_BLESSED", "no server serves the model"),
    ):
        if blessing is not None and not is_blessed(blessing, yes, no):
            announce(
                "%s: nothing is pushed: `%s` at %s is not a blessing.",
                task.component,
                blessing.key,
                blessing.uri,
            )
            return {"pushed": 0, reasons.KEY: reasons.to_text([reason])}
    return {}


def push_source(task: Task) -> PushSource:
    """Returns the files of `model`, or else of the model in `infra_blessing`.

    Raises:
        InputError: There is no model, or it has no files.
    """
    model = task.optional_input("model")
    if model is not None:
        source = _below(model, _serving_path(model.path))
        if not _holds_files(source.path):
            raise InputError(
                f"`model` at {model.path} has no file in {_SERVING_DIR}, "
                "expected a saved model there. Connect a trainer's `model`."
            )
        return source
    blessing = task.optional_input("infra_blessing")
    if blessing is None:
        raise InputError(
            "neither `model` nor `infra_blessing` is connected, expected one of "
            "them. Connect a trainer's `model`."
        )
    source = _below(blessing, blessing.path / _STAMPED_DIR)
    if not _holds_files(source.path):
        raise InputError(
            f"`infra_blessing` at {blessing.path} has no file in {_STAMPED_DIR}, "
            "so it carries no model. Connect a trainer's `model`, or let the infra validator make "
            "a warm-up model."
        )
    return source


def copy_model(model: Path, target: Path) -> None:
    """Copies files with their contents; the file that marks a model as ready comes last.

    shutil.copytree would also copy permissions, which may exclude a server of another user. It
    would also hide a full disk in a list of errors.
    """
    target.mkdir(parents=True, exist_ok=True)
    paths = sorted(model.rglob("*"), key=lambda path: (path == model / READY_FILE, path))
    for path in paths:
        if path.is_dir():
            (target / path.relative_to(model)).mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, target / path.relative_to(model))


def _below(artifact: Artifact, path: Path) -> PushSource:
    folder = path.relative_to(artifact.path).as_posix()
    return PushSource(path=path, uri=f"{artifact.uri.rstrip('/')}/{folder}")


def _serving_path(model: Path) -> Path:
    """Returns the path of the model: estimators save to `export/<exporter>/<timestamp>`."""
    serving = model / _SERVING_DIR
    exports = sorted(serving.glob("export/*/*"))
    return exports[0] if len(exports) == 1 and exports[0].is_dir() else serving


def _holds_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))
