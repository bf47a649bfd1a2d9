"""What the imports in a packed module mean: files of the pack, or something that is installed."""

import ast
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from headrace_tfx.finder import sibling_names

Target = tuple[str, str]
"""A module of the pack, as a path without `.py`, and a name in it; "" for the module itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedName:
    """A name that an import binds.

    Attributes:
        name: The name in the importing file.
        targets: What it may mean in the pack; empty if it is something installed.
        full: The dotted name of what is imported, as it is written.
        text: The import of this name alone.
    """

    name: str
    targets: frozenset[Target]
    full: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedImports:
    """The files of a pack, as imports find them.

    Attributes:
        files: Source text by name.
        entry: The module's own file. Imports start in its directory and in that of the packages.
    """

    files: Mapping[str, str]
    entry: str

    def bindings(self, file: str, node: ast.Import | ast.ImportFrom) -> Iterator[ImportedName]:
        """Yields what the import statement of a file binds."""
        for alias in node.names:
            name = alias.asname or alias.name
            if isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                full = f"{module}.{alias.name}"
                inside = {(each, alias.name) for each in self._modules(file, module)}
                below = f"{module}{'' if module.endswith('.') else '.'}{alias.name}"
                targets = inside | {(each, "") for each in self._modules(file, below)}
                text = f"from {module} import {alias.name} as {name}"
            else:
                targets = {(each, "") for each in self._modules(file, alias.name)}
                text, full = f"import {alias.name} as {name}", alias.name
                if not alias.asname:
                    # `import a.b` binds `a`, whose attributes lead on.
                    text, name = f"import {alias.name}", name.partition(".")[0]
                    if targets:
                        targets |= {(each, "") for each in self._modules(file, name)}
                    else:
                        full = name
            yield ImportedName(name=name, targets=frozenset(targets), full=full, text=text)

    def file_of(self, module: str) -> str:
        """Returns the file of a module of the pack; empty if it is none, or a folder."""
        names = (posixpath.join(module, "__init__.py"), f"{module}.py")
        return next((name for name in names if name in self.files), "")

    def is_module(self, module: str) -> bool:
        """Returns whether a path is that of a module of the pack, or of a folder in it."""
        is_folder = bool(module) and any(each.startswith(f"{module}/") for each in self.files)
        return is_folder or bool(self.file_of(module))

    def is_package(self, module: str) -> bool:
        """Returns whether a module of the pack has others in it."""
        inside = f"{module}/" if module else ""
        return any(each.startswith(inside) for each in self.files if each != f"{inside}__init__.py")

    def named(self, file: str, text: str) -> list[str]:
        """Returns the modules of the pack that a text may name, as `module` or `module.name`."""
        parts = text.split(".")
        names = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return sorted({module for name in names for module in self._modules(file, name)})

    def _modules(self, file: str, module: str) -> set[str]:
        """Returns the modules of the pack that a dotted name may mean."""
        rest = module.lstrip(".")
        bases = {posixpath.dirname(self.entry), ""}
        if level := len(module) - len(rest):
            above = [str(each) for each in PurePosixPath(file).parents]
            if level > len(above):
                return set()
            bases = {above[level - 1].removeprefix(".")}
        spellings = [rest, *(sibling_names(rest) if rest.startswith("tfx.") else ())]
        paths = {
            posixpath.join(base, *spelling.split(".")) if spelling else base
            for base in bases
            for spelling in spellings
        }
        return {path for path in paths if self.is_module(path)}


def with_packages(module: str) -> list[str]:
    """Returns a module and the packages that it is in, in the order in which they are imported."""
    parts = module.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
