"""TFX artifacts that stand for directories, and what an executor of TFX wants around them."""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts


def examples(path: str) -> Any:
    """Returns Examples with the splits `train` and `eval`, the same as Headrace writes."""
    artifact = at(standard_artifacts.Examples, path)
    artifact.split_names = '["train", "eval"]'
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    return artifact


def at(kind: Any, path: str) -> types.Artifact:
    """Returns an artifact of a type at `path`, which may not exist yet."""
    artifact = kind()
    artifact.uri = path
    return artifact


def outputs(directory: str, kinds: dict[str, Any]) -> dict[str, list[types.Artifact]]:
    """Returns an artifact to write by port, each with a directory under `directory`."""
    artifacts = {}
    for port, kind in kinds.items():
        path = Path(directory, port)
        path.mkdir(parents=True)
        artifacts[port] = [at(kind, str(path))]
    return artifacts


def context(directory: str) -> Any:
    """Returns what an executor that uses Beam is made with; Beam's runner is its default."""
    return base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=[], tmp_dir=str(Path(directory, "temporary")), unique_id="1"
    )
