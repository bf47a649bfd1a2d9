"""The artifact types of pipelines, by the names that kfp, TFX and ML Metadata have for them.

`headrace_components.artifacts` makes kfp's classes of these; their docstrings are the formats on
disk. kfp only accepts titles of the `system` and `google` namespaces, and checks a connection only
by title. So each type has its own title under `system.`, which the compiler replaces by TFX's.
Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactType:
    """An artifact type, and how it is declared in ML Metadata.

    Attributes:
        schema_title: The title in pipeline files.
        tfx_title: The title in compiled pipelines; empty for a type that is not TFX's, nor made
            after its example.
        base: ML Metadata's class of artifacts, such as `DATASET`; empty if there is none.
        properties: `INT` or `STRING` by declared property. Any other metadata of an artifact is
            a custom property.
        mirrored: Declared properties that are custom properties too: TFX's resolver of spans looks
            for them there.
        ids: Custom properties with ids of the store. TFX's resolver of the latest blessed model
            compares them as integers.
    """

    schema_title: str
    tfx_title: str = ""
    base: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    mirrored: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name in ML Metadata: TFX's, such as `Examples`, or the full title of another type."""
        return self.tfx_title.partition(".")[2] or self.schema_title


_SPLITS = {"span": "INT", "split_names": "STRING"}

EXAMPLES = ArtifactType(
    schema_title="system.Examples",
    tfx_title="tfx.Examples",
    base="DATASET",
    properties={**_SPLITS, "version": "INT"},
    mirrored=frozenset({"span", "version"}),
)
EXAMPLE_STATISTICS = ArtifactType(
    schema_title="system.ExampleStatistics",
    tfx_title="tfx.ExampleStatistics",
    base="STATISTICS",
    properties=_SPLITS,
)
SCHEMA = ArtifactType(schema_title="system.DataSchema", tfx_title="tfx.Schema")
EXAMPLE_ANOMALIES = ArtifactType(
    schema_title="system.ExampleAnomalies", tfx_title="tfx.ExampleAnomalies", properties=_SPLITS
)
TRANSFORM_GRAPH = ArtifactType(schema_title="system.TransformGraph", tfx_title="tfx.TransformGraph")
TRANSFORM_CACHE = ArtifactType(schema_title="system.TransformCache", tfx_title="tfx.TransformCache")
MODEL = ArtifactType(schema_title="system.TrainedModel", tfx_title="tfx.Model", base="MODEL")
MODEL_RUN = ArtifactType(schema_title="system.ModelRun", tfx_title="tfx.ModelRun")
MODEL_EVALUATION = ArtifactType(
    schema_title="system.ModelEvaluation", tfx_title="tfx.ModelEvaluation"
)
MODEL_BLESSING = ArtifactType(
    schema_title="system.ModelBlessing",
    tfx_title="tfx.ModelBlessing",
    ids=frozenset({"baseline_model_id", "current_model_id"}),
)
INFRA_BLESSING = ArtifactType(schema_title="system.InfraBlessing", tfx_title="tfx.InfraBlessing")
HYPER_PARAMETERS = ArtifactType(
    schema_title="system.HyperParameters", tfx_title="tfx.HyperParameters"
)
TUNER_RESULTS = ArtifactType(schema_title="system.TunerResults", tfx_title="tfx.TunerResults")
INFERENCE_RESULT = ArtifactType(
    schema_title="system.InferenceResult", tfx_title="tfx.InferenceResult"
)
PUSHED_MODEL = ArtifactType(
    schema_title="system.PushedModel", tfx_title="tfx.PushedModel", base="MODEL"
)
EXAMPLES_DIFF = ArtifactType(schema_title="system.ExamplesDiff", tfx_title="tfx.ExamplesDiff")

_OWN_PREFIX = "system.tfx_"


def own_type(name: str) -> ArtifactType:
    """Returns the type that an author of pipelines calls `name`; it is TFX's if TFX has the name.

    Raises:
        ValueError: The name is not one of letters, digits and `_`.
    """
    if not name.isidentifier():
        raise ValueError(
            f"the artifact type is called {name!r}, expected a name of letters, digits and `_` "
            "that does not begin with a digit. Rename the type."
        )
    title = f"tfx.{name}"
    known = BY_TFX_TITLE.get(title)
    return known or ArtifactType(schema_title=f"{_OWN_PREFIX}{name}", tfx_title=title)


def own_title(schema_title: str) -> str:
    """Returns the title in compiled pipelines of a type from `own_type`; empty for other types."""
    name = schema_title.removeprefix(_OWN_PREFIX)
    return "" if name == schema_title else f"tfx.{name}"


# kfp's own types: any artifact, a page, and data that its UI draws.
ARTIFACT = ArtifactType(schema_title="system.Artifact")
HTML = ArtifactType(schema_title="system.HTML")
METRICS = ArtifactType(schema_title="system.Metrics")
CLASSIFICATION_METRICS = ArtifactType(schema_title="system.ClassificationMetrics")

BY_TFX_TITLE = {
    each.tfx_title: each
    for each in list(globals().values())
    if isinstance(each, ArtifactType) and each.tfx_title
}
"""All types with a title of TFX's namespace, by title."""
