"""What is known of an `eval_config` before anything runs. Standard library only.

The compiler and the executor call the same functions, so both say the same of it.
"""

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace_components.errors import InputError
from headrace_components.evaluator.config_fields import FIELDS
from headrace_components.evaluator.config_rules import check_arguments, check_rules
from headrace_components.evaluator.known_metrics import ARGUMENTS
from headrace_components.evaluator.params import EvaluatorParams
from headrace_components.evaluator.thresholds import check_thresholds
from headrace_components.split_needs import SplitNeed

_EXPECTED = {
    "string": "a string",
    "bool": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_NAMED_NUMBERS = ("NaN", "Infinity", "-Infinity")


def check(params: EvaluatorParams) -> None:
    """Rejects a config that no run could honour.

    Raises:
        InputError: A field, a metric or an argument of one is unknown, or a value is of another
            type.
    """
    config = normalized(params.eval_config)
    check_thresholds(config)
    check_rules(config)
    for place, metric in _metrics(config):
        # A module may register metrics of its own when it is imported.
        check_metric(metric, place, has_module=bool(params.module_file))


def splits_read(params: EvaluatorParams) -> list[SplitNeed]:
    """Returns the splits that are evaluated."""
    names = params.example_splits or ("eval",)
    return [SplitNeed(port="examples", parameter="example_splits", names=names)]


def normalized(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an `eval_config` in the form that protobuf's parser reads.

    Both spellings of a field's name are read. Numbers that may be left unset are plain in JSON;
    `{"lower_bound": {"value": 0.6}}`, as the message is written in Python, is read too.

    Args:
        values: A `tfma.EvalConfig` in JSON form.

    Raises:
        InputError: A field is unknown, given twice, or of another type.
    """
    return _message(values, "EvalConfig", "eval_config")


def check_metric(metric: Mapping[str, Any], place: str, *, has_module: bool) -> None:
    """Rejects a metric that neither TFMA nor Keras has, and arguments that it does not take.

    Args:
        metric: A `MetricConfig`, normalized.
        place: Where it is, for messages.
        has_module: Whether a module of the author's may define further metrics.

    Raises:
        InputError: It is unknown, or cannot be made.
    """
    name = str(metric.get("class_name", ""))
    arguments = arguments_of(name, str(metric.get("config", "")))
    if metric.get("module"):
        return  # a class of the author's, of which nothing is known here
    if name not in ARGUMENTS:
        if has_module and name:
            return
        raise unknown_metric(name, sorted(ARGUMENTS), place)
    words = ARGUMENTS[name].split()
    known = [word.removesuffix("!") for word in words if word != "..."]
    unknown = [argument for argument in arguments if argument not in known]
    if unknown and "..." not in words:
        raise InputError(
            f"evaluator: {place} gives the metric {name} the argument {unknown[0]!r}, which it "
            f"does not take; it takes {known}. {_suggestion(unknown[0], known)}"
        )
    check_arguments(name, arguments, place)
    required = [word.removesuffix("!") for word in words if word.endswith("!")]
    missing = [argument for argument in required if argument not in arguments]
    if missing and "..." not in arguments:
        example = json.dumps({missing[0]: ...}, default=lambda _: "...")
        raise InputError(
            f"evaluator: {place} does not give the metric {name} the argument {missing[0]!r}, "
            f"which it needs. Add it to the metric's `config`, as '{example}'."
        )


def unknown_metric(name: str, known: Sequence[str], place: str = "`eval_config`") -> InputError:
    """Returns the error for a metric that does not exist."""
    return InputError(
        f"evaluator: {place} asks for the metric {name!r}, which neither TFMA nor Keras has. "
        f"{_suggestion(name, known)}"
    )


def _metrics(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, spec in enumerate(config.get("metrics_specs") or ()):
        for position, metric in enumerate(spec.get("metrics") or ()):
            yield f"eval_config.metrics_specs[{number}].metrics[{position}]", metric


def arguments_of(name: str, config: str) -> dict[str, Any]:
    """Returns the arguments that the `config` of a metric holds.

    Args:
        name: Name of the metric's class, for messages.
        config: A JSON text; empty for no arguments.

    Raises:
        InputError: It is not JSON.
    """
    if not config:
        return {}
    # As TFMA does it: braces may be left out.
    text = config if config.lstrip().startswith("{") else "{" + config + "}"
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"evaluator: the config of metric {name} is {config!r}, which is not JSON ({error}). "
            "Give a JSON text, as '{\"thresholds\": [0.5]}'."
        ) from error
    return dict(arguments)


def _message(value: Any, kind: str, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(
            f"evaluator: {place} is {value!r}, expected an object with fields of {kind}: "
            f"{sorted(FIELDS[kind])}. Give a dict."
        )
    fields = FIELDS[kind]
    spellings = {_camel(name): name for name in fields} | {name: name for name in fields}
    found: dict[str, Any] = {}
    for spelled, inner in value.items():
        if spelled not in spellings:
            raise InputError(
                f"evaluator: {place} has the field {spelled!r}, which {kind} lacks; it has "
                f"{sorted(fields)}. {_suggestion(str(spelled), sorted(fields))}"
            )
        name = spellings[spelled]
        if name in found:
            raise InputError(
                f"evaluator: {place} has the field {name!r} twice, in two spellings. Keep one."
            )
        if inner is not None:  # null leaves a field unset
            found[name] = _field(inner, fields[name], f"{place}.{spelled}")
    return found


def _field(value: Any, kind: str, place: str) -> Any:
    form, _, rest = kind.partition(" ")
    if form == "list":
        if not isinstance(value, (list, tuple)):
            raise InputError(
                f"evaluator: {place} is {value!r}, expected a list. Put it in brackets, as "
                f"[{value!r}]."
            )
        return [_field(item, rest, f"{place}[{index}]") for index, item in enumerate(value)]
    if form == "map":
        if not isinstance(value, Mapping):
            raise InputError(
                f"evaluator: {place} is {value!r}, expected an object: values by name. Give a "
                "dict, as {'name': ...}."
            )
        return {str(k): _field(item, rest, f"{place}[{k!r}]") for k, item in value.items()}
    if form == "message":
        return _message(value, rest, place)
    if form == "wrapper":
        if isinstance(value, Mapping) and set(value) <= {"value"}:
            value = value.get("value", 0 if rest != "bool" else False)
        return _scalar(value, rest, place)
    if form == "enum":
        return _enum(value, rest.split("|"), place)
    return _scalar(value, form, place)


def _enum(value: Any, names: Sequence[str], place: str) -> Any:
    is_number = _is_whole(value) and 0 <= int(value) < len(names)
    if value in names or is_number:
        return int(value) if is_number else value
    raise InputError(
        f"evaluator: {place} is {value!r}, expected one of {list(names[1:])}. "
        f"{_suggestion(str(value), names[1:])}"
    )


def _scalar(value: Any, kind: str, place: str) -> Any:
    if kind == "integer" and _is_whole(value):
        return int(value)
    if kind == "number" and (_is_number(value) or value in _NAMED_NUMBERS):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "string" and isinstance(value, str):
        return value
    advice = "Give the field the JSON form of its type."
    if place.endswith(".config"):
        advice = "`config` of a metric is a JSON text, as '{\"thresholds\": [0.5]}'."
    raise InputError(f"evaluator: {place} is {value!r}, expected {_EXPECTED[kind]}. {advice}")


def _is_number(value: Any) -> bool:
    if isinstance(value, str):  # protobuf's JSON has numbers in quotes, too
        try:
            return math.isfinite(float(value))
        except ValueError:
            return False
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and math.isfinite(float(value)) and float(value).is_integer()


def _suggestion(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not near:  # "auc" for "AUC"
        near = [each for each in known if each.lower() == name.lower()]
    return f"Did you mean {near[0]!r}?" if near else "Take one of those that it has."


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
