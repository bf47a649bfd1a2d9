"""The part of an author's module that a task uses: what a cache key holds of the module.

It is what runs when the module is imported, and the functions, classes and constants that the named
functions mention, directly or through others, in all files of the pack. Comments, docstrings and
layout are not part of it. Where the text does not show what is used, all files are.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.targets.local.cache.reach.names import (
    attributes_in,
    bound_names,
    chains_in,
    dotted,
    dotted_texts,
    names_at_top,
    names_in_texts,
)
from headrace.targets.local.cache.reach.packed_imports import (
    ImportedName,
    PackedImports,
    with_packages,
)
from headrace.targets.local.cache.reach.quiet_names import (
    FREE_ATTRIBUTES,
    FREE_MODULES,
    FREE_NAMES,
    FREE_TEXTS,
    QUIET_MODULES,
)
from headrace.targets.local.cache.reach.quiet_statements import QuietStatements, is_quiet_import
from headrace.targets.local.cache.reach.statement_texts import (
    label_of,
    text_of,
    without_docstrings,
)

WHOLE = "all files"
"""The entry of `Reached.parts` for a pack of which everything counts."""

_IMPORTS = (ast.Import, ast.ImportFrom)
_GUARDS = (ast.Try, ast.TryStar, ast.With, ast.AsyncWith)


# Ten thousand lines, which take a second. More were probably not written by hand.
_MAX_CHARACTERS = 400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """The code that a task uses.

    Attributes:
        parts: Digests by name, such as `module.py: preprocessing_fn`, for people who ask what has
            changed.
        digest: The digest of all of it.
    """

    parts: Mapping[str, str]
    digest: str


def reached(
    files: Mapping[str, str],
    entry: str,
    names: Sequence[str] | None,
    text: Callable[[Mapping[str, str]], str] | None = None,
) -> Reached:
    """Returns the code that names of a module reach.

    Args:
        files: Source text by name, from `module_pack.unpack`.
        entry: The module's own file.
        names: The names that a component looks up in the module, some of which it may lack. None
            for the whole module.
        text: What the component reads of the text of all files, if it does.
    """
    is_small = sum(map(len, files.values())) <= _MAX_CHARACTERS
    if names is not None and is_small:
        try:
            walk = _Pursuit(files=files, entry=entry)
            walk.start(names)
            return walk.result(names, text(files) if text else "")
        except (_FreeError, SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    parts = {WHOLE: ""} | {name: _digest(text) for name, text in sorted(files.items())}
    return Reached(parts=parts, digest=_digest(repr([entry, parts])))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _FreeError(Exception):
    """The text does not show what is reached."""


@dataclass(frozen=True, kw_only=True)
class _File:
    """One file of the pack.

    Attributes:
        name: Its name.
        source: Its text.
        body: Its statements.
        own: The names that imports anywhere in it bind to code of the pack.
        installed: The names that imports anywhere in it bind to something else.
        binders: The numbers of the statements that bind each name at its top.
        counted: The numbers of the statements that count, without imports.
        asked: The names whose meaning counts.
    """

    name: str
    source: str
    body: Sequence[ast.stmt]
    own: Mapping[str, set[tuple[str, str]]]
    installed: Mapping[str, str]
    binders: Mapping[str, list[int]]
    counted: set[int] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class _Pursuit:
    """Follows names through the files.

    Attributes:
        files: Source text by name.
        entry: The module's own file.
        imports: The meaning of imports.
        loaded: The files that are imported.
        used: What was used of modules.
        pending: Statements that count and have not been looked at.
    """

    files: Mapping[str, str]
    entry: str
    imports: PackedImports = field(init=False)
    loaded: dict[str, _File] = field(default_factory=dict)
    used: set[tuple[str, ...]] = field(default_factory=set)
    pending: list[tuple[_File, ast.stmt]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.imports = PackedImports(files=self.files, entry=self.entry)

    def start(self, names: Iterable[str]) -> None:
        """Follows the names that a component looks up in the module."""
        self._load_module(self.entry.removesuffix(".py"))
        file = self._load(self.entry)
        for name in names:
            self._mention(file, [name])
        while self.pending:
            self._follow(*self.pending.pop())

    def result(self, names: Sequence[str], text: str) -> Reached:
        """Returns what was found, in the order of the text."""
        parts = {"imports of all files": _digest(text)} if text else {}
        everything: list[Any] = [self.entry, *names, text, sorted(self.loaded)]
        for name, file in sorted(self.loaded.items()):
            texts: dict[str, list[str]] = {}
            for number, statement in enumerate(file.body):
                found = self._text(file, number, statement)
                if found:
                    texts.setdefault(label_of(statement), []).append(found)
                    everything.append([name, found])
            parts |= {f"{name}: {label}": _digest("\n".join(each)) for label, each in texts.items()}
        return Reached(parts=parts, digest=_digest(repr(everything)))

    def _text(self, file: _File, number: int, statement: ast.stmt) -> str:
        """Returns what counts of a statement; empty if nothing does."""
        if not isinstance(statement, _IMPORTS):
            return text_of(statement, file.source) if number in file.counted else ""
        found = []
        for binding in self.imports.bindings(file.name, statement):
            if binding.name in file.asked or _is_future(statement):
                found.append(binding.text)
            if binding.targets:
                found += [f"import {self.imports.file_of(each)}" for each in _loads(binding)]
            elif not is_quiet_import(binding.full):
                found.append(f"import {binding.full}")
        return "\n".join(dict.fromkeys(found))

    def _load_module(self, module: str) -> None:
        """Loads a module, and before it the packages that it is in."""
        for each in with_packages(module):
            if name := self.imports.file_of(each):
                self._load(name)

    def _load(self, name: str) -> _File:
        """Counts what a file does when it is imported."""
        if name in self.loaded:
            return self.loaded[name]
        tree = without_docstrings(ast.parse(self.files[name]))
        file, acting = self._read(name, tree)
        self.loaded[name] = file
        if not {"__getattr__", "__dir__"}.isdisjoint(file.binders):
            raise _FreeError
        for number in acting:
            self._count(file, number)
        for statement in file.body:
            if isinstance(statement, _IMPORTS):
                self._import(file, statement)
        return file

    def _read(self, name: str, tree: ast.Module) -> tuple[_File, list[int]]:
        own: dict[str, set[tuple[str, str]]] = {}
        installed: dict[str, str] = {}
        for node in ast.walk(tree):
            for binding in self.imports.bindings(name, node) if isinstance(node, _IMPORTS) else ():
                if binding.targets:
                    own.setdefault(binding.name, set()).update(binding.targets)
                else:
                    installed.setdefault(binding.name, binding.full)
        quiet = QuietStatements(tree=tree, installed=_only_imported(installed, tree))
        binders: dict[str, list[int]] = {}
        acting = []
        for number, statement in enumerate(tree.body):
            if quiet.never_runs(statement):
                continue
            for bound in names_at_top(statement):
                binders.setdefault(bound, []).append(number)
            if not isinstance(statement, _IMPORTS) and not quiet.is_quiet(statement):
                acting.append(number)
        file = _File(
            name=name,
            source=self.files[name],
            body=tree.body,
            own=own,
            installed=installed,
            binders=binders,
        )
        return file, acting

    def _count(self, file: _File, number: int) -> None:
        if number not in file.counted:
            file.counted.add(number)
            self.pending.append((file, file.body[number]))

    def _follow(self, file: _File, statement: ast.stmt) -> None:
        """Looks for all that a statement mentions."""
        chains = list(chains_in(statement))
        texts = set(dotted_texts(statement))
        if (
            any(_is_free(file, chain) for chain in chains)
            or not FREE_ATTRIBUTES.isdisjoint(attributes_in(statement))
            or any(not FREE_TEXTS.isdisjoint(text.split(".")) for text in texts)
        ):
            raise _FreeError
        for node in ast.walk(statement):
            if isinstance(node, _IMPORTS):
                if any(map(_gives_freedom, self.imports.bindings(file.name, node))):
                    raise _FreeError
                self._import(file, node)
            elif _changes_installed(file, node):
                # Then it is not known what is quiet.
                raise _FreeError
            elif isinstance(node, _GUARDS) and self._imports_own(file, node):
                # Then the code also sees whether all of that file can run.
                raise _FreeError
        for chain in chains:
            self._mention(file, chain)
        for name in names_in_texts(statement):
            self._mention(file, [name])
        for text in sorted(texts):
            for module in self.imports.named(file.name, text):
                self._use(module, [])

    def _imports_own(self, file: _File, node: ast.AST) -> bool:
        """Returns whether code imports a file of the pack."""
        return any(
            binding.targets
            for each in ast.walk(node)
            if isinstance(each, _IMPORTS)
            for binding in self.imports.bindings(file.name, each)
        )

    def _import(self, file: _File, statement: ast.Import | ast.ImportFrom) -> None:
        """Loads the files of the pack that a statement imports."""
        if any(alias.name == "*" for alias in statement.names):
            raise _FreeError
        for binding in self.imports.bindings(file.name, statement):
            for module in _loads(binding):
                self._load_module(module)

    def _mention(self, file: _File, chain: Sequence[str]) -> None:
        """Counts what `a.b.c` means in a file."""
        name = chain[0]
        if name not in file.asked:
            file.asked.add(name)
            for number in file.binders.get(name, ()):
                statement = file.body[number]
                if not isinstance(statement, _IMPORTS):
                    self._count(file, number)
                    continue
                found = [
                    each
                    for each in self.imports.bindings(file.name, statement)
                    if each.name == name
                ]
                if any(map(_gives_freedom, found)):
                    raise _FreeError
        for module, attribute in sorted(file.own.get(name, ())):
            self._use(module, [attribute, *chain[1:]] if attribute else chain[1:])

    def _use(self, module: str, attributes: Sequence[str]) -> None:
        """Counts what `a.b` of a module means: a name of its file, or a module below it."""
        if (module, *attributes) in self.used:
            return
        self.used.add((module, *attributes))
        self._load_module(module)
        name = self.imports.file_of(module)
        file = self._load(name) if name else None
        if not attributes:
            # The module itself is passed on, and with a package the modules in it.
            if file is None or self.imports.is_package(module):
                raise _FreeError
            for bound in list(file.binders):
                self._mention(file, [bound])
            return
        if attributes[0].startswith("__") and (file is None or attributes[0] not in file.binders):
            raise _FreeError  # such as `__dict__` and `__file__`
        below = f"{module}/{attributes[0]}".lstrip("/")
        is_module = self.imports.is_module(below)
        if is_module:
            self._use(below, attributes[1:])
        if file is not None and (attributes[0] in file.binders or not is_module):
            self._mention(file, attributes)


def _loads(binding: ImportedName) -> list[str]:
    return sorted({module for module, _ in binding.targets})


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _gives_freedom(binding: ImportedName) -> bool:
    """Returns whether a name is imported that may reach any code, perhaps under another name."""
    parts = binding.full.split(".")
    is_free = parts[0] in FREE_MODULES or not (FREE_NAMES | FREE_ATTRIBUTES).isdisjoint(parts)
    return is_free or binding.full == "sys.path"


def _changes_installed(file: _File, node: ast.AST) -> bool:
    """Returns whether code gives something installed another attribute."""
    changed = None
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        changed = dotted(node)
    elif isinstance(node, ast.Call) and node.args and dotted(node.func) == ["setattr"]:
        changed = dotted(node.args[0])
    return changed is not None and changed[0] in file.installed


def _is_free(file: _File, chain: Sequence[str]) -> bool:
    """Returns whether `a.b.c` may mean any code."""
    name = chain[0]
    # A class may call a name `__name` otherwise.
    is_private = name.startswith("__") and not name.endswith("__")
    # The directory of the pack is on the path.
    is_path = file.installed.get(name) == "sys" and "path" in chain[1:2]
    return is_private or is_path or name in FREE_NAMES or _is_passed_on(file, chain)


def _is_passed_on(file: _File, chain: Sequence[str]) -> bool:
    """Returns whether `a.b` is a whole module with names that are known to be quiet."""
    full = ".".join([file.installed.get(chain[0], ""), *chain[1:]])
    return full.partition(".__")[0] in QUIET_MODULES


def _only_imported(installed: Mapping[str, str], tree: ast.Module) -> dict[str, str]:
    """Returns the names that one import at the top of a file binds, and nothing else."""
    times: dict[str, int] = {}
    for name in bound_names(tree):
        times[name] = times.get(name, 0) + 1
    at_top = {
        name
        for statement in tree.body
        if isinstance(statement, _IMPORTS)
        for name in bound_names(statement)
    }
    return {n: full for n, full in installed.items() if n in at_top and times[n] == 1}
