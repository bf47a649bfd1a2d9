"""How the backends change values on their way into a component and out of it.

A component that works here should also work there, so a run on this machine keeps the rules of one
backend. They apply to components that do not belong to Headrace: Headrace's components read values
by their declared types, which is the same on every backend.

Sources: for Kubeflow Pipelines 2.17 the driver (`driver/util.go`, `driver/resolve.go`), the
launcher (`component/launcher_v2.go`) and `metadata/converter.go`, compared with the results of a
real one (`tests/fixtures/kubeflow_cases`); for Vertex AI its documentation. If that says nothing,
Vertex AI has the rule of Kubeflow, or that of this backend before it had rules.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.ir import go_text

Backend = Literal["kubeflow", "vertex"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rules of one backend.

    Attributes:
        backend: Its name.
        shortens_numbers: In an argument, 1234567.25 is `1.23456725e+06`, and -0.0 is `0`; else
            `1234567.25` and `-0`, as in a longer text.
        flattens_metadata: Metadata are kept in ML Metadata, which has texts and numbers: True
            becomes 1, a list `{"list": [...]}`, a dict `{"struct": {...}}`; None fails the task.
            Beside them is `display_name`, the port that made the artifact.
        sends_types: Whether an input artifact comes with its type.
        announces_log: Whether the message names an output more than the component has, for the log.
        fills_variables: Whether placeholders are filled in in environment variables.
        halves_dollars: Whether `$$` is `$` before `$(NAME)` is looked up. Kubernetes alone makes
            `$(NAME)` of `$$(NAME)`; Kubeflow was seen to give the value.
        counts_exit_tasks: Whether the run fails with a task that runs however those before it
            ended. On Kubeflow it is a hook of Argo, which the state of the run leaves out.
        gives_reasons: Whether a final status has kfp's words and the reason of a failure. Kubeflow
            gives the state of ML Metadata: COMPLETE after a success, RUNNING if all tasks were
            skipped. Python components translate it there.
        collects_nothing: Whether tasks may collect from a loop over nothing, or from a task that
            some rounds skipped. Kubeflow's driver fails, or crashes.
        flattens_loops: Whether parameters that are collected from a loop in a loop are in one list,
            like artifacts everywhere; else in a list of lists. Source: `CollectInputs` of
            Kubeflow's driver (`resolve.go`).
    """

    backend: Backend
    shortens_numbers: bool
    flattens_metadata: bool
    sends_types: bool
    announces_log: bool
    fills_variables: bool
    halves_dollars: bool
    counts_exit_tasks: bool
    gives_reasons: bool
    collects_nothing: bool
    flattens_loops: bool

    def argument_text(self, value: Any) -> str:
        """Returns a value in its form in an argument."""
        is_short = self.shortens_numbers and go_text.is_number(value)
        return go_text.short_number(value) if is_short else go_text.text(value)

    def input_metadata(self, metadata: Mapping[str, Any], made_by: str) -> dict[str, Any]:
        """Returns the metadata of an artifact for the tasks that read it.

        Args:
            metadata: The metadata that its task or an importer gave it.
            made_by: The port that made it; empty if it comes from an importer.
        """
        if not self.flattens_metadata:
            return dict(metadata)
        port = {"display_name": made_by} if made_by else {}
        return port | {name: _flat(value) for name, value in metadata.items()}

    def variables(
        self, entries: Iterable[Mapping[str, Any]], fill: Callable[[str], str]
    ) -> dict[str, str]:
        """Returns the environment variables of a container.

        A variable may name those that stand before it.

        Args:
            entries: `EnvVar` messages, in their order.
            fill: Fills in the placeholders of a text.
        """
        found: dict[str, str] = {}
        for entry in entries:
            text = entry.get("value", "")
            text = fill(text) if self.fills_variables else text
            found[entry["name"]] = self.expanded(text, found)
        return found

    def expanded(self, text: str, variables: Mapping[str, str]) -> str:
        """Returns a text of the author in the form that a container gets.

        As in Kubernetes, `$(NAME)` is a variable, `$$` a dollar sign, and other text is kept.

        Args:
            text: An argument without values, or the value of a variable.
            variables: Those of the container that may stand in it.
        """
        # On Kubeflow the text is an argument of the driver's pod first.
        text = text.replace("$$", "$") if self.halves_dollars else text
        return _expanded(text, variables)


RULES: Mapping[Backend, Rules] = {
    "kubeflow": Rules(
        backend="kubeflow",
        shortens_numbers=True,
        flattens_metadata=True,
        sends_types=False,
        announces_log=True,
        fills_variables=False,
        halves_dollars=True,
        counts_exit_tasks=False,
        gives_reasons=False,
        collects_nothing=False,
        flattens_loops=True,
    ),
    "vertex": Rules(
        backend="vertex",
        shortens_numbers=False,
        flattens_metadata=False,
        sends_types=True,
        announces_log=False,
        fills_variables=True,
        halves_dollars=False,
        counts_exit_tasks=True,
        gives_reasons=True,
        collects_nothing=True,
        flattens_loops=False,
    ),
}


def _flat(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (list, tuple)):
        return {"list": value}
    return {"struct": value} if isinstance(value, Mapping) else value


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", value, text)
