"""The types of parameters that are messages, without the import of protobuf before it is needed."""

import json
from typing import Any

from headrace_tfx.authoring.runtime_parameter import RuntimeParameter, with_samples


class MessageType:
    """A class of messages by its name.

    Attributes:
        full_name: As in the proto file: `tfx.components.trainer.TrainArgs`.
        module: The module that has the class, which is imported when a dict is checked; empty if
            the component checks its dicts itself.
    """

    def __init__(self, full_name: str, module: str = "") -> None:
        self.full_name = full_name
        self.module = module

    @property
    def name(self) -> str:
        """The name without the package."""
        return self.full_name.rpartition(".")[2]

    def load(self) -> Any:
        """Returns the class, or None if `module` is empty."""
        if not self.module:
            return None
        from importlib import import_module

        return getattr(import_module(self.module), self.name)

    def __repr__(self) -> str:
        return self.name


def is_message_type(value: Any) -> bool:
    """Returns whether a type is one of messages."""
    if isinstance(value, MessageType):
        return True
    return isinstance(value, type) and hasattr(value, "DESCRIPTOR") and hasattr(value, "MergeFrom")


def check_message(name: str, value: Any, expected: Any) -> None:
    """Checks a message, or a dict or JSON text that stands for one.

    Args:
        name: The argument, for messages.
        value: What the author gave.
        expected: A class of messages, or a `MessageType`.

    Raises:
        TypeError: It is something else.
        ValueError: It is a dict or text that does not have the message's form.
    """
    full_name = (
        expected.full_name if isinstance(expected, MessageType) else expected.DESCRIPTOR.full_name
    )
    label = full_name.rpartition(".")[2]
    if isinstance(value, RuntimeParameter):
        if value.type is not str:
            raise TypeError(
                f"the argument `{name}` is the parameter {value.name!r} of type "
                f"{value.type.__name__}, expected one of type str with {label} as JSON text."
            )
    elif isinstance(value, (dict, str)):
        _check_form(name, value, expected, label)
    elif getattr(getattr(value, "DESCRIPTOR", None), "full_name", None) != full_name:
        raise TypeError(
            f"the argument `{name}` is {value!r} ({type(value).__name__}), expected {label}, a "
            f"dict with its fields, or JSON text."
        )


def _check_form(name: str, value: dict[str, Any] | str, expected: Any, label: str) -> None:
    message = expected.load() if isinstance(expected, MessageType) else expected
    if message is None:
        return
    from google.protobuf import json_format

    text = value if isinstance(value, str) else json.dumps(with_samples(value))
    try:
        json_format.Parse(text, message())
    except json_format.ParseError as error:
        raise ValueError(
            f"the argument `{name}` is {value!r}, expected the fields of {label}: {error}"
        ) from None
