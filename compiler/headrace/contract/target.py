"""The interface of a target, a place where pipelines run.

A target is a folder of `headrace.targets` and a line of `headrace.target_registry`. Its module
`target` has an object `TARGET` of a class made from `Target`, and its module `settings` the class
of its table of the profile. Passes and commands ask that object and never compare names. mypy
names the members that a new class lacks.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headrace.contract.checks import Check
from headrace.contract.compiled import Compiled
from headrace.contract.draft import Draft
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.profiles.target_settings import TargetSettings
from headrace.profiles.tasks import TaskSettings
from headrace.target_registry import TARGETS
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:  # compiling pays for none of these
    from headrace.contract.explanations import Explanation
    from headrace.contract.service import Remote, Runs
    from headrace.lineage.records import ArtifactLineage, Execution, Id, PipelineRun
    from headrace.lineage.stored_artifacts import Descendants, ModelHistory, StoredArtifact

Rule = Callable[[specs.TaskNode], str | None]
"""Returns what a target cannot do for a task, and what to write instead; None if there is no
problem. The text follows "target NAME"."""


class LineageReader(Protocol):
    """Answers the questions of `headrace lineage`."""

    def runs(self, limit: int) -> "list[PipelineRun]":
        """Returns the latest runs, the newest first, at most `limit`."""

    def run(self, run_id: str) -> "tuple[PipelineRun, Sequence[Execution]]":
        """Returns a run and its executions in the order in which they started."""

    def artifact(self, uri: str, root: Path, most: int | None = None) -> "ArtifactLineage":
        """Returns the artifact at `uri`, which may be shortened by `root`.

        Of its consumers and of those that handed it on, the latest `most` may be enough.
        """


@runtime_checkable
class ArtifactStore(Protocol):
    """A reader of lineage that also answers questions about many artifacts at once."""

    def artifacts(self, kind: str, limit: int) -> "list[StoredArtifact]":
        """Returns the latest artifacts of a type, the newest first, at most `limit`."""

    def models(self, limit: int) -> "list[ModelHistory]":
        """Returns the latest `limit` models with what came of them, the newest first.

        After them, there are the older ones of which a push is the newest at its place.
        """

    def descendants(self, artifact_id: "Id", limit: int) -> "Descendants":
        """Returns what was made of an artifact, at most `limit` executions."""


class Target(ABC):
    """A place where pipelines run.

    The compiler calls the methods in this order: `settings`, `refused_setting`, `equip`,
    `accelerator_name`, `rewrite`, `check_pipeline`, `rules`, `settle_values`, `artifact_type`,
    `finish`, `emit`.
    """

    # Facts.

    @property
    @abstractmethod
    def name(self) -> str:
        """Its value of `--target`, and the name of its tables in the profile."""

    @property
    @abstractmethod
    def sees_files(self) -> bool:
        """Whether tasks see the files of this machine."""

    @property
    @abstractmethod
    def keys_hold_files(self) -> bool:
        """Whether its cache compares data that a component reads beside inputs and parameters.

        If it does not, a task computes a fingerprint, or the cache is turned off.
        """

    @property
    @abstractmethod
    def max_module_chars(self) -> int | None:
        """Most characters of a packed module in a parameter of a run; None for any number."""

    @property
    @abstractmethod
    def rules(self) -> Sequence[Rule]:
        """The rules for single tasks that it cannot run, in their order."""

    @property
    def has_logs(self) -> bool:
        """Whether its service gives the logs of tasks, so that `headrace runs logs` prints them."""
        return False

    @property
    def pause_seconds(self) -> float | None:
        """How often a run is looked at that is watched; None for more and more seldom."""
        return None

    # The profile.

    @abstractmethod
    def runs_images(self, profile: Profile) -> bool:
        """Whether tasks run in the images of the profile, and not in an environment."""

    @abstractmethod
    def settings(self, profile: Profile) -> TargetSettings | None:
        """Returns its own table of the profile; None if the profile has none for it."""

    @abstractmethod
    def refused_setting(self, settings: TaskSettings) -> str | None:
        """Returns the field of a task's settings that it cannot use, like a `Rule`."""

    @abstractmethod
    def accelerator_name(self, neutral: str) -> str | None:
        """Returns its name of an accelerator; None if that is `neutral`."""

    def encryption_key(self, profile: Profile) -> str:  # noqa: ARG002  most have none
        """Returns the Cloud KMS key for all that its tasks write; empty if there is none."""
        return ""

    def pending_timeout_seconds(self, profile: Profile) -> float | None:  # noqa: ARG002
        """Returns how long a task may wait for its machine before the run is cancelled."""
        return None

    # The passes of the compiler that only some targets need, in their order.

    def equip(self, draft: Draft) -> Draft:
        """Returns the pipeline with the settings that its tasks need on this target's machines.

        Accelerators still have their neutral names.
        """
        return draft

    def rewrite(self, draft: Draft) -> Draft:
        """Returns the pipeline without the constructs that kfp compiles wrongly for the target.

        The items of loops are wired. Nothing is checked yet.
        """
        return draft

    @abstractmethod
    def check_pipeline(self, spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:
        """Refuses pipelines that it cannot run as a whole; `rules` are about single tasks.

        Raises:
            CompileError: With what to write instead.
        """

    def settle_values(self, draft: Draft) -> Draft:
        """Returns the pipeline after all decisions that depend on known values of a run.

        Raises:
            CompileError: The target cannot run the pipeline with these values.
        """
        return draft

    def artifact_type(self, declared: Mapping[str, Any], title: str) -> Mapping[str, Any]:
        """Returns an artifact's type in the form that the target registers.

        Args:
            declared: The type as kfp compiles it.
            title: TFX's name of the type, for example `tfx.Examples`.
        """
        return {**declared, "schemaTitle": title}

    def finish(self, draft: Draft) -> Draft:
        """Returns the pipeline after the last passes, which see all that the others wrote."""
        return draft

    @abstractmethod
    def emit(self, draft: Draft) -> Compiled:
        """Returns the document of a pipeline that is through all passes."""

    # Runs.

    @abstractmethod
    def check_run(self, spec: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Refuses values that a run cannot be given.

        Args:
            spec: The pipeline as it was loaded.
            values: Values of the run's parameters, module files packed.

        Raises:
            CompileError: They are too large, or would be changed on the way.
        """

    @abstractmethod
    def check_sizes(self, spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        """Refuses parameters that are too large for the way to a task.

        Args:
            spec: A pipeline after all passes.
            values: Values of run parameters; those that are missing have their defaults.

        Raises:
            CompileError: The message names the largest of them.
        """

    @abstractmethod
    def connect(self, profile: Profile) -> "Remote | None":
        """Returns the service that runs its pipelines; None if there is none.

        Raises:
            InputError: A setting of the profile is missing, or the service's client is not
                installed.
            PlatformError: This machine has no credentials for the service.
        """

    def runs(self, root: Path, profile: Profile) -> "Runs":  # noqa: ARG002  that of a service
        """Returns its runs.

        Args:
            root: Directory of the runs on this machine.
            profile: Names the service.

        Raises:
            InputError: Like `connect`; or there is no such directory, or no service.
            PlatformError: Like `connect`.
        """
        remote = self.connect(profile)
        if remote is None:
            raise InputError(f"headrace: target {self.name!r} has no runs here. Name another.")
        return remote

    @abstractmethod
    def lineage(self, root: Path, metadata: str, config: Path | None) -> LineageReader | None:
        """Returns the reader for the lineage of its runs; None if it is not read here.

        Args:
            root: Directory that runs on this machine wrote to.
            metadata: URL of a metadata store; empty for that of the target.
            config: The profile's file; None for headrace.toml of the current directory.
        """

    def explain(self, root: Path, run_id: str, task: str) -> "Explanation | None":  # noqa: ARG002
        """Returns why a task of a run ended as it did; None if it is not known here.

        Args:
            root: Directory that runs on this machine wrote to.
            run_id: The run.
            task: The task.

        Raises:
            InputError: There is no such run or task.
        """
        return None

    def checks(self, config: Path | None) -> Sequence[Check]:  # noqa: ARG002  most have none
        """Returns what `headrace doctor` finds in the cluster of the target.

        Args:
            config: The profile's file; None for headrace.toml of the current directory.
        """
        return ()


def target_named(name: str) -> Target:
    """Returns a target. Its modules are imported when it is first asked for.

    Raises:
        CompileError: The target does not exist.
    """
    if name not in TARGETS:
        raise CompileError(
            f"compile: target {name!r} is unknown, expected one of {list(TARGETS)}. Name one."
        )
    target: Target = importlib.import_module(f"headrace.targets.{name}.target").TARGET
    return target
