"""From an author's TFX file, or pipeline object, to the plan of a kfp pipeline and to its text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.frontend.tfx_pipelines.build import build
from headrace.frontend.tfx_pipelines.capture import executed
from headrace.frontend.tfx_pipelines.choosing import chosen
from headrace.frontend.tfx_pipelines.plan import Plan
from headrace.frontend.tfx_pipelines.planning import plan_of
from headrace.frontend.tfx_pipelines.render import Rendered, render
from headrace.frontend.tfx_pipelines.resolvers import add_dependencies
from headrace.frontend.tfx_pipelines.run_defaults import local_root, metadata_url
from headrace.frontend.tfx_pipelines.table import translator_of


@dataclass(frozen=True, kw_only=True, slots=True)
class TfxPipeline:
    """A TFX pipeline and the kfp pipeline that does the same.

    Attributes:
        pipeline: The author's pipeline object.
        plan: What the kfp pipeline's file says.
        rendered: Its text.
        notes: Lines for the author: what has no effect here.
    """

    pipeline: Any
    plan: Plan
    rendered: Rendered
    notes: tuple[str, ...]

    @property
    def local_root(self) -> str:
        """The directory of its runs on this machine; empty if it does not say."""
        return local_root(self.pipeline)

    @property
    def metadata_url(self) -> str:
        """The URL of its lineage database; empty if it does not say."""
        return metadata_url(self.pipeline)

    def built(self) -> Any:
        """Returns the kfp pipeline.

        Raises:
            CompileError: kfp or a component refuses it.
        """
        return build(self.plan, self.rendered)


def from_file(
    path: Path, name: str | None, flags: Sequence[str] = (), directory: Path | None = None
) -> TfxPipeline:
    """Reads the pipeline of a file.

    Args:
        path: The file. `tfx` and the files beside it have to be importable.
        name: The pipeline, if there are several: a name, a variable or a function.
        flags: What stands behind the file's name on the command line.
        directory: Where the text is to be; files below it are named relative to it. None for the
            directory of the file.

    Raises:
        CompileError: The file raises an error or has no such pipeline, or a node cannot be
            translated.
    """
    pipeline = chosen(executed(path, flags), path, name)
    source = path.parent
    return from_object(pipeline, file=path.name, source=source, directory=directory or source)


def from_object(pipeline: Any, *, file: str, source: Path, directory: Path) -> TfxPipeline:
    """Reads a pipeline that is there already.

    Args:
        pipeline: The author's pipeline object.
        file: Name of the author's file, for messages; empty if there is none.
        source: The directory of the author's file.
        directory: Where the text is to be; files below it are named relative to it.

    Raises:
        CompileError: A node cannot be translated.
    """
    add_dependencies(pipeline)
    plan, notes = plan_of(pipeline, translator_of, file=file, source=source, directory=directory)
    return TfxPipeline(pipeline=pipeline, plan=plan, rendered=render(plan), notes=notes)
