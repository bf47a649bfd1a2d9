"""`RuntimeParameter`: a value that is given when a run starts, a parameter of the pipeline."""

import json
from typing import Any


class RuntimeParameter:
    """A parameter of the pipeline, which stands for a value of a component.

    Attributes:
        name: Its name; any text.
        ptype: int, float or str; None stands for str.
        default: What a run uses that gives none; None if each run has to give one.
        description: For people.

    Raises:
        RuntimeError: `ptype` is another type.
        TypeError: `default` has another type than `ptype`.
    """

    def __init__(
        self,
        name: str,
        ptype: type | None = None,
        default: float | str | None = None,
        description: str | None = None,
    ) -> None:
        if ptype and ptype not in (int, float, str):
            raise RuntimeError(
                f"RuntimeParameter {name!r}: `ptype` is {ptype!r}, expected int, float or str. "
                "Give other values as JSON text, with `ptype=str`."
            )
        if default and ptype and not isinstance(default, ptype):
            raise TypeError(
                f"RuntimeParameter {name!r}: `default` is {default!r}, expected a value of type "
                f"{ptype.__name__}, as `ptype` says. Change one of them."
            )
        self.name = name
        self.ptype = ptype
        self.default = default
        self.description = description

    @property
    def type(self) -> "type[int] | type[float] | type[str]":
        """The type of its values."""
        return self.ptype or str

    @property
    def sample(self) -> int | float | str:
        """A value of its type, for checks of what it stands in."""
        return self.type()

    def __repr__(self) -> str:
        # Authors put parameters into texts with str(). TFX recognizes them there by this form.
        own = {
            "__class__": "RuntimeParameter",
            "__module__": "tfx.orchestration.data_types",
            "__tfx_object_type__": "jsonable",
            "default": self.default,
            "description": self.description,
            "name": self.name,
            "ptype": None if self.ptype is None else self.ptype.__name__,
        }
        return json.dumps(own, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuntimeParameter) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.name)


def parameters_in(value: Any) -> list[RuntimeParameter]:
    """Returns the parameters in a value of a component, also those inside of dicts and lists."""
    if isinstance(value, RuntimeParameter):
        return [value]
    if isinstance(value, dict):
        return [each for item in value.values() for each in parameters_in(item)]
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in parameters_in(item)]
    return []


def with_samples(value: Any) -> Any:
    """Returns the value with a sample in the place of each parameter, to check its form."""
    if isinstance(value, RuntimeParameter):
        return value.sample
    if isinstance(value, dict):
        return {key: with_samples(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_samples(item) for item in value]
    return value
