"""Values that only a run has, as expressions: `tfx.dsl.placeholders` and `channel.future()`.

An expression records what the author wrote, as plain attributes. The front end reads it: it becomes
a condition, an argument of a task, or the command of a container. Nothing here computes a value.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

_COMPARISONS = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Placeholder:
    """Base of all expressions. An expression is never changed after it was made."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Placeholder":
        return self

    def children(self) -> Iterator[Any]:
        """Yields what the expression is made of: placeholders, and constants between them."""
        yield from ()

    def traverse(self) -> Iterator["Placeholder"]:
        """Yields the expression and all placeholders in it, outer first."""
        yield self
        for child in self.children():
            if isinstance(child, Placeholder):
                yield from child.traverse()

    def _identity(self) -> tuple[Any, ...]:
        # Equal for two expressions that mean the same.
        parts = (
            each._identity() if isinstance(each, Placeholder) else each for each in self.children()
        )
        return (type(self).__name__, *self._settings(), *parts)

    def _settings(self) -> tuple[Any, ...]:
        # What distinguishes expressions of one class, besides their children.
        return ()

    def internal_equals(self, other: Any) -> bool:
        """Compares two expressions; `==` makes a predicate."""
        return isinstance(other, Placeholder) and self._identity() == other._identity()

    def __getitem__(self, key: int | str) -> Any:
        return Item(self, key)

    def __add__(self, right: Any) -> "Placeholder":
        return Concatenation([self, right])

    def __radd__(self, left: Any) -> "Placeholder":
        return Concatenation([left, self])

    def __eq__(self, other: object) -> "Comparison":  # type: ignore[override]
        return Comparison("==", self, other)

    def __ne__(self, other: object) -> "Comparison":  # type: ignore[override]
        return Comparison("!=", self, other)

    def __lt__(self, other: Any) -> "Comparison":
        return Comparison("<", self, other)

    def __le__(self, other: Any) -> "Comparison":
        return Comparison("<=", self, other)

    def __gt__(self, other: Any) -> "Comparison":
        return Comparison(">", self, other)

    def __ge__(self, other: Any) -> "Comparison":
        return Comparison(">=", self, other)

    def __hash__(self) -> int:
        return id(self)

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError(
            f"{self!r} was iterated over, expected an index, as in [0]: only the run knows what it "
            "holds. A missing comma in a tuple has the same effect."
        )

    def __format__(self, spec: str) -> str:
        raise RuntimeError(
            f"{self!r} stands in an f-string or in format(), expected it outside of strings: only "
            "the run knows its value. Join the parts with `+`, as in 'gs://bucket/' + placeholder."
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(each) for each in self.children())})"

    def b64encode(self, url_safe: bool = True) -> "Placeholder":
        """Returns the value in Base64."""
        return Encoded("base64-url" if url_safe else "base64", self)

    def serialize(self, serialization_format: "ProtoSerializationFormat") -> "Placeholder":
        """Returns the message as text."""
        return Encoded(serialization_format.name, self)

    def serialize_list(self, serialization_format: "ListSerializationFormat") -> "Placeholder":
        """Returns the list as text."""
        return Encoded(serialization_format.name, self)


class ProtoSerializationFormat(enum.Enum):
    """How a message becomes text."""

    TEXT_FORMAT = "TEXT_FORMAT"
    JSON = "JSON"
    BINARY = "BINARY"
    INLINE_FILE_TEXT_FORMAT = "INLINE_FILE_TEXT_FORMAT"


class ListSerializationFormat(enum.Enum):
    """How a list becomes text."""

    JSON = "JSON"
    COMMA_SEPARATED_STR = "COMMA_SEPARATED_STR"


class _MessageValue(Placeholder):
    """A value that may be a message, so that its fields are attributes."""

    def __getattr__(self, name: str) -> "Field":
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return Field(self, name)


