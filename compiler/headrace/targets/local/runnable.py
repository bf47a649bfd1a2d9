"""From a pipeline, in any form, to one that is ready to run on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.loading import PipelineSource, RunDefaults
from headrace.ir.validation.checks import check_spec
from headrace.ir.validation.expressions import check_expressions
from headrace.ir.validation.reading import read_documents
from headrace.ir.validation.structure import check_platform, named
from headrace.targets.local.notices import foreign_tasks, settings_without_effect
from headrace.targets.local.shared.beside_the_file import with_paths_beside
from headrace.targets.local.shared.options import DEFAULT_ROOT
from headrace_components.contract.errors import InputError

_IR_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
_COMMAND = "headrace run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Runnable:
    """A pipeline that is ready to run.

    Attributes:
        spec: The pipeline as `PipelineSpec` data.
        parameters: Values of run parameters that came with it.
        notices: Messages for the person who starts it, line by line.
        defaults: Where its runs go, if the person does not say.
    """

    spec: dict[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    defaults: RunDefaults = field(default_factory=RunDefaults)

    def root(self, given: str | Path | None) -> Path:
        """Returns the directory of runs: the one that is given, else that of the pipeline."""
        return Path(given or self.defaults.root or DEFAULT_ROOT)

    def metadata(self, given: str) -> str:
        """Returns the URL of the lineage database likewise; empty for that of the root."""
        return given or self.defaults.metadata


def packed(
    spec: Mapping[str, Any], values: Mapping[str, Any], directory: Path | None = None
) -> dict[str, Any]:
    """Returns run parameters with module files packed: a run carries its code.

    Args:
        spec: The pipeline.
        values: The parameters.
        directory: The directory for relative paths; None for the current directory.
    """
    from headrace.compilation.passes.modules import pack_parameters
    from headrace.targets.local.target import TARGET

    return pack_parameters(spec, values, TARGET, directory or Path.cwd()) if values else {}


def defaults_of(
    pipeline: PipelineSource | Mapping[str, Any] | None, flags: Sequence[str] = ()
) -> RunDefaults:
    """Returns where a pipeline says that its runs go. That of kfp does not say, nor is it loaded.

    Raises:
        InputError: The file of a TFX pipeline cannot be read.
    """
    from headrace.frontend import loading

    if pipeline is None or isinstance(pipeline, Mapping) or not loading.is_of_tfx(pipeline):
        return RunDefaults()
    return loading.load(pipeline, command=_COMMAND, flags=flags).defaults


def root_of(
    pipeline: PipelineSource | Mapping[str, Any] | None,
    given: str | Path | None,
    flags: Sequence[str] = (),
) -> Path:
    """Returns the directory of runs: the one that is given, else that of the pipeline.

    Raises:
        InputError: None is given, and the file of a TFX pipeline cannot be read.
    """
    return Path(given or defaults_of(pipeline, flags).root or DEFAULT_ROOT)


def load(pipeline: PipelineSource | Mapping[str, Any], flags: Sequence[str] = ()) -> Runnable:
    """Returns a pipeline that is ready to run.

    A compiled pipeline is checked and linted like one that is compiled here.

    Args:
        pipeline: The pipeline.
        flags: What the file of a TFX pipeline finds on its command line.

    Raises:
        InputError: It is not a pipeline, or does not compile.
    """
    if isinstance(pipeline, Mapping):
        return _checked(pipeline, {}, _COMMAND)
    if isinstance(pipeline, (str, Path)) and Path(pipeline).suffix in _IR_SUFFIXES:
        if flags:
            raise InputError(
                f"{_COMMAND}: {pipeline} takes no flags, but got {list(flags)}: it is compiled. "
                "Set parameters with -p, as in -p name=value."
            )
        return _read(Path(pipeline))
    # Imported here: a compiled pipeline runs without kfp.
    from headrace.compilation.compiler import compile_for
    from headrace.frontend import loading
    from headrace.profiles.profile import read_profile
    from headrace.targets.local.target import TARGET

    source = loading.load(pipeline, command=_COMMAND, flags=flags)
    compiled = compile_for(source, TARGET.name, read_profile(None))
    is_tfx = source.tfx is not None  # as in TFX, its paths start in the current directory
    spec = compiled.document if is_tfx else with_paths_beside(compiled.document, source.directory)
    return Runnable(
        spec=spec,
        notices=(*source.notes, *settings_without_effect(source.spec, source.platform)),
        defaults=source.defaults,
    )


def _checked(document: Any, platform: Mapping[str, Any], where: str) -> Runnable:
    from headrace.compilation.passes.lint import lint
    from headrace.compilation.passes.loop_items import apply_loop_items
    from headrace.compilation.passes.loop_types import apply_loop_types
    from headrace.compilation.passes.parameter_checks import check_parameters
    from headrace.compilation.passes.templates import apply_templates
    from headrace.targets.local.target import TARGET

    values: Any = {}
    # A PipelineJob of Vertex contains the pipeline and the values for its run.
    if isinstance(document, Mapping) and "pipelineSpec" in document:
        config = document.get("runtimeConfig", {})
        values = config.get("parameterValues", {}) if isinstance(config, Mapping) else None
        if not isinstance(values, Mapping):
            raise InputError(
                f"{where}: runtimeConfig.parameterValues is {named(values)}, expected an object "
                "with the values of parameters. Correct it there, or compile the pipeline again."
            )
        document = document["pipelineSpec"]
    check_spec(document, where)
    check_expressions(document, where)
    try:
        # Pipelines that kfp compiled without Headrace need these steps; they do not change those of
        # Headrace.
        spec = lint(apply_loop_types(apply_loop_items(document)), TARGET, platform)
        check_parameters(spec)
        spec = apply_templates(spec)
    except CompileError as error:
        # A name from outside may contain line breaks.
        raise CompileError(f"{where}: {' '.join(str(error).split())}") from error
    return Runnable(
        spec=spec,
        parameters=dict(values),
        notices=(*foreign_tasks(spec), *settings_without_effect(spec, platform)),
    )


def _read(path: Path) -> Runnable:
    if not path.is_file():
        raise InputError(
            f"{_COMMAND}: {str(path)!r} is not a file, expected a pipeline such as PIPELINE.py, or "
            f"a compiled one. Correct the path; the current directory is {Path.cwd()}."
        )
    where = f"{_COMMAND}: {path}"
    documents = read_documents(path, where)
    if len(documents) > 2:
        raise InputError(
            f"{where}: it holds {len(documents)} documents, expected a pipeline, and perhaps the "
            "settings of Kubernetes that kfp-kubernetes writes behind it. Compile the pipeline "
            "again."
        )
    document, *others = documents
    for other in others:
        check_platform(other, f"{where}: its second document")
    return _checked(document, others[0] if others else {}, where)
