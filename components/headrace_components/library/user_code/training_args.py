"""Checks the splits and steps of Trainer and Tuner. Standard library only."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import MESSAGE, Style

_POLICIES = ("", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True, kw_only=True, slots=True)
class StepArgs:
    """A `tfx.proto.TrainArgs` or `tfx.proto.EvalArgs`.

    Attributes:
        splits: Names of the splits; none for the default.
        num_steps: The number of steps; 0 leaves it to the author's function.
    """

    STYLE: ClassVar[Style] = dataclasses.replace(
        MESSAGE,
        otherwise="Pass anything else to the function in `custom_config`.",
        mistyped="`{name}` of `{place}` is {value!r}, expected {expected}.",
        expected={
            **MESSAGE.expected,
            int: "a whole number of 1 or more. Pass 0, or leave it out, to leave the number to the "
            "function",
            str: "a name",
            tuple: "a list of names. Pass it as ['train']",
        },
    )

    splits: tuple[str, ...] = ()
    num_steps: int = 0


class SplitsAndSteps:
    """The splits and steps of a component whose parameters have these fields."""

    __slots__ = ()

    train_args: StepArgs
    eval_args: StepArgs
    train_steps: int
    eval_steps: int

    @property
    def train_splits(self) -> list[str]:
        """Splits to train on, ["train"] unless `train_args` names others."""
        return list(self.train_args.splits) or ["train"]

    @property
    def eval_splits(self) -> list[str]:
        """Splits to evaluate on, ["eval"] unless `eval_args` names others."""
        return list(self.eval_args.splits) or ["eval"]

    @property
    def num_train_steps(self) -> int | None:
        """Training steps, at least 1; None if neither parameter sets them."""
        return self.train_steps or self.train_args.num_steps or None

    @property
    def num_eval_steps(self) -> int | None:
        """Evaluation steps, at least 1; None if neither parameter sets them."""
        return self.eval_steps or self.eval_args.num_steps or None


def check(name: str, args: StepArgs, steps: int, function: str) -> None:
    """Rejects steps that would fail in every run.

    Args:
        name: Name of the parameter that contains `args`, `train_args` or `eval_args`.
        args: Splits and steps.
        steps: The number of steps as a separate parameter, `train_steps` or `eval_steps`.
        function: The author's function, for messages.

    Raises:
        InputError: The number is negative, or the two numbers differ.
    """
    steps_name = name.replace("args", "steps")
    if steps < 0:
        raise InputError(
            f"`{steps_name}` is {steps}, expected 1 or more. Pass 0 to leave the number to "
            f"{function}."
        )
    if steps and args.num_steps and steps != args.num_steps:
        raise InputError(
            f"`{steps_name}` is {steps}, but `num_steps` of `{name}` is {args.num_steps}. Expected "
            f"one number: pass only `{steps_name}`."
        )


def check_precision(mixed_precision: str) -> None:
    """Rejects a policy that Keras does not have.

    Raises:
        InputError: `mixed_precision` is not "", "mixed_bfloat16" or "mixed_float16".
    """
    if mixed_precision not in _POLICIES:
        raise InputError(
            f"`mixed_precision` is {mixed_precision!r}, expected one of {list(_POLICIES)}. Pass "
            "'mixed_bfloat16' for an A100, L4 or newer GPU, 'mixed_float16' for an older one, or "
            "leave it out."
        )
