"""`ComponentSpec`: which parameters, inputs and outputs a component has, and what one node got."""

import inspect
from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.channels import BaseChannel, Channel, OutputChannel, is_artifact_type
from headrace_tfx.authoring.placeholders import Placeholder
from headrace_tfx.authoring.proto_types import check_message, is_message_type
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter, with_samples


class ExecutionParameter:
    """A parameter of a component.

    Attributes:
        type: A type, a tuple of types, a class of messages, or a generic such as `list[str]`.
        optional: Whether a node may lack it.
        use_proto: Whether a message stays one, where TFX otherwise makes JSON text of it.

    Raises:
        ValueError: `use_proto` is set for a type that is no message.
    """

    def __init__(
        self,
        type: Any = None,
        optional: bool = False,
        use_proto: bool = False,
    ) -> None:
        if type in (int, float, str) and use_proto:
            raise ValueError(f"ExecutionParameter: `use_proto` is set for {type.__name__}.")
        self.type = type
        self.optional = optional
        self.use_proto = use_proto

    def __repr__(self) -> str:
        return f"ExecutionParameter(type={self.type!r}, optional={self.optional})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutionParameter) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def type_check(self, arg_name: str, value: Any) -> None:
        """Checks a value.

        Raises:
            TypeError: It has another type.
            ValueError: It is a dict or JSON text, and not the message.
        """
        if isinstance(value, Placeholder) or self.type is Any or self.type is None:
            return
        if is_message_type(self.type):
            check_message(arg_name, value, self.type)
        elif not _fits(with_samples(value), self.type):
            raise TypeError(
                f"the argument `{arg_name}` is {_short(value)}, expected {_type_name(self.type)}"
                f"{_value_advice(value)}."
            )


class ChannelParameter:
    """An input or output of a component.

    Attributes:
        type: The class of its artifacts.
        optional: Whether a node may lack it.
        allow_empty: Whether a node runs though its channel is empty; `optional` by default.
        is_async: Whether an output comes while the node still runs.

    Raises:
        ValueError: `type` is no class of artifacts, or `allow_empty` is set for a required input.
    """

    def __init__(
        self,
        type: type[Artifact] | None = None,
        optional: bool = False,
        allow_empty: bool | None = None,
        is_async: bool = False,
    ) -> None:
        if not is_artifact_type(type):
            raise ValueError(
                f"ChannelParameter: `type` is {type!r}, expected a class of artifacts, such as "
                "standard_artifacts.Examples."
            )
        if allow_empty is not None and not optional:
            raise ValueError(
                "ChannelParameter: `allow_empty` is set for an input that is required, expected "
                "`optional=True` with it."
            )
        self.type: Any = type
        self.optional = optional
        self.allow_empty_explicitly_set = allow_empty is not None
        self.allow_empty = optional if allow_empty is None else allow_empty
        self.is_async = is_async

    def __repr__(self) -> str:
        return f"ChannelParameter(type={self.type.__name__}, optional={self.optional})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChannelParameter) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def type_check(self, arg_name: str, value: Any) -> None:
        """Checks a channel.

        Raises:
            TypeError: It is no channel, or one of another type.
        """
        if not isinstance(value, BaseChannel):
            raise TypeError(
                f"the argument `{arg_name}` is {_short(value)}, expected a channel of "
                f"{self.type.__name__}{_channel_advice(value)}."
            )
        compatible = getattr(self.type, "_compatible_types", ())
        if (
            value.type is not self.type
            and value.type.__name__ != self.type.__name__
            and value.type not in compatible
        ):
            raise TypeError(
                f"the argument `{arg_name}` is {value!r}, a channel of {value.type.__name__}, "
                f"expected one of {self.type.__name__}. Give the output of another node, or "
                "correct the name of the argument."
            )


class ComponentSpec:
    """What a component has; an instance is what one node got.

    A class derived from this one sets `PARAMETERS`, `INPUTS` and `OUTPUTS`.

    Attributes:
        exec_properties: The values of the parameters, as given.
        inputs: Channels by name.
        outputs: Channels by name.

    Raises:
        TypeError: A class lacks one of the three, or has something else in it; an argument has
            another type.
        ValueError: A name is in two of the three; a required argument is missing.
    """

    PARAMETERS: ClassVar[Mapping[str, ExecutionParameter]]
    INPUTS: ClassVar[Mapping[str, ChannelParameter]]
    OUTPUTS: ClassVar[Mapping[str, ChannelParameter]]
    TYPE_ANNOTATION: ClassVar[Any] = None

    def __init_subclass__(cls, validate: bool = True) -> None:
        super().__init_subclass__()
        if validate:
            _check_declaration(cls)

    def __init__(self, **kwargs: Any) -> None:
        known: list[tuple[str, ExecutionParameter | ChannelParameter]] = [
            *self.PARAMETERS.items(),
            *self.INPUTS.items(),
            *self.OUTPUTS.items(),
        ]
        for name, declared in known:
            _check_argument(type(self), name, declared, kwargs)
        self.exec_properties = {
            name: kwargs[name] for name in self.PARAMETERS if kwargs.get(name) is not None
        }
        self.inputs = {name: kwargs[name] for name in self.INPUTS if kwargs.get(name) is not None}
        self.outputs: Outputs = Outputs(
            {name: kwargs[name] for name in self.OUTPUTS if kwargs.get(name) is not None}
        )

    @classmethod
    def is_optional_input(cls, key: str) -> bool:
        """Returns whether a node may lack the input."""
        return cls.INPUTS[key].optional

    @classmethod
    def is_allow_empty_input(cls, key: str) -> bool:
        """Returns whether a node runs though the input's channel is empty."""
        return cls.INPUTS[key].allow_empty

    @classmethod
    def is_optional_output(cls, key: str) -> bool:
        """Returns whether a node may lack the output."""
        return cls.OUTPUTS[key].optional

    @classmethod
    def is_optional_exec_property(cls, key: str) -> bool:
        """Returns whether a node may lack the parameter."""
        return cls.PARAMETERS[key].optional

    def migrate_output_channels(self, producer_component: Any) -> None:
        """Makes outputs of the node from the channels that stand for them."""
        self.outputs.producer = producer_component
        for key, channel in self.outputs.items():
            if isinstance(channel, Channel) and not isinstance(channel, OutputChannel):
                self.outputs[key] = channel.as_output_channel(producer_component, key)


