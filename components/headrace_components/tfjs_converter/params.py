"""Parameters of TfjsConverter."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError

_QUANTIZATIONS = ("none", "float16", "uint8", "uint16")


@dataclass(frozen=True, kw_only=True, slots=True)
class TfjsConverterParams:
    """Parameters that a pipeline author may set.

    Attributes:
        signature_name: The signature to convert. It must take tensors, because TensorFlow.js cannot
            parse tf.Examples.
        quantization: How weights of type float32 are stored: `none`, unchanged; `float16`, with
            half the size; `uint16` or `uint8`, with half or a quarter of the size, as steps between
            the smallest and the largest value.
        quantized_weights: Names of the weights to quantize, as in `model.json`, with `*` for any
            characters. By default all weights.
        weight_shard_size_bytes: Maximum size of a file of weights. By default 4 MiB, which browsers
            can cache.
        use_structured_outputs_names: Makes `predict` return outputs by name, even if there is only
            one.
        control_flow_v2: Keeps branches and loops as functions, which run faster.
        strip_debug_ops: Leaves out `Assert`, `CheckNumerics` and `Print`.
        skip_op_check: Also converts operations that TensorFlow.js lacks, for a program that
            registers them itself.
    """

    signature_name: str = "serving_default"
    quantization: str = "none"
    quantized_weights: tuple[str, ...] = ()
    weight_shard_size_bytes: int = 4 * 1024 * 1024
    use_structured_outputs_names: bool = False
    control_flow_v2: bool = False
    strip_debug_ops: bool = True
    skip_op_check: bool = False

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        if self.quantization not in _QUANTIZATIONS:
            raise InputError(
                f"`quantization` is {self.quantization!r}, expected one of "
                f"{list(_QUANTIZATIONS)}. Leave it out to keep the weights as they are."
            )
        if self.quantized_weights and self.quantization == "none":
            raise InputError(
                f"`quantized_weights` is {list(self.quantized_weights)}, but "
                "`quantization` is 'none', so nothing would be quantized. Pass 'float16', 'uint8' "
                "or 'uint16' as well."
            )
        if self.weight_shard_size_bytes < 1:
            raise InputError(
                f"`weight_shard_size_bytes` is {self.weight_shard_size_bytes}, "
                "expected a number of bytes above 0. Leave it out for 4 MiB, which browsers cache."
            )
