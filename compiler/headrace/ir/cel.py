"""Reads and evaluates the conditions of a compiled pipeline.

A condition is a CEL expression. kfp and TFX write a small part of the language, and this module
reads that part: parameters and artifact metadata of the task's inputs, literals, `int()`,
`double()`, `string()`, comparison, `!`, `&&` and `||`. Anything else in a condition is an error and
never false. Source: the CEL language definition, and `pipeline_spec_builder.py` of kfp.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true or false."""

    value: Any


@dataclass(frozen=True, slots=True)
class ParameterReference:
    """`inputs.parameter_values['NAME']`."""

    name: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """`inputs.artifacts['NAME'].artifacts[INDEX].metadata['KEY']`."""

    name: str
    index: int
    key: str


@dataclass(frozen=True, slots=True)
class Cast:
    """`int(...)`, `double(...)` or `string(...)`."""

    function: str
    argument: "Expression"


@dataclass(frozen=True, slots=True)
class Not:
    """`!(...)`."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class Negative:
    """`-(...)`."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values with `==`, `!=`, `<`, `<=`, `>` or `>=` between them."""

    sign: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Both:
    """Two or more expressions joined by `&&`."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Two or more expressions joined by `||`."""

    parts: tuple["Expression", ...]


Expression = (
    Literal | ParameterReference | Metadata | Cast | Not | Negative | Comparison | Both | Either
)

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
    | (?P<name>[A-Za-z_]\w*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|[-<>!()\[\].])
    """,
    re.VERBOSE,
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MAX_LENGTH = 10_000
_MAX_DEPTH = 100
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def evaluate(
    condition: str,
    parameters: Mapping[str, Any],
    artifacts: Mapping[str, Sequence[Mapping[str, Any]]],
    task: str,
) -> bool:
    r"""Returns whether the condition is true.

    Args:
        condition: A CEL expression, such as `inputs.parameter_values['x'] == 'a' && !(...)`.
        parameters: Parameter values of the task's inputs, by name.
        artifacts: Metadata of the artifacts of the task's inputs, by name.
        task: Name of the task, for error messages.

    Raises:
        InputError: The expression is outside the supported subset, names an input that has no
            value, or compares values of different kinds.

    Example:
        >>> evaluate("inputs.parameter_values['city'] == 'O\'Hare'", {"city": "O'Hare"}, {}, "t")
        True
    """
    expression = parsed(condition, task)
    return _Evaluation(condition, parameters, artifacts, task).holds(expression)


def parsed(condition: str, task: str) -> Expression:
    """Returns a condition as a tree.

    Args:
        condition: A CEL expression.
        task: Name of the task, for error messages.

    Raises:
        InputError: The expression is outside the known subset, so `evaluate` would refuse it with
            any inputs.
    """
    return _Parser(condition, task).parse()


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, condition: str, task: str) -> None:
        self._condition = condition
        self._task = task
        self._tokens = self._tokenize()
        self._position = 0

    def parse(self) -> Expression:
        """Returns the expression."""
        expression = self._either()
        if self._position < len(self._tokens):
            raise self._error(f"{self._peek()!r} is not understood there")
        return expression

    def _tokenize(self) -> list[tuple[str, str]]:
        tokens = []
        position = 0
        if len(self._condition) > _MAX_LENGTH:
            raise InputError(
                f"{self._task}: its condition has {len(self._condition):,} characters, expected "
                f"at most {_MAX_LENGTH:,}. Decide in a task, and compare its output."
            )
        while position < len(self._condition):
            match = _TOKEN.match(self._condition, position)
            if match is None:
                raise self._error(f"{self._condition[position:]!r} is not understood")
            position = match.end()
            if match.lastgroup != "space":
                tokens.append((str(match.lastgroup), match.group()))
        # Each of these is a level of recursion here.
        if sum(text in ("(", "!", "-") for _, text in tokens) > _MAX_DEPTH:
            raise self._error(f"it has more than {_MAX_DEPTH} brackets and negations")
        return tokens

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._accept("||"):
            parts.append(self._both())
        return Either(tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Expression:
        parts = [self._comparison()]
        while self._accept("&&"):
            parts.append(self._comparison())
        return Both(tuple(parts)) if len(parts) > 1 else parts[0]

    def _comparison(self) -> Expression:
        left = self._unary()
        sign = self._peek()
        if sign is None or sign not in _COMPARE:
            return left
        self._position += 1
        return Comparison(sign, left, self._unary())

    def _unary(self) -> Expression:
        if self._accept("!"):
            return Not(self._unary())
        if self._accept("-"):
            return Negative(self._unary())
        return self._primary()

    def _primary(self) -> Expression:
        if self._accept("("):
            return self._closed()
        kind, text = self._next()
        if kind == "number":
            return Literal(int(text) if text.isdigit() and len(text) < 20 else float(text))
        if kind == "string":
            return Literal(_unquoted(text))
        if text in ("true", "false"):
            return Literal(text == "true")
        if text in ("int", "double", "string"):
            self._expect("(")
            return Cast(text, self._closed())
        if text == "inputs":
            return self._input()
        raise self._error(f"{text!r} is not understood there")

    def _closed(self) -> Expression:
        inner = self._either()
        self._expect(")")
        return inner

    def _input(self) -> Expression:
        self._expect(".")
        _, field = self._next()
        if field == "parameter_values":
            return ParameterReference(self._key())
        if field != "artifacts":
            raise self._error(f"`inputs.{field}` is unknown")
        name = self._key()
        self._expect(".", "artifacts", "[")
        kind, index = self._next()
        if kind != "number" or not index.isdigit() or len(index) > 6:
            raise self._error(f"a whole number is expected where {index!r} stands")
        self._expect("]", ".", "metadata")
        return Metadata(name, int(index), self._key())

    def _key(self) -> str:
        self._expect("[")
        kind, text = self._next()
        if kind != "string":
            raise self._error(f"a quoted name is expected where {text!r} stands")
        self._expect("]")
        return _unquoted(text)

    def _peek(self) -> str | None:
        return self._tokens[self._position][1] if self._position < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        if self._position == len(self._tokens):
            raise self._error("it ends too early")
        self._position += 1
        return self._tokens[self._position - 1]

    def _accept(self, text: str) -> bool:
        found = self._peek() == text
        self._position += found
        return found

    def _expect(self, *texts: str) -> None:
        for text in texts:
            _, found = self._next()
            if found != text:
                raise self._error(f"{text!r} is expected where {found!r} stands")

    def _error(self, reason: str) -> InputError:
        return _undecided(self._condition, self._task, reason)


class _Evaluation:
    """Evaluates one condition with the inputs of one task."""

    def __init__(
        self,
        condition: str,
        parameters: Mapping[str, Any],
        artifacts: Mapping[str, Sequence[Mapping[str, Any]]],
        task: str,
    ) -> None:
        self._condition = condition
        self._parameters = parameters
        self._artifacts = artifacts
        self._task = task

    def holds(self, expression: Expression) -> bool:
        """Returns whether a condition is true."""
        value = self._value(expression)
        if not isinstance(value, bool):
            raise self._error(f"{value!r} stands where true or false is expected")
        return value

    def _value(self, expression: Expression) -> Any:
        match expression:
            case Literal(value):
                return value
            case ParameterReference(name):
                return self._parameter(name)
            case Metadata(name, index, key):
                return self._metadata(name, index, key)
            case Cast(function, argument):
                return self._cast(function, self._value(argument))
            case Not(inner):
                return not self.holds(inner)
            case Negative(inner):
                return -self._number(self._value(inner))
            case Comparison(sign, left, right):
                return self._compare(sign, self._value(left), self._value(right))
            case Both(parts):
                return all(self.holds(part) for part in parts)
            case Either(parts):
                return any(self.holds(part) for part in parts)

    def _parameter(self, name: str) -> Any:
        if self._parameters.get(name) is None:
            raise self._error(
                f"parameter {name!r} has no value; with one are {sorted(self._parameters)}"
            )
        return self._parameters[name]

    def _metadata(self, name: str, index: int, key: str) -> Any:
        artifacts = self._artifacts.get(name, ())
        if index >= len(artifacts) or key not in artifacts[index]:
            raise self._error(f"artifact {index} of input {name!r} has no metadata {key!r}")
        return artifacts[index][key]

    def _compare(self, sign: str, left: Any, right: Any) -> bool:
        if _kind(left) != _kind(right) or _kind(left) is None:
            raise self._error(
                f"it compares {left!r} with {right!r}, which are of different kinds, or of one "
                "that CEL cannot compare"
            )
        return _COMPARE[sign](left, right)

    def _cast(self, name: str, value: Any) -> Any:
        if name == "string":
            return str(value).lower() if isinstance(value, bool) else str(value)
        try:
            return int(value) if name == "int" else float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._error(f"{value!r} is not a number") from error

    def _number(self, value: Any) -> Any:
        if _kind(value) != "number":
            raise self._error(f"{value!r} is not a number")
        return value

    def _error(self, reason: str) -> InputError:
        return _undecided(self._condition, self._task, reason)


def _undecided(condition: str, task: str, reason: str) -> InputError:
    return InputError(
        f"{task}: the condition {condition!r} could not be decided: {reason}. "
        "Compare a parameter with a constant of its own type, for example `dsl.If(x == 'a')`."
    )


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
