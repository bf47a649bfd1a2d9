"""The common arguments of `run_fn` and `tuner_fn`, read from a task's inputs."""

import difflib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact, Task
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.user_code.data_accessor import make_data_accessor
from headrace_components.library.user_code.training_args import StepArgs

SERVING_DIR = "Format-Serving"


class TrainingParams(Protocol):
    """The parameters that Trainer and Tuner have in common."""

    @property
    def train_splits(self) -> list[str]:
        """Splits to train on."""

    @property
    def eval_splits(self) -> list[str]:
        """Splits to evaluate on."""

    @property
    def num_train_steps(self) -> int | None:
        """Training steps, at least 1; None if the author does not set them."""

    @property
    def num_eval_steps(self) -> int | None:
        """Evaluation steps, at least 1; None if the author does not set them."""

    @property
    def eval_args(self) -> StepArgs:
        """Splits and steps to evaluate on, from the author."""

    @property
    def custom_config(self) -> Mapping[str, Any]:
        """The author's `custom_config` for the function."""


def common_arguments(
    task: Task, params: TrainingParams, shared_seed: int | None = None
) -> dict[str, Any]:
    """Returns the common fields of FnArgs for Trainer and Tuner.

    Args:
        task: The task.
        params: Its parameters.
        shared_seed: The seed for the order of rows, which several machines share; None for a single
            machine.

    Raises:
        InputError: An input lacks a file, or the examples lack a split.
    """
    component = task.component
    examples = task.inputs.get("examples", ())
    if not examples:
        task.input("examples")  # reports what is missing
    schema = task.optional_input("schema")
    transform_graph = task.optional_input("transform_graph")
    base_model = task.optional_input("base_model")
    return {
        "train_files": _file_patterns(component, examples, params.train_splits, "train_args"),
        "eval_files": _eval_files(component, examples, params),
        "train_steps": params.num_train_steps,
        "eval_steps": params.num_eval_steps,
        "schema_path": only_file(schema) if schema else None,
        "transform_graph_path": str(transform_graph.path) if transform_graph else None,
        "data_accessor": make_data_accessor(component, _payload_format(examples), shared_seed),
        "base_model": _serving_path(component, base_model) if base_model else None,
        # As in TFX, None if the pipeline passes nothing.
        "custom_config": params.custom_config or None,
    }


def _file_patterns(
    component: str, examples: Sequence[Artifact], splits: Sequence[str], parameter: str
) -> list[str]:
    readers = [ExamplesReader(artifact.path, component) for artifact in examples]
    for split in splits:
        for artifact, reader in zip(examples, readers, strict=True):
            if split not in reader.split_names:
                raise _no_split(artifact.path, split, reader.split_names, parameter)
    return [reader.tfrecord_pattern(split) for split in splits for reader in readers]


def _eval_files(component: str, examples: Sequence[Artifact], params: TrainingParams) -> list[str]:
    """Returns patterns of the evaluation files; without files, a list that raises when it is read.

    If `eval_args` does not name the split `eval`, it may be missing: a function that does not
    evaluate works without it.
    """
    try:
        return _file_patterns(component, examples, params.eval_splits, "eval_args")
    except InputError as error:
        if params.eval_args.splits:
            raise
        logging.info("%s: %s The function may do without it.", component, error)
        return NoFiles(error)


class NoFiles(list[str]):
    """An empty list of files that raises an explanation when it is read.

    Args:
        error: The error to raise.
    """

    def __init__(self, error: InputError) -> None:
        super().__init__()
        self._error = error

    def __iter__(self) -> Iterator[str]:
        """Raises the error."""
        raise self._error

    def __getitem__(self, index: Any) -> Any:
        """Raises the error."""
        raise self._error

    def __reduce__(self) -> tuple[type["NoFiles"], tuple[InputError]]:
        """Keeps the error when the list is sent to another process."""
        return NoFiles, (self._error,)


def _no_split(path: Path, split: str, known: Sequence[str], parameter: str) -> InputError:
    example = json.dumps({"splits": [difflib.get_close_matches(split, known, 1, 0)[0]]})
    return InputError(
        f"split {split!r} is not in {path}, which has {sorted(known)}. Name one of "
        f"those in `splits` of `{parameter}`, for example {parameter}={example}, or add the split "
        "where the examples are made."
    )


def _payload_format(examples: Sequence[Artifact]) -> str:
    # TFX's default for an artifact without this property.
    formats = {
        str(artifact.metadata.get("payload_format") or "FORMAT_TF_EXAMPLE") for artifact in examples
    }
    if len(formats) > 1:
        raise InputError(
            f"the artifacts of `examples` have the payload formats {sorted(formats)}, "
            "expected one. Connect examples of one format."
        )
    return formats.pop()


def only_file(artifact: Artifact) -> str:
    """Returns the path of the only file of an artifact; InputError if there is not exactly one.

    An importer may refer to the file itself instead of its directory.
    """
    if artifact.path.is_file():
        return str(artifact.path)
    files = visible(artifact.path)
    if len(files) != 1:
        raise InputError(
            f"`{artifact.key}` at {artifact.path} holds "
            f"{[file.name for file in files]}, expected one file. Connect the `{artifact.key}` "
            "output of a component to it."
        )
    return str(files[0])


def visible(folder: Path) -> list[Path]:
    """Returns the entries of a directory, sorted, without hidden ones; empty for other paths."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _serving_path(component: str, model: Artifact) -> str | None:
    """Returns the path of an artifact's model; None for the empty result of a resolver.

    Estimators save to `Format-Serving/export/<exporter>/<timestamp>`.
    """
    serving = model.path / SERVING_DIR
    if not serving.is_dir():
        if visible(model.path):
            raise InputError(
                f"`base_model` at {model.path} has no {SERVING_DIR} directory, but "
                f"{[path.name for path in visible(model.path)]}. Connect a trainer's `model`."
            )
        logging.info("%s: `base_model` is empty; training starts from nothing.", component)
        return None
    export = serving / "export"
    if export.is_dir():
        saved = [path for exporter in visible(export) for path in visible(exporter)]
        if len(saved) == 1:
            return str(saved[0])
    return str(serving)
