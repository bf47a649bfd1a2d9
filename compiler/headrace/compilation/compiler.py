"""Compiles a pipeline: frontend, passes in their order, backend."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.compilation.passes.absent_inputs import apply_absent_inputs, may_be_absent
from headrace.compilation.passes.beam import apply_beam
from headrace.compilation.passes.collected import check_collected
from headrace.compilation.passes.container_texts import apply_container_texts
from headrace.compilation.passes.default_requests import apply_default_requests
from headrace.compilation.passes.defaults import apply_defaults
from headrace.compilation.passes.dotted_functions import check_dotted_functions
from headrace.compilation.passes.image_imports import check_imports, stock_images
from headrace.compilation.passes.image_references import apply_images
from headrace.compilation.passes.importers import apply_importers
from headrace.compilation.passes.input_fingerprints import (
    KnownFingerprints,
    apply_input_fingerprints,
)
from headrace.compilation.passes.large_artifacts import apply_large_artifacts
from headrace.compilation.passes.lint import check_workspace, lint
from headrace.compilation.passes.loop_items import apply_loop_items
from headrace.compilation.passes.loop_types import apply_loop_types
from headrace.compilation.passes.loop_values import check_loop_values
from headrace.compilation.passes.modules import apply_modules
from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.compilation.passes.parameter_sizes import check_sizes
from headrace.compilation.passes.profile_scope import passed_over
from headrace.compilation.passes.python_messages import apply_python_messages, untranslated
from headrace.compilation.passes.replaced_texts import apply_replaced_texts
from headrace.compilation.passes.resources import (
    apply_accelerators,
    apply_resources,
    check_settings,
)
from headrace.compilation.passes.retries import apply_retries
from headrace.compilation.passes.sub_pipeline_texts import apply_sub_pipeline_texts
from headrace.compilation.passes.task_settings import task_settings
from headrace.compilation.passes.templates import apply_templates
from headrace.compilation.passes.types import apply_types
from headrace.compilation.passes.workers import check_workers
from headrace.errors import CompileError
from headrace.frontend import loading
from headrace.frontend.loading import Frontend, PipelineSource
from headrace.ir import specs
from headrace.profiles.profile import Profile, read_profile
from headrace.targets.kubeflow import emit as kubeflow
from headrace.targets.kubeflow.platform import platform_spec
from headrace.targets.kubeflow.training_jobs import apply_training_jobs
from headrace.targets.registry import TARGETS, Target
from headrace.targets.vertex import emit as vertex
from headrace.targets.vertex.custom_jobs import apply_custom_jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """What a target takes.

    Attributes:
        document: The pipeline as plain JSON data. For `vertex` a PipelineJob, else a PipelineSpec.
        text: What goes into the file: JSON, or YAML for `kubeflow`.
        notes: Lines for the author: what the profile says of other pipelines, and what a target
            does otherwise.
    """

    document: dict[str, Any]
    text: str
    notes: tuple[str, ...] = ()

    def write(self, output: Path) -> None:
        """Writes `text` to `output`, which is there whole or not at all.

        Raises:
            CompileError: The file cannot be written.
        """
        part = output.with_name(f".{output.name}.part")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            if output.exists() and not output.is_file():  # a pipe or a device, as /dev/stdout
                output.write_text(self.text, "utf-8")
                return
            part.write_text(self.text, "utf-8")
            part.replace(output)
        except OSError as error:
            if part.is_file():
                part.unlink()
            raise CompileError(
                f"compile: could not write {str(output)!r}: {error.strerror}. "
                "Free space, or choose another file; what was there before is unchanged."
            ) from error


def compile_pipeline(
    pipeline: PipelineSource,
    *,
    target: Target,
    config: str | Path | Profile | None = None,
    output: str | Path | None = None,
) -> dict[str, Any]:
    """Compiles a pipeline for a target; the same input gives the same bytes.

    Args:
        pipeline: A function decorated with `kfp.dsl.pipeline`, or `PIPELINE.py[:function]`.
        target: `local`, `kubeflow` or `vertex`.
        config: A target profile or its file; None reads `headrace.toml` of the current directory,
            where there is one.
        output: File to write: JSON, or YAML for `kubeflow`.

    Returns:
        The pipeline as plain JSON data. For `vertex` a PipelineJob, else a PipelineSpec.

    Raises:
        CompileError: The pipeline or the profile has to change.
    """
    profile = (
        config if isinstance(config, Profile) else read_profile(Path(config) if config else None)
    )
    compiled = compile_for(loading.load(pipeline), target, profile)
    if output is not None:
        compiled.write(Path(output))
    return compiled.document


def compile_for(
    source: Frontend,
    target: Target,
    profile: Profile,
    values: Mapping[str, Any] | None = None,
    known_fingerprints: KnownFingerprints | None = None,
) -> Compiled:
    """Takes a loaded pipeline through the passes and the backend of `target`.

    Args:
        source: The pipeline.
        target: Where it is to run.
        profile: The settings of the target.
        values: Values of the run's parameters, those that are given; None where they are not known
            yet. On Kubeflow they decide which optional inputs are there.
        known_fingerprints: Returns the fingerprints of input files that are known already, where
            the result is for one run alone; None where none is.

    Raises:
        CompileError: The pipeline or the profile has to change.
    """
    if target not in TARGETS:
        raise CompileError(
            f"compile: target {target!r} is unknown, expected one of {list(TARGETS)}. Name one."
        )
    check_workspace(source.spec, source.platform)
    notes = [] if target == "local" else passed_over(source.spec, target, profile)
    settings = {} if target == "local" else task_settings(source.spec, target, profile)
    check_settings(settings, target, profile.source)
    check_workers(source.spec, settings, profile.source)
    spec = apply_resources(source.spec, settings)
    platform = source.platform
    if target == "kubeflow":
        spec = apply_large_artifacts(spec, profile.kubeflow)
        platform = platform_spec(spec, platform, settings, profile)
    spec = apply_default_requests(spec, target)
    spec = apply_retries(spec, target)
    spec = apply_accelerators(spec, target)
    spec = apply_loop_items(spec)
    if target != "vertex":
        spec = apply_loop_types(spec)
    if target == "kubeflow":
        spec = apply_absent_inputs(spec, values)
    if target == "kubeflow":
        spec = apply_sub_pipeline_texts(spec)
    spec = lint(spec, target, platform)
    if target != "vertex":
        check_loop_values(spec, values)
    if target == "kubeflow":
        check_collected(spec, values)
        spec = apply_importers(spec, values)
    check_dotted_functions(spec, target, profile)
    images = {} if target == "local" else stock_images(spec, profile)
    spec = apply_images(spec, target, profile)
    # Before defaults are written out: what the author passes is told from what nobody does.
    spec = apply_beam(spec, target, settings, profile)
    has_fingerprints = target != "local" and profile.caching.input_fingerprint != "off"
    spec = apply_defaults(spec, target, has_fingerprints=has_fingerprints)
    spec = apply_modules(spec, target, source.directory)
    check_parameters(spec)
    check_imports(spec, images)
    spec = apply_types(spec, target)
    spec = apply_templates(spec)
    if has_fingerprints:
        spec, platform = apply_input_fingerprints(spec, platform, known_fingerprints)
    if target == "kubeflow":
        spec = apply_python_messages(spec)
        notes += [*untranslated(spec), *(may_be_absent(spec) if values is None else ())]
        spec = apply_replaced_texts(spec)
        spec = apply_container_texts(spec)
        spec, platform = apply_training_jobs(spec, platform, settings, profile)
        check_sizes(spec, target)
        documents = kubeflow.documents(spec, platform, profile)
        return Compiled(
            document=documents[0], text=kubeflow.yaml_text(documents), notes=tuple(notes)
        )
    if target == "vertex":
        spec = apply_custom_jobs(spec, settings, profile)
        check_sizes(spec, target)
        spec = vertex.pipeline_job(spec, profile, source.directory)
    return Compiled(document=spec, text=specs.canonical_json(spec), notes=tuple(notes))
