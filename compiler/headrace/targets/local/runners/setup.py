"""Prepares what a run needs from its runner, before the run starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.compilation.passes.image_imports import check_imports, stock_images
from headrace.compilation.passes.image_references import images_to_run
from headrace.compilation.passes.profile_scope import passed_over
from headrace.contract.target import target_named
from headrace.ir.view import Pipeline
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.local.cache.code_versions import CodeVersions, InstalledCode
from headrace.targets.local.runners.container_images import ImageCode, image_ids, images_of
from headrace.targets.local.runners.containers import ContainerRunner
from headrace.targets.local.runners.host import HostRunner
from headrace.targets.local.runners.interpreters import check_interpreters
from headrace.targets.local.runners.runner import Runner
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.options import CONTAINER_RUNNERS, RunnerName


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A pipeline and the runner that it is ready for.

    Attributes:
        name: The runner.
        body: The pipeline; with images that can be run, if the runner runs images.
        code: The code of the components under this runner.
        containers: The author's wishes for containers.
        ids: IDs of the images by reference.
    """

    name: RunnerName
    body: Mapping[str, Any]
    code: CodeVersions
    containers: ContainerOptions = field(default_factory=ContainerOptions)
    ids: Mapping[str, str] = field(default_factory=dict)

    def runner(
        self,
        *,
        root: Path,
        directory: Path,
        logs: Path,
        run_id: str,
        notify: Callable[[str], None],
        keep_worker: bool = False,
    ) -> Runner:
        """Returns the runner for one run.

        Args:
            root: The pipeline root.
            directory: The directory that the run was started in.
            logs: Where the runner's own logs go.
            run_id: The run.
            notify: Gets a line about each slow step besides the tasks.
            keep_worker: As in `Options`.
        """
        if self.name not in CONTAINER_RUNNERS:
            return HostRunner(self.name, directory, logs, notify, keep_worker=keep_worker)
        return ContainerRunner(
            engine=self.name,
            ids=self.ids,
            options=self.containers,
            root=root,
            directory=directory,
            logs=logs,
            run_id=run_id,
        )


def prepare(
    name: RunnerName,
    body: Mapping[str, Any],
    values: Mapping[str, Any],
    containers: ContainerOptions,
    notify: Callable[[str], None],
) -> Setup:
    """Finds out whether a runner can run a pipeline's components here, and pulls images.

    Args:
        name: The runner.
        body: The pipeline.
        values: Values of its parameters.
        containers: The author's wishes for containers.
        notify: Gets a line about each image that is pulled, and about settings for other pipelines.

    Raises:
        InputError: This machine lacks something that the runner needs, an image or its environment
            lacks an import of a module, or the profile has an error.
        PlatformError: The engine does not answer, or an image cannot be pulled.
    """
    if name in CONTAINER_RUNNERS:
        profile = read_profile(containers.config)
        for line in passed_over(body, target_named("local"), profile):
            notify(line)
        check_imports(body, stock_images(body, profile), values)
        runnable = images_to_run(body, profile)
        ids = image_ids(name, images_of(Pipeline(body=runnable)), notify)
        return Setup(
            name=name, body=runnable, code=ImageCode(ids=ids), containers=containers, ids=ids
        )
    if name == "venv":
        check_imports(body, stock_images(body, Profile()), values)
        check_interpreters(Pipeline(body=body).headrace_names())
    return Setup(name=name, body=body, code=InstalledCode(from_locks=name == "venv"))
