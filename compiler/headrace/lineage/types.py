"""The names under which TFX files executions and artifacts in ML Metadata.

Headrace files its own under the same names, so that what reads a TFX store - notebooks,
`store.get_executions_by_type`, TFX's resolvers - reads ours too. Source: the component classes and
`tfx/types/standard_artifacts.py` of TFX 1.16.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

CONTEXT_TYPES = ("pipeline", "pipeline_run", "node")

# TFX looks for `Split-<name>` directories only in artifacts that carry a version of at least 0.29,
# and for bare `<name>` ones in all others. The layouts of Headrace are those of this version.
TFX_LAYOUT_VERSION = "1.16.0"

RESOLVER = "tfx.dsl.components.common.resolver.Resolver"

_EXECUTION_TYPES = {
    "bigquery_example_gen": (
        "tfx.extensions.google_cloud_big_query.example_gen.component.BigQueryExampleGen"
    ),
    "bulk_inferrer": "tfx.components.bulk_inferrer.component.BulkInferrer",
    "csv_example_gen": "tfx.components.example_gen.csv_example_gen.component.CsvExampleGen",
    "distribution_validator": (
        "tfx.components.distribution_validator.component.DistributionValidator"
    ),
    "evaluator": "tfx.components.evaluator.component.Evaluator",
    "example_diff": "tfx.components.example_diff.component.ExampleDiff",
    "example_validator": "tfx.components.example_validator.component.ExampleValidator",
    "filter_examples": "tfx.components.experimental.filter.component.FilterComponent",
    "import_example_gen": (
        "tfx.components.example_gen.import_example_gen.component.ImportExampleGen"
    ),
    "import_schema_gen": "tfx.components.schema_gen.import_schema_gen.component.ImportSchemaGen",
    "importer": "tfx.dsl.components.common.importer.Importer",
    "infra_validator": "tfx.components.infra_validator.component.InfraValidator",
    "latest_artifact": RESOLVER,
    "latest_blessed_model": RESOLVER,
    "pusher": "tfx.components.pusher.component.Pusher",
    "query_example_gen": "tfx.components.example_gen.component.QueryBasedExampleGen",
    "schema_gen": "tfx.components.schema_gen.component.SchemaGen",
    "statistics_gen": "tfx.components.statistics_gen.component.StatisticsGen",
    "trainer": "tfx.components.trainer.component.Trainer",
    "transform": "tfx.components.transform.component.Transform",
    "tuner": "tfx.components.tuner.component.Tuner",
    "vertex_pusher": "tfx.extensions.google_cloud_ai_platform.pusher.component.Pusher",
}

# ML Metadata's own classes of executions; a component that is not here has none in TFX either.
_EXECUTION_BASES = {
    "bigquery_example_gen": "PROCESS",
    "evaluator": "EVALUATE",
    "kubernetes_pusher": "DEPLOY",
    "pusher": "DEPLOY",
    "query_example_gen": "PROCESS",
    "schema_gen": "PROCESS",
    "statistics_gen": "PROCESS",
    "trainer": "TRAIN",
    "transform": "TRANSFORM",
    "vertex_pusher": "DEPLOY",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactType:
    """How an artifact type is declared in ML Metadata.

    Attributes:
        name: TFX's name, as `Examples`, or the full title of a type that is not TFX's.
        base: ML Metadata's class of artifacts, as `DATASET`; empty for none.
        properties: `INT` or `STRING` by declared property. Any other metadata of an artifact is
            a custom property.
        mirrored: Declared properties that are custom properties too: TFX's resolver of spans looks
            for them there.
        ids: Custom properties that hold ids of this store. TFX's resolver of the latest blessed
            model compares them as integers.
        is_tfx: Whether TFX, or Headrace after its example, defines the type.
    """

    name: str
    base: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    mirrored: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    is_tfx: bool = False


_SPLITS = {"span": "INT", "split_names": "STRING"}

_DECLARED = {
    "Examples": ("DATASET", {**_SPLITS, "version": "INT"}),
    "ExampleStatistics": ("STATISTICS", _SPLITS),
    "ExampleAnomalies": ("", _SPLITS),
    "Model": ("MODEL", {}),
    "PushedModel": ("MODEL", {}),
}

_MIRRORED = {"Examples": frozenset({"span", "version"})}
_IDS = {"ModelBlessing": frozenset({"baseline_model_id", "current_model_id"})}


def artifact_type(title: str) -> ArtifactType:
    """Returns the type to file an artifact of schema title `title` under, as `tfx.Examples`."""
    namespace, _, name = title.partition(".")
    if namespace != "tfx":
        return ArtifactType(name=title)
    base, properties = _DECLARED.get(name, ("", {}))
    return ArtifactType(
        name=name,
        base=base,
        properties=properties,
        mirrored=_MIRRORED.get(name, frozenset()),
        ids=_IDS.get(name, frozenset()),
        is_tfx=True,
    )


def execution_type(component: str) -> tuple[str, str]:
    """Returns the type name of a component's executions, and its base class or an empty string.

    A component that is not Headrace's is filed under its own name.
    """
    return _EXECUTION_TYPES.get(component, component), _EXECUTION_BASES.get(component, "")


def component_of(type_name: str) -> str:
    """Returns the component that files its executions under `type_name`."""
    names = {name: component for component, name in _EXECUTION_TYPES.items()}
    return names.get(type_name, type_name)
