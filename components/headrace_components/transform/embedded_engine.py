"""Analyzes the rows in this process: TensorFlow Transform's graph, without its Beam pipeline."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import graph_context, graph_tools, impl_helper, tf2_utils
from tensorflow_transform.beam import analysis_graph_builder
from tensorflow_transform.beam import analyzer_cache as tft_cache
from tensorflow_transform.saved import saved_transform_io_v2

from headrace_components.library.data.examples import ExamplesReader
from headrace_components.transform import analyzer_cache, nan_warning
from headrace_components.transform.graph_errors import (
    graph_errors_explained,
    shapes_explained,
    tft_errors_explained,
)
from headrace_components.transform.graph_interpreter import Interpreter, TensorBatch
from headrace_components.transform.raw_data import RawData
from headrace_components.transform.tracing import TracedPreprocessing


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Rows to analyze.

    Attributes:
        split: The split of the rows.
        key: Their name in a cache.
        reader: Reads them: all rows of the split, or those of one span.
        cached: Encoded accumulators of an earlier run, by entry key.
    """

    split: str
    key: tft_cache.DatasetKey
    reader: ExamplesReader
    cached: analyzer_cache.Entries = field(default_factory=dict)


class EmbeddedAnalysis:
    """One analysis of one `preprocessing_fn`.

    Args:
        traced: The function's graph.
        data: All rows; only the columns for analyzers are read.
        datasets: The rows to analyze.
        with_cache: Whether cached accumulators are used and new ones kept.
        temp_dir: Where vocabulary files are written before they become assets.
        component: Name of the component, for the log.
    """

    def __init__(
        self,
        traced: TracedPreprocessing,
        data: RawData,
        datasets: Sequence[Dataset],
        *,
        with_cache: bool,
        temp_dir: str,
        component: str,
    ) -> None:
        self._traced = traced
        self._data = data.project(traced.analyzed_columns) if traced.analyzed_columns else data
        self._datasets = {dataset.key: dataset for dataset in datasets}
        self._temp_dir = temp_dir
        self._component = component
        self._bytes_read: dict[tft_cache.DatasetKey, int] = {}
        self._keeps_alive: list[Any] = []
        # Read before the graph is built, because that empties these collections.
        self._fingerprint = graph_tools.get_analyzers_fingerprint(traced.graph, traced.inputs)
        cache = {
            dataset.key: tft_cache.DatasetCache(dataset.cached, None)
            for dataset in datasets
            if dataset.cached
        }
        self._transform_fn, self._cache_nodes, _ = analysis_graph_builder.build(
            traced.graph,
            traced.inputs,
            traced.outputs,
            dataset_keys=self._datasets.keys(),
            cache_dict=cache if with_cache else None,
        )
        self._interpreter = Interpreter(
            [self._transform_fn, *self._cache_roots()],
            run_phase=self._phase,
            batches=self._batches,
            cached=lambda key, entry: self._datasets[key].cached[entry],
            graph=traced.graph,
            vocabulary_dir=temp_dir,
        )
        self.unknown = self._interpreter.unknown
        self.found_nan = False

    def _cache_roots(self) -> Iterator[Any]:
        for entries in (self._cache_nodes or {}).values():
            yield from entries.values()

    def write_graph(self, directory: Path) -> None:
        """Analyzes the rows, and writes `transform_fn` and `transformed_metadata`."""
        splits = [dataset.split for dataset in self._datasets.values()]
        with tft_errors_explained(self._component, splits):
            bindings = self._interpreter.evaluate(self._transform_fn)
        self.found_nan = nan_warning.has_nan(bindings)
        saved_model = directory / "transform_fn"
        with shapes_explained():
            impl_helper.trace_and_write_v2_saved_model(
                str(saved_model),
                self._traced.function,
                self._traced.specs,
                self._temp_dir,
                self._fingerprint,
                _constants(bindings),
                {},
                None,
            )
        metadata = saved_model / impl_helper.METADATA_DIR_NAME
        target = directory / "transformed_metadata"
        metadata.rename(target)
        if self._traced.asset_map:
            (target / "asset_map").write_text(json.dumps(self._traced.asset_map), "utf-8")

    def write_cache(self, directory: Path) -> None:
        """Writes the accumulators that this analysis made."""
        for key, entries in (self._cache_nodes or {}).items():
            encoded = {
                name: self._interpreter.evaluate(node) for name, node in sorted(entries.items())
            }
            analyzer_cache.write(directory, key, encoded, self._bytes_read.get(key, 0))

    def _phase(self, names: Mapping[str, str], bindings: Mapping[str, Any]) -> Any:
        """Returns a function that computes the tensors called `names` from a batch's tensors."""
        part = self._traced.part(names) if not bindings else self._traced_again(names, bindings)
        fed = self._data.columns.fed()
        unfed = self._traced.specs.keys() - fed

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[{name: self._traced.specs[name] for name in sorted(fed)}],
            autograph=False,
        )
        def run(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            missing = (
                tf2_utils.supply_missing_inputs(self._traced.inputs, 1, unfed) if unfed else {}
            )
            arguments = tf.nest.flatten({**inputs, **missing}, expand_composites=True)
            outputs: Mapping[str, Any] = part(*arguments)
            return outputs

        return run.get_concrete_function()

    def _traced_again(self, names: Mapping[str, str], bindings: Mapping[str, Any]) -> Any:
        """Returns a function like `TracedPreprocessing.part`, with values for some analyzers."""
        module = tf.Module()
        context = graph_context.TFGraphContext(
            module_to_export=module,
            temp_dir=self._temp_dir,
            evaluated_replacements=_constants(bindings),
        )
        phase = impl_helper.get_traced_transform_fn(
            self._traced.function, self._traced.specs, context, output_keys_to_name_map=dict(names)
        )
        saved_transform_io_v2.trace_and_update_module(
            module, phase, "transform_fn", strip_control_dependencies=False
        )
        # Tables and variables only live as long as the module that tracks them.
        self._keeps_alive.append(module)
        return module.transform_fn

    def _batches(self, phase: Any, key: tft_cache.DatasetKey) -> Iterator[TensorBatch]:
        keys = self._datasets if key.is_flattened_dataset_key() else [key]
        for name in keys:
            split = self._datasets[name].split
            num_bytes = 0
            for batch in self._data.read_by(self._datasets[name].reader).record_batches(split):
                num_bytes += batch.nbytes
                tensors = self._data.columns.tensors(batch, split)
                with graph_errors_explained(self._component, split):
                    outputs = phase(tensors)
                yield {
                    name: np.asarray(value) if isinstance(value, tf.Tensor) else value
                    for name, value in outputs.items()
                }
            self._bytes_read[name] = num_bytes


def _constants(bindings: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    return {
        name: tf.constant(value, tf.dtypes.as_dtype(dtype))
        for name, (value, dtype) in bindings.items()
    }
