"""Times as lineage has them: ISO 8601 in UTC, to the millisecond."""

from datetime import UTC, datetime


def timestamp(milliseconds: int) -> str:
    """Returns milliseconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def seconds_between(start: str, end: str) -> float:
    """Returns the seconds from one `timestamp` to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
