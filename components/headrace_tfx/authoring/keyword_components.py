"""Components whose constructor takes each input and parameter by its name."""

from typing import Any

from headrace_tfx.authoring.channels import Channel
from headrace_tfx.authoring.json_types import is_within
from headrace_tfx.authoring.nodes import BaseComponent


class KeywordComponent(BaseComponent):
    """The base of components that are made of a function or a container.

    Raises:
        ValueError: An argument has no name, is unknown or missing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name, spec = type(self).__name__, self.SPEC_CLASS
        known = {**spec.INPUTS, **spec.PARAMETERS}
        if args:
            raise ValueError(
                f"{name} got {args!r} without names, expected arguments by name, as in "
                f"{name}({', '.join(f'{key}=...' for key in known)})."
            )
        if unknown := sorted(set(kwargs) - set(known)):
            raise ValueError(
                f"{name} got unknown arguments {unknown}, expected some of {sorted(known)}. "
                "Correct the names; outputs are not given."
            )
        for key, declared in known.items():
            if key not in kwargs and not declared.optional:
                is_input = key in spec.INPUTS
                raise ValueError(
                    f"{name}: the {'input' if is_input else 'parameter'} `{key}` is missing, "
                    f"expected a {'channel' if is_input else 'value'} of type "
                    f"{getattr(declared.type, '__name__', declared.type)}. Pass `{key}=...`."
                )
        for key, declared in spec.INPUTS.items():
            _check_json_type(name, key, declared, kwargs.get(key))
        outputs = {key: Channel(type=declared.type) for key, declared in spec.OUTPUTS.items()}
        super().__init__(spec(**kwargs, **outputs))


def _check_json_type(name: str, key: str, declared: Any, channel: Any) -> None:
    """Refuses the output of another component whose JSON values may be of another type."""
    wanted = getattr(declared, "json_type", None)
    producer = getattr(channel, "producer", None)
    outputs = getattr(getattr(producer, "SPEC_CLASS", None), "OUTPUTS", {})
    given = getattr(outputs.get(getattr(channel, "output_key", "")), "json_type", None)
    if wanted is not None and given is not None and not is_within(given, wanted):
        raise TypeError(
            f"{name}: the argument `{key}` is {channel!r} with values of type {given}, expected "
            f"{wanted}. Change one of the two annotations."
        )
