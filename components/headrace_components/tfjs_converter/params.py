"""Parameters of TfjsConverter."""

from dataclasses import dataclass

from headrace_components.contract.errors import InputError

_QUANTIZATIONS = ("none", "float16", "uint8", "uint16")


@dataclass(frozen=True, kw_only=True, slots=True)
class TfjsConverterParams:
    """What a pipeline author may choose.

    Attributes:
        signature_name: The signature to convert.
        quantization: How weights of type float32 are stored: "none", "float16", "uint8", "uint16".
        quantized_weights: Patterns of the names of the weights to quantize; none for all.
        weight_shard_size_bytes: Size of a file of weights, at most.
        use_structured_outputs_names: Whether the model answers with outputs by name.
        control_flow_v2: Whether branches and loops stay functions.
        strip_debug_ops: Whether to leave out `Assert`, `CheckNumerics` and `Print`.
        skip_op_check: Whether to convert operations that TensorFlow.js lacks.
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
        """Rejects values that no run could honour."""
        if self.quantization not in _QUANTIZATIONS:
            raise InputError(
                f"tfjs_converter: `quantization` is {self.quantization!r}, expected one of "
                f"{list(_QUANTIZATIONS)}. Leave it out to keep the weights as they are."
            )
        if self.quantized_weights and self.quantization == "none":
            raise InputError(
                f"tfjs_converter: `quantized_weights` is {list(self.quantized_weights)}, but "
                "`quantization` is 'none', so nothing would be quantized. Pass 'float16', 'uint8' "
                "or 'uint16' as well."
            )
        if self.weight_shard_size_bytes < 1:
            raise InputError(
                f"tfjs_converter: `weight_shard_size_bytes` is {self.weight_shard_size_bytes}, "
                "expected a number of bytes above 0. Leave it out for 4 MiB, which browsers cache."
            )
