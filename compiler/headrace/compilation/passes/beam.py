"""Writes Beam's command line for tasks that the profile runs on Beam.

Only options that are the same in each run are written. Others, such as the job's name, are left to
the task, so that a cache still recognizes it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import specs as ir
from headrace.ir.specs import Spec
from headrace.profiles.beam import BeamRunner
from headrace.profiles.labels import label_value
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import ScopedSettings, TaskPath

PARAMETER = "beam_pipeline_args"

# Roots that only the launcher of Kubeflow can open.
_UNKNOWN_TO_BEAM = ("minio://", "oci://")

# How long Flink keeps a worker without work. Between two steps of a job there are moments when none
# runs; without this, Flink would end the worker then, and the next one would import TensorFlow
# again.
_WORKER_IDLE_MILLIS = 60_000


def apply_beam(
    spec: Mapping[str, Any],
    target: Target,
    settings: Mapping[TaskPath, ScopedSettings],
    profile: Profile,
) -> Spec:
    """Returns `spec` with `beam_pipeline_args` for tasks with a table [beam.NAME] in the profile.

    A value that the pipeline passes takes precedence over settings for several tasks; [tasks.NAME]
    for this task takes precedence over it.

    Args:
        spec: A pipeline whose images are pinned and whose defaults are not yet written out.
        target: Where it is to run.
        settings: The profile's settings for its tasks; ignored on this machine, because workers
            elsewhere do not see its files.
        profile: Has the tables that these name.

    Raises:
        CompileError: The profile names a table for a component that cannot run on Beam, or the
            table lacks a field that its runner needs.
    """
    result: Spec = ir.copy(spec)
    for node in ir.tasks(result):
        scoped = settings.get(node.path)
        name = _wanted(node, scoped, profile) if scoped else None
        if name is not None:
            args = _arguments(name, node, target, profile, ir.pipeline_name(result)) if name else []
            inputs = node.task.setdefault("inputs", {}).setdefault("parameters", {})
            inputs[PARAMETER] = {"runtimeValue": {"constant": args}}
    return result


def _wanted(node: ir.TaskNode, scoped: ScopedSettings, profile: Profile) -> str | None:
    """Returns the name of the task's table, empty for none; None leaves the task unchanged."""
    component = node.headrace_name
    takes = component is not None and PARAMETER in ir.parameters(node.component)
    if not takes:
        named = scoped.own.beam or scoped.component.beam
        if named:
            raise CompileError(
                f"{profile.source}: `beam` is {named!r} for task `{node.label}`, but "
                f"{component or 'its component'} has nothing to run on Beam. These have: "
                f"{_takers()}. Remove the setting."
            )
        return None
    if scoped.own.beam is not None:
        return scoped.own.beam
    if PARAMETER in ir.parameter_inputs(node.task):
        return None  # the pipeline sets it
    return scoped.general.beam


def _takers() -> list[str]:
    from headrace_components import catalog  # here: it imports kfp, and only an error needs it

    specs = {name: getattr(catalog, name).component_spec for name in catalog.__all__}
    return [name for name, spec in specs.items() if PARAMETER in (spec.inputs or {})]


def _arguments(
    name: str, node: ir.TaskNode, target: Target, profile: Profile, pipeline: str
) -> list[str]:
    runner = profile.beam[name]
    settings = target.settings(profile)
    root = settings.pipeline_root if settings else ""
    where = f"{profile.source}: [beam.{name}]"
    if runner.runner != "direct" and root.startswith(_UNKNOWN_TO_BEAM):
        raise CompileError(
            f"{where} is a {runner.runner!r} runner, but `pipeline_root` is {root!r}, which its "
            "workers cannot open, expected gs:// or s3://. Change one of them."
        )
    if runner.runner == "dataflow":
        labels = {
            "headrace-pipeline": label_value(pipeline),
            "headrace-task": label_value(node.name),
        }
        image: str = node.container["image"]
        key = runner.encryption_key or target.encryption_key(profile)
        given = [
            *_dataflow(runner, where, profile, root, image),
            *_options(dataflow_kms_key=key),
            *_labels({**labels, **runner.labels}),
        ]
    elif runner.runner == "direct":
        given = list(_direct(runner))
    else:
        given = list(_portable(runner, node.container["image"]))
    return [*given, *runner.options]


def _dataflow(
    runner: BeamRunner, where: str, profile: Profile, root: str, image: str
) -> Iterator[str]:
    its_project, its_region = profile.google_cloud
    project, region = runner.project or its_project, runner.region or its_region
    temporary = runner.temp_location
    if not temporary and root.startswith("gs://"):
        temporary = f"{root.rstrip('/')}/beam"
    for setting, value in (("project", project), ("region", region), ("temp_location", temporary)):
        if not value:
            raise CompileError(
                f"{where} lacks `{setting}`, which Dataflow needs. Add it there"
                + (
                    ", or to [vertex]."
                    if setting != "temp_location"
                    else ", for example 'gs://bucket/beam'."
                )
            )
    yield "--runner=DataflowRunner"
    yield from _options(
        project=project,
        region=region,
        temp_location=temporary,
        staging_location=runner.staging_location,
        # Workers unpickle what the component sends, so they need the same image.
        sdk_container_image=image,
        sdk_location="container",
        service_account_email=runner.service_account,
        network=runner.network,
        subnetwork=runner.subnetwork,
        machine_type=runner.machine_type,
        disk_size_gb=runner.disk_size_gb,
        num_workers=runner.num_workers,
        max_num_workers=runner.max_workers,
        autoscaling_algorithm=runner.autoscaling,
        flexrs_goal=runner.flexrs,
    )
    yield "--use_public_ips" if runner.public_ips else "--no_use_public_ips"


def _portable(runner: BeamRunner, image: str) -> Iterator[str]:
    environment = runner.environment or "DOCKER"
    yield "--runner=PortableRunner"
    yield from _options(
        job_endpoint=runner.job_endpoint,
        artifact_endpoint=runner.artifact_endpoint,
        environment_type=environment,
        environment_config=runner.environment_config or (image if environment == "DOCKER" else ""),
        parallelism=runner.parallelism,
        environment_cache_millis=_WORKER_IDLE_MILLIS if runner.runner == "flink" else None,
        flink_rest=runner.rest,
    )


def _direct(runner: BeamRunner) -> Iterator[str]:
    yield "--runner=DirectRunner"
    if runner.processes > 1:
        yield "--direct_running_mode=multi_processing"
        yield f"--direct_num_workers={runner.processes}"


def _options(**values: str | int | None) -> Iterator[str]:
    for name, value in values.items():
        if value not in ("", None):
            yield f"--{name}={value}"


def _labels(labels: Mapping[str, str]) -> Iterator[str]:
    for key, value in sorted(labels.items()):
        yield f"--labels={key}={value}"
