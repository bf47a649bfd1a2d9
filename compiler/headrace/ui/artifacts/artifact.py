"""The page of an artifact."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from headrace.contract.target import ArtifactStore, LineageReader
from headrace.lineage.records import ArtifactLineage, ArtifactRef, Execution
from headrace.lineage.stored_artifacts import StoredArtifact
from headrace.ui.access import FRAME_POLICY
from headrace.ui.artifacts import contents
from headrace.ui.artifacts.charts import line_chart
from headrace.ui.artifacts.places import ArtifactPlace, file_within, holding_of, place_of
from headrace.ui.artifacts.tables import table_page, whole
from headrace.ui.rendering import page
from headrace.ui.site import Site, site_of
from headrace_components.contract.errors import InputError

_MOST_READERS = 20
_MOST_OTHERS = 200
_FILES_AT_ONCE = 100


def show_artifact(request: Request) -> Response:
    """Returns the page of the artifact whose URI, or id, is in the query."""
    site = site_of(request)
    store = lineage_of(site)
    query = dict(request.query_params)
    artifact = asked(request, store)
    place = place_of(artifact.uri, site.root)
    found = contents.facts_of(artifact)
    if place.path is not None and not found.sections:
        found = contents.contents_of(artifact, place.path, query)
    others = _others(store, artifact)
    compared, differences = _comparison(site, store, artifact, place, query.get("with", ""))
    holding = holding_of(place.path) if place.path is not None else None
    first = whole(query.get("from-files", ""))
    return page(
        request,
        "artifacts/artifact.html",
        artifact=artifact,
        kind=contents.type_of(artifact),
        place=place,
        holding=holding,
        files=holding.files[first : first + _FILES_AT_ONCE] if holding else (),
        first_file=first,
        next_file=first + _FILES_AT_ONCE,
        contents=found,
        sections=drawn(found.sections, query),
        compared=compared,
        differences=drawn(differences, query, "c"),
        others=others,
        reports=_reports(artifact),
        related=_related(artifact),
        metadata={
            name: value
            for name, value in artifact.metadata.items()
            if name not in contents.OTHER_METADATA
        },
        query=query,
    )


def show_document(request: Request) -> Response:
    """Returns an HTML file of an artifact, under the policy of documents that a run made."""
    artifact, file = _asked_file(request)
    if contents.type_of(artifact) != "HTML":
        raise HTTPException(404)
    return FileResponse(
        file,
        media_type="text/html; charset=utf-8",
        headers={"content-security-policy": FRAME_POLICY},
    )


def show_file(request: Request) -> Response:
    """Returns the page with the beginning of a file of an artifact."""
    artifact, file = _asked_file(request)
    return page(
        request,
        "artifacts/file.html",
        artifact=artifact,
        name=request.query_params.get("file", "") or file.name,
        file=request.query_params.get("file", ""),
        num_bytes=file.stat().st_size,
        shown=contents.preview(file),
    )


def download(request: Request) -> Response:
    """Returns a file of an artifact, to be saved and never opened in the browser."""
    _, file = _asked_file(request)
    return FileResponse(file, media_type="application/octet-stream", filename=file.name)


def lineage_of(site: Site) -> LineageReader:
    """Returns the reader of lineage. Raises InputError if the target has none here."""
    found = site.lineage()
    if found is None:
        raise InputError(
            f"The lineage of {site.target} is not read here: its own console shows artifacts."
        )
    return found


def asked(request: Request, store: LineageReader, name: str = "uri") -> ArtifactLineage:
    """Returns the artifact that the address names. Raises InputError if there is none."""
    uri = request.query_params.get(name, "")
    if not uri:
        raise HTTPException(404)
    return store.artifact(uri, site_of(request).root, _MOST_READERS)


def drawn(sections: Iterable[Mapping[str, Any]], query: Mapping[str, str], key: str = "") -> Any:
    """Returns sections with what a template draws: parts of tables, and places of lines."""
    found: list[dict[str, Any]] = []
    number = 0
    for section in sections:
        blocks: list[Mapping[str, Any]] = []
        for block in section["blocks"]:
            number += 1
            if block["kind"] == "table":
                blocks.append({**block, "page": table_page(block, f"{key}{number}", query)})
            elif block["kind"] == "chart":
                blocks.append({"kind": "picture", "chart": line_chart(block)})
            else:
                blocks.append(block)
        pages = [block["page"] for block in blocks if block["kind"] == "table"]
        is_used = any(part.find or part.first for part in pages)
        is_folded = section["is_folded"] and not is_used
        found.append({"heading": section["heading"], "blocks": blocks, "is_folded": is_folded})
    return found


def _asked_file(request: Request) -> tuple[ArtifactLineage, Path]:
    site = site_of(request)
    artifact = asked(request, lineage_of(site))
    place = place_of(artifact.uri, site.root)
    if place.path is None:
        raise InputError(place.reason)
    file = file_within(place.path, request.query_params.get("file", ""))
    if file is None:
        raise HTTPException(404)
    return artifact, file


def _others(store: LineageReader, artifact: ArtifactLineage) -> Sequence[StoredArtifact]:
    """Returns artifacts to compare with, those of the same task first."""
    if not contents.can_compare(contents.type_of(artifact)) or not isinstance(store, ArtifactStore):
        return []
    task = artifact.producer.task if artifact.producer else ""
    found = [
        each
        for each in store.artifacts(artifact.type, _MOST_OTHERS)
        if each.uri != artifact.uri and str(each.metadata.get("found")) != "0"
    ]
    port = artifact.uri.rstrip("/").rpartition("/")[2]
    return sorted(found, key=lambda each: (each.task != task) + (not each.uri.endswith(f"/{port}")))


def _comparison(
    site: Site, store: LineageReader, artifact: ArtifactLineage, place: ArtifactPlace, other: str
) -> tuple[ArtifactLineage | None, Sequence[Mapping[str, Any]]]:
    if not other:
        return None, []
    before = store.artifact(other, site.root, 1)
    if before.type != artifact.type:
        raise InputError(
            f"{before.uri} is of type {before.type}, which cannot be compared with {artifact.type}."
        )
    paths = [each.path for each in (place_of(before.uri, site.root), place) if each.path]
    return before, contents.comparison(before, artifact, paths)


def _reports(artifact: ArtifactLineage) -> list[ArtifactRef]:
    """Returns the HTML pages that the task of an artifact made beside it."""
    if artifact.producer is None or artifact.type.endswith("HTML"):
        return []
    outputs = artifact.producer.outputs.values()
    return [ref for refs in outputs for ref in refs if ref.type.endswith("HTML")]


_NEXT = {
    "Examples": ("ExampleStatistics", "consumers"),
    "ExampleStatistics": ("Examples", "producer"),
    "ModelEvaluation": ("Model", "producer"),
}


def _related(artifact: ArtifactLineage) -> list[tuple[str, ArtifactRef]]:
    """Returns the artifacts that people want to see beside this one, with the names of ports."""
    kind, side = _NEXT.get(contents.type_of(artifact), ("", ""))
    producers = [artifact.producer] if artifact.producer else []
    executions: Sequence[Execution] = artifact.consumers if side == "consumers" else producers
    found: dict[str, tuple[str, ArtifactRef]] = {}
    for execution in executions:
        ports = execution.outputs if side == "consumers" else execution.inputs
        for port, refs in ports.items():
            for ref in refs:
                if ref.type.rpartition(".")[2] == kind:
                    found[port] = (port, ref)
    return [*found.values()][:6]
