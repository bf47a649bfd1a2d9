"""TFX's Conds as `dsl.If` blocks: which node stands in which block, and what the blocks ask.

A node of TFX that reads from a node under a false Cond does not run either. kfp refuses to read out
of a block, so here such a node stands in the block of its producer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import CompileError
from headrace.frontend.tfx_pipelines import layout
from headrace.frontend.tfx_pipelines.nesting import Nesting
from headrace.frontend.tfx_pipelines.plan import (
    Code,
    Group,
    Step,
    Value,
    steps_named,
    steps_of,
)
from headrace.frontend.tfx_pipelines.run_values import RunValues
from headrace_tfx.authoring.conditions import Cond
from headrace_tfx.authoring.placeholders import (
    ArtifactProperty,
    ArtifactUri,
    ArtifactValue,
    ChannelWrappedPlaceholder,
    Combination,
    Comparison,
    Negation,
    Predicate,
)

_PUSHER = "PusherExecutor"

Part = Step | Group
Chain = tuple[int, ...]
"""The conditions of a node, outer first, as positions in `Conditions.predicates`."""


class Conditions:
    """The conditions of a pipeline's nodes.

    Attributes:
        predicates: Different predicates, in the order of their first node.
    """

    def __init__(self, nesting: Nesting) -> None:
        self._nesting = nesting
        self.predicates: list[Predicate] = []
        self._chains: dict[str, Chain] = {}
        self._blessings: dict[str, Any] = {}
        nodes = nesting.nodes
        own = {node.id: self._own(node) for node in nodes}
        kept = self._only_pushers(nodes, own)
        for node in nodes:
            self._chains[node.id] = tuple(each for each in own[node.id] if each not in kept)
            for each in own[node.id]:
                if each in kept:
                    self._blessings[node.id] = kept[each]

    def _own(self, node: Any) -> Chain:
        return tuple(
            self._position(scope.predicate)
            for each in (*self._nesting.around(node), node)
            for scope in each.scopes
            if isinstance(scope, Cond)
        )

    def _position(self, predicate: Predicate) -> int:
        for position, known in enumerate(self.predicates):
            if known.internal_equals(predicate):
                return position
        self.predicates.append(predicate)
        return len(self.predicates) - 1

    def _only_pushers(self, nodes: Sequence[Any], own: Mapping[str, Chain]) -> dict[int, Any]:
        """Returns the blessings of conditions that a Pusher can ask for itself."""
        read = {each.id for node in nodes for each in self._nesting.producers(node)}
        found = {}
        for position, predicate in enumerate(self.predicates):
            inside = [node for node in nodes if position in own[node.id]]
            blessing = _blessing(predicate)
            if blessing is not None and all(
                _pushes_unasked(node) and node.id not in read and own[node.id][-1] == position
                for node in inside
            ):
                found[position] = blessing
        return found

    def blessing(self, node: Any) -> Any:
        """Returns the blessing that a Pusher gets in place of its condition; None for others."""
        return self._blessings.get(node.id)

    def chain(self, node: Any) -> Chain:
        """Returns the conditions of a node, and of those that it reads from.

        Raises:
            ValueError: It reads from nodes under conditions that are not nested in each other, or
                waits for a node under a condition that it is not under.
        """
        chain = self._chains[node.id]
        for producer in self._nesting.producers(node):
            other = self._chains.get(producer.id, ())
            longer, shorter = (other, chain) if len(other) > len(chain) else (chain, other)
            if longer[: len(shorter)] != shorter:
                raise ValueError(
                    f"it reads from {producer.id}, which stands under another Cond, expected nodes "
                    "under the same one. Put both into one Cond."
                )
            chain = longer
        for other_node in self._nesting.waited_for(node):
            other = self._chains[other_node.id]
            if chain[: len(other)] != other:
                raise ValueError(
                    f"it waits for {other_node.id}, which stands under a Cond that it does not "
                    "stand under, and kfp has no such order. Put it into the Cond, or let it wait "
                    "for another node."
                )
        self._chains[node.id] = chain
        return chain


def _blessing(predicate: Predicate) -> Any:
    """Returns the channel of `Evaluator.outputs['blessing']...custom_property('blessed') == 1`."""
    if not isinstance(predicate, Comparison) or predicate.operator != "==":
        return None
    left = predicate.left
    if not isinstance(left, ArtifactProperty) or left.key != "blessed" or predicate.right != 1:
        return None
    if not isinstance(left.of, ChannelWrappedPlaceholder) or left.of.index:
        return None
    return left.of.channel if left.of.channel.type_name == "ModelBlessing" else None


def _pushes_unasked(node: Any) -> bool:
    executor = getattr(node.executor_spec, "executor_class", None)
    is_pusher = executor is not None and executor.__name__ == _PUSHER
    return is_pusher and "model" in node.inputs and "model_blessing" not in node.inputs


@dataclass(kw_only=True, slots=True)
class CondBlock:
    """Steps below one condition.

    Attributes:
        parts: Steps and blocks.
        blocks: The blocks among them, by their conditions.
    """

    parts: list["Step | Group | CondBlock"] = field(default_factory=list)
    blocks: dict[int, "CondBlock"] = field(default_factory=dict)
    node: str = ""
    headers: tuple[Code, ...] = ()


class Arrangement:
    """Puts steps into the blocks of their conditions.

    Attributes:
        top: What stands outside of all conditions.
    """

    def __init__(self, conditions: Conditions, values: RunValues) -> None:
        """Takes the pipeline's conditions, and what makes the tasks that read for them."""
        self._conditions = conditions
        self._values = values
        self.top = CondBlock()

    def block(self, node: Any) -> CondBlock:
        """Returns the block of a node; the tasks that its conditions need stand before it.

        Raises:
            ValueError: As for `Conditions.chain`.
            CompileError: kfp has nothing like one of its conditions.
        """
        block = self.top
        for position in self._conditions.chain(node):
            inner = block.blocks.get(position)
            if inner is None:
                headers = tuple(self._headers(self._conditions.predicates[position], node.id))
                block.parts += self._values.taken(is_shared=block is self.top)
                inner = block.blocks[position] = CondBlock(node=node.id, headers=headers)
                block.parts.append(inner)
            block = inner
        return block

    def body(self) -> tuple[Part, ...]:
        """Returns all steps, each after those that it names.

        Raises:
            CompileError: Blocks need each other in a circle.
        """
        return _sorted(self.top)

    def _headers(self, predicate: Predicate, node: str) -> Iterator[Code]:
        for part in _conjuncts(_normal(predicate, negated=False)):
            if isinstance(part, Comparison):
                simple = self._simple(part)
                if simple is not None:
                    yield simple
                    continue
            groups = [[self._compared(each) for each in group] for group in _alternatives(part)]
            held = self._values.holds(groups, f"{node}_runs")
            yield Code(text=f"dsl.If({layout.flat(held)} == True)", steps=(held.step,))

    def _simple(self, comparison: Comparison) -> Code | None:
        """Returns a comparison as kfp has it; None if kfp has no such one."""
        left, operator, right = _with_constant_right(comparison)
        if not isinstance(left, (ArtifactProperty, ArtifactUri, ArtifactValue)):
            self._values.constant(right)  # raises an error: it is another placeholder
            return None
        if isinstance(right, (ArtifactProperty, ArtifactUri, ArtifactValue)):
            return None
        constant = right
        if isinstance(left, ArtifactValue):
            ref, kind = self._values.value_of(left)
            constant = _as(kind, right)
            if constant is None:
                return None
        else:
            constant = int(right) if isinstance(right, bool) else right
            ref = self._operand(left, type(constant))
        text = f"dsl.If({layout.flat(ref)} {operator} {layout.flat(constant)})"
        return Code(text=text, steps=(ref.step,))

    def _compared(self, comparison: Comparison) -> dict[str, Value]:
        kinds = [type(each) for each in (comparison.left, comparison.right)]
        wanted = next((kind for kind in kinds if kind in (int, float, str)), str)
        sides = [
            self._operand(each, float if wanted is int else wanted)
            for each in (comparison.left, comparison.right)
        ]
        return {"left": sides[0], "operator": comparison.operator, "right": sides[1]}

    def _operand(self, given: Any, kind: type[Any]) -> Any:
        if isinstance(given, ArtifactValue):
            return self._values.value_of(given)[0]
        if isinstance(given, ArtifactProperty):
            return self._values.property_of(given, kind)
        if isinstance(given, ArtifactUri):
            return self._values.uri(given)
        return self._values.constant(given)


