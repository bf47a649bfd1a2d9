"""TFX's `artifact_utils`: lists of artifacts, and artifacts from messages of ML Metadata."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace_tfx.artifacts import simple, standard, values  # noqa: F401  classes of types
from headrace_tfx.artifacts.base import Artifact, class_of_type
from headrace_tfx.artifacts.splits import (
    decode_split_names,
    encode_split_names,
    get_split_uri,
    get_split_uris,
)

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

__all__ = [
    "ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY",
    "decode_split_names",
    "deserialize_artifact",
    "deserialize_artifacts",
    "encode_split_names",
    "get_artifact_type_class",
    "get_single_instance",
    "get_single_uri",
    "get_split_uri",
    "get_split_uris",
    "jsonify_artifact_dict",
    "parse_artifact_dict",
    "verify_artifacts",
]

ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY = "tfx_version"


def get_single_instance(artifact_list: Sequence[Artifact]) -> Artifact:
    """Returns the only artifact of a list.

    Raises:
        ValueError: There is none, or several.
    """
    if len(artifact_list) != 1:
        raise ValueError(f"the list has {len(artifact_list)} artifacts, expected one")
    return artifact_list[0]


def get_single_uri(artifact_list: Sequence[Artifact]) -> str:
    """Returns the URI of the only artifact of a list.

    Raises:
        ValueError: There is none, or several.
    """
    return get_single_instance(artifact_list).uri


def parse_artifact_dict(json_str: str) -> dict[str, list[Artifact]]:
    """Returns artifacts by key from JSON text of `jsonify_artifact_dict`."""
    return {
        key: [Artifact.from_json_dict(each) for each in states]
        for key, states in json.loads(json_str).items()
    }


def jsonify_artifact_dict(artifact_dict: dict[str, list[Artifact]]) -> str:
    """Returns JSON text of artifacts by key."""
    return json.dumps(
        {key: [each.to_json_dict() for each in all_] for key, all_ in artifact_dict.items()}
    )


def get_artifact_type_class(artifact_type: "metadata_store_pb2.ArtifactType") -> type[Artifact]:
    """Returns an imported class with the name and properties of a type, or a new one.

    A new class of a name such as `String_Model` is a value artifact.
    """
    return class_of_type(artifact_type)


def deserialize_artifact(
    artifact_type: "metadata_store_pb2.ArtifactType",
    artifact: "metadata_store_pb2.Artifact | None" = None,
) -> Artifact:
    """Returns an artifact of a type and a message; an empty one without a message.

    Raises:
        ValueError: One of them is another kind of message.
    """
    made = get_artifact_type_class(artifact_type)()
    made.set_mlmd_artifact_type(artifact_type)
    if artifact is not None:
        made.set_mlmd_artifact(artifact)
    return made


def deserialize_artifacts(
    artifact_type: "metadata_store_pb2.ArtifactType",
    artifacts: "Sequence[metadata_store_pb2.Artifact]",
) -> list[Artifact]:
    """Returns artifacts of one type.

    Raises:
        ValueError: One of them is another kind of message.
    """
    return [deserialize_artifact(artifact_type, each) for each in artifacts]


def verify_artifacts(
    artifacts: dict[str, list[Artifact]] | Sequence[Artifact] | Artifact,
) -> None:
    """Checks that each artifact has a URI with something at it.

    Raises:
        TypeError: The argument is neither an artifact nor a list or dict of them.
        RuntimeError: An artifact has no URI, or there is nothing at it.
    """
    from headrace_tfx.files import fileio

    if isinstance(artifacts, Artifact):
        every: list[Artifact] = [artifacts]
    elif isinstance(artifacts, dict):
        every = [each for all_ in artifacts.values() for each in all_]
    elif isinstance(artifacts, list | tuple):
        every = list(artifacts)
    else:
        raise TypeError(f"verify_artifacts got {artifacts!r}, expected artifacts")
    for each in every:
        if not each.uri:
            raise RuntimeError(f"{each!r} has no URI")
        if not fileio.exists(each.uri):
            raise RuntimeError(f"there is nothing at {each.uri!r}, the URI of a {each.type_name}")
