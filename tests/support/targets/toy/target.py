"""The target `toy`: a pipeline as a Python file, for a service that only runs in Tokyo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.compilation.passes import target_limits
from headrace.contract.compiled import Compiled
from headrace.contract.draft import Draft
from headrace.contract.service import Remote
from headrace.contract.target import Target
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings
from headrace_components.contract.errors import PlatformError

from .settings import Toy


def _loops(node: specs.TaskNode) -> str | None:
    return "does not loop. Write each task." if "parameterIterator" in node.task else None


class ToyTarget(Target):
    """Runs images, and does not see files of this machine."""

    name = "toy"
    sees_files = False
    keys_hold_files = False
    max_module_chars = 100
    rules = (target_limits.negative_retries, _loops)

    def runs_images(self, profile: Profile) -> bool:
        return bool(profile.table_of(Toy).owner)

    def settings(self, profile: Profile) -> Toy:
        return profile.table_of(Toy)

    def refused_setting(self, settings: TaskSettings) -> str | None:
        return "has no `shm`. Remove it." if settings.shm else None

    def accelerator_name(self, neutral: str) -> str | None:
        return neutral.replace("nvidia-", "toy-")

    def check_pipeline(self, spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:  # noqa: ARG002
        target_limits.check_given_artifacts(spec, self)

    def check_sizes(self, spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        pass

    def emit(self, draft: Draft) -> Compiled:
        owner = draft.profile.table_of(Toy).owner
        document = {"owner": owner, "pipeline": dict(draft.spec)}
        text = f"PIPELINE = {document!r}\n"
        return Compiled(spec=draft.spec, document=document, text=text, notes=draft.notes)

    def check_run(self, spec: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        pass

    def connect(self, profile: Profile) -> Remote:  # noqa: ARG002
        raise PlatformError("toy: Tokyo does not answer. Try again tomorrow.")

    def lineage(self, root: Path, metadata: str, config: Path | None) -> None:
        pass


TARGET: Target = ToyTarget()
