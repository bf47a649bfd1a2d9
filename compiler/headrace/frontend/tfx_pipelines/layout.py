"""Writes values and calls as Python source, laid out as `ruff format` does it.

Only what pipeline files need: literals, names, and calls with named arguments. Lines have at most
`WIDTH` characters unless a text alone is longer.
"""

from collections.abc import Mapping, Sequence

from headrace.frontend.tfx_pipelines.plan import Call, Code, OutputRef, ParameterRef, Value

WIDTH = 100
_INDENT = "    "


def flat(value: Value | Call) -> str:
    """Returns a value or a call as source on one line."""
    if isinstance(value, OutputRef):
        return f"{value.step}.outputs[{text(value.port)}]"
    if isinstance(value, ParameterRef):
        return value.name
    if isinstance(value, Code):
        return value.text
    if isinstance(value, Call):
        return f"{value.function}({', '.join(_arguments_flat(value))})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{text(key)}: {flat(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(flat(item) for item in value)}]"
    if isinstance(value, str):
        return text(value)
    return repr(value).replace("e+", "e")  # 1e300, as formatters write it


def _arguments_flat(call: Call) -> list[str]:
    return [f"{name}={flat(item)}" for name, item in call.arguments.items()]


def laid_out(value: Value | Call, *, indent: int, before: str = "", after: str = "") -> str:
    """Returns a value or a call as source, on as many lines as it takes.

    Args:
        value: What to write.
        indent: Depth of the statement, in steps of four spaces.
        before: What stands before it on its first line, without the indent.
        after: What stands behind it on its last line.

    Returns:
        The lines, the first one with its indent and `before`, the last one with `after`.
    """
    margin = _INDENT * indent
    line = f"{margin}{before}{flat(value)}{after}"
    if len(line) <= WIDTH:
        return line
    if isinstance(value, Call) and value.arguments:
        return _call(value, indent, before, after)
    if isinstance(value, Mapping) and value:
        items = [
            laid_out(item, indent=indent + 1, before=f"{text(key)}: ", after=",")
            for key, item in value.items()
        ]
        return _bracketed("{", items, "}", margin, before, after)
    if isinstance(value, (list, tuple)) and value:
        items = [laid_out(item, indent=indent + 1, after=",") for item in value]
        return _bracketed("[", items, "]", margin, before, after)
    if isinstance(value, str) and "\n" in value.rstrip("\n"):
        lines = [f"{_INDENT}{margin}{text(part)}" for part in value.splitlines(keepends=True)]
        return _bracketed("(", lines, ")", margin, before, after)
    return line


def _call(call: Call, indent: int, before: str, after: str) -> str:
    margin, inner = _INDENT * indent, _INDENT * (indent + 1)
    together = f"{inner}{', '.join(_arguments_flat(call))}"
    if len(together) <= WIDTH:
        return f"{margin}{before}{call.function}(\n{together}\n{margin}){after}"
    items = [
        laid_out(item, indent=indent + 1, before=f"{name}=", after=",")
        for name, item in call.arguments.items()
    ]
    return _bracketed(f"{call.function}(", items, ")", margin, before, after)


def _bracketed(
    opening: str, items: Sequence[str], closing: str, margin: str, before: str, after: str
) -> str:
    lines = "\n".join(items)
    return f"{margin}{before}{opening}\n{lines}\n{margin}{closing}{after}"


def text(value: str) -> str:
    """Returns a text as a literal on one line, in the quotes that need the fewest backslashes."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    inside = "".join(_escaped(character, quote) for character in value)
    return f"{quote}{inside}{quote}"


def _escaped(character: str, quote: str) -> str:
    if character in ("\\", quote):
        return f"\\{character}"
    return character if character.isprintable() else repr(character)[1:-1]
