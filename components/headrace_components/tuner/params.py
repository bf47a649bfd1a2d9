"""Parameters of Tuner."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import MESSAGE, Style
from headrace_components.library.user_code import training_args
from headrace_components.library.user_code.training_args import SplitsAndSteps, StepArgs

_MAX_PARALLEL_TRIALS = 64
_TRIALS = (
    f"a whole number from 0 to {_MAX_PARALLEL_TRIALS}. Pass how many trials the task's machine can "
    "run at once, or leave it out"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneArgs:
    """A `tfx.proto.TuneArgs`.

    Attributes:
        num_parallel_trials: Trials that run at once; 0 for one.
    """

    STYLE: ClassVar[Style] = dataclasses.replace(
        MESSAGE,
        otherwise="Pass anything else to tuner_fn in `custom_config`.",
        mistyped="`{name}` of `{place}` is {value!r}, expected {expected}.",
        expected={**MESSAGE.expected, int: _TRIALS},
    )

    num_parallel_trials: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TunerParams(SplitsAndSteps):
    """Parameters that a pipeline author may set.

    Attributes:
        module_file: Python file with `tuner_fn(fn_args)`, which returns a TunerFnResult: a `tuner`,
            such as keras_tuner.RandomSearch, and the `fit_kwargs` of its `search`.
        tuner_fn: Dotted path of this function, instead of `module_file`.
        train_args: A tfx.proto.TrainArgs: `{"splits": [...], "num_steps": ...}`.
        eval_args: A tfx.proto.EvalArgs: `{"splits": [...], "num_steps": ...}`.
        tune_args: A tfx.proto.TuneArgs: `{"num_parallel_trials": ...}`.
        train_steps: Training steps of a trial. With 0, `train_args` or `tuner_fn` decides.
        eval_steps: Evaluation steps of a trial. With 0, `eval_args` or `tuner_fn` decides.
        num_parallel_trials: Trials that run at once, each in its own process on the task's machine.
            With 0, `tune_args` decides; by default trials run one after the other.
        custom_config: Passed to `tuner_fn` as `fn_args.custom_config`.
        mixed_precision: Keras' global policy for all trials: `mixed_bfloat16` or `mixed_float16`.
        xla: Whether XLA compiles what TensorFlow can group, as with `tf.config.optimizer.set_jit`.
    """

    module_file: str = ""
    tuner_fn: str = ""
    train_args: StepArgs = field(default_factory=StepArgs)
    eval_args: StepArgs = field(default_factory=StepArgs)
    tune_args: TuneArgs = field(default_factory=TuneArgs)
    train_steps: int = 0
    eval_steps: int = 0
    num_parallel_trials: int = 0
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    mixed_precision: str = ""
    xla: bool = False

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        training_args.check("train_args", self.train_args, self.train_steps, "tuner_fn")
        training_args.check("eval_args", self.eval_args, self.eval_steps, "tuner_fn")
        training_args.check_precision(self.mixed_precision)
        nested = self.tune_args.num_parallel_trials
        for name, value in (
            ("num_parallel_trials", self.num_parallel_trials),
            ("num_parallel_trials` of `tune_args", nested),
        ):
            if not 0 <= value <= _MAX_PARALLEL_TRIALS:
                raise InputError(f"`{name}` is {value!r}, expected {_TRIALS}.")
        if self.num_parallel_trials and nested and self.num_parallel_trials != nested:
            raise InputError(
                f"`num_parallel_trials` is {self.num_parallel_trials}, but `tune_args` says "
                f"{nested}. Expected one number: pass only `num_parallel_trials`."
            )

    @property
    def trials_at_once(self) -> int:
        """Trials that run at once, at least 1."""
        return self.num_parallel_trials or self.tune_args.num_parallel_trials or 1
