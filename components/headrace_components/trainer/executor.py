"""Calls the user's run_fn and checks that it saved a model."""

import json
import logging
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.errors import InputError
from headrace_components.parameters import read
from headrace_components.task import Artifact, Task
from headrace_components.trainer.autograph_rules import libraries_unconverted
from headrace_components.trainer.params import TrainerParams
from headrace_components.user_code.fn_args import FnArgs
from headrace_components.user_code.training_inputs import (
    SERVING_DIR,
    common_arguments,
    only_file,
    visible,
)
from headrace_components.user_code.user_module import call_user_function, load_function

EVAL_DIR = "Format-TFMA"


def execute(task: Task) -> None:
    """Leaves what `run_fn` saved under the `model` and `model_run` outputs."""
    params = read(TrainerParams, task.params, task.component)
    fn_args = make_fn_args(task, params)
    run_fn = load_function(task.component, params.module_file, "run_fn", params.run_fn)
    logging.info("trainer: calling %s.", getattr(run_fn, "__name__", run_fn))
    with libraries_unconverted():
        call_user_function(task.component, run_fn, fn_args)
    _check_model(task.output("model").path)


def make_fn_args(task: Task, params: TrainerParams) -> FnArgs:
    """Returns what `run_fn` is called with.

    Raises:
        InputError: An input is missing a file, or the examples lack a split.
    """
    hyperparameters = task.optional_input("hyperparameters")
    statistics = task.optional_input("statistics")
    given = common_arguments(task, params)
    return FnArgs(
        **given,
        schema_file=given["schema_path"],
        transform_output=given["transform_graph_path"],
        serving_model_dir=str(task.output("model").path / SERVING_DIR),
        eval_model_dir=str(task.output("model").path / EVAL_DIR),
        model_run_dir=str(task.output("model_run").path),
        hyperparameters=_hyperparameters(task.component, hyperparameters)
        if hyperparameters
        else None,
        num_examples=_num_examples(statistics) if statistics else None,
    )


def _hyperparameters(component: str, artifact: Artifact) -> dict[str, Any]:
    file = Path(only_file(component, artifact))
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
        found = [path.name for path in visible(model)]
        raise InputError(
            f"trainer: run_fn returned, but {SERVING_DIR} of `model` holds no file; `model` has "
            f"{found}. Expected a model: save it to fn_args.serving_model_dir, as "
            "model.export(fn_args.serving_model_dir)."
        )
