"""How a component of the author's own is run: its class, or the command of a container."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, Self


class ExecutorSpec:
    """Base of all."""

    def copy(self) -> Self:
        """Returns a copy, to which options may be added."""
        return copy.copy(self)


class ExecutorClassSpec(ExecutorSpec):
    """A class whose `Do` runs the component.

    Attributes:
        executor_class: The class.

    Raises:
        ValueError: There is no class.
    """

    def __init__(self, executor_class: Any) -> None:
        if not executor_class:
            raise ValueError(
                f"{type(self).__name__}: got {executor_class!r}, expected a class with a "
                "method `Do`."
            )
        self.executor_class = executor_class
        self.extra_flags: list[Any] = []

    @property
    def class_path(self) -> str:
        """The module and name of the class."""
        return f"{self.executor_class.__module__}.{self.executor_class.__qualname__}"

    def add_extra_flags(self, extra_flags: Iterable[Any]) -> None:
        """Adds options."""
        self.extra_flags = [*self.extra_flags, *extra_flags]


class BeamExecutorSpec(ExecutorClassSpec):
    """A class that works on Beam.

    Attributes:
        beam_pipeline_args: Options of its Beam pipeline.
    """

    def __init__(self, executor_class: Any) -> None:
        super().__init__(executor_class)
        self.beam_pipeline_args: list[Any] = []

    def add_beam_pipeline_args(self, beam_pipeline_args: Iterable[Any]) -> None:
        """Adds options."""
        self.beam_pipeline_args = [*self.beam_pipeline_args, *beam_pipeline_args]


class TemplatedExecutorContainerSpec(ExecutorSpec):
    """The command of a container, with placeholders.

    Attributes:
        image: The image.
        command: Its words: texts, placeholders of `containers` or of `tfx.dsl.placeholders`.
        args: More words.
    """

    def __init__(
        self,
        image: str,
        command: Sequence[Any] | None = None,
        args: Sequence[Any] | None = None,
    ) -> None:
        self.image = image
        self.command = list(command or [])
        self.args = list(args or [])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]


class ExecutorContainerSpec(TemplatedExecutorContainerSpec):
    """The command of a container as texts.

    Raises:
        ValueError: A word is a template of Jinja.
    """

    def __init__(
        self,
        image: str,
        command: Sequence[Any] | None = None,
        args: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(image, command, args)
        for word in [*self.command, *self.args]:
            if isinstance(word, str) and "{{" in word:
                raise ValueError(
                    f"ExecutorContainerSpec: {word!r} is a template of Jinja, which Headrace does "
                    "not fill in. Use TemplatedExecutorContainerSpec with InputUriPlaceholder and "
                    "the like."
                )
