"""Returns whether objects in a store are those that an earlier run read, without reading them."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from headrace_components.contract.errors import PlatformError
from headrace_components.contract.fingerprints import fingerprint_of
from headrace_components.contract.task import local_path
from headrace_components.library.sources.files import open_random

_THREADS = 16

# Arrow's names for the version of an object: in Cloud Storage, and in S3.
_VERSIONS = ("generation", "ETag")
# More fields of Arrow, which change when an object is written again.
_DETAILS = ("VersionId", "Last-Modified")


def object_fingerprint(uris: Sequence[str]) -> str:
    """Returns a fingerprint of objects: names, sizes, and generations or ETags with times.

    It sends one request per object, 16 at once, because Arrow lists neither generations nor ETags.

    Args:
        uris: Sorted URIs of objects, or of local files such as `file:///data/1.csv`.

    Raises:
        PlatformError: The store does not answer, or does not give the version of an object.
    """
    digest = hashlib.sha256()
    with ThreadPoolExecutor(_THREADS) as pool:
        for state in pool.map(lambda uri: _state(uri), uris):
            digest.update(f"{state}\0".encode())
    return digest.hexdigest()


def _state(uri: str) -> str:
    if uri.startswith("file://"):
        return fingerprint_of([(uri, local_path(uri))], with_times=True)
    with open_random(uri) as file:
        size, metadata = file.size(), file.metadata() or {}
    versions = {
        name: _text(metadata[name]) for name in (*_VERSIONS, *_DETAILS) if metadata.get(name)
    }
    if not any(name in versions for name in _VERSIONS):
        raise PlatformError(
            f"{uri} has neither a generation nor an ETag, but {sorted(metadata)}, so "
            "it is unknown whether it was changed. Read it from gs:// or s3://."
        )
    return "\0".join([uri, str(size), *(f"{name}={versions[name]}" for name in sorted(versions))])


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
