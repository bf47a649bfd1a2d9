"""Replaces logical image names by references that are pinned by digest."""

from collections.abc import Collection, Mapping
from typing import Any

from headrace.compilation.passes.resources import accelerator
from headrace.compilation.passes.task_settings import check_components, named_tasks
from headrace.contract.target import Target
from headrace.errors import CompileError
from headrace.images.built import reference
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.profiles.accelerators import is_nvidia
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import TaskPath
from headrace_components.contract.declaration import cuda_image


def apply_images(spec: Mapping[str, Any], target: Target, profile: Profile) -> Spec:
    """Returns `spec` with `registry/pusher@sha256:...` for `headrace.invalid/pusher`, and so on.

    Tasks for which the profile has an image of the author get that image. Tasks that ask for an
    NVIDIA GPU get the variant of their image with CUDA, if there is one. Other images that do not
    belong to Headrace are left unchanged. In local runs nothing changes: components run from the
    installed code.

    Raises:
        CompileError: The profile has no registry, or no digest for an image, or gives an image to a
            task that the pipeline lacks. A tag is not enough: both backends would still answer from
            the cache when it moves.
    """
    result: Spec = specs.copy(spec)
    if not target.runs_images(profile):
        return result
    if own := own_images(result, profile):
        _set_images(result, own)
    containers = [executor.get("container", {}) for executor in specs.executors(result).values()]
    named = [(container, name) for container in containers if (name := _image_name(container))]
    if not named:
        return result
    _check_registry({name for _, name in named}, target, profile)
    for container, name in named:
        container["image"] = f"{profile.images.registry}/{name}@{profile.images.digests[name]}"
    return result


def images_to_run(spec: Mapping[str, Any], profile: Profile) -> Spec:
    """Returns `spec` with images that an engine of this machine can run.

    The author's own images, and those with a digest in the profile, are pinned; the others are
    those that `headrace images build` put into the engine's store.

    Raises:
        CompileError: The profile gives an image to a task that the pipeline lacks.
    """
    result: Spec = specs.copy(spec)
    if own := own_images(result, profile):
        _set_images(result, own)
    for executor in specs.executors(result).values():
        name = _image_name(executor.get("container", {}))
        if name is not None:
            digest = profile.images.digests.get(name) if profile.images.registry else None
            pinned = f"{profile.images.registry}/{name}@{digest}"
            executor["container"]["image"] = pinned if digest else reference(name)
    return result


def own_images(spec: Mapping[str, Any], profile: Profile) -> dict[TaskPath, str]:
    """Returns the images that the profile gives single tasks, pinned by digest, by path.

    A name in `tasks` is a task's path, such as `inner/trainer`, or the end of the paths of all
    tasks that are meant: kfp puts a task inside If or ParallelFor into a sub-pipeline that the
    author did not name.

    Raises:
        CompileError: A task is misspelt, or Headrace does not have the component.
    """
    images = profile.images
    if not images.tasks and not images.components:
        return {}
    check_components(f"{profile.source}: [images.components]", images.components)
    nodes = {node.path: node for node in specs.tasks(spec) if node.container}
    found = {}
    for path, node in nodes.items():
        component = node.headrace_name or ""
        if component in images.components:
            found[path] = images.components[component]
    # The longest names last: they mean fewer tasks.
    for name in sorted(images.tasks, key=lambda name: name.count("/")):
        where = f"{profile.source}: [images.tasks]"
        for path in named_tasks(name, list(nodes), where, images.tasks):
            found[path] = images.tasks[name]
    return found


def _image_name(container: Mapping[str, Any]) -> str | None:
    """Returns the name of the Headrace image that a container is to run, or None for others."""
    name = specs.logical_image(container)
    if name is None or not _asks_for_nvidia(container):
        return name
    return cuda_image(name) or name


def _asks_for_nvidia(container: Mapping[str, Any]) -> bool:
    asked = container.get("resources", {}).get("accelerator", {})
    # kfp writes both names; other writers know the older one only.
    count = asked.get("resourceCount") or asked.get("count") or "0"
    name = accelerator(container)
    # If a run parameter names the accelerator, or nothing does, it is most likely also from NVIDIA.
    is_known = name != "" and not specs.referenced_parameters(name)
    return count != "0" and (is_nvidia(name) or not is_known)


def _set_images(spec: Spec, own: Mapping[TaskPath, str]) -> None:
    wanted: dict[str, dict[str, str]] = {}
    for node in specs.tasks(spec):
        if node.container:
            image = own.get(node.path, "")
            wanted.setdefault(node.component["executorLabel"], {}).setdefault(image, node.label)
    for label, users in wanted.items():
        # kfp gives each task its own executor; other documents may share one.
        if len(users) > 1:
            raise CompileError(
                f"images: the tasks {sorted(users.values())} run one executor, {label!r}, so they "
                "cannot have different images. Give them the same one."
            )
        (image,) = users
        if image:
            specs.executors(spec)[label]["container"]["image"] = image


def _check_registry(names: Collection[str], target: Target, profile: Profile) -> None:
    if not profile.images.registry:
        raise CompileError(
            f"images: target {target.name} needs the images {sorted(names)}, but {profile.source} "
            "has no `registry`. Build and push them once, with `headrace images build "
            f"{' '.join(sorted(names))}` and `headrace images push {' '.join(sorted(names))} "
            "--registry HOST/PATH`. Then add a table [images] with registry = 'HOST/PATH' to "
            f"{profile.source}."
        )
    missing = sorted(set(names) - profile.images.digests.keys())
    if missing:
        bases = {name: name.removesuffix("_cuda") for name in missing}
        variants = [f"{name} is {base}" for name, base in bases.items() if cuda_image(base) == name]
        why = f" ({', '.join(variants)} for tasks that ask for an NVIDIA GPU)" if variants else ""
        words = " ".join(missing)
        file = profile.digests_path.absolute()
        state = "" if file.is_file() else ", which is not there,"
        raise CompileError(
            f"images: no digest for {missing}{why}; known: {sorted(profile.images.digests)}, from "
            f"{file}{state} and the table [images.digests] of {profile.source}. Run `headrace "
            f"images build {words}` and `headrace images push {words} --registry "
            f"{profile.images.registry}`, which records it in digests.json of the folder of the "
            "images. Where that is another file, name it as `digests_file` in the table [images]; "
            "or write 'sha256:...' in [images.digests]."
        )
