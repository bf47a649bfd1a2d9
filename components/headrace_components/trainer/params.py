"""Parameters of Trainer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.user_code import training_args
from headrace_components.library.user_code.training_args import SplitsAndSteps, StepArgs

_DISTRIBUTIONS = ("auto", "mirrored", "multi_worker", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerParams(SplitsAndSteps):
    """Parameters that a pipeline author may set.

    Attributes:
        module_file: Python file with `run_fn(fn_args)`.
        run_fn: Dotted path of this function, instead of `module_file`.
        train_args: A tfx.proto.TrainArgs: `{"splits": [...], "num_steps": ...}`.
        eval_args: A tfx.proto.EvalArgs: `{"splits": [...], "num_steps": ...}`.
        train_steps: Number of training steps. With 0, `train_args` or `run_fn` decides.
        eval_steps: Number of evaluation steps. With 0, `eval_args` or `run_fn` decides.
        custom_config: Passed to `run_fn` as `fn_args.custom_config`.
        distribution: `auto`: `run_fn` makes its own strategy for several GPUs or machines, or uses
            `fn_args.strategy`. `mirrored` (the GPUs of one machine) or `multi_worker` (several
            machines): `run_fn` is called in the scope of such a strategy. `none`: `run_fn` needs no
            strategy.
        mixed_precision: Keras' global policy for `run_fn`: `mixed_bfloat16` or `mixed_float16`.
        xla: Whether XLA compiles what TensorFlow can group, as with `tf.config.optimizer.set_jit`.
    """

    module_file: str = ""
    run_fn: str = ""
    train_args: StepArgs = field(default_factory=StepArgs)
    eval_args: StepArgs = field(default_factory=StepArgs)
    train_steps: int = 0
    eval_steps: int = 0
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    distribution: str = "auto"
    mixed_precision: str = ""
    xla: bool = False

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        training_args.check("train_args", self.train_args, self.train_steps, "run_fn")
        training_args.check("eval_args", self.eval_args, self.eval_steps, "run_fn")
        training_args.check_precision(self.mixed_precision)
        if self.distribution not in _DISTRIBUTIONS:
            raise InputError(
                f"`distribution` is {self.distribution!r}, expected one of "
                f"{list(_DISTRIBUTIONS)}. Pass 'multi_worker' or 'mirrored' where run_fn knows of "
                "no strategy, and 'auto' where it makes its own."
            )
