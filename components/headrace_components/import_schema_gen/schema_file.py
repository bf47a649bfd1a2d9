"""Fingerprints the schema file for the cache. Standard library only."""

import hashlib
import importlib
import logging

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.fingerprints import file_fingerprint
from headrace_components.contract.hooks import Inputs, Params


def input_locations(params: Params) -> tuple[str, ...]:
    """Returns the path or URI of the schema file, if there is one."""
    return (params["schema_file"],) if params["schema_file"] else ()


def external_state(params: Params, inputs: Inputs) -> str | None:
    """Returns a fingerprint of the schema file, or None if only a run can find it."""
    del inputs
    location = params["schema_file"]
    if not location:
        return ""  # the schema is a parameter, and so in every key
    if "://" not in location:
        return file_fingerprint(location)
    try:
        # By name: only the image has the packages that open a URI.
        storage = importlib.import_module("headrace_components.library.clients.storage")
        content = storage.read_bytes(location, "schema_file")
    except (InputError, PlatformError) as error:  # the run reports the error to the author
        logging.info("import_schema_gen: no fingerprint of the schema file: %s", error)
        return None
    return hashlib.sha256(content).hexdigest()
