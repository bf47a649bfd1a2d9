"""Parameters of Pusher."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError

# tfx.proto.PushDestination.Filesystem.Versioning, by name and by number.
_VERSIONINGS = ("AUTO", "UNIX_TIMESTAMP", 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PusherParams:
    """Parameters that a pipeline author may set.

    Attributes:
        push_destination: `{"filesystem": {"base_directory": ...}}`, as tfx.proto.PushDestination.
        base_directory: The same directory as a parameter of its own.
    """

    push_destination: Mapping[str, Any] = field(default_factory=dict)
    base_directory: str = ""

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        filesystem = self._filesystem()
        nested = _base_directory(filesystem)
        if not self.base_directory and not nested:
            raise InputError(
                "pusher: neither `base_directory` nor `push_destination` names a directory, "
                "expected one. Pass `base_directory` with the directory that the server watches."
            )
        if self.base_directory and nested and self.base_directory != nested:
            raise InputError(
                f"pusher: `base_directory` is {self.base_directory!r}, but `push_destination` says "
                f"{nested!r}. Expected one directory: pass only `base_directory`."
            )
        versioning = filesystem.get("versioning", "AUTO")
        if versioning not in _VERSIONINGS:
            raise InputError(
                f"pusher: `versioning` of `push_destination` is {versioning!r}, expected 'AUTO' or "
                "'UNIX_TIMESTAMP', which mean the same. Leave it out."
            )

    @property
    def destination(self) -> str:
        """The directory that holds one directory per version."""
        return self.base_directory or _base_directory(self._filesystem())

    def _filesystem(self) -> Mapping[str, Any]:
        unknown = sorted(set(self.push_destination) - {"filesystem"})
        filesystem = self.push_destination.get("filesystem", {})
        if not unknown and isinstance(filesystem, Mapping):
            unknown = sorted(set(filesystem) - {"base_directory", "baseDirectory", "versioning"})
        if unknown or not isinstance(filesystem, Mapping):
            raise InputError(
                f"pusher: `push_destination` is {dict(self.push_destination)!r}, expected "
                "{'filesystem': {'base_directory': '...'}}. Pass that, or `base_directory`."
            )
        return filesystem


def _base_directory(filesystem: Mapping[str, Any]) -> str:
    # protojson has both spellings.
    return str(filesystem.get("base_directory") or filesystem.get("baseDirectory") or "")
