"""Compares the imports of a module file with the Headrace image that will load it.

On this machine everything is installed, so that a module runs here which its image cannot import.
An image of the author's own is the author's business.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.compilation.passes.certain_imports import CertainImport, certain_imports
from headrace.compilation.passes.image_references import own_images
from headrace.compilation.passes.known_values import Known, is_conditional, loop_items
from headrace.errors import CompileError
from headrace.images.built import PYTHON_VERSION
from headrace.images.image_modules import image_modules
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskPath
from headrace_components.contract.declaration import early_checks, module_parameter
from headrace_components.contract.early_checks import ask, known_parameters
from headrace_components.contract.errors import InputError
from headrace_components.library.user_code.module_pack import is_packed, unpack


def stock_images(spec: Mapping[str, Any], profile: Profile) -> dict[TaskPath, str]:
    """Returns the names of the Headrace images of tasks, by path.

    For a variant with CUDA it is the name of its base variant: both have the same modules.

    Args:
        spec: A pipeline whose images are not yet pinned.
        profile: Says which tasks have an image of the author's.

    Raises:
        CompileError: The profile gives an image to a task that the pipeline lacks.
    """
    own = own_images(spec, profile)
    names = {node.path: specs.logical_image(node.container) for node in specs.tasks(spec)}
    return {path: name for path, name in names.items() if name and path not in own}


def check_imports(
    spec: Mapping[str, Any],
    images: Mapping[TaskPath, str],
    values: Mapping[str, Any] | None = None,
) -> None:
    """Checks that each module can be imported in the image of its task.

    Only imports that certainly happen are checked; see `certain_imports`.

    Args:
        spec: A pipeline whose module files are packed.
        images: Names of images, from `stock_images`.
        values: Values of run parameters; those that are missing have their defaults.

    Raises:
        CompileError: An image lacks an import of a module. The message names the task, the file and
            the line.
    """
    for node in specs.tasks(spec):
        component = node.headrace_name
        image = images.get(node.path)
        if component is None or image is None:
            continue
        given = None if is_conditional(node) else values or {}
        for items in loop_items(node):
            try:
                imports, functions = _imports(
                    component, Known(spec, given, items).of(node, component)
                )
            except InputError:
                continue  # of a value that a run may replace; `check_parameters` says the others
            _check(node, image, imports, functions)


def _imports(component: str, known: Mapping[str, Any]) -> tuple[list[CertainImport], Sequence[str]]:
    """Returns the imports that a task certainly does, and the functions that its module defines."""
    params = known_parameters(component, known)
    module = getattr(params, module_parameter(component), None)
    if module is None or (module and not is_packed(module)):
        return [], ()  # there is no module, only the run knows it, or it is behind a URI
    entry, files = unpack(module) if module else ("", {})
    checks = early_checks(component)
    functions = [name for names in ask(checks.functions, params) or () for name in names]
    modules = ask(checks.modules, params) or ()
    return certain_imports(entry, files, functions, modules), functions


def _check(
    node: specs.TaskNode, image: str, imports: Sequence[CertainImport], functions: Sequence[str]
) -> None:
    missing = {each.module: each for each in reversed(imports) if _lacks(image, each)}
    if not missing:
        return
    places = ", ".join(
        map(_place, sorted(missing.values(), key=lambda each: (each.file, each.line)))
    )
    define = f"Define {' or '.join(functions)}" if functions else "Write what the task needs"
    raise CompileError(
        f"task `{node.label}`: it imports what its image lacks: {places}. The image {image!r} of "
        f"Headrace has Python {PYTHON_VERSION} and the packages of its component. {define} in a "
        "module file of its own that does without them; or import them inside functions that this "
        "task does not call; or give the task an image that has them, in [images.tasks] or "
        "[images.components] of the profile (docs/images.md). Who builds Headrace's images adds "
        f"packages to images/{image}/requirements.in."
    )


def _lacks(image: str, each: CertainImport) -> bool:
    return image_modules(image).lacks(each.module, each.names)


def _place(each: CertainImport) -> str:
    if not each.file:
        return f"{each.module!r} (named by a parameter)"
    inside = f", in {each.function}" if each.function else ""
    return f"{each.module!r} ({each.file}, line {each.line}{inside})"
