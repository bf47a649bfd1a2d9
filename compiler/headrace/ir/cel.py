"""Evaluates the conditions of a compiled pipeline.

A condition is a CEL expression; kfp and TFX write a small part of the language, and that part is
what this module knows: parameters and artifact metadata of the task's inputs, literals, `int()`,
`double()`, `string()`, comparison, `!`, `&&` and `||`. Whatever else stands in a condition is an
error and never false. Source: the CEL language definition, and `pipeline_spec_builder.py` of kfp.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace_components.contract.errors import InputError

Evaluate = Callable[[], Any]

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
    r"""Returns whether the condition holds.

    Args:
        condition: A CEL expression, as `inputs.parameter_values['x'] == 'a' && !(...)`.
        parameters: Parameter values of the task's inputs, by name.
        artifacts: Metadata of the artifacts of the task's inputs, by name.
        task: Name of the task, for error messages.

    Raises:
        InputError: The expression is outside the known subset, names an input that has no value,
            or compares values of different kinds.

    Example:
        >>> evaluate("inputs.parameter_values['city'] == 'O\'Hare'", {"city": "O'Hare"}, {}, "t")
        True
    """
    return _Parser(condition, parameters, artifacts, task).run()


def check(condition: str, task: str) -> None:
    """Refuses a condition that `evaluate` would not understand, whatever its inputs are.

    Raises:
        InputError: The expression is outside the known subset.
    """
    _Parser(condition, {}, {}, task).parse()


class _Parser:
    """Recursive descent; every rule returns a closure, so that `&&` and `||` stop early."""

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
        self._tokens = self._tokenize()
        self._position = 0

    def run(self) -> bool:
        return self._flag(self.parse()())

    def parse(self) -> Evaluate:
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

    def _either(self) -> Evaluate:
        left = self._both()
        while self._accept("||"):
            left = self._joined(left, self._both(), stops_at=True)
        return left

    def _both(self) -> Evaluate:
        left = self._comparison()
        while self._accept("&&"):
            left = self._joined(left, self._comparison(), stops_at=False)
        return left

    def _joined(self, left: Evaluate, right: Evaluate, *, stops_at: bool) -> Evaluate:
        def value() -> bool:
            return stops_at if self._flag(left()) is stops_at else self._flag(right())

        return value

    def _comparison(self) -> Evaluate:
        left = self._unary()
        sign = self._peek()
        if sign is None or sign not in _COMPARE:
            return left
        self._position += 1
        right = self._unary()
        return lambda: self._compare(sign, left(), right())

    def _compare(self, sign: str, left: Any, right: Any) -> bool:
        if _kind(left) != _kind(right) or _kind(left) is None:
            raise self._error(
                f"it compares {left!r} with {right!r}, which are of different kinds, or of one "
                "that CEL cannot compare"
            )
        return _COMPARE[sign](left, right)

    def _unary(self) -> Evaluate:
        if self._accept("!"):
            inner = self._unary()
            return lambda: not self._flag(inner())
        if self._accept("-"):
            number = self._unary()
            return lambda: -self._number(number())
        return self._primary()

    def _primary(self) -> Evaluate:
        if self._accept("("):
            inner = self._either()
            self._expect(")")
            return inner
        kind, text = self._next()
        if kind == "number":
            literal: Any = int(text) if text.isdigit() and len(text) < 20 else float(text)
            return lambda: literal
        if kind == "string":
            content = _unquoted(text)
            return lambda: content
        if text in ("true", "false"):
            return lambda: text == "true"
        if text in ("int", "double", "string"):
            self._expect("(")
            inner = self._either()
            self._expect(")")
            return lambda: self._cast(text, inner())
        if text == "inputs":
            return self._input()
        raise self._error(f"{text!r} is not understood there")

    def _input(self) -> Evaluate:
        self._expect(".")
        _, field = self._next()
        if field == "parameter_values":
            name = self._key()
            return lambda: self._parameter(name)
        if field != "artifacts":
            raise self._error(f"`inputs.{field}` is unknown")
        name = self._key()
        self._expect(".", "artifacts", "[")
        kind, index = self._next()
        if kind != "number" or not index.isdigit() or len(index) > 6:
            raise self._error(f"a whole number is expected where {index!r} stands")
        self._expect("]", ".", "metadata")
        key = self._key()
        return lambda: self._metadata(name, int(index), key)

    def _key(self) -> str:
        self._expect("[")
        kind, text = self._next()
        if kind != "string":
            raise self._error(f"a quoted name is expected where {text!r} stands")
        self._expect("]")
        return _unquoted(text)

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

    def _cast(self, name: str, value: Any) -> Any:
        if name == "string":
            return str(value).lower() if isinstance(value, bool) else str(value)
        try:
            return int(value) if name == "int" else float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._error(f"{value!r} is no number") from error

    def _number(self, value: Any) -> Any:
        if _kind(value) != "number":
            raise self._error(f"{value!r} is no number")
        return value

    def _flag(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._error(f"{value!r} stands where true or false is expected")
        return value

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
        return InputError(
            f"{self._task}: the condition {self._condition!r} could not be decided: {reason}. "
            "Compare a parameter with a constant of its own type, as `dsl.If(x == 'a')`."
        )


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