class Field(_MessageValue):
    """A field of a message. `path_of` reads it: a field may have any name."""

    def __init__(self, of: Placeholder, name: str) -> None:
        self._of = of
        self._name = name

    def children(self) -> Iterator[Any]:
        """Yields the message."""
        yield self._of

    def _settings(self) -> tuple[Any, ...]:
        return (self._name,)

    def __repr__(self) -> str:
        return f"{self._of!r}.{self._name}"


class Item(_MessageValue):
    """An item of a list, or an entry of a map. `path_of` reads it."""

    def __init__(self, of: Placeholder, index: int | str) -> None:
        self._of = of
        self._index = index

    def children(self) -> Iterator[Any]:
        """Yields the list or map."""
        yield self._of

    def _settings(self) -> tuple[Any, ...]:
        return (self._index,)

    def __repr__(self) -> str:
        return f"{self._of!r}[{self._index!r}]"


def path_of(expression: Placeholder) -> tuple[Placeholder, list[int | str]]:
    """Takes fields and items apart.

    Returns:
        The expression they are of, and the way from there: names, positions and keys.
    """
    way: list[int | str] = []
    while isinstance(expression, (Field, Item)):
        way.append(expression._name if isinstance(expression, Field) else expression._index)
        expression = expression._of
    return expression, way[::-1]


class Encoded(Placeholder):
    """A value as text.

    Attributes:
        encoding: `base64-url`, `base64`, or the name of a serialization format.
        of: The value.
    """

    def __init__(self, encoding: str, of: Placeholder) -> None:
        self.encoding = encoding
        self.of = of

    def children(self) -> Iterator[Any]:
        """Yields the value."""
        yield self.of

    def _settings(self) -> tuple[Any, ...]:
        return (self.encoding,)


