"""What TFX's runners do in a program of the author's: they run and compile with Headrace."""

import dataclasses
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.compilation.compiler import compile_for
from headrace.errors import CompileError
from headrace.frontend import loading
from headrace.frontend.cells import is_cell
from headrace.frontend.tfx_pipelines.run_parameters import given_values
from headrace.profiles.profile import Profile, read_profile
from headrace.target_registry import settings_class
from headrace.tfx.failures import raise_failure

_DEFAULT_IMAGE = "default_image_path"


class HeadraceHost:
    """Runs pipelines on this machine, and compiles them for Vertex AI and Kubeflow."""

    def run(self, pipeline: Any, *, runner: str, run_options: Any = None) -> Any:
        """Runs a pipeline on this machine.

        Returns:
            A `headrace.RunResult`; TFX's runners return nothing.

        Raises:
            InputError: The pipeline has an error, or a task failed that its author can mend.
            PlatformError: A task failed, and a retry may help.
            ComponentError: A task ended without a reason.
            KeyboardInterrupt: The run was interrupted.
        """
        if runner == "AirflowDagRunner":
            raise CompileError(
                "AirflowDagRunner: Headrace makes no DAG of Airflow. Use LocalDagRunner, or leave "
                "the file as it is and start `headrace run FILE.py` from a BashOperator of your "
                "own DAG."
            )
        from headrace.display.notebook import NotebookProgress, in_notebook
        from headrace.display.progress import ProgressDisplay
        from headrace.targets.local.run import run

        part: dict[str, Any] = {}
        if run_options is not None:
            part = {
                "from_nodes": tuple(run_options.from_nodes or ()),
                "to_nodes": tuple(run_options.to_nodes or ()),
                "base_run": run_options.base_pipeline_run_id or "",
            }
        if in_notebook():
            result = run(pipeline, observer=NotebookProgress(says_why=False), **part)
        else:
            with ProgressDisplay() as observer:
                result = run(pipeline, observer=observer, **part)
        raise_failure(result)
        return result

    def compile(
        self,
        pipeline: Any,
        *,
        config: Any,
        output_dir: str,
        output_filename: str,
        parameter_values: Mapping[str, Any] | None,
        write_out: bool,
        exit_handler: Any = None,
    ) -> dict[str, Any]:
        """Compiles a pipeline for Vertex AI, or for Kubeflow if the file's name ends in .yaml.

        Images and accounts come from `headrace.toml` of the current directory. The pipeline's root,
        the runner's `display_name` and the parameters go before what is there.

        Returns:
            The document that the file has.

        Raises:
            CompileError: There is a mistake in the pipeline or the profile.
        """
        pipeline.exit_handler = exit_handler
        target = "kubeflow" if Path(output_filename).suffix in (".yaml", ".yml") else "vertex"
        source = loading.load(pipeline)
        values = given_values(source.spec, parameter_values or {})
        profile = _with_settings(read_profile(), target, pipeline, config, values)
        profile = _with_images(profile, source.tfx.nodes if source.tfx else {}, config)
        compiled = compile_for(source, target, profile)
        for note in compiled.notes:
            logging.warning("%s", note)
        if write_out:
            file = Path(output_dir, output_filename)
            compiled.write(file)
            sys.stderr.write(f"Wrote {file}. Run it with: {_submit_command(pipeline, target)}\n")
        return compiled.document


def _submit_command(pipeline: Any, target: str) -> str:
    """Returns the command that runs the pipeline of the program, with the flags of the program.

    A pipeline of a notebook's cell is in no file that a command could name.
    """
    if is_cell(pipeline.file or ""):
        return f"headrace.submit(PIPELINE, target={target!r})"
    program = sys.argv[0]
    is_program = Path(program).suffix == ".py" and Path(program).is_file()
    file = os.path.relpath(program if is_program else pipeline.file or "PIPELINE.py")
    flags = sys.argv[1:] if is_program else []
    behind = ["--", *flags] if flags else []
    return shlex.join(["headrace", "submit", file, "--target", target, *behind])


def _with_settings(
    profile: Profile, target: str, pipeline: Any, config: Any, values: Mapping[str, Any]
) -> Profile:
    """Returns the profile with what the program says of the target."""
    table = profile.table_of(settings_class(target))
    root = str(pipeline.pipeline_info.pipeline_root or "")
    given: dict[str, Any] = {"display_name": config.display_name or table.display_name}
    if "://" in root:
        given["pipeline_root"] = root
    if values:
        given["parameters"] = {**table.parameters, **values}
    others = [each for each in profile.targets if each is not table]
    return dataclasses.replace(profile, targets=(*others, dataclasses.replace(table, **given)))


def _with_images(profile: Profile, nodes: Mapping[str, str], config: Any) -> Profile:
    """Returns the profile with the images that the program gives to single nodes.

    TFX has one image for all components. Headrace's components need their own, so that one has no
    effect here.

    Args:
        profile: The profile.
        nodes: IDs of nodes by the names of their tasks.
        config: The runner's `KubeflowV2DagRunnerConfig`.
    """
    image = config.default_image
    if image is None:
        return profile
    by_node = image if isinstance(image, Mapping) else {_DEFAULT_IMAGE: image}
    if by_node.get(_DEFAULT_IMAGE):
        logging.warning(
            "default_image: %s has no effect. Each component has an image of its own, which "
            "headrace.toml names.",
            by_node[_DEFAULT_IMAGE],
        )
    own = dict(_own_images(by_node, nodes))
    images = dataclasses.replace(profile.images, tasks={**profile.images.tasks, **own})
    return dataclasses.replace(profile, images=images)


def _own_images(by_node: Mapping[str, str], nodes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    tasks = {node: task for task, node in nodes.items()}
    for node, image in by_node.items():
        if node == _DEFAULT_IMAGE:
            continue
        if node not in tasks:
            raise CompileError(
                f"default_image: it names the node {node!r}, but those of the pipeline are "
                f"{sorted(tasks)}. Correct the name."
            )
        yield tasks[node], image
