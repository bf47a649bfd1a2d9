"""The lineage of an artifact: the way back to the raw data, and what was made of it."""

from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.target import ArtifactStore
from headrace.lineage.stored_artifacts import Descendants
from headrace.ui.artifacts.artifact import asked, lineage_of
from headrace.ui.lineage.picture import picture_of
from headrace.ui.rendering import page
from headrace.ui.site import site_of

_MOST = 200
_MOST_DRAWN = 60


def show_lineage(request: Request) -> Response:
    """Returns the page with the lineage of the artifact in the query."""
    store = lineage_of(site_of(request))
    artifact = asked(request, store)
    if isinstance(store, ArtifactStore):
        down = store.descendants(artifact.id, _MOST)
    else:
        down = Descendants(executions=artifact.consumers, is_complete=False)
    num_boxes = len(artifact.ancestors) + len(down.executions)
    return page(
        request,
        "lineage/lineage.html",
        artifact=artifact,
        up=artifact.ancestors,
        down=down,
        picture=picture_of(artifact, down) if num_boxes <= _MOST_DRAWN else None,
        most_drawn=_MOST_DRAWN,
    )