class _Items(Placeholder):
    """Several values, placeholders or constants."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = list(items)

    def children(self) -> Iterator[Any]:
        """Yields the items."""
        yield from self.items


class Concatenation(_Items):
    """Texts one after the other.

    Attributes:
        items: Placeholders and texts.
    """

    def __add__(self, right: Any) -> "Concatenation":
        return Concatenation([*self.items, right])

    def __radd__(self, left: Any) -> "Concatenation":
        return Concatenation([left, *self.items])

    def __repr__(self) -> str:
        return " + ".join(repr(item) for item in self.items)


class JoinedPath(_Items):
    """Parts of a path, joined as `os.path.join` does.

    Attributes:
        items: Placeholders and texts.
    """


class Directory(Placeholder):
    """The directory of a path.

    Attributes:
        of: The path.
    """

    def __init__(self, of: Placeholder) -> None:
        self.of = of

    def children(self) -> Iterator[Any]:
        """Yields the path."""
        yield self.of


class ListPlaceholder(_Items):
    """A list of values.

    Attributes:
        items: Placeholders and constants.
    """

    def __add__(self, right: "ListPlaceholder") -> "ListPlaceholder":
        return ListPlaceholder([*self.items, *right.items])

    def __radd__(self, left: "ListPlaceholder") -> "ListPlaceholder":
        return ListPlaceholder([*left.items, *self.items])


class DictPlaceholder(Placeholder):
    """A dict of values; entries that are None are left out.

    Attributes:
        entries: Pairs of a key and a value, both placeholders or constants.
    """

    def __init__(self, entries: Iterable[tuple[Any, Any]]) -> None:
        self.entries = list(entries)

    def children(self) -> Iterator[Any]:
        """Yields keys and values."""
        for key, value in self.entries:
            yield key
            yield value

    def __add__(self, right: Any) -> "Placeholder":
        raise NotImplementedError("Dicts of placeholders cannot be joined with +. Make one dict.")

    __radd__ = __add__


class MakeProtoPlaceholder(_MessageValue):
    """A message some of whose fields only the run has. `message_of` reads it."""

    def __init__(self, base_message: Any, **fields: Any) -> None:
        known = base_message.DESCRIPTOR.fields_by_name
        for name in fields:
            if name not in known:
                raise ValueError(
                    f"make_proto: {base_message.DESCRIPTOR.name} has no field {name!r}, expected "
                    f"one of {sorted(known)}."
                )
        self._base_message = base_message
        self._fields = fields

    def children(self) -> Iterator[Any]:
        """Yields the values of the fields."""
        yield from self._fields.values()

    def _settings(self) -> tuple[Any, ...]:
        return (self._base_message.SerializeToString(deterministic=True), *self._fields)


def message_of(expression: MakeProtoPlaceholder) -> tuple[Any, dict[str, Any]]:
    """Returns the message with its constant fields, and the other fields by name."""
    return expression._base_message, expression._fields


class ArtifactPlaceholder(Placeholder):
    """An artifact that a node gets or makes.

    Attributes:
        key: Key among the node's inputs or outputs.
        is_input: Whether it is an input.
        index: Position among the channel's artifacts; None stands for the first.
    """

    def __init__(self, key: str, is_input: bool, index: int | None = None) -> None:
        self.key = key
        self.is_input = is_input
        self.index = index

    @property
    def is_output(self) -> bool:
        """Whether it is an output."""
        return not self.is_input

    @property
    def uri(self) -> "ArtifactUri":
        """Where the artifact is."""
        return ArtifactUri(self)

    def split_uri(self, split: str) -> "ArtifactUri":
        """Returns where one split of the artifact is."""
        return ArtifactUri(self, split)

    @property
    def value(self) -> "ArtifactValue":
        """What a value artifact holds.

        Raises:
            ValueError: The artifact is an output, which has no value before the node has run.
        """
        if not self.is_input:
            raise ValueError(
                f"output({self.key!r}).value: an output has no value yet, expected an input. Use "
                f".uri to write to it."
            )
        return ArtifactValue(self)

    def property(self, key: str) -> "ArtifactProperty":
        """Returns a property of the artifact's type."""
        return ArtifactProperty(self, key, is_custom=False)

    def custom_property(self, key: str) -> "ArtifactProperty":
        """Returns a property that the artifact has beyond its type."""
        return ArtifactProperty(self, key, is_custom=True)

    def __getitem__(self, key: int | str) -> "ArtifactPlaceholder":
        return ArtifactPlaceholder(self.key, self.is_input, self._position(key))

    def _position(self, key: int | str) -> int:
        if self.index is not None:
            raise ValueError(f"{self!r} was indexed twice, expected one [...]. Remove one.")
        if not isinstance(key, int):
            raise ValueError(f"{self!r}[{key!r}] has a text as its index, expected a position: 0.")
        return key

    def _settings(self) -> tuple[Any, ...]:
        return (self.key, self.is_input, self.index or 0)

    def __repr__(self) -> str:
        index = "" if self.index is None else f"[{self.index}]"
        return f"{'input' if self.is_input else 'output'}({self.key!r}){index}"


class ChannelWrappedPlaceholder(ArtifactPlaceholder):
    """An artifact of a channel, wherever it is used: `channel.future()`.

    Attributes:
        channel: The channel.
    """

    def __init__(self, channel: Any, index: int | None = None) -> None:
        super().__init__(getattr(channel, "output_key", None) or "", is_input=True, index=index)
        self.channel = channel

    def __getitem__(self, key: int | str) -> "ChannelWrappedPlaceholder":
        return ChannelWrappedPlaceholder(self.channel, self._position(key))

    def _settings(self) -> tuple[Any, ...]:
        return (id(self.channel), self.index or 0)

    def __repr__(self) -> str:
        index = "" if self.index is None else f"[{self.index}]"
        return f"{self.channel!r}.future(){index}"


class ArtifactUri(Placeholder):
    """Where an artifact, or one of its splits, is.

    Attributes:
        of: The artifact.
        split: Name of the split; empty for the artifact as a whole.
    """

    def __init__(self, of: ArtifactPlaceholder, split: str = "") -> None:
        self.of = of
        self.split = split

    def children(self) -> Iterator[Any]:
        """Yields the artifact."""
        yield self.of

    def _settings(self) -> tuple[Any, ...]:
        return (self.split,)

    def __repr__(self) -> str:
        return f"{self.of!r}.split_uri({self.split!r})" if self.split else f"{self.of!r}.uri"


