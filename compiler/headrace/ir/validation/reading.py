"""Reads JSON and YAML that nobody here wrote: within bounds, and each fault in one line.

PyYAML composes a document by recursion in C, which crashes the process if the nesting is deep; and
a few hundred bytes of aliases can stand for more nodes than fit into memory. So the data is made
here from the parser's events, which come one at a time.
"""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.texts import one_line

MAX_DEPTH = 100
"""The maximum depth of objects and lists. Protobuf has the same limit."""

MAX_NODES = 1_000_000
"""The maximum number of objects, lists and values in a file, after all aliases are written out."""

MAX_BYTES = 256 * 2**20
"""The maximum size of a file."""


def read_documents(path: Path, where: str) -> list[Any]:
    """Returns the documents of a JSON file, which has one, or of a YAML file.

    Numbers are finite, the keys of an object are texts, and each key is there once.

    Args:
        path: The file; it is JSON if its suffix is `.json`.
        where: The beginning of messages.

    Raises:
        InputError: The file cannot be read, does not fit its suffix, or exceeds a limit.
    """
    text = _text(path, where)
    form = "JSON" if path.suffix == ".json" else "YAML"
    try:
        documents = [_json(text)] if form == "JSON" else list(_yaml_documents(text))
    except _TooMuchError as error:
        raise InputError(f"{where}: {error}") from error
    except ValueError as error:
        raise InputError(
            f"{where} is not {form}: {one_line(error)}. Compile the pipeline again."
        ) from error
    if not documents or documents == [None]:
        raise InputError(
            f"{where}: the file is empty, expected a compiled pipeline. Compile it with "
            "`headrace compile`."
        )
    return documents


class _TooMuchError(Exception):
    """A limit is exceeded; the message says which one and what to do."""


def _too_deep(place: str) -> _TooMuchError:
    return _TooMuchError(
        f"{place} objects and lists are nested deeper than {MAX_DEPTH} levels, which no pipeline "
        "needs. Write the data flatter, or pass it as a file."
    )


def _too_many(place: str) -> _TooMuchError:
    return _TooMuchError(
        f"{place} the file stands for more than {MAX_NODES:,} values, which no pipeline needs. "
        "Pass large data as a file, and write out no aliases of aliases."
    )


def _text(path: Path, where: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                f"{where}: the file has {path.stat().st_size:,} bytes, expected at most "
                f"{MAX_BYTES:,}. Name a compiled pipeline."
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{where}: it cannot be read: {error.strerror}. Correct the path or its permissions."
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{where}: line {line} has the byte 0x{data[error.start]:02x}, which is not UTF-8. "
            "Save the file as UTF-8, or compile the pipeline again."
        ) from error


def _json(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError as error:
        raise _too_deep("somewhere,") from error
    _check_bounds(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"it has the number {name}, which JSON lacks")


def _check_bounds(value: Any) -> None:
    level, count = [value], 1
    for _ in range(MAX_DEPTH + 1):
        containers = [each for each in level if isinstance(each, (dict, list))]
        if not containers:
            return
        level = [item for each in containers for item in _items(each)]
        count += len(level)
        if count > MAX_NODES:
            raise _too_many("in all,")
    raise _too_deep("somewhere,")


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _yaml_documents(text: str) -> Iterator[Any]:
    import yaml

    # The C parser is ten times as fast, and not in every build of PyYAML.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while not loader.check_event(yaml.StreamEndEvent):
            event = loader.get_event()
            if isinstance(event, yaml.DocumentStartEvent):
                yield _Document(loader).read()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()


class _Document:
    """Makes the data of one document from the events of a PyYAML loader."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._count = 0
        # Values by anchor, with the number of nodes that each stands for.
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: list[_Container] = []

    def read(self) -> Any:
        """Returns the data of the document that begins at the loader's next event."""
        import yaml

        root: list[Any] = []
        while True:
            event = self._loader.get_event()
            if isinstance(event, yaml.DocumentEndEvent):
                return root[0]
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._start({} if isinstance(event, yaml.MappingStartEvent) else [], event)
                continue
            if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                done = self._open.pop()
                value, size, anchor = done.value, done.size, done.anchor
            elif isinstance(event, yaml.AliasEvent):
                (value, size), anchor = self._aliased(event), None
            else:
                value, size, anchor = self._scalar(event), 1, event.anchor
                self._add(1, event)
            if anchor is not None:
                self._anchors[anchor] = (value, size)
            if self._open:
                self._open[-1].put(value, size, event)
            else:
                root.append(value)

    def _start(self, value: Any, event: Any) -> None:
        # !!set, !!omap and similar tags do not exist in JSON.
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise ValueError(f"{_line(event)} has a tag {event.tag!r}, which JSON lacks")
        if len(self._open) == MAX_DEPTH:
            raise _too_deep(f"{_line(event)}:")
        self._add(1, event)
        self._open.append(_Container(value, event.anchor))

    def _aliased(self, event: Any) -> tuple[Any, int]:
        if event.anchor not in self._anchors:
            is_own = any(container.anchor == event.anchor for container in self._open)
            why = "stands within what it names" if is_own else "names nothing before it"
            raise ValueError(f"{_line(event)}: the alias *{event.anchor} {why}")
        value, size = self._anchors[event.anchor]
        self._add(size, event)
        return value, size

    def _add(self, num_nodes: int, event: Any) -> None:
        self._count += num_nodes
        if self._count > MAX_NODES:
            raise _too_many(f"{_line(event)}:")

    def _scalar(self, event: Any) -> Any:
        import yaml

        if event.tag not in (None, "!"):
            tag = event.tag
        elif event.tag == "!" or event.style:  # in quotes, or a block of text
            return event.value
        else:
            tag = self._loader.resolve(yaml.ScalarNode, event.value, (True, False))
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str":
            return event.value
        if kind not in ("null", "bool", "int", "float"):
            raise ValueError(
                f"{_line(event)} has {event.value!r}, which YAML takes for a {kind} and JSON "
                "lacks. Put it in quotes"
            )
        node = yaml.ScalarNode(tag, event.value)
        try:
            value = getattr(self._loader, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"{_line(event)} has {event.value!r} for a {kind}") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{_line(event)} has the number {event.value}, which JSON lacks")
        return value


class _Container:
    """An object or a list that is not complete yet."""

    __slots__ = ("_has_key", "_key", "anchor", "size", "value")

    def __init__(self, value: Any, anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.size = 1
        self._has_key = False
        self._key = ""

    def put(self, value: Any, size: int, event: Any) -> None:
        """Takes the next item of a list, or the next key or value of an object."""
        self.size += size
        if isinstance(self.value, list):
            self.value.append(value)
        elif self._has_key:
            self.value[self._key] = value
            self._has_key = False
        elif not isinstance(value, str):
            raise ValueError(f"{_line(event)} has the key {value!r}, expected a text")
        elif value in self.value:
            raise ValueError(f"{_line(event)} has the key {value!r} a second time")
        else:
            self._key, self._has_key = value, True


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"
