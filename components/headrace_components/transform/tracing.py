"""Traces `preprocessing_fn` once, and reads from its graph everything that needs no data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import wrap_function  # as in TFT; tf itself only has prune's V1 form
from tensorflow_transform import (
    analyzer_nodes,
    annotators,
    graph_context,
    graph_tools,
    impl_helper,
    nodes,
    tf2_utils,
)

from headrace_components.contract.errors import InputError
from headrace_components.transform.graph_errors import check_shape
from headrace_components.transform.user_functions import PreprocessingFn


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedPreprocessing:
    """The graph of a `preprocessing_fn` whose analyzers do not have values yet.

    Attributes:
        function: The function that was traced.
        specs: Specs of all its inputs, by name.
        graph: Its graph, in the form for `tensorflow_transform.beam.analysis_graph_builder`.
        inputs: Input placeholders of the graph, by name.
        outputs: Output tensors of the graph, by name.
        analyzed_columns: Inputs that some analyzer reads.
        transformed_columns: Inputs that some output depends on.
        asset_map: File name of each vocabulary, by the name that the author gave it.
        concrete: The graph as a function.
        keeps_alive: Resources of the graph, such as tables, which exist as long as this object.
    """

    function: PreprocessingFn
    specs: Mapping[str, tf.TypeSpec]
    graph: tf.Graph
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    analyzed_columns: frozenset[str]
    transformed_columns: frozenset[str]
    asset_map: Mapping[str, str]
    concrete: Any
    keeps_alive: tuple[Any, ...]

    def part(self, names: Mapping[str, str]) -> Any:
        """Returns a function from all inputs, flat, to the tensors called `names`, by key.

        Works only for outputs that do not depend on analyzers.
        """
        wrapped = wrap_function.WrappedFunction(
            self.graph, variable_holder=wrap_function.VariableHolder(share_variables=True)
        )
        return wrapped.prune(
            feeds=self.concrete.inputs,
            fetches={key: self.graph.get_tensor_by_name(name) for key, name in names.items()},
            input_signature=self.concrete.structured_input_signature,
        )


def trace(
    function: PreprocessingFn, specs: Mapping[str, tf.TypeSpec], temp_dir: str
) -> TracedPreprocessing:
    """Traces `function` as a tf.function and inspects the graph.

    Args:
        function: A `preprocessing_fn` that raises InputError for mistakes of its author.
        specs: Specs of its inputs.
        temp_dir: Where stand-ins of vocabulary files are written.

    Raises:
        InputError: The outputs cannot be written as features.
    """
    module = tf.Module()
    tracker = annotators.ObjectTracker()
    context = graph_context.TFGraphContext(
        module_to_export=module, temp_dir=temp_dir, evaluated_replacements=None
    )
    with annotators.object_tracker_scope(tracker):
        concrete = impl_helper.get_traced_transform_fn(
            function, specs, context
        ).get_concrete_function()
    graph = concrete.graph
    if graph.get_collection(tf.compat.v1.GraphKeys.TRAINABLE_VARIABLES):
        raise InputError(
            "preprocessing_fn makes trainable variables, expected none: nothing "
            "trains them. Put them into the model, or make them with trainable=False."
        )
    inputs = tf2_utils.get_structured_inputs_from_func_graph(graph)
    outputs = dict(concrete.structured_outputs)
    _check_outputs(outputs, graph)
    asset_map = annotators.get_asset_annotations(graph)
    # A module from TensorFlow Hub refuses unknown collections.
    annotators.clear_asset_annotations(graph)
    _, dependencies = tf2_utils.strip_and_get_tensors_and_control_dependencies(
        tf.nest.flatten(outputs, expand_composites=True)
    )
    return TracedPreprocessing(
        function=function,
        specs=specs,
        graph=graph,
        inputs=inputs,
        outputs=outputs,
        analyzed_columns=_analyzed_columns(graph, inputs, dependencies),
        transformed_columns=frozenset(graph_tools.get_dependent_inputs(graph, inputs, outputs)),
        asset_map=asset_map,
        concrete=concrete,
        keeps_alive=(module, tracker),
    )


def _analyzed_columns(
    graph: tf.Graph, inputs: Mapping[str, Any], dependencies: set[tf.Operation]
) -> frozenset[str]:
    visitor = graph_tools.SourcedTensorsVisitor()
    for sink in graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS):
        nodes.Traverser(visitor).visit_value_node(sink.future)
    # To run at all, the function also needs the tensors that a control dependency reads.
    tensors = [*visitor.sourced_tensors, *dependencies]
    return frozenset(graph_tools.get_dependent_inputs(graph, inputs, tensors))


def _check_outputs(outputs: Mapping[str, Any], graph: tf.Graph) -> None:
    is_analyzed = _Analyzed(graph)
    for name, output in sorted(outputs.items()):
        if not isinstance(output, (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)):
            raise InputError(
                f"preprocessing_fn returned {type(output).__name__} as feature "
                f"{name!r}, expected a tensor. Return a tf.Tensor, tf.SparseTensor or "
                "tf.RaggedTensor whose first dimension is the rows."
            )
        if output.dtype not in (tf.int64, tf.float32, tf.string):
            raise InputError(
                f"preprocessing_fn returned feature {name!r} of type "
                f"{output.dtype.name}, but a tf.Example holds int64, float32 or string. Cast it "
                "with tf.cast, for example tf.cast(x, tf.float32)."
            )
        rank = output.shape.rank
        if rank == 0:
            raise InputError(
                f"preprocessing_fn returned feature {name!r} of shape (), expected "
                "the rows as first dimension. Repeat the value for each row, for example by "
                "tf.fill([tf.shape(x)[0]], value)."
            )
        if isinstance(output, tf.Tensor) and rank is None:
            raise InputError(
                f"preprocessing_fn returned feature {name!r} of unknown rank, "
                "expected a known one. Fix its shape with tf.ensure_shape or tf.reshape."
            )
        # The result of an analyzer may still fix a dimension, for example the depth of tf.one_hot.
        if isinstance(output, tf.Tensor) and not is_analyzed(output.op):
            check_shape(name, output.shape.as_list())


class _Analyzed:
    """Decides which operations depend on the results of analyzers."""

    def __init__(self, graph: tf.Graph) -> None:
        found = graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS)
        self._found = {sink.tensor.op.name for sink in found}

    def __call__(self, operation: Any) -> bool:
        seen, waiting = set[str](), [operation]
        while waiting:
            current = waiting.pop()
            if current.name in self._found:
                return True
            if current.name not in seen:
                seen.add(current.name)
                waiting += [tensor.op for tensor in current.inputs] + current.control_inputs
        return False
