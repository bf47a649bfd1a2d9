"""Parameters of TFLiteConverter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError

_QUANTIZATIONS = ("none", "dynamic_range", "float16", "int8", "int16x8")
_INTEGER = ("int8", "int16x8")

METRICS = (
    "SparseCategoricalAccuracy",
    "BinaryAccuracy",
    "AUC",
    "MeanSquaredError",
    "MeanAbsoluteError",
)
"""Metrics that can be computed for both models, with the names of Keras and TFMA."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TFLiteConverterParams:
    """Parameters that a pipeline author may set.

    Attributes:
        signature_name: The signature to convert. It must take dense tensors by name, not serialized
            examples, which TF Lite cannot parse.
        quantization: `none`; `dynamic_range`: weights of 8 bits; `float16`: weights of 16 bits;
            `int8`: weights and activations of 8 bits; `int16x8`: activations of 16 bits and weights
            of 8 bits. The last two read `examples`.
        integer_io: With `int8` or `int16x8`: inputs and outputs are also integers, and an operation
            without an integer form is an error. Otherwise such an operation stays in floats.
        select_tf_ops: Allows operations that only TensorFlow's own kernels run, such as parsing
            examples. The device then needs the Flex delegate, and so does the comparison.
            TensorFlow 2.16 has the delegate. TensorFlow 2.21 does not, and then nothing is blessed.
        input_features: The feature of the examples for each input of the signature, or a list of
            features to concatenate. An input that is not listed takes the feature with its own
            name.
        representative_split: The split to calibrate integers with.
        num_representative_rows: How many rows of this split to use, from the first.
        example_splits: Names of the splits to compare on; `eval` if empty.
        num_check_rows: Maximum number of rows of each split to compare, from the first. 0 compares
            all.
        max_relative_difference: How much answers may differ: the root mean square of the
            differences of an output, divided by the standard deviation of the SavedModel's answers.
        min_agreement: Minimum share of rows on which the answers agree: the largest value of an
            output with several is at the same place, and an output of integers or strings is the
            same.
        label_key: Feature with the label, a number. It adds metrics of both models.
        prediction_key: The output that the metrics are computed from. It can be empty if the
            signature has only one.
        max_metric_loss: How much worse a metric may become, by its name and in its unit, such as
            `{"AUC": 0.005}`. The names are `SparseCategoricalAccuracy`, `BinaryAccuracy`, `AUC`,
            `MeanSquaredError` and `MeanAbsoluteError`.
    """

    signature_name: str = "serving_default"
    quantization: str = "none"
    integer_io: bool = False
    select_tf_ops: bool = False
    input_features: Mapping[str, Any] = field(default_factory=dict)
    representative_split: str = "train"
    num_representative_rows: int = 200
    example_splits: tuple[str, ...] = ()
    num_check_rows: int = 10_000
    max_relative_difference: float = 0.1
    min_agreement: float = 0.95
    label_key: str = ""
    prediction_key: str = ""
    max_metric_loss: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        self._check_quantization()
        self._check_limits()
        for name, features in self.input_features.items():
            if not _features(features):
                raise InputError(
                    f"`input_features` has {features!r} for input {name!r}, "
                    "expected the name of a feature or a list of names. Pass it as "
                    "{'input': 'feature'} or {'input': ['first', 'second']}."
                )

    @property
    def is_calibrated(self) -> bool:
        """Whether activations become integers; their ranges are then measured on examples."""
        return self.quantization in _INTEGER

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits to compare on."""
        return self.example_splits or ("eval",)

    def features(self, name: str) -> tuple[str, ...]:
        """Returns the features of an input of the signature."""
        return _features(self.input_features.get(name, name))

    def _check_quantization(self) -> None:
        if self.quantization not in _QUANTIZATIONS:
            raise InputError(
                f"`quantization` is {self.quantization!r}, expected one of "
                f"{list(_QUANTIZATIONS)}. Leave it out to keep floats."
            )
        if self.integer_io and not self.is_calibrated:
            raise InputError(
                f"`integer_io` is true, but `quantization` is "
                f"{self.quantization!r}, which keeps floats; expected one of {list(_INTEGER)}. "
                "Choose one of those, or leave `integer_io` out."
            )
        if self.select_tf_ops and self.is_calibrated:
            # TensorFlow 2.16 crashes with a segmentation fault, and 2.21 has no such kernels.
            raise InputError(
                f"`select_tf_ops` is true and `quantization` is "
                f"{self.quantization!r}, but TF Lite calibrates no model with TensorFlow's "
                "operations. Choose 'dynamic_range', or convert a signature that does without "
                "them."
            )

    def _check_limits(self) -> None:
        for name, value, smallest in (
            ("num_representative_rows", self.num_representative_rows, 1),
            ("num_check_rows", self.num_check_rows, 0),
            ("max_relative_difference", self.max_relative_difference, 0),
        ):
            if not value >= smallest:
                raise InputError(
                    f"`{name}` is {value}, expected {smallest} or more. "
                    "Leave it out to have the default."
                )
        if not 0 <= self.min_agreement <= 1:
            raise InputError(
                f"`min_agreement` is {self.min_agreement}, but it is a share of "
                "rows in [0, 1]. For 99 percent pass 0.99."
            )
        for name, loss in self.max_metric_loss.items():
            is_number = isinstance(loss, (int, float)) and not isinstance(loss, bool)
            if name not in METRICS or not is_number or not loss >= 0:
                raise InputError(
                    f"`max_metric_loss` has {{{name!r}: {loss!r}}}, expected "
                    f"numbers of 0 or more by names of {list(METRICS)}. Correct or remove it."
                )
        if self.max_metric_loss and not self.label_key:
            raise InputError(
                f"`max_metric_loss` names {sorted(self.max_metric_loss)}, but "
                "`label_key` is empty, so there is nothing to compute metrics with. Name the "
                "feature that holds the label."
            )


def _features(value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) and n for n in names):
        return ()
    return tuple(names)
