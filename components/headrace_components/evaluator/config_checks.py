"""Checks of an `eval_config` before anything runs. Standard library only.

The compiler and the executor call the same functions, so both give the same errors.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.messages import Messages, suggestion
from headrace_components.evaluator.config_fields import FIELDS
from headrace_components.evaluator.config_rules import check_arguments, check_rules
from headrace_components.evaluator.known_metrics import ARGUMENTS
from headrace_components.evaluator.params import EvaluatorParams
from headrace_components.evaluator.thresholds import check_thresholds

_MESSAGES = Messages("evaluator", FIELDS)


def check(params: EvaluatorParams) -> None:
    """Rejects a config that would fail in every run.

    Raises:
        InputError: A field, a metric or an argument of one is unknown, or a value is of another
            type.
    """
    config = normalized(params.eval_config)
    check_models(config)
    check_thresholds(config)
    check_rules(config)
    for place, metric in _metrics(config):
        # A module may register its own metrics when it is imported.
        check_metric(metric, place, has_module=bool(params.module_file))


def modules(params: EvaluatorParams) -> list[str]:
    """Returns the modules that metrics are imported from."""
    metrics = (metric for _, metric in _metrics(normalized(params.eval_config)))
    return [str(metric["module"]) for metric in metrics if metric.get("module")]


def normalized(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an `eval_config` in the form that protobuf's parser reads.

    Both spellings of a field's name are read. Optional numbers are plain in JSON; the form
    `{"lower_bound": {"value": 0.6}}`, as in Python, is read too.

    Args:
        values: A `tfma.EvalConfig` in JSON form.

    Raises:
        InputError: A field is unknown, given twice, or of another type.
    """
    return _MESSAGES.read(values, "EvalConfig", "eval_config")


def check_models(config: Mapping[str, Any]) -> None:
    """Rejects more models than a candidate and a baseline.

    Args:
        config: A `tfma.EvalConfig`, normalized.

    Raises:
        InputError: There are more, or two of which neither is the baseline.
    """
    specs = config.get("model_specs") or []
    has_baseline = any(spec.get("is_baseline") for spec in specs)
    if len(specs) > 2 or (len(specs) == 2 and not has_baseline):
        names = [spec.get("name", "") for spec in specs]
        raise InputError(
            f"`eval_config` has the model specs {names}, expected one, or a candidate "
            "and one with `is_baseline`. Evaluate further models in tasks of their own."
        )


def check_metric(metric: Mapping[str, Any], place: str, *, has_module: bool) -> None:
    """Rejects a metric that neither TFMA nor Keras has, and arguments that it does not take.

    Args:
        metric: A `MetricConfig`, normalized.
        place: Where it is, for messages.
        has_module: Whether the author's module may define further metrics.

    Raises:
        InputError: It is unknown, or cannot be made.
    """
    name = str(metric.get("class_name", ""))
    arguments = arguments_of(name, str(metric.get("config", "")))
    if metric.get("module"):
        return  # the author's class, which cannot be checked here
    if name not in ARGUMENTS:
        if has_module and name:
            return
        raise unknown_metric(name, sorted(ARGUMENTS), place)
    words = ARGUMENTS[name].split()
    known = [word.removesuffix("!") for word in words if word != "..."]
    unknown = [argument for argument in arguments if argument not in known]
    if unknown and "..." not in words:
        raise InputError(
            f"{place} gives the metric {name} the argument {unknown[0]!r}, which it "
            f"does not take; it takes {known}. {suggestion(unknown[0], known)}"
        )
    check_arguments(name, arguments, place)
    required = [word.removesuffix("!") for word in words if word.endswith("!")]
    missing = [argument for argument in required if argument not in arguments]
    if missing:
        example = json.dumps({missing[0]: ...}, default=lambda _: "...")
        raise InputError(
            f"{place} does not give the metric {name} the argument {missing[0]!r}, "
            f"which it needs. Add it to the metric's `config`, for example '{example}'."
        )


def unknown_metric(name: str, known: Sequence[str], place: str = "`eval_config`") -> InputError:
    """Returns the error for a metric that does not exist."""
    if name == "FairnessIndicators":  # from another package
        return InputError(
            f"{place} asks for the metric 'FairnessIndicators', which neither TFMA nor "
            "Keras has. Leave it out, and give the evaluator its thresholds, for example "
            "fairness_indicator_thresholds=[0.25, 0.5, 0.75]: it computes the same rates."
        )
    return InputError(
        f"{place} asks for the metric {name!r}, which neither TFMA nor Keras has. "
        f"{suggestion(name, known)}"
    )


def _metrics(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, spec in enumerate(config.get("metrics_specs") or ()):
        for position, metric in enumerate(spec.get("metrics") or ()):
            yield f"eval_config.metrics_specs[{number}].metrics[{position}]", metric


def arguments_of(name: str, config: str) -> dict[str, Any]:
    """Returns the arguments in the `config` of a metric.

    Args:
        name: Name of the metric's class, for messages.
        config: A JSON text; empty for no arguments.

    Raises:
        InputError: It is not JSON.
    """
    if not config:
        return {}
    # As in TFMA, braces may be left out.
    text = config if config.lstrip().startswith("{") else "{" + config + "}"
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"the config of metric {name} is {config!r}, which is not JSON ({error}). "
            "Give a JSON text, for example '{\"thresholds\": [0.5]}'."
        ) from error
    return dict(arguments)
