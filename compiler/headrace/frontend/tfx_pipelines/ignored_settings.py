"""Settings of TFX pipelines that have no effect here, which their authors should know."""

from typing import Any

from headrace.frontend.tfx_pipelines.run_defaults import metadata_url, root_of
from headrace.frontend.tfx_pipelines.translation import Translation


def note_settings_without_effect(translation: Translation) -> None:
    """Tells the author of settings of the pipeline, and of pipelines in it, without effect."""
    pipeline = translation.pipeline
    if pipeline.metadata_connection_config is not None and not metadata_url(pipeline):
        translation.note(
            "the pipeline's `metadata_connection_config` names no file and no MySQL database, as a "
            "`fake_database`, which ends with its program: lineage goes to metadata.sqlite of the "
            "root. Write sqlite_metadata_connection_config(PATH) for another file."
        )
    inner = {
        each: None
        for node in translation.nesting.nodes
        for each in translation.nesting.around(node)
    }
    for each in inner:
        if ignored := _of_inner(each, pipeline):
            translation.note(
                f"{each.pipeline_name}: the {' and '.join(ignored)} of this inner pipeline have no "
                "effect, because its nodes stand in the outer one. Set them there."
            )


def _of_inner(inner: Any, outer: Any) -> list[str]:
    found = []
    if root_of(inner) and root_of(inner) != root_of(outer):
        found.append(f"`pipeline_root` {root_of(inner)!r}")
    if inner.enable_cache and not outer.enable_cache:
        found.append("`enable_cache`")
    if inner.metadata_connection_config not in (None, outer.metadata_connection_config):
        found.append("`metadata_connection_config`")
    return found
