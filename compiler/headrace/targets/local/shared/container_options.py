"""The author's options for containers, other than the engine."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError

_READ_ONLY = ":ro"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """A directory or file of this machine that a container sees under the same path."""

    path: Path
    read_only: bool = False

    def option(self, target: str = "") -> str:
        """Returns the value of an engine's `--mount`."""
        end = ",readonly" if self.read_only else ""
        return f"type=bind,source={self.path},target={target or self.path}{end}"


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """How the runners `docker` and `podman` run containers.

    Attributes:
        mounts: Directories other than artifacts that tasks read or write, in the form `DIR` or
            `DIR:ro`.
        network: The value of the engine's `--network`; by default tasks have no network.
        config: The target profile that names the images; None for headrace.toml of the current
            directory, if it exists.
    """

    mounts: tuple[str, ...] = ()
    network: str = "none"
    config: Path | None = None

    def __post_init__(self) -> None:
        """Rejects mounts that do not exist."""
        for text, mount in zip(self.mounts, self.parsed_mounts, strict=True):
            if not mount.path.is_dir() or "," in str(mount.path):
                raise InputError(
                    f"headrace run: --mount is {text!r}, expected a directory that exists, without "
                    "a comma in its path: DIR or DIR:ro. Correct the path."
                )
            if mount.path.resolve() == Path("/"):
                raise InputError(
                    f"headrace run: --mount is {text!r}, all of this machine, which would take the "
                    "place of the image. Mount the directories that tasks need."
                )

    @cached_property
    def parsed_mounts(self) -> tuple[Mount, ...]:
        """The mounts, with absolute paths."""
        return tuple(
            Mount(
                path=Path(text.removesuffix(_READ_ONLY)).absolute(),
                read_only=text.endswith(_READ_ONLY),
            )
            for text in self.mounts
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the options that a resumed run needs; its images are in its record."""
        ends = {True: _READ_ONLY, False: ""}
        mounts = [f"{mount.path}{ends[mount.read_only]}" for mount in self.parsed_mounts]
        return {"mounts": mounts, "network": self.network}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ContainerOptions":
        """Reads the result of `to_json`."""
        return cls(mounts=tuple(data["mounts"]), network=data["network"])
