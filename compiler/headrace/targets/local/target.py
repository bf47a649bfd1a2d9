"""The target `local`: this machine."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compilation.passes import target_limits
from headrace.compilation.passes.loop_types import apply_loop_types
from headrace.compilation.passes.loop_values import check_loop_values
from headrace.contract.compiled import Compiled
from headrace.contract.draft import Draft
from headrace.contract.explanations import Explanation
from headrace.contract.target import LineageReader, Target
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskSettings

if TYPE_CHECKING:
    from headrace.contract.service import Runs


class LocalTarget(Target):
    """This machine: the pipeline in JSON, which `headrace run` takes."""

    name = "local"
    sees_files = True
    keys_hold_files = True
    max_module_chars = None
    has_logs = True
    pause_seconds = 0.5
    rules = (
        target_limits.whole_artifact,
        target_limits.foreign_executor,
        target_limits.negative_retries,
        target_limits.argument_without_value,
    )

    def runs_images(self, profile: Profile) -> bool:  # noqa: ARG002
        """Returns False. A runner that runs images finds them itself."""
        return False

    def settings(self, profile: Profile) -> None:
        """Returns None: the profile is about machines elsewhere."""

    def refused_setting(self, settings: TaskSettings) -> str | None:  # noqa: ARG002
        """Returns None: no setting has an effect."""
        return None

    def accelerator_name(self, neutral: str) -> str | None:  # noqa: ARG002
        """Returns None: no task gets one."""
        return None

    def rewrite(self, draft: Draft) -> Draft:
        """Types the items of loops."""
        return dataclasses.replace(draft, spec=apply_loop_types(draft.spec))

    def check_pipeline(self, spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuses a pipeline that takes an artifact."""
        target_limits.check_given_artifacts(spec, self)

    def settle_values(self, draft: Draft) -> Draft:
        """Checks the items of loops."""
        check_loop_values(draft.spec, draft.values)
        return draft

    def emit(self, draft: Draft) -> Compiled:
        """Returns the pipeline itself."""
        spec = dict(draft.spec)
        text = specs.canonical_json(spec)
        return Compiled(spec=spec, document=spec, text=text, notes=draft.notes)

    def check_run(self, spec: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Refuses nothing: large values reach tasks in files."""

    def check_sizes(self, spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        """Refuses nothing, for the same reason."""

    def connect(self, profile: Profile) -> None:
        """Returns None: `headrace run` runs pipelines here."""

    def runs(self, root: Path, profile: Profile) -> "Runs":  # noqa: ARG002
        """Returns the runs under a root."""
        from headrace.targets.local.history import LocalRuns

        return LocalRuns(root)

    def lineage(self, root: Path, metadata: str, config: Path | None) -> LineageReader:  # noqa: ARG002
        """Returns the reader for the store of the runs on this machine."""
        from headrace.lineage.local_store.connection import default_url
        from headrace.lineage.local_store.reader import StoreLineage

        return StoreLineage(metadata or default_url(root))

    def explain(self, root: Path, run_id: str, task: str) -> Explanation:
        """Returns why a task of a run on this machine ended as it did."""
        from headrace.targets.local.explaining import explain
        from headrace.targets.local.records.store import RunStore

        return explain(RunStore.find(root, run_id), task)


TARGET: Target = LocalTarget()
