"""The content of `run.json`: what is run, and how."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit, urlunsplit

from headrace.contract.shown_values import shown
from headrace.ir.validation.checks import check_spec
from headrace.ir.view import Pipeline
from headrace.lineage.local_store.connection import PASSWORD_VARIABLE, parse_url
from headrace.targets.local.records.store import RunStore, damage
from headrace.targets.local.shared.options import RunnerName
from headrace.targets.local.shared.part_request import PartRequest
from headrace.targets.local.shared.results import artifacts_from_json
from headrace.targets.local.shared.rules import RULES, Backend
from headrace_components.contract.errors import InputError

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineOrigin:
    """The source of a pipeline, so that changes can be noticed.

    Attributes:
        pipeline: `PIPELINE.py[:name]` or a compiled pipeline, absolute.
        digest: SHA-256 of that file.
        given: Values of run parameters as they were given: the path of a module file, and not its
            content.
        flags: What the file of a TFX pipeline found on its command line.
    """

    pipeline: str
    digest: str
    given: Mapping[str, Any]
    flags: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, pipeline: str | Path, given: Mapping[str, Any], flags: Sequence[str] = ()
    ) -> "PipelineOrigin":
        """Returns the origin of a pipeline that has just been loaded from its file."""
        name = str(Path(pipeline).absolute())
        digest = file_digest(file_of(name))
        return cls(pipeline=name, digest=digest, given=dict(given), flags=tuple(flags))


def file_of(pipeline: str) -> Path:
    """Returns the file in `PIPELINE.py[:name]`."""
    whole = Path(pipeline)
    head, separator, tail = pipeline.rpartition(":")
    is_name = separator and (tail.isidentifier() or head.endswith(".py"))
    return Path(head) if is_name and not whole.is_file() else whole


def _origin(data: Mapping[str, Any]) -> PipelineOrigin:
    return PipelineOrigin(**{**data, "flags": tuple(data.get("flags", ()))})


def file_digest(file: Path) -> str:
    """Returns the SHA-256 of a file; empty if it does not exist."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def code_digest(spec: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """Returns a digest of a compiled pipeline and of its parameters, with the code packed."""
    return hashlib.sha256(json.dumps([spec, parameters], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredUrl:
    """The URL of a lineage database, in a form that may be stored.

    Attributes:
        text: The URL without its password; empty for the root's own database.
        needs_password: Whether it had one.
    """

    text: str = ""
    needs_password: bool = False

    @classmethod
    def of(cls, url: str) -> "StoredUrl":
        """Takes the password out of a URL.

        Raises:
            InputError: It is not the URL of a lineage database.
        """
        if url:
            parse_url(url)
        parts = urlsplit(url)
        if not parts.password:
            return cls(text=url)
        user, _, host = parts.netloc.rpartition("@")
        netloc = f"{user.partition(':')[0]}@{host}"
        return cls(text=urlunsplit(parts._replace(netloc=netloc)), needs_password=True)

    def url(self) -> str:
        """Returns the URL with the password that the environment has.

        Raises:
            InputError: It needs a password, and the environment has none.
        """
        if self.needs_password and not os.environ.get(PASSWORD_VARIABLE):
            raise InputError(
                f"headrace run: the run records its lineage at {self.text} with a password, which "
                f"is not stored. Set {PASSWORD_VARIABLE} to it, or pass --metadata again."
            )
        return self.text


def stored_url(store: RunStore) -> str:
    """Returns the URL of a run's lineage database; empty for the root's own.

    Raises:
        InputError: The record of the run is damaged, or the environment has no password.
    """
    data = store.record()
    stored = StoredUrl(
        text=str(data.get("metadata", "")),
        needs_password=bool(data.get("metadata_needs_password", False)),
    )
    return stored.url()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """The pipeline of a run, and how it runs.

    Attributes:
        run_id: The run.
        created: When it was started, in ISO 8601.
        directory: The directory that it was started in.
        code_version: A fingerprint of Headrace and its libraries.
        runner: How tasks are started.
        containers: How containers are run, from `ContainerOptions.to_json`.
        use_cache: Whether earlier runs may answer.
        like: The backend whose rules apply.
        metadata: The lineage database.
        parameters: Values of all of the pipeline's parameters, with the code packed.
        spec: The pipeline in the form for the runner.
        artifacts: Artifacts that the pipeline takes, by name, from `artifacts_to_json`.
        code: `code_digest` of the pipeline at its compilation; empty if it was not recorded.
        origin: The source of the pipeline; None if it cannot be found again.
    """

    run_id: str
    created: str
    directory: str
    code_version: str
    runner: RunnerName
    containers: Mapping[str, Any]
    use_cache: bool
    like: Backend
    metadata: StoredUrl
    parameters: Mapping[str, Any]
    spec: Mapping[str, Any]
    code: str
    origin: PipelineOrigin | None
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    part: PartRequest | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `run.json`."""
        return {
            "format": FORMAT,
            "run_id": self.run_id,
            "created": self.created,
            "directory": self.directory,
            "code_version": self.code_version,
            "runner": self.runner,
            "containers": dict(self.containers),
            "use_cache": self.use_cache,
            "like": self.like,
            "metadata": self.metadata.text,
            "metadata_needs_password": self.metadata.needs_password,
            "parameters": dict(self.parameters),
            "spec": dict(self.spec),
            "code": self.code,
            "origin": None if self.origin is None else asdict(self.origin),
            **({"artifacts": dict(self.artifacts)} if self.artifacts else {}),
            **({"part": self.part.to_json()} if self.part else {}),
        }

    def summary(self) -> dict[str, Any]:
        """Returns the content of `summary.json`: what lists of runs show."""
        return {
            "created": self.created,
            "name": Pipeline(body=self.spec).author_name,
            "parameters": shown(dict(self.parameters)),
            "source": self.origin.pipeline if self.origin else "",
        }

    @classmethod
    def read(cls, store: RunStore) -> "RunRecord":
        """Reads the record of a run.

        Raises:
            InputError: It is damaged, or of another version of Headrace.
        """
        file = store.directory / "run.json"
        data = store.record()
        if "format" in data and data["format"] != FORMAT:
            raise InputError(
                f"headrace run: {file} has format {data['format']!r}, expected {FORMAT}. Resume "
                "it with the Headrace version that started it."
            )
        try:
            record = cls._from_json(data)
            check_spec(record.spec, "its pipeline")
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            reason = ValueError(f"{type(error).__name__}: {error}")
            raise InputError(damage(file, reason)) from error
        return record

    @classmethod
    def _from_json(cls, data: Mapping[str, Any]) -> "RunRecord":
        record = cls(
            run_id=data["run_id"],
            created=data["created"],
            directory=data["directory"],
            code_version=data["code_version"],
            runner=data["runner"],
            containers=data.get("containers", {"mounts": [], "network": "none"}),
            use_cache=data["use_cache"],
            like=data.get("like", "kubeflow"),
            metadata=StoredUrl(
                text=data["metadata"], needs_password=data.get("metadata_needs_password", False)
            ),
            parameters=data["parameters"],
            spec=data["spec"],
            code=data.get("code", ""),
            origin=_origin(data["origin"]) if data.get("origin") else None,
            artifacts=data.get("artifacts", {}),
            part=PartRequest.from_json(data["part"]) if data.get("part") else None,
        )
        texts = (record.run_id, record.created, record.directory, record.code_version, record.code)
        if not all(isinstance(text, str) for text in (*texts, record.metadata.text)):
            raise TypeError("a text is none")
        if not (isinstance(record.parameters, dict) and isinstance(record.spec, dict)):
            raise TypeError("`parameters` or `spec` is not an object")
        if not all(isinstance(mount, str) for mount in record.containers["mounts"]):
            raise TypeError("a mount is not a text")
        if not isinstance(record.containers["network"], str):
            raise TypeError("the network is not a text")
        if record.runner not in get_args(RunnerName):
            raise ValueError(f"there is no runner {record.runner!r}")
        artifacts_from_json(record.artifacts)
        if record.like not in RULES:
            raise ValueError(f"there is no backend {record.like!r}")
        return record
