"""Parameters of BulkInferrer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.protojson import fields

_COMPONENT = "bulk_inferrer"
_KINDS = ("classify_output", "regress_output", "predict_output")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumns:
    """Which outputs of a signature become columns of the output examples.

    Attributes:
        signature: Name of the signature; empty for the only one.
        kind: "classify", "regress" or "predict", which the signature has to be.
        columns: Pairs of an output of the signature and the name of its column.
    """

    signature: str
    kind: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkInferrerParams:
    """Parameters that a pipeline author may set.

    Attributes:
        data_spec: `{"example_splits": [...]}`, as tfx.proto.DataSpec; all splits by default.
        model_spec: `{"model_signature_name": [...], "tag": [...]}`, as tfx.proto.ModelSpec; the
            signature `serving_default` by default.
        output_example_spec: `{"output_columns_spec": [{"signature_name": ..., "predict_output":
            {"output_columns": [{"output_key": ..., "output_column": ...}]}}]}`, as
            tfx.proto.OutputExampleSpec; also `classify_output` and `regress_output`.
        beam_pipeline_args: Options of Beam, as `["--runner=DataflowRunner", "--region=..."]`. None
            computes in this process, without Beam.
    """

    data_spec: Mapping[str, Any] = field(default_factory=dict)
    model_spec: Mapping[str, Any] = field(default_factory=dict)
    output_example_spec: Mapping[str, Any] = field(default_factory=dict)
    beam_pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Rejects values that no run could honour."""
        self._data()
        self._model()
        columns = self.output_columns
        names = [column for spec in columns for _, column in spec.columns]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InputError(
                f"bulk_inferrer: `output_example_spec` names the columns {repeated} more than "
                "once. Give each output a column of its own."
            )

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits to predict; none for all."""
        return tuple(self._data().get("example_splits", ()))

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures to call; none for `serving_default`."""
        return tuple(self._model().get("model_signature_name", ()))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the model's graph; none for `serve`."""
        return tuple(self._model().get("tag", ()))

    @property
    def output_columns(self) -> tuple[OutputColumns, ...]:
        """Columns to add to the examples; none for prediction logs instead."""
        if not self.output_example_spec:
            return ()
        known = {"output_columns_spec": (tuple, list)}
        message = fields(_COMPONENT, "`output_example_spec`", self.output_example_spec, known)
        specs: Sequence[Any] = message.get("output_columns_spec", ())
        if not specs:
            raise InputError(
                f"bulk_inferrer: `output_example_spec` is {dict(self.output_example_spec)!r}, "
                "expected one or more objects in `output_columns_spec`. Leave the parameter out "
                "to have prediction logs."
            )
        return tuple(_output_columns(spec) for spec in specs)

    def _data(self) -> dict[str, Any]:
        return fields(_COMPONENT, "`data_spec`", self.data_spec, {"example_splits": list})

    def _model(self) -> dict[str, Any]:
        known = {"model_signature_name": list, "tag": list}
        return fields(_COMPONENT, "`model_spec`", self.model_spec, known)


def _output_columns(spec: Any) -> OutputColumns:
    where = "an item of `output_columns_spec`"
    known = {"signature_name": str, **dict.fromkeys(_KINDS, dict)}
    message = fields(_COMPONENT, where, spec, known)
    kinds = [kind for kind in _KINDS if kind in message]
    if len(kinds) != 1:
        raise InputError(
            f"bulk_inferrer: {where} is {spec!r}, which has {kinds or 'no output'}, expected one "
            f"of {list(_KINDS)}. Pass the one that the signature's method is."
        )
    (kind,) = kinds
    return OutputColumns(
        signature=message.get("signature_name", ""),
        kind=kind.removesuffix("_output"),
        columns=tuple(_columns(kind, message[kind])),
    )


def _columns(kind: str, message: Any) -> list[tuple[str, str]]:
    where = f"`{kind}`"
    if kind == "predict_output":
        given = fields(_COMPONENT, where, message, {"output_columns": (tuple, list)})
        items = [
            fields(_COMPONENT, "`output_columns`", item, {"output_key": str, "output_column": str})
            for item in given.get("output_columns", ())
        ]
        pairs = [(item.get("output_key", ""), item.get("output_column", "")) for item in items]
    else:
        # The names that TensorFlow Serving gives the outputs of such signatures.
        keys = {"value_column": "outputs"}
        if kind == "classify_output":
            keys = {"label_column": "classes", "score_column": "scores"}
        given = fields(_COMPONENT, where, message, dict.fromkeys(keys, str))
        pairs = [(keys[name], column) for name, column in given.items() if column]
    if not pairs or not all(key and column for key, column in pairs):
        raise InputError(
            f"bulk_inferrer: {where} is {message!r}, which does not name a column for each output. "
            'Pass it as {"output_columns": [{"output_key": "score", "output_column": "score"}]}, '
            '{"label_column": "label"} or {"value_column": "value"}.'
        )
    return pairs
