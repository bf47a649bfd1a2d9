"""The addresses of the pages. Names of people are quoted here, so no other place builds a path."""

from urllib.parse import quote, urlencode

RUNS = "/"


def run_link(run_id: str) -> str:
    """Returns the address of a run's page."""
    return f"/runs/{quote(run_id, safe='')}"


def with_query(path: str, **values: str | int | None) -> str:
    """Returns an address with a query; values that are None or empty are left out."""
    query = urlencode({name: value for name, value in values.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path
