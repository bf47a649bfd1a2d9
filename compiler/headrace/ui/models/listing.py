"""The page of all models: their verdicts, metrics and pushes, and which is the newest where."""

from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.target import ArtifactStore
from headrace.lineage.stored_artifacts import ModelHistory
from headrace.ui.artifacts.artifact import lineage_of
from headrace.ui.artifacts.tables import whole
from headrace.ui.rendering import page
from headrace.ui.site import site_of
from headrace_components.contract.errors import InputError

_AT_ONCE = 50
_LATEST = 200
_ALL = 20_000
_METRICS = 4


def list_models(request: Request) -> Response:
    """Returns the page of the models, newest first; `pipeline` and `state` of the query choose."""
    query = dict(request.query_params)
    limit = _ALL if query.get("all") else _LATEST
    reason = ""
    models: list[ModelHistory] = []
    try:
        store = lineage_of(site_of(request))
        if isinstance(store, ArtifactStore):
            models = store.models(limit)
        else:
            reason = "The models of a cluster are on the pages of its runs."
    except InputError as error:
        reason = str(error)
    pipelines = sorted({each.model.pipeline for each in models})
    chosen = [each for each in models[:limit] if _is_chosen(each, query)]
    first = whole(query.get("from", ""))
    first = first if first < len(chosen) else 0
    return page(
        request,
        "models/listing.html",
        reason=reason,
        pipelines=pipelines,
        in_service=[(push, each) for each in models for push in each.pushes if push.is_newest],
        models=chosen[first : first + _AT_ONCE],
        num_metrics=_METRICS,
        num_chosen=len(chosen),
        num_models=len(models),
        is_cut=len(models) >= limit and limit < _ALL,
        first=first,
        before=max(first - _AT_ONCE, 0) if first else None,
        after=first + _AT_ONCE if first + _AT_ONCE < len(chosen) else None,
        query=query,
    )


def _is_chosen(history: ModelHistory, query: dict[str, str]) -> bool:
    if query.get("pipeline", "") not in ("", history.model.pipeline):
        return False
    wanted = query.get("state", "")
    if wanted == "pushed":
        return bool(history.pushes)
    if wanted in ("blessed", "not blessed"):
        return wanted in [each.text for each in history.summary.verdicts]
    return True
