"""Parameters of Trainer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.errors import InputError

_ARGS_FIELDS = ("num_steps", "splits")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerParams:
    """What a pipeline author may choose.

    Attributes:
        module_file: Path, URI or packed form of a Python file with `run_fn(fn_args)`.
        run_fn: The same function as a dotted path; excludes `module_file`.
        train_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.TrainArgs.
        eval_args: `{"splits": [...], "num_steps": ...}`, as tfx.proto.EvalArgs.
        train_steps: Training steps; 0 leaves the number to `train_args`, or to `run_fn`.
        eval_steps: Evaluation steps; 0 leaves the number to `eval_args`, or to `run_fn`.
        custom_config: Passed to `run_fn`.
    """

    module_file: str = ""
    run_fn: str = ""
    train_args: Mapping[str, Any] = field(default_factory=dict)
    eval_args: Mapping[str, Any] = field(default_factory=dict)
    train_steps: int = 0
    eval_steps: int = 0
    custom_config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        _check_args("train_args", self.train_args, "train_steps", self.train_steps)
        _check_args("eval_args", self.eval_args, "eval_steps", self.eval_steps)

    @property
    def train_splits(self) -> list[str]:
        """Splits to train on, ["train"] unless `train_args` names others."""
        return list(self.train_args.get("splits") or ["train"])

    @property
    def eval_splits(self) -> list[str]:
        """Splits to evaluate on, ["eval"] unless `eval_args` names others."""
        return list(self.eval_args.get("splits") or ["eval"])

    @property
    def num_train_steps(self) -> int | None:
        """Training steps, at least 1; None where neither parameter gives any."""
        return self.train_steps or int(self.train_args.get("num_steps", 0)) or None

    @property
    def num_eval_steps(self) -> int | None:
        """Evaluation steps, at least 1; None where neither parameter gives any."""
        return self.eval_steps or int(self.eval_args.get("num_steps", 0)) or None


def _check_args(name: str, args: Mapping[str, Any], steps_name: str, steps: int) -> None:
    unknown = sorted(set(args) - set(_ARGS_FIELDS))
    if unknown:
        raise InputError(
            f"trainer: `{name}` has fields {unknown}, expected only {list(_ARGS_FIELDS)}. "
            "Pass anything else to run_fn in `custom_config`."
        )
    splits = args.get("splits", [])
    if not isinstance(splits, (list, tuple)) or not all(isinstance(s, str) for s in splits):
        raise InputError(
            f"trainer: `splits` of `{name}` is {splits!r}, expected a list of names. "
            "Pass it as ['train']."
        )
    if steps < 0:
        raise InputError(
            f"trainer: `{steps_name}` is {steps}, expected 1 or more. "
            "Pass 0 to leave the number to run_fn."
        )
    num_steps = args.get("num_steps", 0)
    is_number = isinstance(num_steps, (int, float)) and not isinstance(num_steps, bool)
    if not is_number or num_steps != int(num_steps) or num_steps < 0:
        raise InputError(
            f"trainer: `num_steps` of `{name}` is {num_steps!r}, expected a whole number of 1 or "
            "more. Pass 0, or leave it out, to leave the number to run_fn."
        )
    if steps and num_steps and steps != num_steps:
        raise InputError(
            f"trainer: `{steps_name}` is {steps}, but `num_steps` of `{name}` is "
            f"{int(num_steps)}. Expected one number: pass only `{steps_name}`."
        )