class ArtifactValue(Placeholder):
    """What a value artifact holds; entries of it are made with `[...]`.

    Attributes:
        of: The artifact.
    """

    def __init__(self, of: ArtifactPlaceholder) -> None:
        self.of = of

    def children(self) -> Iterator[Any]:
        """Yields the artifact."""
        yield self.of

    def __repr__(self) -> str:
        return f"{self.of!r}.value"


class ArtifactProperty(Placeholder):
    """A property of an artifact.

    Attributes:
        of: The artifact.
        key: The property's name.
        is_custom: Whether the artifact's type does not declare it.
    """

    def __init__(self, of: ArtifactPlaceholder, key: str, *, is_custom: bool) -> None:
        self.of = of
        self.key = key
        self.is_custom = is_custom

    def children(self) -> Iterator[Any]:
        """Yields the artifact."""
        yield self.of

    def _settings(self) -> tuple[Any, ...]:
        return (self.key, self.is_custom)

    def __repr__(self) -> str:
        kind = "custom_property" if self.is_custom else "property"
        return f"{self.of!r}.{kind}({self.key!r})"


class ExecPropertyPlaceholder(_MessageValue):
    """A parameter of the node itself.

    Attributes:
        key: The parameter's name.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def _settings(self) -> tuple[Any, ...]:
        return (self.key,)

    def __repr__(self) -> str:
        return f"exec_property({self.key!r})"


class RuntimeInfoPlaceholder(_MessageValue):
    """What the runner knows of the node.

    Attributes:
        key: `executor_spec`, `platform_config` or `pipeline_platform_config`.
    """

    KINDS = ("executor_spec", "platform_config", "pipeline_platform_config")

    def __init__(self, key: str) -> None:
        if key not in self.KINDS:
            raise ValueError(f"runtime_info({key!r}): expected one of {list(self.KINDS)}.")
        self.key = key

    def _settings(self) -> tuple[Any, ...]:
        return (self.key,)


class ExecInvocationPlaceholder(_MessageValue):
    """The run of the node: its id, directories and the pipeline's name."""

    def __repr__(self) -> str:
        return "execution_invocation()"


