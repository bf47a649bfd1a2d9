"""Parameters of Evaluator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluatorParams:
    """What a pipeline author may choose.

    Attributes:
        eval_config: A `tfma.EvalConfig` in JSON form.
        example_splits: Names of the splits to evaluate; empty takes `eval`.
        fairness_indicator_thresholds: Decision thresholds in (0, 1).
        module_file: Python file with `custom_eval_shared_model` or `custom_extractors`; or empty.
        beam_pipeline_args: Options of Beam; none for the embedded engine.
    """

    eval_config: Mapping[str, Any] = field(default_factory=dict)
    example_splits: tuple[str, ...] = ()
    fairness_indicator_thresholds: tuple[float, ...] = ()
    module_file: str = ""
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        if not self.eval_config:
            raise InputError(
                "evaluator: `eval_config` is {}, so there is nothing to compute. Give a "
                "tfma.EvalConfig in JSON form with at least a label and a metric, as "
                "{'model_specs': [{'label_key': 'label'}], "
                "'metrics_specs': [{'metrics': [{'class_name': 'AUC'}]}]}."
            )
        outside = [value for value in self.fairness_indicator_thresholds if not 0 < value < 1]
        if outside:
            raise InputError(
                f"evaluator: `fairness_indicator_thresholds` has {outside}, expected numbers "
                "between 0 and 1, both excluded. Give the scores at which decisions are made."
            )
