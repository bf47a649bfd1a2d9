"""Finds imports that a task certainly does when it loads a packed module and calls its functions.

At the top of the module and of the files that it imports, and in the functions that are called
whatever comes. An import that may not happen, or whose failure the module expects, is not among
them: one in an `if`, a `try` with handlers, a loop, a method, or behind a `return` in an `if`.
"""

import ast
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headrace_components.library.user_code.siblings import imports_of
from headrace_tfx.finder import sibling_names

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, slots=True)
class CertainImport:
    """An import of a module that did not travel with the packed ones.

    Attributes:
        file: The packed file; empty if a parameter names the module.
        line: Line of the statement.
        module: Dotted name of the module.
        names: What is taken from it, which may be modules, too.
        function: The function that imports it; empty at the top of the file.
    """

    file: str
    line: int
    module: str
    names: tuple[str, ...]
    function: str


def certain_imports(
    entry: str, files: Mapping[str, str], functions: Iterable[str], modules: Iterable[str] = ()
) -> list[CertainImport]:
    """Returns the imports that certainly happen, without those of packed files.

    Args:
        entry: The module's own file; empty for no module.
        files: Source text by name, from `module_pack.unpack`.
        functions: Functions of the module that the task calls. Those that it lacks count for
            nothing.
        modules: Modules that the task imports besides.
    """
    walk = _Walk(entry=entry, files=files)
    if files:
        walk.load(entry)
    walk.name(modules)
    for name in functions:
        walk.call(entry, name)
    return walk.found


