"""The target `vertex`: Vertex AI Pipelines."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compilation.passes.modules import pack_parameters
from headrace.compilation.passes.parameter_sizes import messages
from headrace.compilation.passes.profile_scope import profile_parameters
from headrace.compilation.passes.searched_tasks import apply_searched_tasks
from headrace.contract.compiled import Compiled
from headrace.contract.draft import Draft
from headrace.contract.target import Target
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.targets.vertex import limits
from headrace.targets.vertex.custom_jobs import apply_custom_jobs
from headrace.targets.vertex.emit import pipeline_job, pipeline_root
from headrace.targets.vertex.settings import Vertex

if TYPE_CHECKING:  # compiling pays for none of these
    from headrace.contract.service import Remote


class VertexTarget(Target):
    """Vertex AI Pipelines: a PipelineJob in JSON."""

    name = "vertex"
    sees_files = False
    keys_hold_files = False
    max_module_chars = 10_000  # as on Kubeflow, so that a pipeline runs on both
    rules = limits.RULES

    def runs_images(self, profile: Profile) -> bool:  # noqa: ARG002
        """Returns True: machines run images alone."""
        return True

    def settings(self, profile: Profile) -> Vertex:
        """Returns the table [vertex]."""
        return profile.table_of(Vertex)

    refused_setting = staticmethod(limits.refused_setting)
    accelerator_name = staticmethod(limits.accelerator_name)
    check_pipeline = staticmethod(limits.check_pipeline)

    def encryption_key(self, profile: Profile) -> str:
        """Returns `encryption_key`."""
        return profile.table_of(Vertex).encryption_key

    def artifact_type(self, declared: Mapping[str, Any], title: str) -> Mapping[str, Any]:  # noqa: ARG002
        """Returns the type as TFX itself sends it: a custom one is registered by its schema."""
        # A proto oneof: no title or version may be beside it.
        return {"instanceSchema": f"title: {title}\ntype: object\n"}

    def rewrite(self, draft: Draft) -> Draft:
        """Names the tasks for which components search by their keys."""
        return dataclasses.replace(draft, spec=apply_searched_tasks(draft.spec))

    def finish(self, draft: Draft) -> Draft:
        """Makes custom jobs of the tasks whose settings ask for machines."""
        return dataclasses.replace(
            draft, spec=apply_custom_jobs(draft.spec, draft.settings, draft.profile)
        )

    def emit(self, draft: Draft) -> Compiled:
        """Returns the body of a request that makes a PipelineJob."""
        root = pipeline_root(draft.spec, draft.profile)
        given = profile_parameters(draft.spec, self, draft.profile)
        values = pack_parameters(draft.spec, given, self, draft.directory)
        job = pipeline_job(draft.spec, root, values, draft.profile)
        text = specs.canonical_json(job)
        return Compiled(spec=draft.spec, document=job, text=text, notes=draft.notes)

    def check_run(self, spec: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Refuses nothing: `check_sizes` has the limits of tasks, and a run has none."""

    def check_sizes(self, spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        """Refuses a message that is longer than an argument of a process may be."""
        for message in messages(spec, values):
            if message.is_sent:
                message.check_argument(self.name)

    def connect(self, profile: Profile) -> "Remote":
        """Returns the pipelines of the profile's project and region."""
        from headrace.targets.vertex.submit import connect

        return connect(profile)

    def lineage(self, root: Path, metadata: str, config: Path | None) -> None:
        """Returns None: the console of Vertex AI shows it."""


TARGET: Target = VertexTarget()
