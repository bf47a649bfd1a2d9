"""Which statements of a module only give names to values, so that no other code sees that they ran.

All others count as ones that act: they may change what other code does, in ways that no text shows.
The lists are of what is known to be quiet. What is on none of them acts.
"""

import ast
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.targets.local.cache.reach import quiet_names
from headrace.targets.local.cache.reach.names import bound_names, dotted

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_quiet_import(module: str) -> bool:
    """Returns whether the import of an installed module changes nothing for other code."""
    top = module.partition(".")[0]
    return top in quiet_names.QUIET_IMPORTS or top in sys.stdlib_module_names


@dataclass(kw_only=True)
class QuietStatements:
    """Judges the statements at the top of one file.

    Attributes:
        tree: The parsed file.
        installed: The names that mean an installed module, or a name in one, with its dotted name.
            Names that are also bound otherwise are not among them.
    """

    tree: ast.Module
    installed: Mapping[str, str]
    _names: list[list[str]] = field(init=False)
    _times: Counter[str] = field(init=False)
    _rebound: frozenset[str] = field(init=False)
    _plain: frozenset[str] = field(init=False)
    _classes: frozenset[str] = field(init=False)
    _touched: frozenset[str] = field(init=False)
    _functions: frozenset[str] = field(init=False)
    _has_late_annotations: bool = field(init=False)

    def __post_init__(self) -> None:
        """Finds the names whose values are plain, and the classes that only hold functions."""
        self._has_late_annotations = any(
            isinstance(each, ast.ImportFrom)
            and each.module == "__future__"
            and any(alias.name == "annotations" for alias in each.names)
            for each in self.tree.body
        )
        self._names = [list(bound_names(statement)) for statement in self.tree.body]
        self._times = Counter(name for names in self._names for name in names)
        self._rebound = frozenset(self._times)
        self._touched = frozenset()
        self._functions = frozenset(
            each.name
            for each in self.tree.body
            if isinstance(each, _FUNCTIONS)
            and not each.decorator_list
            and self._times[each.name] == 1
        )
        self._judge()
        # What an acting statement uses may be changed by it. Fewer plain names make more of them.
        while (touched := self._names_of_acting()) != self._touched:
            self._touched = touched
            self._judge()

    def _judge(self) -> None:
        self._plain = frozenset()
        self._classes = frozenset()
        self._plain = _settled(self._plain_names)
        self._classes = _settled(self._quiet_classes)

    def _names_of_acting(self) -> frozenset[str]:
        """Returns the names in statements that act, and in all that these names mean."""
        used: dict[str, set[str]] = {}
        found = set[str]()
        for statement, bound in zip(self.tree.body, self._names, strict=True):
            names = {each.id for each in ast.walk(statement) if isinstance(each, ast.Name)}
            for name in bound:
                used.setdefault(name, set()).update(names)
            is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
            if not is_import and not self.is_quiet(statement):
                found |= names
        pending = list(found)
        while pending:
            more = used.get(pending.pop(), set()) - found
            found |= more
            pending += more
        return frozenset(found)

    def is_quiet(self, statement: ast.stmt) -> bool:
        """Returns whether a statement only gives a name to a value. Imports are not asked for."""
        if isinstance(statement, _FUNCTIONS):
            return self._is_quiet_function(statement)
        if isinstance(statement, ast.ClassDef):
            return self._is_quiet_class(statement, self._classes)
        if isinstance(statement, ast.Assign):
            return self._is_quiet_assignment(statement)
        if isinstance(statement, ast.AnnAssign):
            return (
                isinstance(statement.target, ast.Name)
                and (statement.value is None or self._is_quiet_value(statement.value))
                and self._is_quiet_annotation(statement.annotation)
            )
        if isinstance(statement, ast.Expr):
            return isinstance(statement.value, ast.Constant)
        return isinstance(statement, ast.Pass) or self.never_runs(statement)

    def never_runs(self, statement: ast.stmt) -> bool:
        """Returns whether this is an `if` for programs or type checkers alone."""
        if not isinstance(statement, ast.If) or statement.orelse:
            return False
        test = statement.test
        if self._full_name(test) == "typing.TYPE_CHECKING":
            return True
        return (
            isinstance(test, ast.Compare)
            and isinstance(test.left, ast.Name)
            and test.left.id == "__name__"
            and "__name__" not in self._rebound
            and [type(each) for each in test.ops] == [ast.Eq]
            and isinstance(test.comparators[0], ast.Constant)
            and test.comparators[0].value == "__main__"
        )

    def _full_name(self, node: ast.expr) -> str:
        """Returns the dotted name of something installed; empty for anything else."""
        names = dotted(node)
        if names is None or names[0] not in self.installed:
            return ""
        return ".".join([self.installed[names[0]], *names[1:]])

    def _builtin(self, node: ast.expr) -> str:
        """Returns the name of a builtin; empty for anything else."""
        if isinstance(node, ast.Name) and node.id not in self._rebound:
            return node.id
        return "None" if isinstance(node, ast.Constant) and node.value is None else ""

    def _is_quiet_assignment(self, statement: ast.Assign) -> bool:
        value = statement.value
        for target in statement.targets:
            if isinstance(target, ast.Name):
                continue
            # Others are taken apart by iteration, or change an object.
            if not (
                isinstance(target, (ast.Tuple, ast.List))
                and isinstance(value, (ast.Tuple, ast.List))
                and len(target.elts) == len(value.elts)
                and all(isinstance(each, ast.Name) for each in target.elts)
            ):
                return False
        return self._is_quiet_value(value)

    def _is_quiet_value(self, node: ast.expr) -> bool:
        if self._is_plain(node, self._plain) or self._is_quiet_type(node):
            return True
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self._is_quiet_value, node.elts))
        if isinstance(node, ast.Dict):
            keys = [key for key in node.keys if key is not None]
            return len(keys) == len(node.keys) and all(
                self._is_plain(key, self._plain) and self._is_quiet_value(value)
                for key, value in zip(keys, node.values, strict=True)
            )
        if isinstance(node, ast.Lambda):
            return self._are_quiet_defaults(node.args)
        if isinstance(node, ast.Call):
            is_known = self._full_name(node.func) in quiet_names.QUIET_CALLS
            return is_known and all(map(self._is_quiet_argument, _arguments(node)))
        return isinstance(node, ast.Name)

    def _is_quiet_type(self, node: ast.expr) -> bool:
        """Returns whether this is something installed, a builtin class, or a type made of those."""
        if self._full_name(node) or self._builtin(node) in quiet_names.BUILTIN_CLASSES:
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._is_quiet_type(node.left) and self._is_quiet_type(node.right)
        if isinstance(node, ast.Subscript):
            top = self._full_name(node.value).partition(".")[0]
            is_known = (
                top in quiet_names.QUIET_INDEXED
                or self._builtin(node.value) in quiet_names.BUILTIN_CLASSES
            )
            return is_known and self._is_quiet_type(node.slice)
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self._is_quiet_type, node.elts))
        return isinstance(node, ast.Constant)

    def _is_quiet_annotation(self, node: ast.expr | None) -> bool:
        return node is None or self._has_late_annotations or self._is_quiet_hint(node)

    def _is_quiet_hint(self, node: ast.expr) -> bool:
        if self._is_quiet_type(node):
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._is_quiet_hint(node.left) and self._is_quiet_hint(node.right)
        if isinstance(node, ast.Subscript):
            return self._is_quiet_type(node.value) and self._is_quiet_hint(node.slice)
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self._is_quiet_hint, node.elts))
        return isinstance(node, ast.Name)

    def _is_quiet_function(self, node: _Function) -> bool:
        arguments = node.args
        annotated = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        annotated += [each for each in (arguments.vararg, arguments.kwarg) if each]
        annotations = [node.returns, *(each.annotation for each in annotated)]
        return (
            all(map(self._is_quiet_decorator, node.decorator_list))
            and self._are_quiet_defaults(arguments)
            and all(map(self._is_quiet_annotation, annotations))
        )

    def _are_quiet_defaults(self, arguments: ast.arguments) -> bool:
        defaults = [*arguments.defaults, *(each for each in arguments.kw_defaults if each)]
        return all(map(self._is_quiet_value, defaults))

    def _is_quiet_decorator(self, node: ast.expr) -> bool:
        function = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Call) and not all(map(self._is_quiet_argument, _arguments(node))):
            return False
        if self._full_name(function) in quiet_names.QUIET_DECORATORS:
            return True
        return self._builtin(function) in quiet_names.BUILTIN_DECORATORS

    def _is_quiet_class(self, node: ast.ClassDef, classes: frozenset[str]) -> bool:
        keywords = all(
            each.arg not in (None, "metaclass") and isinstance(each.value, ast.Constant)
            for each in node.keywords
        )
        if self._is_enum(node):
            # An enum makes its members as soon as it is made, with the functions that it has.
            own = {name for each in node.body for name in bound_names(each)}
            own -= {"__repr__", "__str__"}
            if any(name.startswith("_") for name in own):
                return False
            classes = frozenset()
        return (
            keywords
            and all(self._is_quiet_base(each, classes) for each in node.bases)
            and all(map(self._is_quiet_decorator, node.decorator_list))
            and all(self._is_quiet_in_class(each, node) for each in node.body)
        )

    def _is_quiet_base(self, node: ast.expr, classes: frozenset[str]) -> bool:
        base = node.value if isinstance(node, ast.Subscript) else node
        if isinstance(base, ast.Name) and base.id in classes:
            return base is node
        name = self._full_name(base)
        if isinstance(node, ast.Subscript) and not self._is_quiet_hint(node.slice):
            return False
        return self._builtin(base) in quiet_names.BUILTIN_CLASSES or any(
            name.startswith(each) if each.endswith(".") else name == each
            for each in quiet_names.QUIET_BASES
        )

    def _is_quiet_in_class(self, statement: ast.stmt, node: ast.ClassDef) -> bool:
        if isinstance(statement, _FUNCTIONS):
            # `@value.setter` stands behind `@property def value`.
            own = {each.name for each in node.body if isinstance(each, _FUNCTIONS)}
            decorators = [
                each
                for each in statement.decorator_list
                if not (
                    isinstance(each, ast.Attribute)
                    and each.attr in quiet_names.PROPERTY_PARTS
                    and isinstance(each.value, ast.Name)
                    and each.value.id in own
                )
            ]
            bare = _with_decorators(statement, decorators)
            return self._is_quiet_function(bare)
        if isinstance(statement, ast.ClassDef):
            return self._is_quiet_class(statement, frozenset())
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            # An object with `__set_name__` learns of the class.
            is_known = statement.value is None or self._is_quiet_argument(statement.value)
            return is_known and self.is_quiet(statement)
        return isinstance(statement, (ast.Expr, ast.Pass)) and self.is_quiet(statement)

    def _is_quiet_argument(self, node: ast.expr) -> bool:
        """Returns whether no method of an author's object runs if others look at a value."""
        if isinstance(node, ast.Name):
            known = self._plain | self._functions | self._classes
            is_name = self._builtin(node) == "__name__"
            return is_name or node.id in known or self._is_quiet_type(node)
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self._is_quiet_argument, node.elts))
        return self._is_quiet_value(node)

    def _is_enum(self, node: ast.ClassDef) -> bool:
        return any(self._full_name(each).partition(".")[0] == "enum" for each in node.bases)

    def _quiet_classes(self, known: frozenset[str]) -> frozenset[str]:
        """Returns the classes of the file that take no notice of classes made from them."""
        found = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.ClassDef):
                names = {name for each in statement.body for name in bound_names(each)}
                found[statement.name] = (
                    "__init_subclass__" not in names
                    and "__class_getitem__" not in names
                    and self._is_quiet_class(statement, known)
                    and self._times[statement.name] == 1
                    and not self._is_enum(statement)
                )
        return frozenset(name for name, is_quiet in found.items() if is_quiet) - self._touched

    def _plain_names(self, known: frozenset[str]) -> frozenset[str]:
        """Returns the names whose every value is a number, a text, or a list or dict of such."""
        plain: dict[str, bool] = {}
        for statement, bound in zip(self.tree.body, self._names, strict=True):
            value = getattr(statement, "value", None)
            if (
                isinstance(statement, ast.Assign)
                and all(isinstance(each, ast.Name) for each in statement.targets)
                and self._is_plain(statement.value, known)
            ):
                names = [each.id for each in statement.targets if isinstance(each, ast.Name)]
                plain.update({name: plain.get(name, True) for name in names})
            elif (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and value is not None
                and self._is_plain(value, known)
            ):
                plain.setdefault(statement.target.id, True)
            else:
                # It is bound otherwise, or by a function that says `global`.
                plain.update(dict.fromkeys(bound, False))
        return frozenset(name for name, is_plain in plain.items() if is_plain) - self._touched

    def _is_plain(self, node: ast.expr, names: frozenset[str]) -> bool:
        """Returns whether a value is a number, a text, or a list or dict of such."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return node.id in names
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):
            return self._is_plain_comprehension(node, names)
        if isinstance(node, ast.Call):
            return self._is_plain_call(node, names)
        kinds = (
            ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare,
            ast.IfExp, ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.Slice, ast.Starred,
        )  # fmt: skip
        inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
        return isinstance(node, kinds) and all(self._is_plain(each, names) for each in inner)

    def _is_plain_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp, names: frozenset[str]
    ) -> bool:
        known = set(names)
        for each in node.generators:
            if each.is_async or not self._is_plain(each.iter, frozenset(known)):
                return False
            known.update(bound_names(each.target))
            if not all(self._is_plain(test, frozenset(known)) for test in each.ifs):
                return False
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return all(self._is_plain(part, frozenset(known)) for part in parts)

    def _is_plain_call(self, node: ast.Call, names: frozenset[str]) -> bool:
        function = node.func
        if isinstance(function, ast.Attribute):
            is_known = function.attr in quiet_names.QUIET_METHODS and self._is_plain(
                function.value, names
            )
        else:
            is_known = self._builtin(function) in quiet_names.BUILTIN_CALLS
        return is_known and all(self._is_plain(each, names) for each in _arguments(node))


def _settled(find: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
    """Returns what no further search adds to."""
    found = frozenset[str]()
    while (more := find(found)) != found:
        found = more
    return found


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(each.value for each in node.keywords)]


def _with_decorators(node: _Function, decorators: Sequence[ast.expr]) -> _Function:
    found = type(node)(**{name: getattr(node, name) for name in node._fields})
    found.decorator_list = list(decorators)
    return found
