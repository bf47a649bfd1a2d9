"""The versions of a model in a directory, of which the newest is served."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headrace_components.contract.errors import InputError, named
from headrace_components.infra_validator.servable import Servable

State = Literal["LOADING", "AVAILABLE", "END"]
"""A name of `tensorflow.serving.ModelVersionStatus.State`."""


class AbsentModelError(Exception):
    """A request for a model or a version that is not here."""


class NotLoadedError(Exception):
    """A request for a model that is not loaded yet, or cannot be loaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionState:
    """What became of a version.

    Attributes:
        version: Its number.
        state: Whether it is served.
        error: Why it was not loaded; empty if it was.
    """

    version: int
    state: State
    error: str = ""


class Versions:
    """Loads the newest version in a directory, and each newer one that comes later.

    As in TensorFlow Serving, a version is a directory whose name is a number, the old version is
    served until the new one is loaded, and stays if the new one cannot be loaded.

    Args:
        model_name: The model's name on the server.
        base_path: The directory with one directory per version.
    """

    def __init__(self, model_name: str, base_path: Path) -> None:
        self._name = model_name
        self._base_path = base_path
        self._served: tuple[int, Servable] | None = None
        self._newest: VersionState | None = None

    def watch(self, poll_seconds: float, ended: threading.Event) -> None:
        """Looks for newer versions until `ended` is set."""
        while True:
            self.look()
            if ended.wait(poll_seconds):
                return

    def look(self) -> None:
        """Loads the newest version, if it is another one than at the last look."""
        newest = max(self._found(), default=None)
        if newest is None or (self._newest is not None and self._newest.version == newest):
            return
        self._newest = VersionState(version=newest, state="LOADING")
        logging.info("infra_validator: loading version %d of %s.", newest, self._name)
        try:
            with named("infra_validator"):
                servable = Servable(self._name, self._base_path / str(newest))
        except InputError as error:
            self._newest = VersionState(version=newest, state="END", error=str(error))
            logging.warning("infra_validator: version %d is not served: %s", newest, error)
            return
        self._served = newest, servable
        self._newest = VersionState(version=newest, state="AVAILABLE")
        logging.info("infra_validator: version %d of %s is served.", newest, self._name)

    def states(self, model_name: str, version: int | None = None) -> Sequence[VersionState]:
        """Returns the state of the newest version, and of the one that is served meanwhile.

        Raises:
            AbsentModelError: The server has no such model or version.
        """
        served, newest = self._served, self._newest
        found = [] if newest is None else [newest]
        if served is not None and newest is not None and served[0] != newest.version:
            found.append(VersionState(version=served[0], state="AVAILABLE"))
        wanted = [each for each in found if version in (None, each.version)]
        if model_name != self._name or (version is not None and not wanted):
            raise self._absent(model_name, version)
        return wanted

    def servable(self, model_name: str, version: int | None = None) -> Servable:
        """Returns the version that is served.

        Raises:
            AbsentModelError: The server has no such model or version.
            NotLoadedError: No version is loaded yet.
        """
        states = self.states(model_name, version)
        if self._served is None:
            error = next((f": {each.error}" for each in states if each.error), "")
            raise NotLoadedError(f"the model is not loaded{error}")
        if version not in (None, self._served[0]):
            raise self._absent(model_name, version)
        return self._served[1]

    def _found(self) -> list[int]:
        # `saved_model.pb` is written last, so a model without it is still being copied.
        if not self._base_path.is_dir():
            return []
        names = [each.parent.name for each in self._base_path.glob("*/saved_model.pb")]
        return [int(name) for name in names if name.isdecimal() and name.isascii()]

    def _absent(self, model_name: str, version: int | None) -> AbsentModelError:
        served = self._served[0] if self._served else None
        return AbsentModelError(
            f"there is no model {model_name!r} of version {version}, only {self._name!r} of "
            f"version {served}"
        )
