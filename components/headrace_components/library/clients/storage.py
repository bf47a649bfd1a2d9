"""Reads files that a parameter names, from any location."""

from pathlib import Path
from typing import Any

from headrace_components.contract import s3_settings
from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.task import local_path


def read_bytes(location: str, parameter: str) -> bytes:
    """Returns the contents of a local path or of a URI that fsspec can open.

    Args:
        location: A path, or a URI such as `gs://bucket/key`, `s3://...` or `minio://...`.
        parameter: Name of the parameter that gave the location, for error messages.

    Raises:
        InputError: The file does not exist.
        PlatformError: The storage behind the URI did not answer.
    """
    if "://" not in location or location.startswith("file://"):
        path = local_path(location)
        if not path.is_file():
            raise InputError(
                f"`{parameter}` is {location!r}, which is not a file"
                f"{'' if path.is_absolute() else f' in {Path.cwd()}'}. "
                "Give the path or URI of an existing file."
            )
        return path.read_bytes()
    try:
        import fsspec  # imported here: images that only read local files do not have it

        uri, options = _as_fsspec_has_it(location)
        with fsspec.open(uri, "rb", **options) as file:
            contents: bytes = file.read()
            return contents
    except FileNotFoundError as error:
        raise InputError(
            f"`{parameter}` is {location!r}, where there is no file. "
            "Give the URI of an existing file."
        ) from error
    except ImportError as error:
        # Either fsspec or the package for this kind of URI is missing, such as gcsfs; the message
        # names it.
        raise PlatformError(
            f"`{parameter}` is {location!r}, but the image lacks the package that "
            f"opens it: {error}. Use an image that has it, or give a path that is mounted."
        ) from error
    except (OSError, ValueError) as error:
        raise PlatformError(
            f"could not read `{parameter}` {location!r}: {error}. "
            "Check that the task's service account may read it."
        ) from error


def _as_fsspec_has_it(uri: str) -> tuple[str, dict[str, Any]]:
    """Returns the URI in fsspec's form, and the options with the server."""
    scheme, _, rest = uri.partition("://")
    if scheme not in ("s3", "minio"):
        return uri, {}
    server = s3_settings.server(scheme)
    arguments = {"endpoint_url": server.endpoint, "region_name": server.region}
    return f"s3://{rest}", {
        "client_kwargs": {name: value for name, value in arguments.items() if value}
    }
