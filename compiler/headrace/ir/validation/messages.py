"""The messages of a compiled pipeline: the fields of each, and their contents.

These are `PipelineSpec` and `PlatformSpec` of kfp-pipeline-spec 2.17 (`pipeline_spec.proto`) and
their parts, in protojson form. With this table, a compiled pipeline is checked in the same way with
any installed kfp, and without protobuf. A test compares the table with the descriptors of the
installed one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PIPELINE, PLATFORM = "PipelineSpec", "PlatformSpec"

STRING, BOOL, INTEGER, DOUBLE, DURATION = "STRING", "BOOL", "INTEGER", "DOUBLE", "DURATION"
STRUCT, VALUE = "STRUCT", "VALUE"

SCALARS = frozenset({STRING, BOOL, INTEGER, DOUBLE, DURATION, STRUCT, VALUE})
"""Kinds that are not messages. `STRUCT` is any object and `VALUE` any JSON value."""


@dataclass(frozen=True, slots=True)
class Objects:
    """An object whose values are all of one kind, under names that the author chose."""

    of: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list whose items are all of one kind."""

    of: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts."""

    of: tuple[str, ...]


FieldKind = str | Objects | Items | Choice

_PARAMETER_TYPES = Choice(
    (
        "PARAMETER_TYPE_ENUM_UNSPECIFIED",
        "NUMBER_DOUBLE",
        "NUMBER_INTEGER",
        "STRING",
        "BOOLEAN",
        "LIST",
        "STRUCT",
        "TASK_FINAL_STATUS",
        "TASK_CONFIG",
    )
)
_PRIMITIVE_TYPES = Choice(("PRIMITIVE_TYPE_UNSPECIFIED", "INT", "DOUBLE", "STRING"))

MESSAGES: Mapping[str, Mapping[str, FieldKind]] = {
    PIPELINE: {
        "pipelineInfo": "PipelineInfo",
        "deploymentSpec": "PipelineDeploymentConfig",
        "sdkVersion": STRING,
        "schemaVersion": STRING,
        "components": Objects("ComponentSpec"),
        "root": "ComponentSpec",
        "defaultPipelineRoot": STRING,
    },
    "PipelineInfo": {"name": STRING, "displayName": STRING, "description": STRING},
    "ComponentSpec": {
        "inputDefinitions": "ComponentInputsSpec",
        "outputDefinitions": "ComponentOutputsSpec",
        "dag": "DagSpec",
        "executorLabel": STRING,
        "singlePlatformSpecs": Items("SinglePlatformSpec"),
        "taskConfigPassthroughs": Items("TaskConfigPassthrough"),
    },
    "ComponentInputsSpec": {
        "artifacts": Objects("ComponentInputsSpec.ArtifactSpec"),
        "parameters": Objects("ComponentInputsSpec.ParameterSpec"),
    },
    "ComponentInputsSpec.ArtifactSpec": {
        "artifactType": "ArtifactTypeSchema",
        "isArtifactList": BOOL,
        "isOptional": BOOL,
        "description": STRING,
    },
    "ArtifactTypeSchema": {
        "schemaTitle": STRING,
        "schemaUri": STRING,
        "instanceSchema": STRING,
        "schemaVersion": STRING,
    },
    "ComponentInputsSpec.ParameterSpec": {
        "type": _PRIMITIVE_TYPES,
        "parameterType": _PARAMETER_TYPES,
        "defaultValue": VALUE,
        "isOptional": BOOL,
        "description": STRING,
        "literals": Items(VALUE),
    },
    "ComponentOutputsSpec": {
        "artifacts": Objects("ComponentOutputsSpec.ArtifactSpec"),
        "parameters": Objects("ComponentOutputsSpec.ParameterSpec"),
    },
    "ComponentOutputsSpec.ArtifactSpec": {
        "artifactType": "ArtifactTypeSchema",
        "properties": Objects("ValueOrRuntimeParameter"),
        "customProperties": Objects("ValueOrRuntimeParameter"),
        "metadata": STRUCT,
        "isArtifactList": BOOL,
        "description": STRING,
    },
    "ComponentOutputsSpec.ParameterSpec": {
        "type": _PRIMITIVE_TYPES,
        "parameterType": _PARAMETER_TYPES,
        "description": STRING,
    },
    "ValueOrRuntimeParameter": {
        "constantValue": "Value",
        "runtimeParameter": STRING,
        "constant": VALUE,
    },
    "Value": {"intValue": INTEGER, "doubleValue": DOUBLE, "stringValue": STRING},
    "DagSpec": {"tasks": Objects("PipelineTaskSpec"), "outputs": "DagOutputsSpec"},
    "PipelineTaskSpec": {
        "taskInfo": "PipelineTaskInfo",
        "inputs": "TaskInputsSpec",
        "dependentTasks": Items(STRING),
        "cachingOptions": "PipelineTaskSpec.CachingOptions",
        "componentRef": "ComponentRef",
        "triggerPolicy": "PipelineTaskSpec.TriggerPolicy",
        "artifactIterator": "ArtifactIteratorSpec",
        "parameterIterator": "ParameterIteratorSpec",
        "retryPolicy": "PipelineTaskSpec.RetryPolicy",
        "iteratorPolicy": "PipelineTaskSpec.IteratorPolicy",
    },
    "PipelineTaskInfo": {"name": STRING},
    "TaskInputsSpec": {
        "parameters": Objects("TaskInputsSpec.InputParameterSpec"),
        "artifacts": Objects("TaskInputsSpec.InputArtifactSpec"),
    },
    "TaskInputsSpec.InputParameterSpec": {
        "taskOutputParameter": "TaskInputsSpec.InputParameterSpec.TaskOutputParameterSpec",
        "runtimeValue": "ValueOrRuntimeParameter",
        "componentInputParameter": STRING,
        "taskFinalStatus": "TaskInputsSpec.InputParameterSpec.TaskFinalStatus",
        "parameterExpressionSelector": STRING,
    },
    "TaskInputsSpec.InputParameterSpec.TaskOutputParameterSpec": {
        "producerTask": STRING,
        "outputParameterKey": STRING,
    },
    "TaskInputsSpec.InputParameterSpec.TaskFinalStatus": {"producerTask": STRING},
    "TaskInputsSpec.InputArtifactSpec": {
        "taskOutputArtifact": "TaskInputsSpec.InputArtifactSpec.TaskOutputArtifactSpec",
        "componentInputArtifact": STRING,
    },
    "TaskInputsSpec.InputArtifactSpec.TaskOutputArtifactSpec": {
        "producerTask": STRING,
        "outputArtifactKey": STRING,
    },
    "PipelineTaskSpec.CachingOptions": {"enableCache": BOOL, "cacheKey": STRING},
    "ComponentRef": {"name": STRING},
    "PipelineTaskSpec.TriggerPolicy": {
        "condition": STRING,
        "strategy": Choice(
            (
                "TRIGGER_STRATEGY_UNSPECIFIED",
                "ALL_UPSTREAM_TASKS_SUCCEEDED",
                "ALL_UPSTREAM_TASKS_COMPLETED",
            )
        ),
    },
    "ArtifactIteratorSpec": {"items": "ArtifactIteratorSpec.ItemsSpec", "itemInput": STRING},
    "ArtifactIteratorSpec.ItemsSpec": {"inputArtifact": STRING},
    "ParameterIteratorSpec": {"items": "ParameterIteratorSpec.ItemsSpec", "itemInput": STRING},
    "ParameterIteratorSpec.ItemsSpec": {"raw": STRING, "inputParameter": STRING},
    "PipelineTaskSpec.RetryPolicy": {
        "maxRetryCount": INTEGER,
        "backoffDuration": DURATION,
        "backoffFactor": DOUBLE,
        "backoffMaxDuration": DURATION,
    },
    "PipelineTaskSpec.IteratorPolicy": {"parallelismLimit": INTEGER},
    "DagOutputsSpec": {
        "artifacts": Objects("DagOutputsSpec.DagOutputArtifactSpec"),
        "parameters": Objects("DagOutputsSpec.DagOutputParameterSpec"),
    },
    "DagOutputsSpec.DagOutputArtifactSpec": {
        "artifactSelectors": Items("DagOutputsSpec.ArtifactSelectorSpec")
    },
    "DagOutputsSpec.ArtifactSelectorSpec": {"producerSubtask": STRING, "outputArtifactKey": STRING},
    "DagOutputsSpec.DagOutputParameterSpec": {
        "valueFromParameter": "DagOutputsSpec.ParameterSelectorSpec",
        "valueFromOneof": "DagOutputsSpec.ParameterSelectorsSpec",
    },
    "DagOutputsSpec.ParameterSelectorSpec": {
        "producerSubtask": STRING,
        "outputParameterKey": STRING,
    },
    "DagOutputsSpec.ParameterSelectorsSpec": {
        "parameterSelectors": Items("DagOutputsSpec.ParameterSelectorSpec")
    },
    PLATFORM: {"platforms": Objects("SinglePlatformSpec")},
    "SinglePlatformSpec": {
        "deploymentSpec": "PlatformDeploymentConfig",
        "platform": STRING,
        "config": STRUCT,
        "pipelineConfig": "PipelineConfig",
    },
    "PlatformDeploymentConfig": {"executors": Objects(STRUCT)},
    "PipelineConfig": {
        "resourceTtlOnCompletion": INTEGER,
        "resourceTtlOnSuccess": INTEGER,
        "resourceTtlOnFailure": INTEGER,
        "activeDeadlineSeconds": INTEGER,
        "workspace": "WorkspaceConfig",
    },
    "WorkspaceConfig": {"size": STRING, "kubernetes": "KubernetesWorkspaceConfig"},
    "KubernetesWorkspaceConfig": {"pvcSpecPatch": STRUCT},
    "TaskConfigPassthrough": {
        "field": Choice(
            (
                "NONE",
                "RESOURCES",
                "ENV",
                "KUBERNETES_AFFINITY",
                "KUBERNETES_TOLERATIONS",
                "KUBERNETES_NODE_SELECTOR",
                "KUBERNETES_VOLUMES",
            )
        ),
        "applyToTask": BOOL,
    },
    "PipelineDeploymentConfig": {"executors": Objects("PipelineDeploymentConfig.ExecutorSpec")},
    "PipelineDeploymentConfig.ExecutorSpec": {
        "container": "PipelineDeploymentConfig.PipelineContainerSpec",
        "importer": "PipelineDeploymentConfig.ImporterSpec",
        "resolver": "PipelineDeploymentConfig.ResolverSpec",
        "customJob": "PipelineDeploymentConfig.AIPlatformCustomJobSpec",
    },
    "PipelineDeploymentConfig.PipelineContainerSpec": {
        "image": STRING,
        "command": Items(STRING),
        "args": Items(STRING),
        "lifecycle": "PipelineDeploymentConfig.PipelineContainerSpec.Lifecycle",
        "resources": "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec",
        "env": Items("PipelineDeploymentConfig.PipelineContainerSpec.EnvVar"),
    },
    "PipelineDeploymentConfig.PipelineContainerSpec.Lifecycle": {
        "preCacheCheck": "PipelineDeploymentConfig.PipelineContainerSpec.Lifecycle.Exec"
    },
    "PipelineDeploymentConfig.PipelineContainerSpec.Lifecycle.Exec": {
        "command": Items(STRING),
        "args": Items(STRING),
    },
    "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec": {
        "cpuLimit": DOUBLE,
        "memoryLimit": DOUBLE,
        "cpuRequest": DOUBLE,
        "memoryRequest": DOUBLE,
        "resourceCpuLimit": STRING,
        "resourceMemoryLimit": STRING,
        "resourceCpuRequest": STRING,
        "resourceMemoryRequest": STRING,
        "accelerator": (
            "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec.AcceleratorConfig"
        ),
    },
    "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec.AcceleratorConfig": {
        "type": STRING,
        "count": INTEGER,
        "resourceType": STRING,
        "resourceCount": STRING,
    },
    "PipelineDeploymentConfig.PipelineContainerSpec.EnvVar": {"name": STRING, "value": STRING},
    "PipelineDeploymentConfig.ImporterSpec": {
        "artifactUri": "ValueOrRuntimeParameter",
        "typeSchema": "ArtifactTypeSchema",
        "properties": Objects("ValueOrRuntimeParameter"),
        "customProperties": Objects("ValueOrRuntimeParameter"),
        "metadata": STRUCT,
        "reimport": BOOL,
        "downloadToWorkspace": BOOL,
    },
    "PipelineDeploymentConfig.ResolverSpec": {
        "outputArtifactQueries": Objects("PipelineDeploymentConfig.ResolverSpec.ArtifactQuerySpec")
    },
    "PipelineDeploymentConfig.ResolverSpec.ArtifactQuerySpec": {
        "filter": STRING,
        "limit": INTEGER,
    },
    "PipelineDeploymentConfig.AIPlatformCustomJobSpec": {"customJob": STRUCT},
}
"""Fields by message and name, in protojson's form."""

