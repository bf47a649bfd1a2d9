"""Parameters of Pusher."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import MESSAGE, Style

# Values of tfx.proto.PushDestination.Filesystem.Versioning, by name and by number.
_VERSIONINGS = ("AUTO", "UNIX_TIMESTAMP", 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filesystem:
    """A `tfx.proto.PushDestination.Filesystem`."""

    base_directory: str = ""
    versioning: Any = "AUTO"


@dataclass(frozen=True, kw_only=True, slots=True)
class PushDestination:
    """A `tfx.proto.PushDestination`."""

    STYLE: ClassVar[Style] = dataclasses.replace(
        MESSAGE,
        unknown="`{path}` is {value!r}, expected {{'filesystem': {{'base_directory': '...'}}}}. "
        "Pass that, or `base_directory`.",
        not_object="`{path}` is {value!r}, expected {{'filesystem': {{'base_directory': '...'}}}}. "
        "Pass that, or `base_directory`.",
    )

    filesystem: Filesystem = Filesystem()


@dataclass(frozen=True, kw_only=True, slots=True)
class PusherParams:
    """Parameters that a pipeline author may set.

    Attributes:
        push_destination: A tfx.proto.PushDestination: `{"filesystem": {"base_directory": ...}}`.
        base_directory: The same directory in a shorter form.
    """

    push_destination: PushDestination = field(default_factory=PushDestination)
    base_directory: str = ""

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        filesystem = self.push_destination.filesystem
        nested = filesystem.base_directory
        if not self.base_directory and not nested:
            raise InputError(
                "neither `base_directory` nor `push_destination` names a directory, "
                "expected one. Pass `base_directory` with the directory that the server watches."
            )
        if self.base_directory and nested and self.base_directory != nested:
            raise InputError(
                f"`base_directory` is {self.base_directory!r}, but `push_destination` says "
                f"{nested!r}. Expected one directory: pass only `base_directory`."
            )
        versioning = filesystem.versioning
        if versioning not in _VERSIONINGS:
            raise InputError(
                f"`versioning` of `push_destination` is {versioning!r}, expected 'AUTO' or "
                "'UNIX_TIMESTAMP', which mean the same. Leave it out."
            )

    @property
    def destination(self) -> str:
        """The directory with one directory per version."""
        return self.base_directory or self.push_destination.filesystem.base_directory
