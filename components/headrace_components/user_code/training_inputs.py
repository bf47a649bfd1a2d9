"""What `run_fn` and `tuner_fn` are both given, read from a task's inputs."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headrace_components.data.examples import ExamplesReader
from headrace_components.errors import InputError
from headrace_components.task import Artifact, Task
from headrace_components.user_code.data_accessor import make_data_accessor

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
        """Training steps, at least 1; None where the author gives none."""

    @property
    def num_eval_steps(self) -> int | None:
        """Evaluation steps, at least 1; None where the author gives none."""

    @property
    def custom_config(self) -> Mapping[str, Any]:
        """What the author passes to the function."""


def common_arguments(
    task: Task, params: TrainingParams, shared_seed: int | None = None
) -> dict[str, Any]:
    """Returns the fields of FnArgs that Trainer and Tuner fill alike.

    Args:
        task: The task.
        params: Its parameters.
        shared_seed: The order of rows that several machines agree on; None where there is one.

    Raises:
        InputError: An input is missing a file, or the examples lack a split.
    """
    component = task.component
    examples = task.inputs.get("examples", ())
    if not examples:
        task.input("examples")  # says what is missing
    schema = task.optional_input("schema")
    transform_graph = task.optional_input("transform_graph")
    base_model = task.optional_input("base_model")
    return {
        "train_files": _file_patterns(component, examples, params.train_splits),
        "eval_files": _file_patterns(component, examples, params.eval_splits),
        "train_steps": params.num_train_steps,
        "eval_steps": params.num_eval_steps,
        "schema_path": only_file(component, schema) if schema else None,
        "transform_graph_path": str(transform_graph.path) if transform_graph else None,
        "data_accessor": make_data_accessor(
            component, _payload_format(component, examples), shared_seed
        ),
        "base_model": _serving_path(component, base_model) if base_model else None,
        # None, as TFX passes it, where the pipeline gives nothing.
        "custom_config": params.custom_config or None,
    }


def _file_patterns(
    component: str, examples: Sequence[Artifact], splits: Sequence[str]
) -> list[str]:
    readers = [ExamplesReader(artifact.path, component) for artifact in examples]
    return [reader.tfrecord_pattern(split) for split in splits for reader in readers]


def _payload_format(component: str, examples: Sequence[Artifact]) -> str:
    # TFX's default where an artifact does not say.
    formats = {
        str(artifact.metadata.get("payload_format") or "FORMAT_TF_EXAMPLE") for artifact in examples
    }
    if len(formats) > 1:
        raise InputError(
            f"{component}: the artifacts of `examples` have the payload formats {sorted(formats)}, "
            "expected one. Connect examples of one format."
        )
    return formats.pop()


def only_file(component: str, artifact: Artifact) -> str:
    """Returns the path of the one file that an artifact holds; InputError where it is not one."""
    files = visible(artifact.path)
    if len(files) != 1:
        raise InputError(
            f"{component}: `{artifact.key}` at {artifact.path} holds "
            f"{[file.name for file in files]}, expected one file. Connect the `{artifact.key}` "
            "output of a component to it."
        )
    return str(files[0])


def visible(folder: Path) -> list[Path]:
    """Returns what lies in a directory, sorted, without hidden entries; nothing if it is none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _serving_path(component: str, model: Artifact) -> str | None:
    """Returns where the model of an artifact is; None for what a resolver that found none leaves.

    Estimators save to `Format-Serving/export/<exporter>/<timestamp>`.
    """
    serving = model.path / SERVING_DIR
    if not serving.is_dir():
        if visible(model.path):
            raise InputError(
                f"{component}: `base_model` at {model.path} has no {SERVING_DIR} directory, but "
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
