"""The names of TFX that exist here, and their meaning. Standard library only."""

from collections.abc import Mapping

_FN_ARGS = "headrace_components.library.user_code.fn_args"
_IO_UTILS = "headrace_tfx.files.io_utils"

# Modules that are ours under another name.
ALIASES: Mapping[str, str] = {
    "tfx.components.transform.stats_options_util": (
        "headrace_components.transform.stats_options_util"
    ),
    "tfx.dsl.io.fileio": "headrace_tfx.files.fileio",
    "tfx.utils.io_utils": _IO_UTILS,
    "tfx.v1.dsl.io.fileio": "headrace_tfx.files.fileio",
}

# Modules that collect names: by name, our module and the name in it.
NAMES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "tfx.components.trainer.executor": {"TrainerFnArgs": (_FN_ARGS, "FnArgs")},
    "tfx.components.trainer.fn_args_utils": {
        "DataAccessor": (_FN_ARGS, "DataAccessor"),
        "FnArgs": (_FN_ARGS, "FnArgs"),
    },
    "tfx.components.tuner.component": {"TunerFnResult": (_FN_ARGS, "TunerFnResult")},
    "tfx.v1.components": {
        "DataAccessor": (_FN_ARGS, "DataAccessor"),
        "FnArgs": (_FN_ARGS, "FnArgs"),
        "TunerFnResult": (_FN_ARGS, "TunerFnResult"),
    },
    "tfx.v1.utils": {"parse_pbtxt_file": (_IO_UTILS, "parse_pbtxt_file")},
}

# Below these, the last part of a name is a file that comes with the module: TFX's own examples and
# templates import their siblings like this. The number counts the parts before it.
SIBLINGS: Mapping[str, int] = {"tfx.examples": 3, "tfx.experimental.templates": 5}


def packages() -> frozenset[str]:
    """Returns the parent names of modules."""
    above = set[str]()
    for start in (*ALIASES, *NAMES, *(f"{prefix}.x" for prefix in SIBLINGS)):
        name = start
        while "." in name:
            name = name.rpartition(".")[0]
            above.add(name)
    return frozenset(above)


def sibling(name: str) -> str:
    """Returns the file, without its suffix, for a name below `SIBLINGS`; empty for other names."""
    parts = name.split(".")
    for prefix, depth in SIBLINGS.items():
        if name.startswith(f"{prefix}.") and len(parts) > depth:
            return parts[-1]
    return ""


def is_folder(name: str) -> bool:
    """Returns whether a name may be that of the folder of an example or template, or one in it."""
    for prefix, depth in SIBLINGS.items():
        if name.startswith(f"{prefix}."):
            return len(name.split(".")) <= depth + 1
    return False


def unknown(name: str) -> str:
    """Returns the error text for a module that uses another name of TFX."""
    if name.startswith(tuple(f"{prefix}." for prefix in SIBLINGS)):
        file = f"{name.rpartition('.')[2]}.py"
        return (
            f"{name!r} is not a file that came with the module. Put {file!r} beside the module "
            "file, from where it travels with it"
        )
    known = [f"{module}.{{{','.join(sorted(names))}}}" for module, names in NAMES.items()]
    return (
        f"{name!r} is not one of TFX's names that a module file may use here; "
        "use one of these, or run in an image that has tfx: "
        + ", ".join(sorted([*known, *(a for a in ALIASES if not a.startswith("tfx.v1."))]))
    )
