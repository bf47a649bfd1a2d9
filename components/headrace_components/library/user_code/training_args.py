"""Splits and steps that Trainer and Tuner are given, checked alike. Standard library only."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import whole_number

_FIELDS = ("num_steps", "splits")
_SPELLINGS = {"numSteps": "num_steps"}  # protojson has two
_POLICIES = ("", "mixed_bfloat16", "mixed_float16")


def check(component: str, name: str, args: Mapping[str, Any], steps: int) -> None:
    """Rejects splits and steps that no run could honour.

    Args:
        component: Name of the component, for error messages.
        name: Name of the parameter that contains `args`, `train_args` or `eval_args`.
        args: `{"splits": [...], "num_steps": ...}`, like tfx.proto.TrainArgs.
        steps: The number of steps as a separate parameter, `train_steps` or `eval_steps`.

    Raises:
        InputError: A field is unknown or of another type, or the two numbers differ.
    """
    steps_name = name.replace("args", "steps")
    user_function = "run_fn" if component == "trainer" else "tuner_fn"
    args = _by_name(args)
    unknown = sorted(set(args) - set(_FIELDS))
    if unknown:
        raise InputError(
            f"{component}: `{name}` has fields {unknown}, expected only {list(_FIELDS)}. "
            f"Pass anything else to {user_function} in `custom_config`."
        )
    names = args.get("splits", [])
    if not isinstance(names, (list, tuple)) or not all(isinstance(s, str) for s in names):
        raise InputError(
            f"{component}: `splits` of `{name}` is {names!r}, expected a list of names. "
            "Pass it as ['train']."
        )
    if steps < 0:
        raise InputError(
            f"{component}: `{steps_name}` is {steps}, expected 1 or more. "
            f"Pass 0 to leave the number to {user_function}."
        )
    given = args.get("num_steps", 0)
    number = whole_number(given)
    if number is None or number < 0:
        raise InputError(
            f"{component}: `num_steps` of `{name}` is {given!r}, expected a whole number of 1 or "
            f"more. Pass 0, or leave it out, to leave the number to {user_function}."
        )
    if steps and number and steps != number:
        raise InputError(
            f"{component}: `{steps_name}` is {steps}, but `num_steps` of `{name}` is "
            f"{number}. Expected one number: pass only `{steps_name}`."
        )


def check_precision(component: str, mixed_precision: str) -> None:
    """Rejects a policy that Keras does not have.

    Raises:
        InputError: `mixed_precision` is not one of "", "mixed_bfloat16" and "mixed_float16".
    """
    if mixed_precision not in _POLICIES:
        raise InputError(
            f"{component}: `mixed_precision` is {mixed_precision!r}, expected one of "
            f"{list(_POLICIES)}. Pass 'mixed_bfloat16' for an A100, L4 or newer GPU, "
            "'mixed_float16' for an older one, or leave it out."
        )


def splits(args: Mapping[str, Any], default: Sequence[str]) -> list[str]:
    """Returns the names of the splits that `args` names, else `default`."""
    return list(args.get("splits") or default)


def num_steps(args: Mapping[str, Any], steps: int) -> int | None:
    """Returns the number of steps, at least 1; None if neither argument gives it."""
    return steps or whole_number(_by_name(args).get("num_steps", 0)) or None


def _by_name(args: Mapping[str, Any]) -> dict[str, Any]:
    return {_SPELLINGS.get(name, name): value for name, value in args.items()}
