"""The target `kubeflow`: Kubeflow Pipelines on a cluster of Kubernetes."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compilation.passes.loop_types import apply_loop_types
from headrace.compilation.passes.loop_values import check_loop_values
from headrace.compilation.passes.searched_tasks import apply_searched_tasks
from headrace.compilation.passes.target_limits import check_given_artifacts
from headrace.contract.checks import Check
from headrace.contract.compiled import Compiled
from headrace.contract.draft import Draft
from headrace.contract.target import LineageReader, Target
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.kubeflow import emit, limits, sizes
from headrace.targets.kubeflow.passes.absent_inputs import apply_absent_inputs, may_be_absent
from headrace.targets.kubeflow.passes.collected import check_collected
from headrace.targets.kubeflow.passes.container_texts import apply_container_texts
from headrace.targets.kubeflow.passes.default_requests import apply_default_requests
from headrace.targets.kubeflow.passes.importers import apply_importer_names, apply_importers
from headrace.targets.kubeflow.passes.large_artifacts import apply_large_artifacts
from headrace.targets.kubeflow.passes.pods import platform_spec
from headrace.targets.kubeflow.passes.python_messages import apply_python_messages, untranslated
from headrace.targets.kubeflow.passes.replaced_texts import apply_replaced_texts, check_data
from headrace.targets.kubeflow.passes.retries import apply_retries
from headrace.targets.kubeflow.passes.sub_pipeline_texts import apply_sub_pipeline_texts
from headrace.targets.kubeflow.passes.training_jobs import apply_training_jobs
from headrace.targets.kubeflow.settings import Kubeflow

if TYPE_CHECKING:  # compiling pays for none of these
    from headrace.contract.service import Remote


class KubeflowTarget(Target):
    """Kubeflow Pipelines: a pipeline in YAML, and Kubernetes settings for the pods of its tasks."""

    name = "kubeflow"
    sees_files = False
    keys_hold_files = False
    max_module_chars = 10_000  # of a run parameter: kubeflow/pipelines#12510
    rules = limits.RULES
    has_logs = True

    def runs_images(self, profile: Profile) -> bool:  # noqa: ARG002
        """Returns True: pods run images alone."""
        return True

    def settings(self, profile: Profile) -> Kubeflow:
        """Returns the table [kubeflow]."""
        return profile.table_of(Kubeflow)

    refused_setting = staticmethod(limits.refused_setting)
    accelerator_name = staticmethod(limits.accelerator_name)

    def pending_timeout_seconds(self, profile: Profile) -> float | None:
        """Returns `pending_timeout`."""
        return profile.table_of(Kubeflow).pending_timeout_seconds

    def equip(self, draft: Draft) -> Draft:
        """Writes the settings of large artifacts, pods, requests and retries."""
        spec = apply_large_artifacts(draft.spec, draft.profile.table_of(Kubeflow))
        platform = platform_spec(spec, draft.platform, draft.settings, draft.profile)
        spec = apply_retries(apply_default_requests(spec))
        return dataclasses.replace(draft, spec=spec, platform=platform)

    def rewrite(self, draft: Draft) -> Draft:
        """Names tasks by their keys, types items of loops, and drops absent inputs and texts."""
        spec = apply_searched_tasks(apply_importer_names(draft.spec))
        spec = apply_absent_inputs(apply_loop_types(spec), draft.values)
        return dataclasses.replace(draft, spec=apply_sub_pipeline_texts(spec))

    def check_pipeline(self, spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuses a pipeline that takes an artifact."""
        check_given_artifacts(spec, self)

    def settle_values(self, draft: Draft) -> Draft:
        """Checks items of loops and collected outputs, and fills in the metadata of importers."""
        check_loop_values(draft.spec, draft.values)
        check_collected(draft.spec, draft.values)
        return dataclasses.replace(draft, spec=apply_importers(draft.spec, draft.values))

    def finish(self, draft: Draft) -> Draft:
        """Writes the messages to tasks, and turns tasks on several machines into training jobs."""
        spec = apply_python_messages(draft.spec)
        notes = [*untranslated(spec), *(may_be_absent(spec) if draft.values is None else ())]
        spec = apply_container_texts(apply_replaced_texts(spec))
        spec, platform = apply_training_jobs(spec, draft.platform, draft.settings, draft.profile)
        return dataclasses.replace(
            draft, spec=spec, platform=platform, notes=(*draft.notes, *notes)
        )

    def emit(self, draft: Draft) -> Compiled:
        """Returns the pipeline in YAML, followed by its platform spec if there is one."""
        documents = emit.documents(draft.spec, draft.platform, draft.profile)
        text = emit.yaml_text(documents)
        return Compiled(spec=documents[0], document=documents[0], text=text, notes=draft.notes)

    def check_run(self, spec: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Refuses values that are too large, or that Kubeflow would replace a part of."""
        sizes.check_run_size(values)
        check_data(spec, values, "headrace submit: parameter")

    def check_sizes(self, spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        """Refuses sizes that Argo and Kubernetes cannot store."""
        sizes.check_sizes(spec, self.name, values)

    def connect(self, profile: Profile) -> "Remote":
        """Returns the installation that the profile names."""
        from headrace.targets.kubeflow.submit import connect

        return connect(profile)

    def lineage(self, root: Path, metadata: str, config: Path | None) -> LineageReader:  # noqa: ARG002
        """Returns the reader for the lineage of the cluster."""
        from headrace.targets.kubeflow.lineage_reader import reader

        return reader(read_profile(config), metadata)

    def checks(self, config: Path | None) -> Sequence[Check]:
        """Returns checks of the cluster's settings that runs need."""
        from headrace.targets.kubeflow.doctor import checks

        return checks(config)


TARGET: Target = KubeflowTarget()
