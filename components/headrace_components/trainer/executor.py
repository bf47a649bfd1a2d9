"""Calls the user's run_fn and checks that it saved a model."""

import json
import logging
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.machines import TrainingCluster, read_cluster
from headrace_components.contract.parameters import read
from headrace_components.contract.progress import Reporter
from headrace_components.contract.task import Artifact, Task
from headrace_components.library.user_code import strategies
from headrace_components.library.user_code.fn_args import FnArgs
from headrace_components.library.user_code.precision import computing
from headrace_components.library.user_code.training_inputs import (
    SERVING_DIR,
    common_arguments,
    only_file,
    visible,
)
from headrace_components.library.user_code.training_watch import TrainingWatch
from headrace_components.library.user_code.user_module import call_user_function, load_function
from headrace_components.trainer.autograph_rules import libraries_unconverted
from headrace_components.trainer.outcome import publish
from headrace_components.trainer.params import TrainerParams

EVAL_DIR = "Format-TFMA"


def execute(task: Task) -> None:
    """Writes the results of `run_fn` to the outputs `model` and `model_run`, and how it went.

    With several machines, only the chief writes there. The others save to temporary directories,
    which are removed.
    """
    params = read(TrainerParams, task.params, task.component)
    cluster = read_cluster()
    watch = TrainingWatch(Reporter(task.component))
    if cluster is None:
        _train(task, params, None, watch)
        _check_model(task.output("model").path)
        publish(task, watch.histories)
        return
    strategies.check_distribution(params.distribution)
    logging.info("trainer: this is %s; worker 0 writes the outputs.", cluster.name)
    with tempfile.TemporaryDirectory(prefix="headrace-worker-") as scratch:
        with strategies.failing_together(cluster):
            writing = task if cluster.is_chief else _writing_to(Path(scratch), task)
            _train(writing, params, cluster, watch)
            if cluster.is_chief:
                _check_model(task.output("model").path)
                publish(task, watch.histories)
        if strategies.spoke_to_others():
            strategies.end_together(cluster)


def _train(
    task: Task, params: TrainerParams, cluster: TrainingCluster | None, watch: TrainingWatch
) -> None:
    fn_args = make_fn_args(task, params, cluster)
    run_fn = load_function(task.component, params.module_file, "run_fn", params.run_fn)
    logging.info("trainer: calling %s.", getattr(run_fn, "__name__", run_fn))
    with (
        libraries_unconverted(),
        computing(params.mixed_precision, params.xla),
        strategies.distributed(params.distribution),
        watch.watching(),
    ):
        try:
            call_user_function(task.component, run_fn, fn_args)
        except InputError as error:
            if cluster and "PerReplica" in str(error.__cause__):
                raise InputError(
                    "run_fn called `fit` of Keras 3, which trains on one machine only "
                    f"(keras-team/keras#20585), but {len(cluster.addresses)} machines run this "
                    "task. Use tf.keras, which is Keras 2, or write the training loop with "
                    "strategy.run."
                ) from error
            raise
    if cluster and params.distribution != "none" and not strategies.spoke_to_others():
        raise InputError(
            f"run_fn returned, but {len(cluster.addresses)} machines have each trained a "
            "model of their own: it made no strategy that spans them. Pass `distribution` = "
            "'multi_worker', or build the model in fn_args.strategy.scope(); pass 'none' where "
            "run_fn joins the machines by other means."
        )


def _writing_to(folder: Path, task: Task) -> Task:
    outputs = {key: replace(output, path=folder / key) for key, output in task.outputs.items()}
    for output in outputs.values():
        output.make_room()
    return replace(task, outputs=outputs)


def make_fn_args(
    task: Task, params: TrainerParams, cluster: TrainingCluster | None = None
) -> FnArgs:
    """Returns the argument of `run_fn`.

    Args:
        task: The task.
        params: Its parameters.
        cluster: The machines that train together; None for a single machine.

    Raises:
        InputError: An input lacks a file, or the examples lack a split.
    """
    hyperparameters = task.optional_input("hyperparameters")
    statistics = task.optional_input("statistics")
    # The same on every machine and in every attempt: all of them train the same model.
    seed = zlib.crc32(task.output("model").uri.encode()) if cluster else None
    given = common_arguments(task, params, seed)
    return FnArgs(
        **given,
        schema_file=given["schema_path"],
        transform_output=given["transform_graph_path"],
        serving_model_dir=str(task.output("model").path / SERVING_DIR),
        eval_model_dir=str(task.output("model").path / EVAL_DIR),
        model_run_dir=str(task.output("model_run").path),
        hyperparameters=_hyperparameters(hyperparameters) if hyperparameters else None,
        num_examples=_num_examples(statistics) if statistics else None,
    )


def _hyperparameters(artifact: Artifact) -> dict[str, Any]:
    file = Path(only_file(artifact))
    try:
        config = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise InputError(
            f"`hyperparameters` in {file} is not JSON ({error}). Expected what "
            "keras_tuner.HyperParameters.get_config() returns; connect a tuner's "
            "`best_hyperparameters`."
        ) from error
    if not isinstance(config, dict):
        raise InputError(
            f"`hyperparameters` in {file} is a {type(config).__name__}, expected a "
            "JSON object. Connect a tuner's `best_hyperparameters`."
        )
    return config


def _num_examples(statistics: Artifact) -> dict[str, int]:
    """Returns the number of rows by split, from the statistics."""
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
            f"run_fn returned, but {SERVING_DIR} of `model` holds no file; `model` has "
            f"{found}. Expected a model: save it to fn_args.serving_model_dir, for example by "
            "model.export(fn_args.serving_model_dir)."
        )