EXCLUSIVE: Mapping[str, tuple[str, ...]] = {
    "ComponentSpec": ("dag", "executorLabel"),
    "ValueOrRuntimeParameter": ("constantValue", "runtimeParameter", "constant"),
    "Value": ("intValue", "doubleValue", "stringValue"),
    "PipelineTaskSpec": ("artifactIterator", "parameterIterator"),
    "TaskInputsSpec.InputParameterSpec": (
        "taskOutputParameter",
        "runtimeValue",
        "componentInputParameter",
        "taskFinalStatus",
    ),
    "TaskInputsSpec.InputArtifactSpec": ("taskOutputArtifact", "componentInputArtifact"),
    "ParameterIteratorSpec.ItemsSpec": ("raw", "inputParameter"),
    "DagOutputsSpec.DagOutputParameterSpec": ("valueFromParameter", "valueFromOneof"),
    "PipelineDeploymentConfig.ExecutorSpec": ("container", "importer", "resolver", "customJob"),
}
"""At most one of these fields of a message, its oneof, may be set."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    PIPELINE: ("pipelineInfo", "root", "deploymentSpec"),
    PLATFORM: ("platforms",),
    "PipelineInfo": ("name",),
    "PipelineTaskSpec": ("componentRef",),
    "ComponentRef": ("name",),
    "DagSpec": ("tasks",),
    "TaskInputsSpec.InputParameterSpec.TaskOutputParameterSpec": (
        "producerTask",
        "outputParameterKey",
    ),
    "TaskInputsSpec.InputParameterSpec.TaskFinalStatus": ("producerTask",),
    "TaskInputsSpec.InputArtifactSpec.TaskOutputArtifactSpec": (
        "producerTask",
        "outputArtifactKey",
    ),
    "ArtifactIteratorSpec": ("items", "itemInput"),
    "ArtifactIteratorSpec.ItemsSpec": ("inputArtifact",),
    "ParameterIteratorSpec": ("items", "itemInput"),
    "DagOutputsSpec.ArtifactSelectorSpec": ("producerSubtask", "outputArtifactKey"),
    "DagOutputsSpec.ParameterSelectorSpec": ("producerSubtask", "outputParameterKey"),
    "DagOutputsSpec.ParameterSelectorsSpec": ("parameterSelectors",),
    "PipelineDeploymentConfig.PipelineContainerSpec": ("image",),
    "PipelineDeploymentConfig.PipelineContainerSpec.EnvVar": ("name",),
    "PipelineDeploymentConfig.ImporterSpec": ("artifactUri", "typeSchema"),
    "ComponentInputsSpec.ParameterSpec": ("parameterType",),
    "ComponentOutputsSpec.ParameterSpec": ("parameterType",),
}
"""Fields that a message needs so that it can be run."""

EXACTLY_ONE = frozenset(
    {
        "ComponentSpec",
        "TaskInputsSpec.InputParameterSpec",
        "TaskInputsSpec.InputArtifactSpec",
        "ParameterIteratorSpec.ItemsSpec",
        "DagOutputsSpec.DagOutputParameterSpec",
        "PipelineDeploymentConfig.ExecutorSpec",
    }
)
"""Messages in which one of the fields in `EXCLUSIVE` is there."""
