"""What a training has shown: the values of its losses and metrics, by epoch and by step."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_STEP_POINTS = 256
# With fewer epochs, the steps show more.
_MIN_EPOCHS = 3

# The best value of a metric is only known if it is known which direction is better.
_LOWER = re.compile(r"loss|error|mse|mae|mape|msle|divergence|perplexity|crossentropy|entropy")
_HIGHER = re.compile(r"acc|auc|precision|recall|f1|f_score|fbeta|iou|dice|r2|cosine|true_")

Points = list[tuple[int, float]]
"""Values by the number of an epoch or a step, from 1."""


@dataclass(kw_only=True, slots=True)
class History:
    """The history of the training of one model.

    Attributes:
        epochs: By metric, the value of each epoch.
        steps: By metric, running values within epochs; of long trainings every 2nd, 4th, ... step.
        num_epochs: Epochs that ended.
        num_steps: Training steps.
        batch_size: Examples in a step; None if it is not known.
        seconds: Time for `timed_steps` steps, without validation and the first step of an epoch.
        timed_steps: See `seconds`.
        every: A multiple of this is the number of a step in `steps`.
    """

    epochs: dict[str, Points] = field(default_factory=dict)
    steps: dict[str, Points] = field(default_factory=dict)
    num_epochs: int = 0
    num_steps: int = 0
    batch_size: int | None = None
    seconds: float = 0.0
    timed_steps: int = 0
    every: int = 1

    def add_epoch(self, logs: Mapping[str, Any]) -> None:
        """Adds the values at the end of an epoch."""
        self.num_epochs += 1
        for name, value in scalars(logs).items():
            self.epochs.setdefault(name, []).append((self.num_epochs, value))

    def takes_step(self, number: int) -> bool:
        """Whether the values of a step are kept, by its number from 1."""
        return number % self.every == 0

    def add_step(self, number: int, logs: Mapping[str, Any]) -> None:
        """Adds the running values of a step. The steps that are kept do not depend on the clock."""
        for name, value in scalars(logs).items():
            self.steps.setdefault(name, []).append((number, value))
        while max(map(len, self.steps.values()), default=0) > _MAX_STEP_POINTS:
            self.every *= 2
            self.steps = {
                name: [point for point in points if point[0] % self.every == 0]
                for name, points in self.steps.items()
            }

    def last(self) -> dict[str, float]:
        """Returns the last value of each metric: of an epoch, or of a step if none ended."""
        found = self.epochs or self.steps
        return {name: max(points)[1] for name, points in found.items() if points}

    def best(self) -> dict[str, float]:
        """Returns the best finite value of each metric whose better direction is known."""
        found = {}
        for name, points in self.epochs.items():
            values = [value for _, value in points if math.isfinite(value)]
            choose = _better(name)
            if values and choose is not None:
                found[name] = choose(values)
        return found

    def curves(self) -> dict[str, Points]:
        """Returns what is worth drawing: values by epoch, or by step with few epochs."""
        found = self.epochs if self.is_by_epoch() else self.steps
        return {name: sorted(points) for name, points in found.items()}

    def is_by_epoch(self) -> bool:
        """Whether `curves` are by epoch."""
        return self.num_epochs >= _MIN_EPOCHS or not self.steps

    def examples_per_second(self) -> float | None:
        """Returns how many examples were trained on in a second; None if that is not known."""
        steps = self.steps_per_second()
        return None if steps is None or not self.batch_size else steps * self.batch_size

    def steps_per_second(self) -> float | None:
        """Returns how many steps there were in a second; None for less than two steps."""
        return self.timed_steps / self.seconds if self.timed_steps and self.seconds > 0 else None


def scalars(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Returns the numbers among the logs of Keras, also those that are tensors."""
    found = {}
    for name, value in (logs or {}).items():
        try:
            found[str(name)] = float(value)
        except (TypeError, ValueError):
            continue  # a metric per class, or of several outputs
    return found


def is_loss(name: str) -> bool:
    """Whether a metric is a loss, of training or validation or of one output."""
    return name.rpartition("/")[2].endswith("loss")


def diverged(history: History) -> list[str]:
    """Returns the losses that ended as no finite number, with the epoch in which that began."""
    found = []
    for name, value in sorted(history.last().items()):
        if is_loss(name) and not math.isfinite(value):
            points = sorted((history.epochs or history.steps)[name])
            first = next(at for at, each in points if not math.isfinite(each))
            unit = "epoch" if history.epochs else "step"
            word = "NaN" if math.isnan(value) else "infinite"
            found.append(f"{name} is {word} from {unit} {first} on")
    return found


def _better(name: str) -> Any:
    lowered = name.lower()
    if _LOWER.search(lowered):
        return min
    return max if _HIGHER.search(lowered) else None
