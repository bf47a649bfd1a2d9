"""What LatestArtifact looks like from a pipeline."""

from kfp import dsl

from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def latest_artifact(
    artifact: dsl.Output[dsl.Artifact],
    producer: str,
    output: str,
    include_this_run: bool = False,
    search_root: str = "",
) -> dsl.ContainerSpec:
    """Finds the newest artifact that a task of an earlier run left: LatestArtifactStrategy.

    A model that goes on learning from where the last one stopped:

        last = latest_artifact(producer="trainer", output="model")
        trainer(examples=examples, base_model=last.outputs["artifact"], module_file="model.py")

    In the first run there is none: the output is then an empty directory with metadata `found` 0,
    which the optional inputs of Headrace's components take for nothing.

    Args:
        artifact: The artifact found, of whatever type, with its own metadata and `found` 1.
        producer: Name of the task that makes it, as `trainer` or `transform-2`. A task of that name
            in a loop or a condition counts too.
        output: Name of the task's output, as `model` or `updated_analyzer_cache`.
        include_this_run: Whether what the task made in this run counts. Then order the two with
            `.after()`.
        search_root: Directory or URI to search instead of this pipeline's root. On Kubeflow what is
            found is copied.
    """
    return dsl.ContainerSpec(
        image=image("latest_artifact"),
        command=["python", "-m", "headrace_components.latest_artifact"],
        args=["--executor_input", "{{$}}"],
    )
