"""Nodes of a pipeline: components, and the classes from which authors make their own."""

import abc
import inspect
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from headrace_tfx.authoring.beam_arguments import check_beam_arguments
from headrace_tfx.authoring.conditions import Cond, Scope, active_scopes
from headrace_tfx.authoring.executor_specs import BeamExecutorSpec, ExecutorSpec
from headrace_tfx.authoring.placeholders import Predicate
from headrace_tfx.authoring.signatures import argument_error
from headrace_tfx.authoring.specs import (
    ArgumentTypeError,
    ArgumentValueError,
    ComponentSpec,
    Outputs,
)


class NodeClass(abc.ABCMeta):
    """Explains arguments that a node does not take."""

    @property
    def __signature__(cls) -> inspect.Signature:
        # Python would show the arguments of `__call__` below.
        whole = inspect.signature(cls.__init__)  # type: ignore[misc]
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes a node.

        Raises:
            TypeError: An argument is unknown, missing or given twice.
        """
        try:
            return super().__call__(*args, **kwargs)
        except (ArgumentTypeError, ArgumentValueError) as error:
            error.component = cls.__name__
            raise
        except TypeError as error:
            own = argument_error(cls, args, kwargs)
            if own is None:
                raise
            raise own from error


class BaseNode(metaclass=NodeClass):
    """A node of a pipeline.

    Attributes:
        executor_spec: How it is run; None for nodes that only find or pass artifacts on.
        scopes: The `Cond` and `ForEach` blocks of its pipeline in which it was made, outer first.
        upstream_nodes: Nodes that have to run before it.
        downstream_nodes: Nodes that have to run after it.
    """

    def __init__(self, executor_spec: Any = None, driver_class: Any = None) -> None:
        self.executor_spec = executor_spec
        self.driver_class = driver_class
        self._id: str | None = None
        self._upstream_nodes: set[BaseNode] = set()
        self._downstream_nodes: set[BaseNode] = set()
        self._node_execution_options: Any = None
        self.scopes: tuple[Scope, ...] = active_scopes()

    @classmethod
    def get_class_type(cls) -> str:
        """Returns the module and name of the class."""
        return f"{cls.__module__}.{cls.__qualname__}"

    @property
    def type(self) -> str:
        """The module and name of its class."""
        return self.get_class_type()

    @property
    def component_type(self) -> str:
        """`type` under its old name."""
        return self.type

    @property
    def id(self) -> str:
        """Name in the pipeline: what `with_id` was given, else the name of its class."""
        return self._id or type(self).__name__

    @id.setter
    def id(self, id: str) -> None:
        self._id = id

    @property
    def component_id(self) -> str:
        """`id` under its old name."""
        return self.id

    def with_id(self, id: str | None) -> Self:
        """Names the node; its outputs may have been taken before. None is the name of its class.

        Raises:
            TypeError: The name is no text.
        """
        if id is not None and not isinstance(id, str):
            raise TypeError(f"{self.id}.with_id({id!r}): got {type(id).__name__}, expected a text.")
        self._id = id
        return self

    @property
    @abc.abstractmethod
    def inputs(self) -> dict[str, Any]:
        """Channels by name."""

    @property
    @abc.abstractmethod
    def outputs(self) -> dict[str, Any]:
        """Channels by name."""

    @property
    @abc.abstractmethod
    def exec_properties(self) -> dict[str, Any]:
        """Values of the parameters, as the author gave them."""

    @property
    def conditions(self) -> tuple[Predicate, ...]:
        """The predicates of the `Cond` blocks in which it was made, outer first."""
        return tuple(scope.predicate for scope in self.scopes if isinstance(scope, Cond))

    @property
    def node_execution_options(self) -> Any:
        """What `with_node_execution_options` was given."""
        return self._node_execution_options

    @node_execution_options.setter
    def node_execution_options(self, node_execution_options: Any) -> None:
        self._node_execution_options = node_execution_options

    def with_node_execution_options(self, node_execution_options: Any) -> Self:
        """Sets retries and the like; see `NodeExecutionOptions`."""
        self._node_execution_options = node_execution_options
        return self

    @property
    def upstream_nodes(self) -> "set[BaseNode]":
        """Nodes that have to run before it."""
        return self._upstream_nodes

    @property
    def downstream_nodes(self) -> "set[BaseNode]":
        """Nodes that have to run after it."""
        return self._downstream_nodes

    def add_upstream_node(self, upstream_node: "BaseNode") -> None:
        """Lets another node run before this one."""
        _check_node(self, "add_upstream_node", upstream_node)
        self._upstream_nodes.add(upstream_node)
        upstream_node._downstream_nodes.add(self)

    def add_upstream_nodes(self, upstream_nodes: "Iterable[BaseNode]") -> None:
        """Lets other nodes run before this one."""
        for node in upstream_nodes:
            self.add_upstream_node(node)

    def remove_upstream_node(self, upstream_node: "BaseNode") -> None:
        """Takes back `add_upstream_node`.

        Raises:
            KeyError: The other node was not added.
        """
        self._upstream_nodes.remove(upstream_node)
        upstream_node._downstream_nodes.discard(self)

    def add_downstream_node(self, downstream_node: "BaseNode") -> None:
        """Lets another node run after this one."""
        _check_node(self, "add_downstream_node", downstream_node)
        downstream_node.add_upstream_node(self)

    def add_downstream_nodes(self, downstream_nodes: "Iterable[BaseNode]") -> None:
        """Lets other nodes run after this one."""
        for node in downstream_nodes:
            self.add_downstream_node(node)

    def remove_downstream_node(self, downstream_node: "BaseNode") -> None:
        """Takes back `add_downstream_node`.

        Raises:
            KeyError: The other node was not added.
        """
        downstream_node.remove_upstream_node(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r})"


class BaseComponent(BaseNode):
    """A node that does work.

    A class derived from this one sets `SPEC_CLASS` and `EXECUTOR_SPEC`, and makes its `spec`.

    Attributes:
        spec: What the node got.
        platform_config: What `with_platform_config` was given.

    Raises:
        TypeError: The class lacks one of the two, or `custom_executor_spec` is none.
        ValueError: `spec` is not an object of `SPEC_CLASS`.
    """

    SPEC_CLASS: ClassVar[Any] = None
    EXECUTOR_SPEC: ClassVar[Any] = None
    DRIVER_CLASS: ClassVar[Any] = None
    PRE_EXECUTABLE_SPEC: ClassVar[Any] = None
    POST_EXECUTABLE_SPEC: ClassVar[Any] = None

    def __init__(self, spec: ComponentSpec, custom_executor_spec: Any = None) -> None:
        if custom_executor_spec and not isinstance(custom_executor_spec, ExecutorSpec):
            raise TypeError(
                f"{type(self).__name__}: `custom_executor_spec` is {custom_executor_spec!r}, "
                "expected an ExecutorSpec, such as ExecutorClassSpec(MyExecutor)."
            )
        self._validate_component_class()
        self._validate_spec(spec)
        self.spec = spec
        chosen = custom_executor_spec or self.EXECUTOR_SPEC
        super().__init__(executor_spec=chosen.copy(), driver_class=self.DRIVER_CLASS)
        spec.migrate_output_channels(self)
        self.platform_config: Any = None

    @classmethod
    def _validate_component_class(cls) -> None:
        if not (inspect.isclass(cls.SPEC_CLASS) and issubclass(cls.SPEC_CLASS, ComponentSpec)):
            raise TypeError(
                f"{cls.__name__}: `SPEC_CLASS` is {cls.SPEC_CLASS!r}, expected a class derived "
                "from ComponentSpec."
            )
        if not isinstance(cls.EXECUTOR_SPEC, ExecutorSpec):
            raise TypeError(
                f"{cls.__name__}: `EXECUTOR_SPEC` is {cls.EXECUTOR_SPEC!r}, expected an "
                "ExecutorSpec, such as ExecutorClassSpec(MyExecutor)."
            )

    def _validate_spec(self, spec: Any) -> None:
        if not isinstance(spec, self.SPEC_CLASS):
            raise ValueError(
                f"{type(self).__name__}: `spec` is {spec!r}, expected an object of "
                f"{self.SPEC_CLASS.__name__}. Pass `spec` to super().__init__."
            )

    def with_platform_config(self, config: Any) -> Self:
        """Sets what a platform gives the node: processors, memory."""
        self.platform_config = config
        return self

    @property
    def inputs(self) -> dict[str, Any]:
        """Channels by name."""
        return self.spec.inputs

    @property
    def outputs(self) -> Outputs:
        """Channels by name."""
        return self.spec.outputs

    @property
    def exec_properties(self) -> dict[str, Any]:
        """Values of the parameters, as the author gave them."""
        return self.spec.exec_properties

    @property
    def type_annotation(self) -> Any:
        """What kind of work it is, such as `Train`; or None."""
        return self.SPEC_CLASS.TYPE_ANNOTATION


class BaseBeamComponent(BaseComponent):
    """A component that may run on Beam.

    Attributes:
        beam_pipeline_args: Its own options; those of the pipeline are not among them.
    """

    def with_beam_pipeline_args(self, beam_pipeline_args: Iterable[Any]) -> Self:
        """Adds options of Beam.

        Raises:
            TypeError: They are one text instead of a list.
        """
        if isinstance(beam_pipeline_args, str):
            raise TypeError(
                f"{self.id}.with_beam_pipeline_args: got the text {beam_pipeline_args!r}, expected "
                "a list of options."
            )
        given = list(beam_pipeline_args)
        check_beam_arguments(f"{self.id}.with_beam_pipeline_args", given)
        self.executor_spec.add_beam_pipeline_args(given)
        return self

    @property
    def beam_pipeline_args(self) -> list[Any]:
        """Its own options of Beam; those of the pipeline are not among them."""
        return list(getattr(self.executor_spec, "beam_pipeline_args", ()))

    @classmethod
    def _validate_component_class(cls) -> None:
        super()._validate_component_class()
        if not isinstance(cls.EXECUTOR_SPEC, BeamExecutorSpec):
            raise TypeError(
                f"{cls.__name__}: `EXECUTOR_SPEC` is {cls.EXECUTOR_SPEC!r}, expected a "
                "BeamExecutorSpec, since the class derives from BaseBeamComponent."
            )


def _check_node(node: BaseNode, method: str, other: Any) -> None:
    if not isinstance(other, BaseNode):
        raise TypeError(
            f"{node.id}.{method}: got {other!r}, expected a node of the pipeline, not its output."
        )