def _as(kind: type[Any], constant: Any) -> Any:
    """Returns a constant as a value of a type; None if it is none."""
    if kind is float and isinstance(constant, (int, float)):
        return float(constant)
    if kind is int and isinstance(constant, (int, float)) and constant == int(constant):
        return int(constant)
    if kind is bool and isinstance(constant, (bool, int, float)) and constant in (0, 1):
        return bool(constant)
    return constant if kind is str and isinstance(constant, str) else None


_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _with_constant_right(comparison: Comparison) -> tuple[Any, str, Any]:
    left, right = comparison.left, comparison.right
    if isinstance(left, (ArtifactProperty, ArtifactUri, ArtifactValue)):
        return left, comparison.operator, right
    return right, _MIRRORED[comparison.operator], left


def _normal(predicate: Predicate, *, negated: bool) -> Predicate:
    """Returns a predicate without negations."""
    if isinstance(predicate, Negation):
        return _normal(predicate.of, negated=not negated)
    if isinstance(predicate, Combination):
        flipped = {"and": "or", "or": "and"}
        operator: Any = flipped[predicate.operator] if negated else predicate.operator
        left = _normal(predicate.left, negated=negated)
        return Combination(operator, left, _normal(predicate.right, negated=negated))
    if isinstance(predicate, Comparison) and negated:
        return predicate.negated()
    return predicate


