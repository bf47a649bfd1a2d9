"""Texts of other programs as parts of our own messages. Standard library only."""


def one_line(text: object, limit: int | None = None) -> str:
    """Returns a text without line breaks and without the full stop at its end.

    Args:
        text: An error or its text. Clients of services often write several lines.
        limit: The largest number of characters to keep; None keeps all.
    """
    return " ".join(str(text).split())[:limit].rstrip(".")
