"""The words of TFX's command line: `python -m headrace.tfx pipeline create ...` and the like."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from headrace_components.contract.errors import InputError


def _option(name: str, **settings: Any) -> Callable[[Any], Any]:
    """Returns an option that may be written with `_`, as in TFX before 1.0, or with `-`."""
    other = name.replace("_", "-")
    names = [f"--{name}", *([f"--{other}"] if other != name else [])]
    return click.option(*names, name.replace("-", "_"), **settings)


_engine = _option(
    "engine",
    default="auto",
    metavar="ENGINE",
    help="local, kubeflow or vertex. Default: the one of the file's runner, or of the pipeline.",
)
_path = _option("pipeline_path", required=True, metavar="FILE.py", help="The pipeline's file.")
_name = _option("pipeline_name", required=True, metavar="NAME", help="The pipeline's name.")
_run_id = _option("run_id", required=True, metavar="RUN", help="The run.")
_endpoint = _option("endpoint", default=None, help="Has no effect: see headrace.toml.")

# What TFX asks for and headrace.toml says here.
_IN_PROFILE = (
    "iap_client_id",
    "namespace",
    "package_path",
    "build_base_image",
    "build_target_image",
)


def _ignored(command: Any) -> Any:
    """Lets a command take TFX's options for images and for the way to a cluster."""
    for each in _IN_PROFILE:
        command = _option(each, default=None, expose_value=False, hidden=True)(command)
    return _option("build_image", is_flag=True, hidden=True)(_endpoint(command))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def tfx() -> None:
    """TFX's commands, done by Headrace."""


@tfx.group()
def template() -> None:
    """Copy a project to begin with."""


@template.command("list")
def list_templates() -> None:
    """List the templates."""
    from headrace.tfx.commands import templates

    templates.show()


@template.command("copy")
@_option("model", required=True, metavar="NAME", help="The template.")
@_option("pipeline_name", required=True, metavar="NAME", help="The name of the pipeline in it.")
@_option("destination_path", required=True, metavar="DIR", help="The directory of the project.")
@_engine
def copy_template(model: str, pipeline_name: str, destination_path: str, engine: str) -> None:  # noqa: ARG001
    """Copy a template, with the pipeline's name in it."""
    from headrace.tfx.commands import templates

    templates.copy(model, pipeline_name, destination_path)


@tfx.group()
def pipeline() -> None:
    """Check and compile pipelines, and note where their files are."""


def _with_file(name: str, text: str) -> None:
    """Adds a command that takes a pipeline's file; `pipelines` has a function of its name."""

    def command(pipeline_path: str, engine: str, endpoint: str | None, build_image: bool) -> None:
        from headrace.tfx.commands import pipelines

        if build_image:
            click.echo(
                "--build_image has no effect: each component has an image of its own, which "
                "`headrace images build` makes.",
                err=True,
            )
        chosen = pipelines.engine_of(pipeline_path, engine, endpoint)
        getattr(pipelines, {"compile": "compile_only"}.get(name, name))(pipeline_path, chosen)

    pipeline.command(name, help=text)(_path(_engine(_ignored(command))))


_with_file("create", "Check and compile a pipeline, and note it.")
_with_file("update", "Compile a pipeline again.")
_with_file("compile", "Compile a pipeline, and note nothing.")


@pipeline.command("delete")
@_name
@_engine
@_ignored
def delete_pipeline(pipeline_name: str, engine: str, endpoint: str | None, **_: Any) -> None:
    """Forget a pipeline; its file and its runs stay."""
    from headrace.tfx.commands import pipelines

    pipelines.delete(pipeline_name, pipelines.named_engine(engine, endpoint))


@pipeline.command("list")
@_engine
@_ignored
def list_pipelines(engine: str, endpoint: str | None, **_: Any) -> None:
    """List the pipelines that were created."""
    from headrace.tfx.commands import pipelines

    pipelines.show(pipelines.named_engine(engine, endpoint))


@tfx.group()
def run() -> None:
    """Start, show, end and delete runs."""


@run.command("create")
@_name
@_engine
@_ignored
@_option("project", default="", help="For vertex: that of headrace.toml.")
@_option("region", default="", help="For vertex: that of headrace.toml.")
@_option("runtime_parameter", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
def create_run(
    pipeline_name: str,
    engine: str,
    project: str,
    region: str,
    runtime_parameter: Sequence[str],
    endpoint: str | None,
    **_: Any,
) -> int:
    """Run a pipeline."""
    from headrace.tfx.commands import pipelines, runs

    named = pipelines.named_engine(engine, endpoint)
    return runs.create(pipeline_name, named, runtime_parameter, project, region)


@run.command("list")
@_name
@_engine
@_ignored
def list_runs(pipeline_name: str, engine: str, endpoint: str | None, **_: Any) -> int:
    """List runs."""
    from headrace.tfx.commands import pipelines, runs

    return runs.show(pipeline_name, pipelines.named_engine(engine, endpoint))


@run.command("status")
@_name
@_run_id
@_engine
@_ignored
def show_run(pipeline_name: str, run_id: str, engine: str, endpoint: str | None, **_: Any) -> int:
    """Show a run."""
    from headrace.tfx.commands import pipelines, runs

    return runs.status(pipeline_name, run_id, pipelines.named_engine(engine, endpoint))


@run.command("terminate")
@_run_id
@_engine
@_ignored
def terminate_run(run_id: str, engine: str, endpoint: str | None, **_: Any) -> int:
    """Cancel a run."""
    from headrace.tfx.commands import pipelines, runs

    return runs.terminate(run_id, pipelines.named_engine(engine, endpoint))


@run.command("delete")
@_run_id
@_engine
@_ignored
def delete_run(run_id: str, engine: str, endpoint: str | None, **_: Any) -> int:
    """Delete a run."""
    from headrace.tfx.commands import pipelines, runs

    return runs.delete(run_id, pipelines.named_engine(engine, endpoint))


def main(arguments: Sequence[str]) -> int:
    """Runs a command of TFX's and returns its exit code.

    Raises:
        InputError: There is a mistake in the command, or in what it is about.
        PlatformError: A service cannot be reached.
    """
    with _usage_errors():
        found = tfx.main(list(arguments), prog_name="tfx", standalone_mode=False)
    sys.stdout.flush()
    return found if isinstance(found, int) else 0


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        raise InputError(f"tfx: {' '.join(error.format_message().split())}") from error
