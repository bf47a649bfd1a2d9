"""The pipelines that `tfx pipeline create` was called for, on this machine.

Each has a directory `~/tfx/<engine>/<pipeline>`, as in TFX, with two files: `pipeline_args.json`
says where its file is, and `pipeline.json` or `pipeline.yaml` is the compiled pipeline.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote

from headrace.errors import CompileError

Engine = Literal["local", "kubeflow", "vertex"]
ENGINES: Sequence[Engine] = get_args(Engine)

_ARGUMENTS = "pipeline_args.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotedPipeline:
    """A pipeline.

    Attributes:
        pipeline_name: Its name in TFX.
        pipeline_path: Absolute path of the file that makes it.
        pipeline_root: The directory of its runs on this machine; empty if it has none.
    """

    pipeline_name: str
    pipeline_path: str
    pipeline_root: str = ""


def directory(engine: Engine, name: str) -> Path:
    """Returns the directory of a pipeline."""
    return Path.home() / "tfx" / engine / quote(name, safe="")


def register(engine: Engine, pipeline: NotedPipeline) -> None:
    """Notes a pipeline, in place of an earlier one of its name."""
    place = directory(engine, pipeline.pipeline_name)
    place.mkdir(parents=True, exist_ok=True)
    made = place / f".{_ARGUMENTS}"
    made.write_text(json.dumps(asdict(pipeline), indent=2) + "\n", "utf-8")
    made.replace(place / _ARGUMENTS)


def remove(engine: Engine, name: str) -> None:
    """Forgets a pipeline. Its file, its runs and what they made stay."""
    shutil.rmtree(directory(engine, name))


def registered(engine: Engine) -> list[NotedPipeline]:
    """Returns the pipelines of an engine, by their names."""
    files = (Path.home() / "tfx" / engine).glob(f"*/{_ARGUMENTS}")
    return sorted(map(_read, files), key=lambda each: each.pipeline_name)


def find(name: str, engine: Engine | None) -> tuple[Engine, NotedPipeline]:
    """Returns a pipeline and its engine.

    Args:
        name: Its name.
        engine: Its engine; None for the only one that has it.

    Raises:
        CompileError: There is none, or several engines have it.
    """
    searched = [engine] if engine else ENGINES
    found = [
        (each, pipeline)
        for each in searched
        for pipeline in registered(each)
        if pipeline.pipeline_name == name
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise CompileError(
            f"tfx: the pipeline {name!r} was created for {[each for each, _ in found]}. Say which, "
            f"as --engine={found[0][0]}."
        )
    known = [pipeline.pipeline_name for each in searched for pipeline in registered(each)]
    raise CompileError(
        f"tfx: there is no pipeline {name!r}{f' of the engine {engine}' if engine else ''}, only "
        f"{sorted(set(known))}. Create it: tfx pipeline create --pipeline_path=FILE.py"
    )


def _read(file: Path) -> NotedPipeline:
    try:
        return NotedPipeline(**json.loads(file.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise CompileError(
            f"tfx: {file} cannot be read: {error}. Remove its directory, and create the pipeline "
            "again."
        ) from error
