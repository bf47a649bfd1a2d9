"""From a pipeline and the parameters of a run to the order for a service."""

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.defaults import apply_defaults
from headrace.compilation.passes.image_imports import check_imports, stock_images
from headrace.compilation.passes.modules import apply_modules, pack_parameters
from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.compilation.passes.profile_scope import profile_parameters
from headrace.contract.service import Order
from headrace.contract.target import target_named
from headrace.frontend import loading
from headrace.ir import run_parameters, specs
from headrace.ir.view import ComponentSpec
from headrace.profiles.caching import Caching
from headrace.profiles.profile import Profile
from headrace.targets.remote.fingerprints import FingerprintsAtSubmit
from headrace_components.contract.errors import InputError

_COMMAND = "headrace submit"


def order_of(
    pipeline: loading.PipelineSource,
    target: str,
    profile: Profile,
    parameters: Iterable[str] | Mapping[str, Any],
    *,
    run_id: str = "",
    use_cache: bool = True,
    is_recurring: bool = False,
    flags: Sequence[str] = (),
) -> Order:
    """Compiles a pipeline and takes its run parameters from the profile and the caller.

    Args:
        pipeline: `PIPELINE.py[:name]`, a function decorated with `kfp.dsl.pipeline`, or a
            `tfx.dsl.Pipeline`.
        target: Name of the target that it is to run on.
        profile: Its settings; those of the target have values of run parameters, whose module
            files are relative to the pipeline file.
        parameters: More of them, which win: by name, or as texts `name=value`. Their module files
            are relative to the current directory.
        run_id: The name for the run.
        use_cache: Whether a task may be answered by an earlier one like it.
        is_recurring: Whether it is for runs of a schedule, which find other files each.
        flags: What the file of a TFX pipeline finds on its command line.

    Raises:
        InputError: There is a mistake in the pipeline, the profile or a parameter.
    """
    with redirect_stdout(sys.stderr):  # the output of the author's file is not part of our answer
        source = loading.load(pipeline, command=_COMMAND, flags=flags)
    chosen = target_named(target)
    if not use_cache:
        profile = dataclasses.replace(profile, caching=Caching(input_fingerprint="off"))
    _check_given_artifacts(source.spec)
    preset = profile_parameters(source.spec, chosen, profile)
    root = ComponentSpec(name=specs.pipeline_name(source.spec), body=source.spec["root"])
    if isinstance(parameters, Mapping):
        run_parameters.check_given(parameters, root, _COMMAND)
        given = dict(parameters)
    else:
        given = run_parameters.from_command_line(parameters, root, _COMMAND)
    values = {
        **pack_parameters(source.spec, preset, chosen, source.directory),
        **pack_parameters(source.spec, given, chosen, Path.cwd()),
    }
    run_parameters.checked(values, root, _COMMAND)
    compiled = compile_for(source, target, profile, values)
    spec = apply_modules(apply_defaults(source.spec, chosen), chosen, source.directory)
    check_parameters(spec, values)
    if chosen.runs_images(profile):
        check_imports(spec, stock_images(spec, profile), values)
    chosen.check_run(source.spec, values)
    chosen.check_sizes(compiled.spec, values)
    fingerprints = FingerprintsAtSubmit(values=values)
    if profile.caching.input_fingerprint == "submit" and not is_recurring:
        compiled = compile_for(source, target, profile, values, fingerprints)
    return Order(
        compiled=compiled,
        parameters=values,
        run_id=run_id,
        use_cache=use_cache,
        fingerprints=fingerprints.described(compiled.spec),
    )


def _check_given_artifacts(spec: specs.Spec) -> None:
    for port, definition in specs.artifacts(spec["root"]).items():
        if not definition.get("isOptional"):
            raise InputError(
                f"{_COMMAND}: pipeline {specs.pipeline_name(spec)!r} takes an artifact as its "
                f"input `{port}`, but parameters are all that a run is given. Pass the artifact's "
                "URI as a string, and import it with dsl.importer."
            )
