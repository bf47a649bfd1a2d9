"""Names TFX's nodes in messages that are about kfp's tasks."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.errors import InputError

_TASK = re.compile(r"task `([^`]+)`")


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeNames:
    """The nodes of a TFX pipeline behind the tasks of a compiled one.

    Attributes:
        file: Name of the author's file; empty if there is none.
        nodes: IDs of nodes by the names of their tasks.
    """

    file: str
    nodes: Mapping[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def in_messages(self) -> Iterator[None]:
        """Puts the author's file and the nodes' IDs into errors that are raised meanwhile."""
        try:
            yield
        except InputError as error:
            raise CompileError(self.explained(str(error))) from error

    def explained(self, message: str) -> str:
        """Returns a message with the author's file and the nodes' IDs."""
        start = f"{self.file}: " if self.file else ""
        message = message.removeprefix(start)
        first = _TASK.match(message)
        if first and message[first.end() :].startswith(": ") and (node := self._node(first[1])):
            return f"{start}{node}: {self._renamed(message[first.end() + 2 :])}"
        return f"{start}{self._renamed(message)}"

    def _node(self, task: str) -> str:
        return self.nodes.get(task.rpartition("/")[2], "")

    def _renamed(self, message: str) -> str:
        return _TASK.sub(lambda match: f"`{self._node(match[1]) or match[1]}`", message)


def node_names(spec: Spec, file: str) -> NodeNames:
    """Returns the names of the nodes of a compiled pipeline, which its tasks show."""
    nodes = {each.path[-1]: each.task["taskInfo"]["name"] for each in specs.tasks(spec)}
    return NodeNames(file=file, nodes=nodes)