class Outputs(dict[str, Any]):
    """The outputs of a node by name; also as attributes, which TFX had until its version 1.0.

    Attributes:
        producer: The node, for messages; None before it is made.
    """

    producer: Any = None

    def __missing__(self, key: str) -> Any:
        raise KeyError(self._unknown(key))

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in self:
            raise AttributeError(self._unknown(key))
        return self[key]

    def _unknown(self, key: str) -> str:
        node = self.producer.id if self.producer is not None else "the node"
        return f"{node} has no output {key!r}, expected one of {sorted(self)}."


class ArgumentTypeError(TypeError):
    """An argument has another type.

    Attributes:
        component: The class of the node, which has no id yet.
        text: What is wrong.
    """

    def __init__(self, component: str, text: str) -> None:
        super().__init__(component, text)
        self.component = component
        self.text = text

    def __str__(self) -> str:
        return f"{self.component}: {self.text}"


class ArgumentValueError(ValueError):
    """An argument has a value that does not fit; see `ArgumentTypeError`."""

    def __init__(self, component: str, text: str) -> None:
        super().__init__(component, text)
        self.component = component
        self.text = text

    def __str__(self) -> str:
        return f"{self.component}: {self.text}"


def _check_declaration(spec: type[ComponentSpec]) -> None:
    for part in ("PARAMETERS", "INPUTS", "OUTPUTS"):
        declared = getattr(spec, part, None)
        if not isinstance(declared, Mapping):
            raise TypeError(
                f"{spec.__name__}: `{part}` is {declared!r}, expected a dict of declarations by "
                f"name. Write `{part} = {{}}` if there are none."
            )
    expected: type
    for part, expected in (
        ("PARAMETERS", ExecutionParameter),
        ("INPUTS", ChannelParameter),
        ("OUTPUTS", ChannelParameter),
    ):
        for name, declared in getattr(spec, part).items():
            if not isinstance(declared, expected):
                raise TypeError(
                    f"{spec.__name__}.{part}[{name!r}] is {declared!r}, expected an object of type "
                    f"{expected.__name__}."
                )
    names = list(chain(spec.PARAMETERS, spec.INPUTS, spec.OUTPUTS))
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"{spec.__name__}: {name!r} stands twice among PARAMETERS, INPUTS and OUTPUTS, "
                "expected different names. Rename one."
            )
    for name, output in spec.OUTPUTS.items():
        if output.allow_empty_explicitly_set:
            raise TypeError(
                f"{spec.__name__}.OUTPUTS[{name!r}]: `allow_empty` is for inputs alone."
            )


def _check_argument(
    spec: type[ComponentSpec],
    name: str,
    declared: ExecutionParameter | ChannelParameter,
    given: Mapping[str, Any],
) -> None:
    component = spec.__name__.removesuffix("Spec") or spec.__name__
    if name not in given:
        if declared.optional:
            return
        raise ArgumentValueError(
            component, f"the argument `{name}` is missing, expected a value. Give one."
        )
    if declared.optional and given[name] is None:
        return
    try:
        declared.type_check(name, given[name])
    except TypeError as error:
        raise ArgumentTypeError(component, str(error)) from None
    except ValueError as error:
        raise ArgumentValueError(component, str(error)) from None


def _fits(value: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return any(_fits(value, each) for each in expected)
    if inspect.isclass(expected) and not hasattr(expected, "__origin__"):
        return isinstance(value, expected)
    from headrace_tfx.authoring.json_types import has_type

    return has_type(value, expected)


def _type_name(expected: Any) -> str:
    if isinstance(expected, tuple):
        return " or ".join(_type_name(each) for each in expected)
    return expected.__name__ if inspect.isclass(expected) else str(expected)


def _short(value: Any) -> str:
    text = repr(value)
    text = text if len(text) <= 80 else f"{text[:77]}..."
    kind = "" if isinstance(value, RuntimeParameter) or value is None else type(value).__name__
    return f"{text} ({kind})" if kind else text


def _value_advice(value: Any) -> str:
    if not isinstance(value, BaseChannel):
        return ""
    return ". For the value of an output write node.outputs['...'].future()[0].value"


def _channel_advice(value: Any) -> str:
    if isinstance(value, Mapping) or hasattr(value, "outputs"):
        return ". Name the output, as in node.outputs['examples']"
    return ", such as node.outputs['...']"
