"""Compiles a pipeline: frontend, passes in their order, backend."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.compilation.passes.beam import apply_beam
from headrace.compilation.passes.defaults import apply_defaults
from headrace.compilation.passes.dotted_functions import check_dotted_functions
from headrace.compilation.passes.image_imports import check_imports, stock_images
from headrace.compilation.passes.image_references import apply_images
from headrace.compilation.passes.input_fingerprints import (
    KnownFingerprints,
    apply_input_fingerprints,
)
from headrace.compilation.passes.lint import check_workspace, lint
from headrace.compilation.passes.loop_items import apply_loop_items
from headrace.compilation.passes.modules import apply_modules
from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.compilation.passes.profile_scope import passed_over
from headrace.compilation.passes.resources import (
    apply_accelerators,
    apply_resources,
    check_settings,
)
from headrace.compilation.passes.task_settings import task_settings
from headrace.compilation.passes.templates import apply_templates
from headrace.compilation.passes.types import apply_types
from headrace.compilation.passes.workers import check_workers
from headrace.contract.compiled import Compiled
from headrace.contract.draft import Draft
from headrace.contract.target import Target, target_named
from headrace.frontend import loading
from headrace.frontend.loading import Frontend, PipelineSource
from headrace.profiles.profile import Profile, read_profile
from headrace.target_registry import TargetName, with_service


def compile(  # noqa: A001  authors see this name
    pipeline: PipelineSource,
    *,
    target: TargetName,
    config: str | Path | Profile | None = None,
    output: str | Path | None = None,
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """Compiles a pipeline for a target; the same input gives the same bytes.

    Args:
        pipeline: `PIPELINE.py[:name]`, a function decorated with `kfp.dsl.pipeline`, or a
            `tfx.dsl.Pipeline`.
        target: `local`, `kubeflow` or `vertex`.
        config: A target profile or its file; None reads `headrace.toml` of the current directory,
            if it exists.
        output: File to write: JSON, or YAML for `kubeflow`.
        flags: What the file of a TFX pipeline finds on its command line, as `["--steps=100"]`.

    Returns:
        The pipeline as plain JSON data. For `vertex` a PipelineJob, else a PipelineSpec.

    Raises:
        CompileError: There is a mistake in the pipeline or the profile.
    """
    profile = (
        config if isinstance(config, Profile) else read_profile(Path(config) if config else None)
    )
    compiled = compile_for(loading.load(pipeline, flags=flags), target, profile)
    if output is not None:
        compiled.write(Path(output))
    return compiled.document


def compile_for(
    source: Frontend,
    target: str,
    profile: Profile,
    values: Mapping[str, Any] | None = None,
    known_fingerprints: KnownFingerprints | None = None,
) -> Compiled:
    """Takes a loaded pipeline through the passes and the backend of `target`.

    Args:
        source: The pipeline.
        target: Name of the target that it is to run on.
        profile: The settings of the target.
        values: The given values of the run's parameters; None if they are not known yet. On
            Kubeflow they decide which optional inputs have a value.
        known_fingerprints: Returns the fingerprints of input files that are already known, if the
            result is for one run only; None if there are none.

    Raises:
        CompileError: There is a mistake in the pipeline or the profile.
    """
    chosen = target_named(target)
    with source.named():
        draft = _begin(source, chosen, profile, values)
        draft = _give_resources(draft, chosen)
        draft = _lint(draft, chosen)
        draft = _fill_in(draft, chosen)
        draft = _complete(draft, chosen, known_fingerprints)
        draft = chosen.finish(draft)
        chosen.check_sizes(draft.spec)
        return chosen.emit(draft)


def _begin(
    source: Frontend, target: Target, profile: Profile, values: Mapping[str, Any] | None
) -> Draft:
    """Returns the pipeline together with the profile's settings for it."""
    check_workspace(source.spec, source.platform)
    has_settings = target.settings(profile) is not None
    return Draft(
        spec=source.spec,
        platform=source.platform,
        settings=task_settings(source.spec, target, profile) if has_settings else {},
        profile=profile,
        directory=source.directory,
        values=values,
        notes=(
            *source.notes,
            *(passed_over(source.spec, target, profile) if has_settings else ()),
            *_paths_of_here(source, target, profile),
        ),
    )


def _paths_of_here(source: Frontend, target: Target, profile: Profile) -> tuple[str, ...]:
    if source.tfx is None or target.name not in with_service():
        return ()
    # Imported here: a kfp pipeline does not need it.
    from headrace.compilation.passes.local_paths import local_paths

    start = f"{source.tfx.file}: " if source.tfx.file else ""
    found = local_paths(source.spec, source.tfx.nodes, target, profile)
    return tuple(f"{start}{note}" for note in found)


def _give_resources(draft: Draft, target: Target) -> Draft:
    """Gives tasks their machines, retries, caches and variables."""
    check_settings(draft.settings, target, draft.profile.source)
    check_workers(draft.spec, draft.settings, draft.profile.source)
    draft = _with(draft, apply_resources(draft.spec, draft.settings))
    draft = target.equip(draft)
    return _with(draft, apply_accelerators(draft.spec, target))


def _lint(draft: Draft, target: Target) -> Draft:
    """Repairs what kfp compiles wrongly, and refuses what cannot be repaired or run."""
    draft = target.rewrite(_with(draft, apply_loop_items(draft.spec)))
    draft = _with(draft, lint(draft.spec, target, draft.platform))
    return target.settle_values(draft)


def _fill_in(draft: Draft, target: Target) -> Draft:
    """Writes what tasks run: images, Beam's command lines, parameters and module files."""
    spec, profile = draft.spec, draft.profile
    check_dotted_functions(spec, target, profile)
    images = stock_images(spec, profile) if target.runs_images(profile) else {}
    spec = apply_images(spec, target, profile)
    # Before defaults are written out: those would look like values that the author passes.
    spec = apply_beam(spec, target, draft.settings, profile)
    spec = apply_defaults(spec, target, has_fingerprints=_takes_fingerprints(draft, target))
    spec = apply_modules(spec, target, draft.directory)
    check_parameters(spec)
    check_imports(spec, images)
    return _with(draft, spec)


def _complete(draft: Draft, target: Target, known_fingerprints: KnownFingerprints | None) -> Draft:
    """Gives artifacts the target's type names, and leaves to the run what only the run knows."""
    spec = apply_templates(apply_types(draft.spec, target))
    if not _takes_fingerprints(draft, target):
        return _with(draft, spec)
    spec, platform = apply_input_fingerprints(spec, draft.platform, known_fingerprints)
    return dataclasses.replace(draft, spec=spec, platform=platform)


def _takes_fingerprints(draft: Draft, target: Target) -> bool:
    return not target.keys_hold_files and draft.profile.caching.input_fingerprint != "off"


def _with(draft: Draft, spec: Mapping[str, Any]) -> Draft:
    return dataclasses.replace(draft, spec=spec)