@dataclass(kw_only=True, slots=True)
class _Walk:
    """Goes through files as Python does.

    Attributes:
        entry: The module's own file.
        files: Source text by name.
        found: The imports found so far.
        trees: Files that have been loaded.
        called: Functions that have been called, with their files.
        bound: By file, the meaning of a name: a file, and a name in it or nothing.
    """

    entry: str
    files: Mapping[str, str]
    found: list[CertainImport] = field(default_factory=list)
    trees: dict[str, ast.Module] = field(default_factory=dict)
    called: set[tuple[str, str]] = field(default_factory=set)
    bound: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    def load(self, file: str) -> None:
        """Follows the statements that a file runs when it is imported."""
        if file in self.trees:
            return
        self.trees[file] = ast.parse(self.files[file])
        self.bound[file] = {}
        self._take(file, self.trees[file].body, None)

    def name(self, modules: Iterable[str]) -> None:
        """Takes modules that are imported by name."""
        for module in modules:
            packed = self._packed("", module, 0)
            for file in packed or []:
                self.load(file)
            if packed is None:
                self.found.append(
                    CertainImport(file="", line=0, module=module, names=(), function="")
                )

    def call(self, file: str, name: str) -> None:
        """Follows the statements of a function, or of the one that a name of a file means."""
        if (file, name) in self.called:
            return
        self.called.add((file, name))
        self.load(file)
        for statement in self.trees[file].body:
            if isinstance(statement, _FUNCTIONS) and statement.name == name:
                self._take(file, statement.body, statement)
                return
        other, its_name = self.bound[file].get(name, ("", ""))
        if other and its_name:
            self.call(other, its_name)

    def _take(self, file: str, body: Sequence[ast.stmt], function: _Function | None) -> None:
        own = _local_names(function) if function else frozenset[str]()
        for statement in _certain(body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(file, statement, function.name if function else "")
                continue
            for target in _calls(statement):
                if isinstance(target, ast.Name) and target.id not in own:
                    self.call(file, target.id)
                elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    module, name = self.bound[file].get(target.value.id, ("", ""))
                    if module and not name:
                        self.call(module, target.attr)

    def _import(self, file: str, statement: ast.Import | ast.ImportFrom, function: str) -> None:
        for each in imports_of(statement):
            modules = [f"{each.module}.{name}".lstrip(".") for name in each.names] or [each.module]
            packed = [self._packed(file, module, each.level) for module in modules]
            for other in [name for names in packed for name in names or ()]:
                self.load(other)
            if packed[0] is None and not each.level and not each.may_fail:
                self.found.append(
                    CertainImport(
                        file=file,
                        line=each.line,
                        module=each.module,
                        names=each.names,
                        function=function,
                    )
                )
        self._bind(file, statement)

    def _bind(self, file: str, statement: ast.Import | ast.ImportFrom) -> None:
        """Records the meaning of the names that a statement imports into a file."""
        for alias in statement.names:
            name = alias.asname or alias.name
            if isinstance(statement, ast.Import):
                choices = [(alias.name, "")] if alias.asname or "." not in alias.name else []
                level = 0
            else:
                module, level = statement.module or "", statement.level
                choices = [(f"{module}.{alias.name}".lstrip("."), ""), (module, alias.name)]
            files = (
                (self._file(file, each, level), its_name)
                for module, its_name in choices
                for each in sibling_names(module) or (module,)
            )
            if found := next((each for each in files if each[0]), None):
                self.bound[file][name] = found

    def _file(self, file: str, module: str, level: int) -> str:
        """Returns the packed file of a module; empty if there is none."""
        parts = module.split(".") if module else []
        found = (self._file_below(base, parts) for base in self._bases(file, level))
        return next(filter(None, found), "")

    def _packed(self, file: str, module: str, level: int) -> list[str] | None:
        """Returns the packed files that an import runs, packages before their contents.

        None if its first name is not in a packed file.
        """
        parts = module.split(".") if module else []
        for base in self._bases(file, level):
            top = posixpath.join(base, *parts[:1])
            if any(name == f"{top}.py" or name.startswith(f"{top}/") for name in self.files):
                ends = range(1, len(parts) + 1) if parts else [0]
                names = [self._file_below(base, parts[:end]) for end in ends]
                return [name for name in names if name]
        return None

    def _file_below(self, base: str, parts: Sequence[str]) -> str:
        path = posixpath.join(base, *parts)
        names = (posixpath.join(path, "__init__.py"), f"{path}.py")
        return next((name for name in names if name in self.files), "")

    def _bases(self, file: str, level: int) -> list[str]:
        """Returns the folders from which an import starts, as on the path of a component."""
        if not level:
            return list(dict.fromkeys([posixpath.dirname(self.entry), ""]))
        base = file
        for _ in range(level):
            base = posixpath.dirname(base)
        return [base]


def _local_names(function: _Function) -> frozenset[str]:
    """Returns the names that mean something else in a function than in its module."""
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, _FUNCTIONS) and node is not function:
            names.add(node.name)
    return frozenset(names)


def _certain(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields the simple statements of a body that run whatever comes."""
    for statement in body:
        if isinstance(statement, (*_FUNCTIONS, ast.If, ast.For, ast.While, ast.Match)):
            pass
        elif isinstance(statement, ast.ClassDef):
            yield from _certain(statement.body)
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            if not any("suppress" in ast.dump(item.context_expr) for item in statement.items):
                yield from _certain(statement.body)
        elif isinstance(statement, ast.Try):
            if not statement.handlers:
                yield from _certain(statement.body)
            yield from _certain(statement.finalbody)
        else:
            yield statement
        if _may_leave(statement):
            return


def _may_leave(statement: ast.AST) -> bool:
    """Returns whether a statement may prevent the next ones: it returns, raises or continues."""
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        return False
    if isinstance(statement, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
        return True
    inner = (each for each in ast.iter_child_nodes(statement) if not isinstance(each, ast.expr))
    return any(_may_leave(each) for each in inner)


def _calls(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yields the calls of a simple statement that certainly happen."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call):
            yield node.func
        if isinstance(node, (ast.IfExp, ast.BoolOp, ast.Lambda, ast.GeneratorExp)):
            continue
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):
            continue
        pending += ast.iter_child_nodes(node)
