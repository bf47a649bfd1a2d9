"""What `headrace.toml` says: where images lie and where a target runs.

    [images]
    registry = "europe-docker.pkg.dev/my-project/headrace"
    digests_file = "images/digests.json"     # or a table [images.digests]

    [images.tasks]                           # images of the author's own; [images.components] too
    trainer = "europe-docker.pkg.dev/my-project/flights/trainer@sha256:..."

    [vertex]
    pipeline_root = "gs://my-bucket/headrace"
    project = "my-project"
    region = "europe-west1"
    service_account = "runner@my-project.iam.gserviceaccount.com"
    display_name = "flights"
    labels = { team = "ops" }
    parameters = { data = "gs://my-bucket/flights" }

    [kubeflow]
    pipeline_root = "minio://mlpipeline/v2/artifacts"

Paths are relative to the file. Every field is optional; a target says which ones it needs.
"""

import dataclasses
import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from headrace.errors import CompileError

Target = Literal["local", "kubeflow", "vertex"]
TARGETS: tuple[Target, ...] = get_args(Target)

DEFAULT_FILE = "headrace.toml"
# Where `make images` leaves the digests of what it built.
DEFAULT_DIGESTS_FILE = "images/digests.json"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://pkg.go.dev/github.com/distribution/reference, with a host and without a tag. What has no
# dot, port or `localhost` in front is no host, and a short name means another image elsewhere.
_HOST = r"(?:localhost|(?=[^/]*[.:])[A-Za-z0-9.-]+)(?::[0-9]+)?"
_REFERENCE = re.compile(rf"{_HOST}(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+@{_DIGEST.pattern}")
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
# PipelineJob.displayName: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
_MAX_DISPLAY_NAME = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """Where the component images lie.

    Attributes:
        registry: What stands before the image's name, as `europe-docker.pkg.dev/project/repo`.
        digests: `sha256:` and 64 hex digits, by image name.
        digests_file: JSON file with the same mapping, used where `digests` lacks a name.
        tasks: Images of the author's own, as `host/path/name@sha256:...`, by path of the task.
        components: The same for all tasks of a Headrace component that `tasks` does not name.
    """

    registry: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    digests_file: str = ""
    tasks: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects what pins nothing."""
        if "://" in self.registry or self.registry.endswith("/"):
            raise CompileError(
                f"images: `registry` is {self.registry!r}, expected a host and a path as in "
                "'europe-docker.pkg.dev/my-project/headrace'. Leave out the scheme and a final /."
            )
        for name, digest in self.digests.items():
            if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                raise CompileError(
                    f"images: the digest of {name!r} is {digest!r}, expected 'sha256:' and 64 "
                    "hexadecimal digits. Take it from the registry, not from a tag."
                )
        for name, image in self.tasks.items():
            _check_reference(f"task {name!r}", image)
        for name, image in self.components.items():
            _check_reference(f"component {name!r}", image)


def _check_reference(user: str, image: Any) -> None:
    if isinstance(image, str) and _REFERENCE.fullmatch(image):
        return
    if isinstance(image, str) and "://" in image:
        advice = "Leave out the scheme: registries are reached over TLS."
    elif isinstance(image, str) and "@" not in image:
        advice = (
            "A tag may move under a cache. `docker push` prints the digest of what it pushed, "
            "`podman push --digestfile FILE` writes it."
        )
    else:
        advice = "Write the host, no tag, and all 64 digits of the digest."
    raise CompileError(
        f"images: the image of {user} is {image!r}, expected one pinned by digest, as "
        f"'ghcr.io/mine/trainer@sha256:...'. {advice}"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Vertex:
    """What a Vertex AI PipelineJob says besides its pipeline.

    Attributes:
        pipeline_root: Directory of all artifacts, as `gs://bucket/path`.
        project: Google Cloud project that runs the pipeline.
        region: Its region, as `europe-west1`.
        service_account: Account that the tasks run as; empty for the project's default.
        display_name: Name in the console; empty for the pipeline's name.
        labels: Labels of the job.
        parameters: Values of run parameters, by name.
    """

    pipeline_root: str = ""
    project: str = ""
    region: str = ""
    service_account: str = ""
    display_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects what the service would refuse at submission."""
        if self.pipeline_root and not self.pipeline_root.startswith("gs://"):
            raise CompileError(
                f"vertex: `pipeline_root` is {self.pipeline_root!r}, but Vertex AI keeps artifacts "
                "in Cloud Storage. Give a URI as 'gs://my-bucket/headrace'."
            )
        if self.service_account and "@" not in self.service_account:
            raise CompileError(
                f"vertex: `service_account` is {self.service_account!r}, expected an e-mail "
                "address as 'runner@my-project.iam.gserviceaccount.com'. Give the full address."
            )
        if len(self.display_name) > _MAX_DISPLAY_NAME:
            raise CompileError(
                f"vertex: `display_name` has {len(self.display_name)} characters, expected at "
                f"most {_MAX_DISPLAY_NAME}. Shorten it."
            )
        for key, value in self.labels.items():
            if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(str(value)):
                raise CompileError(
                    f"vertex: label {key!r} = {value!r}, expected at most 63 lower-case letters, "
                    "digits, - and _, the key starting with a letter. Rename it."
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Kubeflow:
    """What a Kubeflow pipeline says besides its steps.

    Attributes:
        pipeline_root: Directory of all artifacts; empty for the installation's default.
    """

    pipeline_root: str = ""

    def __post_init__(self) -> None:
        """Rejects roots that the open-source launcher cannot open."""
        schemes = ("gs://", "s3://", "minio://")
        if self.pipeline_root and not self.pipeline_root.startswith(schemes):
            raise CompileError(
                f"kubeflow: `pipeline_root` is {self.pipeline_root!r}, expected a URI that starts "
                f"with one of {list(schemes)}. Give a bucket that the cluster can reach."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """All of `headrace.toml`.

    Attributes:
        images: Where the component images lie.
        vertex: Settings of the target `vertex`.
        kubeflow: Settings of the target `kubeflow`.
        source: Name of the file, for messages.
        directory: What relative paths are relative to.
    """

    images: Images = field(default_factory=Images)
    vertex: Vertex = field(default_factory=Vertex)
    kubeflow: Kubeflow = field(default_factory=Kubeflow)
    source: str = DEFAULT_FILE
    directory: Path = Path()


def read_profile(path: Path | None = None) -> Profile:
    """Reads a profile.

    Args:
        path: The TOML file; None reads `headrace.toml` of the current directory, where there is
            one, and else takes every default.

    Raises:
        CompileError: The file is missing or no TOML, or a setting is unknown or of another type.
    """
    if path is None:
        path = Path(DEFAULT_FILE)
        if not path.is_file():
            return Profile()
    if not path.is_file():
        raise CompileError(
            f"config: {str(path)!r} is no file, expected a target profile in TOML. "
            f"Correct `--config`, or write a {DEFAULT_FILE} with a table [images]."
        )
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompileError(f"{path}: not TOML: {error}. Correct that line.") from error
    check_names(str(path), "table", tables, ("images", "kubeflow", "vertex"))
    profile = Profile(
        images=_section(path, Images, tables.get("images", {})),
        vertex=_section(path, Vertex, tables.get("vertex", {})),
        kubeflow=_section(path, Kubeflow, tables.get("kubeflow", {})),
        source=str(path),
        directory=path.parent,
    )
    return dataclasses.replace(profile, images=_with_digests_file(profile))


def _with_digests_file(profile: Profile) -> Images:
    named = profile.images.digests_file
    path = profile.directory / (named or DEFAULT_DIGESTS_FILE)
    if not path.is_file():
        if named:
            raise CompileError(
                f"{profile.source}: `digests_file` is {named!r}, which is no file. "
                "Build and push the images first, or correct the path."
            )
        return profile.images
    try:
        digests = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CompileError(
            f"{path}: not JSON: {error}. It maps image names to digests; write it again."
        ) from error
    if not isinstance(digests, dict):
        raise CompileError(
            f"{path}: holds a {type(digests).__name__}, expected an object from image name to "
            "digest. Write it again."
        )
    return dataclasses.replace(profile.images, digests={**digests, **profile.images.digests})


S = TypeVar("S", Images, Vertex, Kubeflow)


def _section(path: Path, cls: type[S], values: Any) -> S:
    name = cls.__name__.lower()
    if not isinstance(values, dict):
        raise CompileError(
            f"{path}: `{name}` is {values!r}, expected a table. Write [{name}] on a line of its "
            "own and its settings below."
        )
    fields = {item.name: item for item in dataclasses.fields(cls)}
    check_names(f"{path}: [{name}]", "setting", values, tuple(fields))
    for key, value in values.items():
        expected = str if fields[key].type is str else dict
        if not isinstance(value, expected):
            raise CompileError(
                f"{path}: [{name}] `{key}` is {value!r}, expected "
                f"{'a string' if expected is str else 'a table'}. Correct the value."
            )
    return cls(**values)


def check_names(where: str, kind: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuses a name that does not exist, and tells the one that was probably meant.

    Raises:
        CompileError: One of `given` is not in `known`. The message begins with `where`.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            advice = f"Did you mean `{near[0]}`?" if near else "Remove it."
            raise CompileError(
                f"{where}: unknown {kind} `{name}`, known: {sorted(known)}. {advice}"
            )
