"""Explains errors of Google clients to the person who must act on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from headrace_components.contract.errors import (
    ComponentError,
    InputError,
    PlatformError,
    RefusedError,
)
from headrace_components.contract.texts import one_line

_LONGEST_QUERY = 200

# BigQuery's reasons for a status 403 that is not about permissions.
_QUOTA_REASONS = frozenset({"quotaExceeded", "rateLimitExceeded", "resourcesExceeded"})
_BILLING_REASONS = frozenset({"billingNotEnabled", "billingTierLimitExceeded"})


@contextmanager
def errors_explained(query: str) -> Iterator[None]:
    """Turns errors of the client into errors for the person who must act on them."""
    try:
        yield
    except exceptions.GoogleAPICallError as error:
        raise _failure(query, error) from error
    except (
        exceptions.RetryError,
        GoogleAuthError,
        requests.exceptions.RequestException,
    ) as error:
        raise PlatformError(
            f"BigQuery did not answer {shortened(query)}: {one_line(error)}. "
            "Check that the task may reach it and that its credentials hold, then run again; "
            "nothing half-written was kept."
        ) from error


def _failure(query: str, error: exceptions.GoogleAPICallError) -> ComponentError:
    reason = reason_of(error)
    kinds = _kinds(error)
    asked = shortened(query)
    if kinds & _QUOTA_REASONS or isinstance(error, exceptions.TooManyRequests):
        return PlatformError(
            f"a quota of BigQuery is used up by {asked}: {reason}. Run again later, "
            "or ask for a higher quota of the project."
        )
    if kinds & _BILLING_REASONS:
        return PlatformError(
            f"BigQuery does not bill {asked}: {reason}. Enable billing for the "
            "project, or name another `project`."
        )
    if isinstance(error, (exceptions.Forbidden, exceptions.Unauthorized)):
        return RefusedError(
            f"BigQuery does not let this task run {asked}: {reason}. Grant its "
            "account what is missing: roles/bigquery.jobUser on the project lets it run queries, "
            "roles/bigquery.dataViewer on the data set lets it read."
        )
    if isinstance(error, exceptions.NotFound):
        return InputError(
            f"{asked} names what BigQuery does not find: {reason}. Correct the name, "
            "or `location`, since a query sees the data of one region."
        )
    if "bytesBilledLimitExceeded" in kinds:
        return InputError(
            f"{asked} is refused: {reason}. Read fewer columns or partitions, or "
            "raise `maximum_bytes_billed`."
        )
    if isinstance(error, exceptions.BadRequest):
        return InputError(f"BigQuery refuses {asked}: {reason}. Correct the query.")
    return PlatformError(
        f"BigQuery did not run {asked} to its end: {reason}. Run again; nothing "
        "half-written was kept."
    )


def _kinds(error: exceptions.GoogleAPICallError) -> set[str]:
    """Returns BigQuery's names of the errors, such as `accessDenied`."""
    return {item.get("reason", "") for item in error.errors if isinstance(item, dict)}


def reason_of(error: exceptions.GoogleAPICallError) -> str:
    """Returns BigQuery's message, on one line."""
    messages = [item.get("message") for item in error.errors if isinstance(item, dict)]
    return one_line(next(filter(None, messages), error.message))


def shortened(query: str) -> str:
    """Returns a short form of a query for messages."""
    text = " ".join(query.split())
    return repr(text if len(text) <= _LONGEST_QUERY else f"{text[:_LONGEST_QUERY]}...")
