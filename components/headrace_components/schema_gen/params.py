"""Parameters of SchemaGen."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaGenParams:
    """Parameters that a pipeline author may set.

    Attributes:
        infer_feature_shape: Whether a feature that always has one value gets a fixed shape.
        exclude_splits: Names of splits to leave out.
    """

    infer_feature_shape: bool = True
    exclude_splits: tuple[str, ...] = ()
