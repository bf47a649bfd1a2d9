"""The step of TFX's Importer, and the classes of artifact types in the text of a pipeline file."""

from typing import Any

from headrace.frontend.tfx_pipelines.plan import Call, Code, Definition, Step, Value
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace_components.contract.artifact_types import own_type
from headrace_components.contract.property_types import IMPORTED_KEY
from headrace_components.kfp_components import CLASSES
from headrace_tfx.artifacts.base import Artifact, contract_type
from headrace_tfx.artifacts.properties import PropertyType

_IMPORTED = "artifact"  # what kfp calls the output of every importer
_KEY = "result"  # the output of TFX's Importer, unless its author says another

_PYTHON_TYPES = {
    PropertyType.INT: "int",
    PropertyType.FLOAT: "float",
    PropertyType.STRING: "str",
    PropertyType.BOOLEAN: "bool",
    PropertyType.JSON_VALUE: "dict",
    PropertyType.PROTO: "dict",
}


def importer(node: Any, translation: Translation) -> Translated:
    """Returns the step of an Importer.

    Raises:
        CompileError: Its URI or one of its properties is no value of a pipeline file.
    """
    arguments: dict[str, Value] = {
        "artifact_uri": translation.value(node.source_uri, "source_uri", str),
        "artifact_class": artifact_class(node.artifact_type, translation),
    }
    if node.reimport:
        arguments["reimport"] = True
    metadata = {**node.properties, **node.custom_properties}
    if node.output_key != _KEY:
        metadata[IMPORTED_KEY] = node.output_key
    if metadata:
        arguments["metadata"] = translation.value(metadata, "properties")
    step = Step(
        node=node.id,
        variable=translation.variable(),
        component="dsl.importer",
        arguments=arguments,
        after=translation.after(node),
    )
    return Translated(steps=(step,), outputs={node.output_key: step.output(_IMPORTED)})


def artifact_class(kind: type[Artifact], translation: Translation) -> Code:
    """Returns the name of kfp's class for a type of artifacts, and has it imported or defined.

    Raises:
        CompileError: The type's name is no identifier.
    """
    known = contract_type(kind)
    if known is not None:
        translation.imports.add(("headrace_components", "artifacts"))
        return Code(text=f"artifacts.{CLASSES[known.schema_title].__name__}")
    name = str(kind.TYPE_NAME)
    try:
        own_type(name)
    except ValueError as error:
        raise translation.error(str(error)) from error
    translation.imports.add(("headrace_components", "authoring"))
    properties = {
        key: Code(text=_PYTHON_TYPES[declared.type])
        for key, declared in (kind.PROPERTIES or {}).items()
    }
    arguments: dict[str, Value] = {"name": name}
    if properties:
        arguments["properties"] = properties
    definition = Definition(
        node=translation.node,
        name=name,
        value=Call(function="authoring.artifact_type", arguments=arguments),
    )
    if all(each.name != name for each in translation.definitions):
        translation.definitions.append(definition)
    return Code(text=name)
