"""Parameters of Evaluator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluatorParams:
    """Parameters that a pipeline author may set.

    Attributes:
        eval_config: A `tfma.EvalConfig` in JSON form: model specs, slices, metrics, thresholds.
        example_splits: Names of the splits to evaluate; `eval` if empty.
        fairness_indicator_thresholds: Adds fairness indicators with these thresholds, each in (0,
            1).
        module_file: Python file with `custom_eval_shared_model` or `custom_extractors`, and with
            metrics that `eval_config` names by `module`.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process evaluates, and uses Beam in memory only for what nothing else can
            compute.
    """

    eval_config: Mapping[str, Any] = field(default_factory=dict)
    example_splits: tuple[str, ...] = ()
    fairness_indicator_thresholds: tuple[float, ...] = ()
    module_file: str = ""
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if not self.eval_config:
            raise InputError(
                "`eval_config` is {}, so there is nothing to compute. Give a "
                "tfma.EvalConfig in JSON form with at least a label and a metric, for example "
                "{'model_specs': [{'label_key': 'label'}], "
                "'metrics_specs': [{'metrics': [{'class_name': 'AUC'}]}]}."
            )
        outside = [value for value in self.fairness_indicator_thresholds if not 0 < value < 1]
        if outside:
            raise InputError(
                f"`fairness_indicator_thresholds` has {outside}, expected numbers "
                "between 0 and 1, both excluded. Give the scores at which decisions are made."
            )
