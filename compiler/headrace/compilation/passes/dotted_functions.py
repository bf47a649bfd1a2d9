"""Refuses functions by dotted path if the image of their task cannot contain them."""

from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.image_references import own_images
from headrace.compilation.passes.templates import is_made_in_run, known_value
from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace_components.contract.declaration import MODULE_FILE

# Parameters that take the dotted path of a function.
_FUNCTIONS = (
    "filter_batch_fn",
    "filter_fn",
    "headrace_object",
    "preprocessing_fn",
    "run_fn",
    "stats_options_updater_fn",
    "tuner_fn",
)

# These are in every image that loads functions.
_IN_IMAGES = ("headrace_components", "tfx")


def check_dotted_functions(spec: Mapping[str, Any], target: Target, profile: Profile) -> None:
    """Checks that tasks with functions by dotted path run in an image of the author's own.

    Headrace's images have its components and no code of the author's. Locally, the function is
    imported from the environment.

    Args:
        spec: A pipeline whose images are not yet pinned.
        target: Where it is to run.
        profile: Says which tasks have an image of the author's.

    Raises:
        CompileError: A task would not find its function.
    """
    if not target.runs_images(profile):
        return
    own = own_images(spec, profile)
    for node in specs.tasks(spec):
        if specs.logical_image(node.container) is None or node.path in own:
            continue
        for name in sorted(set(_FUNCTIONS) & set(specs.parameters(node.component))):
            is_given = name in specs.parameter_inputs(node.task)
            default = specs.parameters(node.component)[name].get("defaultValue")
            dotted = known_value(node, name, spec["root"]) if is_given else default
            if is_made_in_run(node, name) or not isinstance(dotted, str) or not dotted:
                continue
            if "." in dotted and dotted.partition(".")[0] not in _IN_IMAGES:
                raise CompileError(_refusal(node, name, dotted, target.name))


def _refusal(node: specs.TaskNode, name: str, dotted: str, target: str) -> str:
    module, _, function = dotted.rpartition(".")
    advice = (
        "Give the task an image that has the package, in [images.tasks] or [images.components] of "
        "the profile (docs/images.md)"
    )
    if function == name and MODULE_FILE in specs.parameters(node.component):
        file = f"{module.replace('.', '/')}.py"
        advice += f", or pass {MODULE_FILE}={file!r}, which travels with what it imports"
    return (
        f"task `{node.label}`: `{name}` is {dotted!r}, but the image of Headrace has no code of "
        f"yours, and {target} runs the task in it. {advice}."
    )
