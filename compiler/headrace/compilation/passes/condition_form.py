"""Holds conditions to the form that kfp gives them, if the author's texts hold no quotes.

Source: `_binary_operations_to_cel_conjunctive` of kfp. It joins comparisons of a parameter with a
parameter or a literal by &&, and negates them. A module of its own, since most pipelines have no
conditions and compile without the parser of CEL.
"""

import re

from headrace.ir import cel
from headrace_components.contract.errors import InputError

_TEXT = re.compile(r"'[^']*'")
# kfp writes texts in single quotes, and operators between spaces.
_NOT_OF_KFP = re.compile(r'"|[^ ](?:&&|[=!<>]=|[<>])|(?:&&|[=!<>]=|[<>](?!=))[^ ]')


def is_well_formed(condition: str) -> bool:
    """Returns whether a condition has the form that kfp gives to a text without quotes."""
    # kfp writes no backslash, and does not escape one in the author's text.
    if "\\" in condition or _NOT_OF_KFP.search(_TEXT.sub("''", condition)):
        return False
    try:
        return _is_conjunction(cel.parsed(condition, "condition"))
    except InputError:
        return False


def _is_conjunction(expression: cel.Expression) -> bool:
    match expression:
        case cel.Both(parts):
            return all(map(_is_conjunction, parts))
        case cel.Not(inner):
            return _is_conjunction(inner)
        case cel.Comparison(_, left, right):
            sides = (_side(left), _side(right))
            return "parameter" in sides and None not in sides
    return False


def _side(expression: cel.Expression) -> str | None:
    match expression:
        case (
            cel.ParameterReference()
            | cel.Cast("int" | "double", cel.ParameterReference())
            | cel.Cast("double", cel.Cast("int", cel.ParameterReference()))
        ):
            return "parameter"
        case (
            cel.Literal()
            | cel.Negative(cel.Literal())
            | cel.Cast("double", cel.Literal() | cel.Negative(cel.Literal()))
        ):
            return "literal"
    return None