def _conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    if isinstance(predicate, Combination) and predicate.operator == "and":
        yield from _conjuncts(predicate.left)
        yield from _conjuncts(predicate.right)
    else:
        yield predicate


def _alternatives(predicate: Predicate) -> list[list[Comparison]]:
    """Returns groups of comparisons; the predicate holds if all of one group hold."""
    if isinstance(predicate, Combination):
        left, right = _alternatives(predicate.left), _alternatives(predicate.right)
        if predicate.operator == "or":
            return [*left, *right]
        return [[*one, *other] for one in left for other in right]
    return [[predicate]] if isinstance(predicate, Comparison) else []


def _sorted(block: CondBlock) -> tuple[Part, ...]:
    """Returns the parts of a block, each after those that it needs, else in their order."""
    parts = [
        _group(part) if isinstance(part, CondBlock) else part
        for part in block.parts
        if not _is_empty(part)
    ]
    made = [{step.variable for step in steps_of((part,))} for part in parts]
    needed = [_needed(part) for part in parts]
    done: list[Part] = []
    left = list(range(len(parts)))
    while left:
        inside = set[str]().union(*(made[each] for each in left))
        ready = [each for each in left if not (needed[each] - made[each]) & (inside - made[each])]
        if not ready:
            waiting = {step.node for each in left for step in steps_of((parts[each],))}
            raise CompileError(
                f"the nodes {sorted(waiting)} wait for each other across a Cond, expected a block "
                "that can run as a whole. Remove a call of add_upstream_node, or put the node "
                "between them into the Cond."
            )
        first = ready[0]
        done.append(parts[first])
        left.remove(first)
    return tuple(done)


def _is_empty(part: Part | CondBlock) -> bool:
    """Returns whether a block has no steps, as one around a Resolver that passes outputs on."""
    return isinstance(part, CondBlock) and all(map(_is_empty, part.parts))


def _needed(part: Part) -> set[str]:
    named = set[str]()
    for step in steps_of((part,)):
        named |= {*steps_named(step.arguments), *step.after}
    for header in _headers_in(part):
        named |= set(header.steps)
    return named


def _headers_in(part: Part) -> Iterator[Code]:
    if isinstance(part, Group):
        yield part.header
        for each in part.body:
            yield from _headers_in(each)


def _group(block: CondBlock) -> Group:
    body = _sorted(block)
    for header in reversed(block.headers):
        body = (Group(node=block.node, header=header, body=body),)
    (group,) = body
    if not isinstance(group, Group):
        raise TypeError(group)
    return group
