"""TFX's `base_driver`, for the imports of files: Headrace runs no drivers."""

from typing import Any


class BaseDriver:
    """The base of drivers, which TFX calls before a task. Headrace has none."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} is a driver of TFX, and Headrace runs none. Compute what it "
            "decides in a @component, and pass the result on"
        )


class ExecutionDecision:
    """What a driver decided."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("ExecutionDecision is of TFX's drivers, and Headrace runs none")
