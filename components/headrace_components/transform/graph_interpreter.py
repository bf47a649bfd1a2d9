"""Runs the graph of analyzers that TensorFlow Transform plans, in this process and without Beam.

`tensorflow_transform.beam.analysis_graph_builder` turns a `preprocessing_fn` into a graph of
operations. TFT runs each of them as a Beam PTransform on a collection. Here a collection is a list
and an operation is a function of lists, except for reading the data: all accumulators that depend
on one `ApplySavedModel` are fed in one pass over the batches. The combiners, the coders of their
caches and the graph itself are TFT's own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_transform import analyzer_nodes, nodes, tf_utils
from tensorflow_transform.beam import analyzer_impls, beam_nodes

from headrace_components.transform import vocabularies
from headrace_components.transform.accumulators import Accumulator, accumulator_for

Values = Sequence[Any]
"""A list in place of TFT's PCollection."""

TensorBatch = Mapping[str, Any]
"""Arrays by tensor name, the outputs of a phase's graph."""


class _Reading:
    """The batches of one ApplySavedModel, and the accumulators that read them."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[Any, Accumulator]] = {}


class _Planner(nodes.Visitor):  # type: ignore[misc]
    """Finds the accumulators that each pass over the data must feed, and unknown operations."""

    def __init__(self) -> None:
        self.readings: dict[str, _Reading] = {}
        self.phases: set[int] = set()
        self.unknown: set[str] = set()

    def visit(self, operation: Any, values: Values) -> tuple[Any, ...]:
        if isinstance(operation, beam_nodes.ApplySavedModel):
            self.phases.add(operation.phase)
            return (self.readings.setdefault(operation.label, _Reading()),)
        if isinstance(operation, beam_nodes.ExtractFromDict) and isinstance(values[0], _Reading):
            return ((values[0], operation.keys),)
        accumulator = accumulator_for(operation)
        if accumulator is not None:
            source = values[0]
            reading, keys = (source, None) if isinstance(source, _Reading) else source
            reading.waiting[operation.label] = (keys, accumulator)
        elif not _is_known(operation):
            self.unknown.add(type(operation).__name__)
        return tuple([None] * operation.num_outputs)

    def validate_value(self, value: Any) -> None:
        """Accepts any value."""


def num_phases(root: nodes.ValueNode) -> int:
    """Returns how often the data is read: some analyzers read the results of others."""
    planner = _Planner()
    nodes.Traverser(planner).visit_value_node(root)
    return len(planner.phases)


class Interpreter(nodes.Visitor):  # type: ignore[misc]
    """Evaluates nodes of one analysis graph.

    Args:
        roots: The nodes to evaluate; everything upstream of them is planned together.
        run_phase: Makes the function of an intermediate `CreateSavedModel` from its tensor names
            by key and the values that are known so far.
        batches: Reads a data set: takes the function of a phase and the data set's key, and yields
            that function's outputs by batch.
        cached: Returns the encoded entries of a cache, by data set and entry key.
        graph: The traced graph, from which reserved tokens of vocabularies are read.
        vocabulary_dir: Where vocabulary files are written.
    """

    def __init__(
        self,
        roots: Iterable[nodes.ValueNode],
        *,
        run_phase: Callable[[Mapping[str, str], Mapping[str, Any]], Any],
        batches: Callable[[Any, Any], Iterable[TensorBatch]],
        cached: Callable[[Any, bytes], Sequence[bytes]],
        graph: Any,
        vocabulary_dir: str,
    ) -> None:
        planner = _Planner()
        traverser = nodes.Traverser(planner)
        for root in roots:
            traverser.visit_value_node(root)
        self.unknown = planner.unknown
        self._readings = planner.readings
        self._run_phase = run_phase
        self._batches = batches
        self._cached = cached
        self._graph = graph
        self._vocabulary_dir = vocabulary_dir
        self._traverser = nodes.Traverser(self)

    def evaluate(self, node: nodes.ValueNode) -> Any:
        """Returns the value of a node; nodes that it depends on are evaluated only once."""
        return self._traverser.visit_value_node(node)

    def visit(self, operation: Any, values: Values) -> tuple[Any, ...]:
        """Returns the outputs of an operation, given those it depends on."""
        if accumulator_for(operation) is not None:
            results: Mapping[str, Values] = values[0]
            return (results[operation.label],)
        if isinstance(operation, beam_nodes.CreateSavedModel):
            return (self._saved_model(operation, values),)
        if isinstance(operation, beam_nodes.ApplySavedModel):
            return (self._read(operation.label, *values),)
        if isinstance(operation, beam_nodes.ExtractFromDict):
            return (_extract(operation, values[0]),)
        if isinstance(operation, analyzer_nodes.DecodeCache):
            entries = self._cached(operation.dataset_key, operation.cache_key)
            return ([operation.coder.decode_cache(entry) for entry in entries],)
        if isinstance(operation, analyzer_nodes.ExtractVocabularyReservedTokens):
            tokens = tf_utils.fetch_vocabulary_reserved_tokens(self._graph, operation.name)
            return ([[tokens]],)
        if isinstance(operation, analyzer_nodes.VocabularyOrderAndWrite):
            return ([vocabularies.write(operation, values, self._vocabulary_dir)],)
        outputs: tuple[Any, ...] = _PLAIN[type(operation)](operation, values)
        return outputs

    def validate_value(self, value: Any) -> None:
        """Accepts any value."""

    def _saved_model(self, operation: Any, bindings: Values) -> Any:
        replacements = {name: value for binding in bindings for name, value in binding}
        if operation.label == "CreateSavedModel":
            return replacements
        names = {key: tensor.name for key, tensor in operation.output_signature.items()}
        return self._run_phase(names, replacements)

    def _read(self, label: str, phase: Any, dataset_key: Any) -> Mapping[str, Values]:
        waiting = self._readings[label].waiting
        if not waiting:
            return {}
        for batch in self._batches(phase, dataset_key):
            for keys, accumulator in waiting.values():
                accumulator.add(batch if keys is None else _pick(batch, keys))
        return {name: accumulator.result() for name, (_, accumulator) in waiting.items()}


def _pick(batch: TensorBatch, keys: Any) -> Any:
    return tuple(batch[key] for key in keys) if isinstance(keys, tuple) else batch[keys]


def _extract(operation: Any, value: Any) -> Any:
    # Either the results of a pass, in which a later accumulator finds its own by its label, or a
    # collection of dicts from packed combiners.
    if isinstance(value, Mapping):
        return value
    return [_pick(element, operation.keys) for element in value]


def _bind(operation: Any, values: Values) -> tuple[Any, ...]:
    return ([(operation.tensor_name, (values[0][0], operation.dtype_enum))],)


def _flatten(_: Any, values: Values) -> tuple[Any, ...]:
    return ([element for value in values for element in value],)


def _merge(operation: Any, values: Values) -> tuple[Any, ...]:
    combiner = operation.combiner
    return ([combiner.extract_output(_merged(combiner, values[0]))],)


def _merged(combiner: Any, accumulators: Values) -> Any:
    present = [value for value in accumulators if value is not None]
    return combiner.merge_accumulators([combiner.create_accumulator(), *present])


def _merge_packed(operation: Any, values: Values) -> tuple[Any, ...]:
    by_label: dict[str, list[Any]] = {}
    for label, accumulator in values[0]:
        by_label.setdefault(label, []).append(accumulator)
    results = {
        wrapper.label: wrapper.combiner.extract_output(
            _merged(wrapper.combiner, by_label.get(wrapper.keys[0], []))
        )
        for wrapper in operation.combiners
    }
    return ([results],)


def _merge_per_key(operation: Any, values: Values) -> tuple[Any, ...]:
    by_key: dict[Any, list[Any]] = {}
    for key, accumulator in values[0]:
        by_key.setdefault(key, []).append(accumulator)
    combiner = operation.combiner
    return (
        [
            (key, combiner.extract_output(_merged(combiner, accumulators)))
            for key, accumulators in by_key.items()
        ],
    )


def _format_keys(operation: Any, values: Values) -> tuple[Any, ...]:
    # Sort by key, so that the row of a key in each output is the same in every run.
    rows = sorted(values[0], key=lambda row: row[0])
    infos = operation.combiner.output_tensor_infos()
    keys = np.array([key for key, _ in rows], dtype=object)
    columns = [
        np.array([outputs[index] for _, outputs in rows], dtype=info.dtype.as_numpy_dtype)
        for index, info in enumerate(infos)
    ]
    return tuple([column] for column in [keys, *columns])


def _format_large(_: Any, values: Values) -> tuple[Any, ...]:
    # A vocabulary file of keys whose "frequencies" are the values, comma separated.
    return ([(",".join(_text(value) for value in row), key) for key, row in values[0]],)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _join_boundaries(_: Any, values: Values) -> tuple[Any, ...]:
    (boundaries_per_key,) = values[0]
    # TFT's formula, which is private in both supported versions.
    return tuple([output] for output in analyzer_impls._join_boundary_rows(boundaries_per_key))


def _outputs(_: Any, values: Values) -> tuple[Any, ...]:
    (outputs,) = values[0]
    return tuple([output] for output in outputs)


_PLAIN: Mapping[type, Callable[[Any, Values], tuple[Any, ...]]] = {
    beam_nodes.CreateTensorBinding: _bind,
    beam_nodes.ExtractInputForSavedModel: lambda operation, _: (operation.dataset_key,),
    beam_nodes.Flatten: _flatten,
    analyzer_nodes.AddKey: lambda operation, values: (
        [(operation.key, value) for value in values[0]],
    ),
    analyzer_nodes.CacheableCombineMerge: _merge,
    analyzer_nodes.CacheableCombinePerKeyFormatKeys: _format_keys,
    analyzer_nodes.CacheableCombinePerKeyFormatLarge: _format_large,
    analyzer_nodes.CacheableCombinePerKeyMerge: _merge_per_key,
    analyzer_nodes.EncodeCache: lambda operation, values: (
        [operation.coder.encode_cache(value) for value in values[0]],
    ),
    analyzer_nodes.ExtractCombineMergeOutputs: _outputs,
    analyzer_nodes.ExtractPackedCombineMergeOutputs: _outputs,
    analyzer_nodes.PackedCombineMerge: _merge_packed,
    analyzer_nodes.ScaleAndFlattenPerKeyBucketBouandaries: _join_boundaries,
    analyzer_nodes.VocabularyCount: vocabularies.count,
    analyzer_nodes.VocabularyMerge: vocabularies.merge,
    analyzer_nodes.VocabularyPrune: vocabularies.prune,
}

_WITH_STATE = (
    beam_nodes.CreateSavedModel,
    analyzer_nodes.DecodeCache,
    analyzer_nodes.ExtractVocabularyReservedTokens,
    analyzer_nodes.VocabularyOrderAndWrite,
    beam_nodes.ExtractFromDict,
)


def _is_known(operation: Any) -> bool:
    if isinstance(operation, analyzer_nodes.VocabularyMerge):
        return vocabularies.is_counted(operation)
    return type(operation) in _PLAIN or isinstance(operation, _WITH_STATE)
