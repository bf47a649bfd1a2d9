"""Parameters of BulkInferrer."""

from dataclasses import dataclass, field

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import given


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSpec:
    """A `tfx.proto.DataSpec`."""

    example_splits: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """A `tfx.proto.ModelSpec`."""

    model_signature_name: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyOutput:
    """A `tfx.proto.ClassifyOutput`: names of columns, empty for none."""

    label_column: str = ""
    score_column: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressOutput:
    """A `tfx.proto.RegressOutput`: the name of a column."""

    value_column: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictOutputCol:
    """A `tfx.proto.PredictOutputCol`: an output of the signature, and the name of its column."""

    output_key: str = ""
    output_column: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictOutput:
    """A `tfx.proto.PredictOutput`."""

    output_columns: tuple[PredictOutputCol, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumnsSpec:
    """A `tfx.proto.OutputColumnsSpec`, which has one output."""

    signature_name: str = ""
    classify_output: ClassifyOutput | None = None
    regress_output: RegressOutput | None = None
    predict_output: PredictOutput | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputExampleSpec:
    """A `tfx.proto.OutputExampleSpec`."""

    output_columns_spec: tuple[OutputColumnsSpec, ...] | None = None


_KINDS = ("classify_output", "regress_output", "predict_output")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumns:
    """The outputs of a signature that become columns of the output examples.

    Attributes:
        signature: Name of the signature; empty for the only one.
        kind: The required kind of the signature: "classify", "regress" or "predict".
        columns: Pairs: an output of the signature and the name of its column.
    """

    signature: str
    kind: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkInferrerParams:
    """Parameters that a pipeline author may set.

    Attributes:
        data_spec: A tfx.proto.DataSpec: `{"example_splits": [...]}`. By default all splits.
        model_spec: A tfx.proto.ModelSpec: `{"model_signature_name": [...], "tag": [...]}`. By
            default the signature `serving_default`.
        output_example_spec: A tfx.proto.OutputExampleSpec: `{"output_columns_spec":
            [{"signature_name": ..., "predict_output": {"output_columns": [{"output_key": ...,
            "output_column": ...}]}}]}`. Instead of `predict_output` it can have `classify_output`
            or `regress_output`.
        beam_pipeline_args: Options of Beam, such as `["--runner=DataflowRunner", "--region=..."]`.
            If empty, this process computes, without Beam.
    """

    data_spec: DataSpec = field(default_factory=DataSpec)
    model_spec: ModelSpec = field(default_factory=ModelSpec)
    output_example_spec: OutputExampleSpec = field(default_factory=OutputExampleSpec)
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        columns = self.output_columns
        names = [column for spec in columns for _, column in spec.columns]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InputError(
                f"`output_example_spec` names the columns {repeated} more than "
                "once. Give each output a column of its own."
            )

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits to predict; none for all."""
        return self.data_spec.example_splits

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures to call; none for `serving_default`."""
        return self.model_spec.model_signature_name

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the model's graph; none for `serve`."""
        return self.model_spec.tag

    @property
    def output_columns(self) -> tuple[OutputColumns, ...]:
        """Columns to add to the examples; none for prediction logs instead."""
        specs = self.output_example_spec.output_columns_spec
        if specs is None:
            return ()
        if not specs:
            raise InputError(
                f"`output_example_spec` is {given(self.output_example_spec)!r}, "
                "expected one or more objects in `output_columns_spec`. Leave the parameter out "
                "to have prediction logs."
            )
        return tuple(_output_columns(spec) for spec in specs)


def _output_columns(spec: OutputColumnsSpec) -> OutputColumns:
    kinds = [kind for kind in _KINDS if getattr(spec, kind) is not None]
    if len(kinds) != 1:
        raise InputError(
            f"an item of `output_columns_spec` is {given(spec)!r}, which has "
            f"{kinds or 'no output'}, expected one of {list(_KINDS)}. Pass the one that the "
            "signature's method is."
        )
    (kind,) = kinds
    return OutputColumns(
        signature=spec.signature_name,
        kind=kind.removesuffix("_output"),
        columns=_columns(kind, getattr(spec, kind)),
    )


def _columns(
    kind: str, output: ClassifyOutput | RegressOutput | PredictOutput
) -> tuple[tuple[str, str], ...]:
    if isinstance(output, PredictOutput):
        pairs = [(each.output_key, each.output_column) for each in output.output_columns]
    else:
        # The names that TensorFlow Serving gives the outputs of such signatures.
        if isinstance(output, ClassifyOutput):
            named = [("classes", output.label_column), ("scores", output.score_column)]
        else:
            named = [("outputs", output.value_column)]
        pairs = [(key, column) for key, column in named if column]
    if not pairs or not all(key and column for key, column in pairs):
        raise InputError(
            f"`{kind}` is {given(output)!r}, which does not name a column for each "
            'output. Pass it as {"output_columns": [{"output_key": "score", "output_column": '
            '"score"}]}, {"label_column": "label"} or {"value_column": "value"}.'
        )
    return tuple(pairs)