class EnvironmentVariablePlaceholder(Placeholder):
    """A variable of the process that runs the node.

    Attributes:
        key: The variable's name.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def _settings(self) -> tuple[Any, ...]:
        return (self.key,)


class Predicate(Placeholder):
    """A question that the run answers with yes or no."""

    def __bool__(self) -> bool:
        raise RuntimeError(
            f"{self!r} was used as a yes or no of the pipeline file (in `if`, `and`, `or`, `not`), "
            "expected it in `with Cond(...)`: only the run can answer it. Join predicates with "
            "logical_and, logical_or and logical_not."
        )

    def __add__(self, right: Any) -> Placeholder:
        raise NotImplementedError(f"{self!r} is a predicate, which `+` cannot join with a text.")

    __radd__ = __add__

    def b64encode(self, url_safe: bool = True) -> Placeholder:
        """Raises an error: a predicate is no text."""
        raise NotImplementedError(f"{self!r} is a predicate, which Base64 cannot encode.")


class Comparison(Predicate):
    """Compares two values.

    Attributes:
        operator: One of `==`, `!=`, `<`, `<=`, `>`, `>=`.
        left: A placeholder.
        right: A placeholder, or an int, float, str or bool.
    """

    def __init__(self, operator: str, left: Any, right: Any) -> None:
        self.operator = operator
        self.left = left
        self.right = right

    def negated(self) -> "Comparison":
        """Returns the comparison that holds where this one does not."""
        return Comparison(_COMPARISONS[self.operator], self.left, self.right)

    def children(self) -> Iterator[Any]:
        """Yields both sides."""
        yield self.left
        yield self.right

    def _settings(self) -> tuple[Any, ...]:
        return (self.operator,)

    def __repr__(self) -> str:
        return f"{self.left!r} {self.operator} {self.right!r}"


class Negation(Predicate):
    """Holds if the other does not.

    Attributes:
        of: The other predicate.
    """

    def __init__(self, of: Predicate) -> None:
        self.of = of

    def children(self) -> Iterator[Any]:
        """Yields the other predicate."""
        yield self.of


class Combination(Predicate):
    """Joins two predicates.

    Attributes:
        operator: `and` or `or`.
        left: A predicate.
        right: A predicate.
    """

    def __init__(self, operator: Literal["and", "or"], left: Predicate, right: Predicate) -> None:
        self.operator = operator
        self.left = left
        self.right = right

    def children(self) -> Iterator[Any]:
        """Yields both predicates."""
        yield self.left
        yield self.right

    def _settings(self) -> tuple[Any, ...]:
        return (self.operator,)

    def __repr__(self) -> str:
        return f"({self.left!r}) {self.operator} ({self.right!r})"


def input(key: str) -> ArtifactPlaceholder:
    """Returns the first artifact of an input of the node."""
    return ArtifactPlaceholder(key, is_input=True)


def output(key: str) -> ArtifactPlaceholder:
    """Returns the first artifact of an output of the node."""
    return ArtifactPlaceholder(key, is_input=False)


def exec_property(key: str) -> ExecPropertyPlaceholder:
    """Returns a parameter of the node."""
    return ExecPropertyPlaceholder(key)


def runtime_info(key: str) -> RuntimeInfoPlaceholder:
    """Returns what the runner knows of the node.

    Raises:
        ValueError: `key` is none of `RuntimeInfoPlaceholder.KINDS`.
    """
    return RuntimeInfoPlaceholder(key)


def execution_invocation() -> ExecInvocationPlaceholder:
    """Returns the run of the node."""
    return ExecInvocationPlaceholder()


def environment_variable(key: str) -> EnvironmentVariablePlaceholder:
    """Returns a variable of the process that runs the node."""
    return EnvironmentVariablePlaceholder(key)


def logical_not(pred: Predicate) -> Predicate:
    """Returns a predicate that holds if `pred` does not."""
    if isinstance(pred, Comparison):
        return pred.negated()
    return pred.of if isinstance(pred, Negation) else Negation(pred)


def logical_and(left: Predicate, right: Predicate) -> Predicate:
    """Returns a predicate that holds if both hold."""
    return Combination("and", left, right)


def logical_or(left: Predicate, right: Predicate) -> Predicate:
    """Returns a predicate that holds if one of both holds."""
    return Combination("or", left, right)


def join(placeholders: Sequence[Any], separator: str = "") -> Any:
    """Joins texts and placeholders; without any placeholder the result is a text."""
    parts: list[Any] = []
    for number, each in enumerate(placeholders):
        parts += [separator, each] if number and separator else [each]
    if any(isinstance(each, Placeholder) for each in parts):
        return Concatenation(parts)
    return "".join(parts)


def join_path(*args: Any) -> JoinedPath:
    """Joins the parts of a path."""
    return JoinedPath(args)


def dirname(placeholder: Placeholder) -> Directory:
    """Returns the directory of a path."""
    return Directory(placeholder)


def make_list(input_placeholders: Sequence[Any]) -> ListPlaceholder:
    """Returns a list of values and placeholders."""
    return ListPlaceholder(input_placeholders)


def make_dict(entries: Mapping[str, Any] | Sequence[tuple[Any, Any]]) -> DictPlaceholder:
    """Returns a dict of values and placeholders."""
    return DictPlaceholder(entries.items() if isinstance(entries, Mapping) else entries)


def make_proto(base_message: Any, **fields: Any) -> MakeProtoPlaceholder:
    """Returns a message some of whose fields are placeholders.

    Raises:
        ValueError: The message has no such field.
    """
    return MakeProtoPlaceholder(base_message, **fields)


RuntimeInfoKeys = Literal["executor_spec", "platform_config", "pipeline_platform_config"]
