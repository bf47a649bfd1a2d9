"""Hooks of components: functions that caches and the checks before a run call.

A component declares them in its `component.py`. Standard library only.
"""

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]
"""Parameters of a task by name, as in the pipeline."""
Inputs = Mapping[str, Sequence[str]]
"""URIs of the input artifacts by port."""
Outputs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Metadata of the output artifacts by port."""
Splits = Mapping[str, Sequence[str]]
"""Names of the splits of artifacts by port."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitNeed:
    """Splits that an input must have.

    Attributes:
        port: The input artifact.
        parameter: The parameter that names them, or would, for messages.
        names: Names of the splits.
    """

    port: str
    parameter: str
    names: Sequence[str]


def _check_hooks(hooks: Any, **arguments: int) -> None:
    """Rejects values that cannot be called with the given number of arguments, by default one."""
    for each in dataclasses.fields(hooks):
        hook = getattr(hooks, each.name)
        number = arguments.get(each.name, 1)
        try:
            if hook is not None:
                inspect.signature(hook).bind(*[None] * number)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{type(hooks).__name__}: `{each.name}` is {hook!r}, expected a function of "
                f"{number} arguments ({error})."
            ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheHooks:
    """Functions that a cache needs if a result depends on more than parameters and inputs.

    The local target calls them before it decides whether a task must run. The compiler only looks
    which of them there are.

    Attributes:
        external_state: For a component that reads data from elsewhere, such as the files of a
            directory or the models of earlier runs. Takes the parameters and the inputs. Returns a
            fingerprint of that data, or None if it cannot be known before the run; then no cache
            answers for the task.
        input_locations: For a component whose `external_state` depends on parameters alone. Takes
            the parameters. Returns the paths and URIs that it looks at. The caches of clusters call
            no hooks: there, a task before this one takes the fingerprint and passes it on as a
            parameter, so that it is part of the key.
        earlier_state: The `external_state` of a component that looks for the results of earlier
            runs, on a cluster. Takes the parameters and an artifact of a task of this run, beside
            which the earlier runs are found.
        environment_state: For a component that takes code or programs from the place where it runs,
            such as a function by dotted path or a server on PATH. Takes the parameters. Returns a
            fingerprint of them, or None if it cannot be known before the run. In an image, the
            reference of the image stands for them.
        relevant_inputs: For a component that does not use each connected input, such as a baseline
            without a model. Takes the inputs. Returns those that belong to the key.
        module_names: For a component that loads a module file. Takes the parameters. Returns the
            names that it looks up there. The cache on this machine then looks at the code that
            these names reach, and not at the whole file.
        module_text: For a component that reads the text of the module file, too. Takes the text of
            its files by name. Returns what it finds there.
        still_holds: For a component that writes outside of its outputs. Takes the outputs. Returns
            whether the written data is still there and unchanged.
    """

    external_state: Callable[[Params, Inputs], str | None] | None = None
    input_locations: Callable[[Params], Sequence[str]] | None = None
    earlier_state: Callable[[Params, Any], str] | None = None
    environment_state: Callable[[Params], str | None] | None = None
    relevant_inputs: Callable[[Inputs], Inputs] | None = None
    module_names: Callable[[Params], Sequence[str]] | None = None
    module_text: Callable[[Mapping[str, str]], str] | None = None
    still_holds: Callable[[Outputs], bool] | None = None

    def __post_init__(self) -> None:
        """Rejects values that are not hooks."""
        _check_hooks(self, external_state=2, earlier_state=2)
        looks_elsewhere = self.input_locations is not None or self.earlier_state is not None
        if looks_elsewhere and self.external_state is None:
            raise TypeError(
                "CacheHooks: `input_locations` and `earlier_state` need `external_state`. Add it: "
                "without it a cache on this machine would not look at that data."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyChecks:
    """Functions that check a task before it runs, in addition to the dataclass of its parameters.

    The compiler calls them for each task with the parameters that are known then, and again before
    a run with the parameters of the run. Executors call the same code, so both give the same
    messages. A parameter that is only known in the run is missing from the dataclass; a check that
    asks for it ends there.

    Attributes:
        check: Takes the parameters. Raises an `InputError` for values with which no run can work.
        functions: Takes the parameters. Returns the functions that the module file must have: for
            each a tuple of names, of which one is enough.
        modules: Takes the parameters. Returns the modules that they name and the task imports:
            files that come with the module file, or installed modules.
        splits_read: Takes the parameters. Returns the splits that the input artifacts must have.
        splits_made: Takes the parameters, and the names of the splits of each input artifact if
            they are known. Returns the names of the splits of each output artifact, without the
            artifacts whose splits are not known.
    """

    check: Callable[[Any], None] | None = None
    functions: Callable[[Any], Sequence[tuple[str, ...]]] | None = None
    modules: Callable[[Any], Sequence[str]] | None = None
    splits_read: Callable[[Any], Sequence[SplitNeed]] | None = None
    splits_made: Callable[[Any, Splits], Splits] | None = None

    def __post_init__(self) -> None:
        """Rejects values that are not checks."""
        _check_hooks(self, splits_made=2)


def unknown_before_the_run(params: Params, inputs: Inputs) -> None:
    """The hook `external_state` of a component for whose tasks no cache may answer."""
    del params, inputs


def in_executor(component: str, function: str) -> Callable[[Params, Any], str]:
    """Returns a hook that imports a component's executor and calls a function of it.

    This is for a hook that needs the libraries of the component's image.
    """

    def hook(params: Params, place: Any) -> str:
        executor = importlib.import_module(f"headrace_components.{component}.executor")
        state: str = getattr(executor, function)(params, place)
        return state

    return hook
