"""The table [images]: where the component images are stored.

[images]
registry = "europe-docker.pkg.dev/my-project/headrace"
digests_file = "images/digests.json"     # or a table [images.digests]

[images.tasks]                           # images of the author's own; [images.components] too
trainer = "europe-docker.pkg.dev/my-project/flights/trainer@sha256:..."
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import CompileError

# `make push` writes the digests of built images here.
DEFAULT_DIGESTS_FILE = "images/digests.json"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://pkg.go.dev/github.com/distribution/reference, with a host and without a tag. A first part
# without a dot, a port or `localhost` is not a host: it would be a short name, which means another
# image elsewhere.
_HOST = r"(?:localhost|(?=[^/]*[.:])[A-Za-z0-9.-]+)(?::[0-9]+)?"
_PATH = r"(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)"
_REGISTRY = re.compile(rf"{_HOST}{_PATH}*")
_REFERENCE = re.compile(rf"{_HOST}{_PATH}+@{_DIGEST.pattern}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """Where the component images are stored.

    Attributes:
        registry: The part before the image's name, such as `europe-docker.pkg.dev/project/repo`.
        digests: `sha256:` and 64 hex digits, by image name.
        digests_file: JSON file with the same mapping, used for names that are missing in `digests`.
        tasks: The author's own images, such as `host/path/name@sha256:...`, by path of the task.
        components: The same for all tasks of a Headrace component that `tasks` does not name.
    """

    registry: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    digests_file: str = ""
    tasks: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects values that do not pin an image."""
        if self.registry and not _REGISTRY.fullmatch(self.registry):
            raise CompileError(
                f"`registry` is {self.registry!r}, expected a host and a path as in "
                "'europe-docker.pkg.dev/my-project/headrace' or 'docker.io/me'. Leave out the "
                "scheme and a final /."
            )
        for name, digest in self.digests.items():
            if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                raise CompileError(
                    f"the digest of {name!r} is {digest!r}, expected 'sha256:' and 64 "
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
        f"the image of {user} is {image!r}, expected one pinned by digest, for example "
        f"'ghcr.io/mine/trainer@sha256:...'. {advice}"
    )
