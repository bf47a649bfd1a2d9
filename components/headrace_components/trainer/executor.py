"""Calls the user's run_fn and checks that it saved a model."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.data_accessor import make_data_accessor
from headrace_components.errors import InputError
from headrace_components.examples import ExamplesReader
from headrace_components.fn_args import FnArgs
from headrace_components.parameters import read
from headrace_components.task import Artifact, Task
from headrace_components.trainer.params import TrainerParams
from headrace_components.user_module import call_user_function, load_function

SERVING_DIR = "Format-Serving"
EVAL_DIR = "Format-TFMA"


def execute(task: Task) -> None:
    """Leaves what `run_fn` saved under the `model` and `model_run` outputs."""
    params = read(TrainerParams, task.params, task.component)
    fn_args = make_fn_args(task, params)
    run_fn = load_function(task.component, params.module_file, "run_fn", params.run_fn)
    logging.info("trainer: calling %s.", getattr(run_fn, "__name__", run_fn))
    call_user_function(task.component, run_fn, fn_args)
    _check_model(task.output("model").path)


def make_fn_args(task: Task, params: TrainerParams) -> FnArgs:
    """Returns what `run_fn` is called with.

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
    hyperparameters = task.optional_input("hyperparameters")
    statistics = task.optional_input("statistics")
    schema_path = _only_file(component, schema) if schema else None
    transform_path = str(transform_graph.path) if transform_graph else None
    return FnArgs(
        train_files=_file_patterns(component, examples, params.train_splits),
        eval_files=_file_patterns(component, examples, params.eval_splits),
        train_steps=params.num_train_steps,
        eval_steps=params.num_eval_steps,
        schema_path=schema_path,
        schema_file=schema_path,
        transform_graph_path=transform_path,
        transform_output=transform_path,
        data_accessor=make_data_accessor(component, _payload_format(component, examples)),
        serving_model_dir=str(task.output("model").path / SERVING_DIR),
        eval_model_dir=str(task.output("model").path / EVAL_DIR),
        model_run_dir=str(task.output("model_run").path),
        base_model=_serving_path(base_model) if base_model else None,
        hyperparameters=_hyperparameters(component, hyperparameters) if hyperparameters else None,
        # None, as TFX passes it, where the pipeline gives nothing.
        custom_config=restore_integers(params.custom_config) or None,
        num_examples=_num_examples(statistics) if statistics else None,
    )


def restore_integers(value: Any) -> Any:
    """Returns `value` with whole floats as ints, in objects and lists alike.

    protobuf's Struct, in which KFP sends objects, has one number type: the author's `{"units": 64}`
    arrives as 64.0. An author's own 1.0 becomes 1 too, which Python's arithmetic does not tell
    apart.
    """
    if isinstance(value, Mapping):
        return {key: restore_integers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [restore_integers(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


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


def _only_file(component: str, artifact: Artifact) -> str:
    files = _visible(artifact.path)
    if len(files) != 1:
        raise InputError(
            f"{component}: `{artifact.key}` at {artifact.path} holds "
            f"{[file.name for file in files]}, expected one file. Connect the `{artifact.key}` "
            "output of a component to it."
        )
    return str(files[0])


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _serving_path(model: Artifact) -> str | None:
    """Returns where the model of an artifact is; None for what a resolver that found none leaves.

    Estimators save to `Format-Serving/export/<exporter>/<timestamp>`.
    """
    serving = model.path / SERVING_DIR
    if not serving.is_dir():
        if _visible(model.path):
            raise InputError(
                f"trainer: `base_model` at {model.path} has no {SERVING_DIR} directory, but "
                f"{[path.name for path in _visible(model.path)]}. Connect a trainer's `model`."
            )
        logging.info("trainer: `base_model` is empty; training starts from nothing.")
        return None
    export = serving / "export"
    if export.is_dir():
        saved = [path for exporter in _visible(export) for path in _visible(exporter)]
        if len(saved) == 1:
            return str(saved[0])
    return str(serving)


def _hyperparameters(component: str, artifact: Artifact) -> dict[str, Any]:
    file = Path(_only_file(component, artifact))
    try:
        config = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise InputError(
            f"{component}: `hyperparameters` in {file} is not JSON ({error}). Expected what "
            "keras_tuner.HyperParameters.get_config() returns; connect a tuner's "
            "`best_hyperparameters`."
        ) from error
    if not isinstance(config, dict):
        raise InputError(
            f"{component}: `hyperparameters` in {file} is a {type(config).__name__}, expected a "
            "JSON object. Connect a tuner's `best_hyperparameters`."
        )
    return config


def _num_examples(statistics: Artifact) -> dict[str, int]:
    """Returns the number of rows by split, as the statistics counted them."""
    counts = {}
    for file in sorted(statistics.path.glob("Split-*/FeatureStats.pb")):
        message = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
        split = file.parent.name.removeprefix("Split-")
        counts[split] = sum(dataset.num_examples for dataset in message.datasets)
    return counts


def _check_model(model: Path) -> None:
    serving = model / SERVING_DIR
    if not serving.is_dir() or not any(path.is_file() for path in serving.rglob("*")):
        found = [path.name for path in _visible(model)]
        raise InputError(
            f"trainer: run_fn returned, but {SERVING_DIR} of `model` holds no file; `model` has "
            f"{found}. Expected a model: save it to fn_args.serving_model_dir, as "
            "model.export(fn_args.serving_model_dir)."
        )
