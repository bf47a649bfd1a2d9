"""Makes the step of a component of the catalogue from a TFX node."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any

from headrace.frontend.tfx_pipelines.plan import Step, StepSettings, Value
from headrace.frontend.tfx_pipelines.platform import platform_settings
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace_components.contract import declaration

# On this machine, in this process or others. Headrace computes without Beam in their place.
_DIRECT_RUNNERS = frozenset({"", "direct", "switchingdirect", "bundlebaseddirect", "fnapi"})

# The formats of examples that TFX's constructors give: tf.Examples in compressed TFRecords.
_FORMATS = {"output_data_format": 6, "output_file_format": 5}

# TFX's name of an input or a parameter, and ours.
_Names = Mapping[str, str]


def step(
    node: Any,
    translation: Translation,
    component: str,
    *,
    inputs: _Names | None = None,
    parameters: _Names | None = None,
    values: Mapping[str, Any] | None = None,
    read: Collection[str] = (),
    settings: StepSettings | None = None,
) -> Step:
    """Returns the task of a component of the catalogue that does a node's work.

    Args:
        node: The node.
        translation: Its translation.
        component: Name of the component.
        inputs: Our names of inputs that have another name in TFX.
        parameters: The same for parameters.
        values: Parameters by our names, in place of what the node has; None leaves one out.
        read: TFX's names of parameters that the caller has read. The author is told which others
            have no effect.
        settings: What the task gets besides; None takes the node's platform config.

    Raises:
        CompileError: An input or a parameter cannot be translated.
    """
    renamed = inputs or {}
    arguments: dict[str, Value] = {
        renamed.get(key, key): translation.output(channel) for key, channel in node.inputs.items()
    }
    renamed = parameters or {}
    given = {renamed.get(key, key): value for key, value in node.exec_properties.items()}
    _tell_unread(translation, component, {key: given[key] for key in given if key not in read})
    arguments |= _parameters(translation, component, {**given, **(values or {})})
    if "beam_pipeline_args" in _parameter_names(component):
        beam = beam_arguments(node, translation)
        arguments |= {"beam_pipeline_args": beam} if beam else {}
    return Step(
        node=node.id,
        variable=translation.variable(),
        component=translation.catalogue(component),
        arguments=arguments,
        after=translation.after(node),
        settings=settings or platform_settings(node, translation),
    )


def translated(node: Any, translation: Translation, component: str, **rest: Any) -> Translated:
    """Returns a node's work that is done by one task; the arguments are those of `step`."""
    return Translated(steps=(step(node, translation, component, **rest),))


def _parameters(
    translation: Translation, component: str, given: Mapping[str, Any]
) -> dict[str, Value]:
    """Returns the parameters that differ from our defaults, in the order of the catalogue."""
    result = {}
    for each in _declared(component).declared_parameters():
        value = translation.value(given.get(each.name), each.name, each.type)
        is_default = value is None or value == each.default
        if is_default or (each.type in (dict, list) and not value and not each.is_required):
            continue
        result[each.name] = value
    return result


def _tell_unread(translation: Translation, component: str, given: Mapping[str, Any]) -> None:
    """Tells the author which arguments our component does not have."""
    known = _parameter_names(component)
    for key, value in given.items():
        if key not in known and _is_set(value, _FORMATS.get(key)):
            translation.note(
                f"`{key}` has no effect: Headrace's {component} has nothing that it sets."
            )


def _is_set(value: Any, default: Any) -> bool:
    """Returns whether a value says something. A placeholder is not compared: it would be asked."""
    if value is None or isinstance(value, (str, int, list, tuple, dict)):
        return value is not None and value not in ("", [], (), {}) and value != default
    return True


def _parameter_names(component: str) -> set[str]:
    return {each.name for each in _declared(component).declared_parameters()}


def _declared(component: str) -> declaration.Component:
    found = declaration.find(component)
    if found is None:
        raise KeyError(component)
    return found


def beam_arguments(node: Any, translation: Translation) -> list[Value]:
    """Returns Beam's options for a node; none if they do not name a runner of other machines.

    Every example of TFX has options of the direct runner, `--direct_num_workers` for example.
    """
    args = all_beam_arguments(node, translation)
    return args if _runner(args) not in _DIRECT_RUNNERS else []


def all_beam_arguments(node: Any, translation: Translation) -> list[Value]:
    """Returns Beam's options for a node as they are, the pipeline's before the node's."""
    inner = translation.nesting.around(node)
    if getattr(node, "beam_pipeline_args", None) is None:
        return []
    pipelines = (translation.pipeline, *inner)
    given = [arg for each in pipelines for arg in each.beam_pipeline_args]
    given += node.beam_pipeline_args
    return [translation.value(each, "beam_pipeline_args", str) for each in given]


def _runner(args: list[Value]) -> str:
    """Returns the runner's name as Beam compares it: `DirectRunner` and `direct` are one."""
    return option(args, "--runner").rpartition(".")[2].lower().removesuffix("runner")


def option(args: list[Value], name: str) -> str:
    """Returns the value of one of Beam's options, the last if it is there twice; else empty."""
    texts = [each if isinstance(each, str) else "" for each in args]
    found = ""
    for each, following in pairwise([*texts, ""]):
        given, _, value = each.partition("=")
        if given == name:
            found = value or following
    return found
