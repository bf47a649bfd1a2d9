"""Texts of other programs as parts of our own messages. Standard library only."""

from typing import Any


def one_line(text: object, limit: int | None = None) -> str:
    """Returns a text without line breaks and without the full stop at its end.

    Args:
        text: An error or its text. Clients of services often write several lines.
        limit: The largest number of characters to keep; None keeps all.
    """
    return " ".join(str(text).split())[:limit].rstrip(".")


def google_error(error: Any) -> str:
    """Returns the code and the message of an error of Google's API clients, in one line."""
    return one_line(f"{error.code or ''} {error.message}")
