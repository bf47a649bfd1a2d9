"""Texts that fit into a cell."""

MAX_LETTERS = 40


def shortened(text: str, letters: int = MAX_LETTERS) -> str:
    """Returns a text that fits into a cell; its beginning and its end tell it from others."""
    if len(text) <= letters:
        return text
    end = letters // 3
    return f"{text[: letters - end - 1]}\N{HORIZONTAL ELLIPSIS}{text[-end:]}"
