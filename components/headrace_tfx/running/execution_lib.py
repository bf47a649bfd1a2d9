"""TFX's `execution_lib`: the artifacts of an execution in a metadata store."""

from collections.abc import Collection, Iterator
from typing import Any

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.utils import deserialize_artifact
from headrace_tfx.running.metadata import Metadata

__all__ = ["get_artifacts_dict", "get_input_artifacts", "get_output_artifacts"]

_INPUTS = ("INPUT", "INTERNAL_INPUT", "DECLARED_INPUT")
_OUTPUTS = ("OUTPUT", "INTERNAL_OUTPUT", "DECLARED_OUTPUT", "PENDING_OUTPUT")


def get_output_artifacts(metadata_handle: Metadata, execution_id: int) -> dict[str, list[Artifact]]:
    """Returns the artifacts that an execution made, by key, in their order.

    Args:
        metadata_handle: An open store.
        execution_id: Number of the execution; an unknown one has no artifacts.
    """
    return _artifacts(metadata_handle, execution_id, _OUTPUTS)


def get_input_artifacts(metadata_handle: Metadata, execution_id: int) -> dict[str, list[Artifact]]:
    """Returns the artifacts that an execution read, by key, in their order."""
    return _artifacts(metadata_handle, execution_id, _INPUTS)


def get_artifacts_dict(
    metadata_handle: Metadata, execution_id: int, event_type: int | Collection[int]
) -> dict[str, list[Artifact]]:
    """Returns the artifacts of events of a kind, by key, in their order; notebooks of TFX 1.0.

    Args:
        metadata_handle: An open store.
        execution_id: Number of the execution; an unknown one has no artifacts.
        event_type: A value of the enum `Event.Type` of ML Metadata, or several.
    """
    from ml_metadata.proto import metadata_store_pb2

    wanted = [event_type] if isinstance(event_type, int) else event_type
    kinds = [metadata_store_pb2.Event.Type.Name(each) for each in wanted]
    return _artifacts(metadata_handle, execution_id, kinds)


def _artifacts(
    metadata: Metadata, execution_id: int, kinds: Collection[str]
) -> dict[str, list[Artifact]]:
    places: dict[str, dict[int, int]] = {}
    for event in metadata.store.get_events_by_execution_ids([execution_id]):
        if type(event).Type.Name(event.type) in kinds:
            for key, index in _steps(event):
                places.setdefault(key, {})[index] = event.artifact_id
    messages = metadata.store.get_artifacts_by_id(
        sorted({number for found in places.values() for number in found.values()})
    )
    types = {
        each.id: each
        for each in metadata.store.get_artifact_types_by_id(
            sorted({message.type_id for message in messages})
        )
    }
    made = {
        message.id: deserialize_artifact(types[message.type_id], message) for message in messages
    }
    return {
        key: [made[number] for _, number in sorted(found.items())] for key, found in places.items()
    }


def _steps(event: Any) -> Iterator[tuple[str, int]]:
    """Yields the (key, index) pairs of an event: several, if one artifact is on two outputs."""
    steps = list(event.path.steps)
    for key, index in zip(steps[::2], steps[1::2], strict=False):
        yield key.key, index.index
