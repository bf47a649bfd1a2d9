"""Warns if an analyzer found NaN, and names the features with wrong scaling.

One NaN among the values makes the smallest and the largest value NaN. `scale_to_0_1` and similar
functions then apply a sigmoid, as TensorFlow Transform does for a column with one distinct value.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import graph_tools

from headrace_components.library.beam import locations


def has_nan(values: Mapping[str, Any]) -> bool:
    """Returns whether the results of analyzers, pairs of value and type by name, have a NaN."""
    return any(_is_nan(np.asarray(value)) for value, _ in values.values())


def warn(graph: str, component: str) -> None:
    """Warns of features that depend on a NaN which an analyzer found.

    Args:
        graph: Location of the transform graph.
        component: Name of the component, for the message.
    """
    names = sorted(_features(graph))
    if names:
        logging.warning(
            "%s: the rows to analyze hold NaN, and an analyzer's result for the features %s is "
            "NaN. tft.scale_to_0_1 and others that need the smallest and largest value do not "
            "scale then, but apply a sigmoid. Replace NaN before they are called, for example by "
            "tf.where(tf.math.is_nan(x), 0.0, x).",
            component,
            names,
        )


def _features(graph: str) -> Iterator[str]:
    loaded = tf.saved_model.load(locations.join(graph, "transform_fn"))
    function = getattr(loaded, "transform_fn", None)  # a graph of TensorFlow 1 does not have it
    if function is None:
        return
    # The results of analyzers are captured: tensors of the module that feed placeholders of its
    # graph.
    function = getattr(function, "concrete_functions", [function])[0]
    captures = zip(function.captured_inputs, function.graph.internal_captures, strict=True)
    found = {
        inner.op.name
        for outer, inner in captures
        if outer.dtype.is_floating and _is_nan(np.asarray(outer))
    }
    outputs = tf.nest.pack_sequence_as(
        function.structured_outputs, function.outputs, expand_composites=True
    )
    for name, output in outputs.items():
        sinks = [each.op for each in tf.nest.flatten(output, expand_composites=True)]
        sources = graph_tools.retrieve_sources(sinks, ignore_control_dependencies=True)
        if found & {getattr(source, "op", source).name for source in sources}:
            yield name


def _is_nan(value: Any) -> bool:
    return value.dtype.kind == "f" and bool(np.isnan(value).any())
