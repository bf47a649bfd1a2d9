"""`Importer`: brings something that exists into a pipeline, as an artifact."""

from collections.abc import Mapping
from typing import Any

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.channels import OutputChannel, is_artifact_type
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.placeholders import Placeholder
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter
from headrace_tfx.authoring.specs import Outputs

IMPORT_RESULT_KEY = "result"
SOURCE_URI_KEY = "artifact_uri"
REIMPORT_OPTION_KEY = "reimport"
OUTPUT_KEY_KEY = "output_key"


class Importer(BaseNode):
    """Imports an artifact.

    Attributes:
        source_uri: Where it is: a path, a URI or a RuntimeParameter.
        artifact_type: The class of the artifact.
        reimport: Whether each run makes a new artifact of it.
        properties: Declared properties of the artifact.
        custom_properties: Other properties of it.
        output_key: Name of the output; `result` by default.

    Raises:
        TypeError: An argument has another type.
        AttributeError: The type does not declare one of the properties.
        NotImplementedError: A custom property is neither a number nor a text.
    """

    def __init__(
        self,
        source_uri: Any,
        artifact_type: type[Artifact],
        reimport: bool = False,
        properties: Mapping[str, Any] | None = None,
        custom_properties: Mapping[str, Any] | None = None,
        output_key: str | None = None,
    ) -> None:
        if not isinstance(source_uri, (str, RuntimeParameter, Placeholder)):
            raise TypeError(
                f"Importer: `source_uri` is {source_uri!r} ({type(source_uri).__name__}), expected "
                "a path or URI."
            )
        if not is_artifact_type(artifact_type):
            raise TypeError(
                f"Importer: `artifact_type` is {artifact_type!r}, expected a class of artifacts, "
                "such as standard_artifacts.Schema."
            )
        super().__init__()
        self.source_uri = source_uri
        self.artifact_type = artifact_type
        self.reimport = bool(reimport)
        self.properties = dict(properties or {})
        self.custom_properties = dict(custom_properties or {})
        self.output_key = output_key or IMPORT_RESULT_KEY
        channel = OutputChannel(
            artifact_type,
            self,
            self.output_key,
            additional_properties=self.properties,
            additional_custom_properties=self.custom_properties,
        )
        channel.set_artifacts([self._artifact()])
        self._outputs = Outputs({self.output_key: channel})
        self._outputs.producer = self

    def _artifact(self) -> Artifact:
        artifact = self.artifact_type()
        artifact.is_external = True
        for name, value in self.properties.items():
            setattr(artifact, name, value)
        for name, value in self.custom_properties.items():
            if isinstance(value, int):
                artifact.set_int_custom_property(name, value)
            elif isinstance(value, str):
                artifact.set_string_custom_property(name, value)
            elif isinstance(value, float):
                artifact.set_float_custom_property(name, value)
            else:
                raise NotImplementedError(
                    f"Importer: the custom property {name!r} is {value!r} "
                    f"({type(value).__name__}), expected a number or a text."
                )
        return artifact

    @property
    def inputs(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @property
    def outputs(self) -> dict[str, Any]:
        """The imported artifact, under `output_key`."""
        return self._outputs

    @property
    def exec_properties(self) -> dict[str, Any]:
        """What the node does, under TFX's names."""
        return {
            SOURCE_URI_KEY: self.source_uri,
            REIMPORT_OPTION_KEY: int(self.reimport),
            OUTPUT_KEY_KEY: self.output_key,
        }
