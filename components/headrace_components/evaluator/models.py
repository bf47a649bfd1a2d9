"""Finds the models to evaluate, and checks them as far as possible before they are loaded."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact, Task
from headrace_components.evaluator.baselines import is_comparable
from headrace_components.evaluator.loading import explaining_loader
from headrace_components.library.models import saved_model
from headrace_components.library.runs.earlier_runs import COPIED_FROM

# The same as `tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY`; TFMA prefers `predict` of
# estimators.
_DEFAULT_SIGNATURES = ("predict", "serving_default")


def candidate_of(task: Task) -> Artifact | None:
    """Returns the model to evaluate, or None if the port is not connected."""
    return task.optional_input("model")


def baseline_of(task: Task) -> Artifact | None:
    """Returns the model to compare with, or None if none can be compared."""
    baseline = task.optional_input("baseline_model")
    if baseline is None:
        return None
    candidate = task.optional_input("model")
    # Kubeflow does not accept a URI of an earlier run, so there the latest blessed model is a copy.
    uri = str(baseline.metadata.get(COPIED_FROM) or baseline.uri)
    own = () if candidate is None else (candidate.uri,)
    if uri in own or not is_comparable(baseline.uri, *own):
        logging.info("evaluator: the baseline %s is the candidate or empty.", baseline.uri)
        return None
    is_found = baseline.metadata.get("found", 1)
    if not is_found or not (baseline.path / "Format-Serving").is_dir():
        logging.info("evaluator: the baseline %s holds no model.", baseline.uri)
        return None
    return baseline


def shared_models(
    config: Any,
    candidate: Artifact,
    baseline: Artifact | None,
    *,
    load: Callable[..., Any] | None,
    is_rubber_stamp: bool,
    locate: Callable[[Artifact], str] = lambda artifact: str(artifact.path),
) -> list[Any]:
    """Returns one `tfma.EvalSharedModel` per model spec of `config`; nothing is loaded yet.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        candidate: The model to evaluate.
        baseline: The model to compare with.
        load: The user's `custom_eval_shared_model`, or None for TFMA's own.
        is_rubber_stamp: Whether change thresholds are to be ignored.
        locate: Returns the path from which an artifact is loaded.

    Raises:
        InputError: A directory does not contain a SavedModel, or it lacks the requested signature.
    """
    models = []
    for spec in config.model_specs:
        artifact = baseline if spec.is_baseline and baseline else candidate
        if load is None:
            _check_saved_model(artifact.path / "Format-Serving", artifact, spec)
        make = load or tfma.default_eval_shared_model
        model = make(
            eval_saved_model_path=f"{locate(artifact)}/Format-Serving",
            model_name=spec.name,
            eval_config=config,
            add_metrics_callbacks=None,
        )
        if load is None:
            role = "baseline_model" if artifact is baseline else "model"
            loader = explaining_loader(model.model_loader, role, artifact.uri)
            model = model._replace(model_loader=loader)
        models.append(model._replace(rubber_stamp=is_rubber_stamp))
    return models


def _check_saved_model(path: Path, artifact: Artifact, spec: Any) -> None:
    if spec.model_type and spec.model_type not in ("tf_generic", "tf_estimator"):
        return
    subject = "the baseline" if spec.is_baseline else "model"
    if not (path / "saved_model.pb").is_file():
        raise InputError(
            f"{subject} {artifact.uri} has no Format-Serving/saved_model.pb, so it is "
            "no SavedModel. Let run_fn save one to fn_args.serving_model_dir, or load the model in "
            "`custom_eval_shared_model`."
        )
    try:
        proto = saved_model.read_proto(path)
    except InputError as error:
        if not spec.is_baseline:
            raise
        raise InputError(
            f"{error} It is the baseline, {artifact.uri}; compare with another one, or none."
        ) from error
    signatures = sorted({name for graph in proto.meta_graphs for name in graph.signature_def})
    signatures = [name for name in signatures if not name.startswith("__")]
    functions = {*signatures, *_attributes(proto)}
    wanted: Sequence[str] = [spec.signature_name] if spec.signature_name else _DEFAULT_SIGNATURES
    if not functions & set(wanted):
        raise InputError(
            f"{subject} {artifact.uri} has no signature {wanted[-1]!r}; it has "
            f"{signatures}. Set `signature_name` in `model_specs` to one of those, or save the "
            "model with that signature."
        )
    for name in spec.preprocessing_function_names:
        if "@" not in name and name not in functions:
            raise InputError(
                f"{subject} {artifact.uri} has no preprocessing function {name!r}; it "
                f"has {sorted(functions)}. Name one of those in `preprocessing_function_names`."
            )


def _attributes(proto: Any) -> set[str]:
    """Names of the saved object's attributes: functions can be called without being signatures."""
    nodes = [graph.object_graph_def.nodes for graph in proto.meta_graphs]
    return {child.local_name for graph in nodes if graph for child in graph[0].children}
