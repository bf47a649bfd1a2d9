"""The table of TFX's names: where each is here, and what stands in for those that are not.

`TABLE` has an entry for each module below `tfx` that has names. Each line of an entry names one
module of ours and what comes from it: `.authoring.nodes: BaseNode` is `BaseNode` of
`headrace_tfx.authoring.nodes`, and `Executor=PusherExecutor` is our `PusherExecutor` under TFX's
name `Executor`. An entry that begins with `=` is a whole module of ours. `surface.py` reads the
table. Data only.
"""

from collections.abc import Mapping

_FN_ARGS = "headrace_components.library.user_code.fn_args"
_EXECUTORS = ".components.executors"

_V1_COMPONENTS = f"""
    .components.example_gens: CsvExampleGen ImportExampleGen
    .components.data_checks: StatisticsGen SchemaGen ImportSchemaGen ExampleValidator ExampleDiff
    .components.training: Transform Trainer Tuner
    .components.models: Evaluator InfraValidator Pusher BulkInferrer
    {_FN_ARGS}: DataAccessor FnArgs TunerFnResult
"""
_COMPONENTS = f"""
    {_V1_COMPONENTS}
    .components.example_gens: FileBasedExampleGen QueryBasedExampleGen
    .components.data_checks: DistributionValidator
    .components.models: ModelValidator
"""
_V1_STANDARD_ARTIFACTS = """
    .artifacts.standard: Examples ExampleAnomalies ExampleStatistics InferenceResult InfraBlessing
    .artifacts.standard: Model ModelRun ModelBlessing ModelEvaluation PushedModel Schema
    .artifacts.standard: TransformCache TransformGraph TunerResults HyperParameters
    .artifacts.values: Bytes Float Integer String Boolean JsonValue
    .artifacts.standard: ExternalArtifact
"""
_STANDARD_ARTIFACTS = f"""
    {_V1_STANDARD_ARTIFACTS}
    .artifacts.standard: Config DataView ExamplesDiff ExampleValidationMetrics
    .artifacts.standard: SPAN_PROPERTY VERSION_PROPERTY SPLIT_NAMES_PROPERTY STRING_VALUE_PROPERTY
"""
_ANNOTATIONS = """
    .authoring.annotations: InputArtifact OutputArtifact AsyncOutputArtifact Parameter
    .authoring.annotations: BeamComponentParameter OutputDict
"""
_PLACEHOLDERS = """
    .authoring.containers: InputValuePlaceholder InputUriPlaceholder OutputUriPlaceholder
    .authoring.containers: ConcatPlaceholder
"""
_QUERIES = ".authoring.channels: union artifact_query external_pipeline_artifact_query"
_BASES = {
    "base_component": ".authoring.nodes: BaseComponent",
    "base_beam_component": ".authoring.nodes: BaseBeamComponent",
    "base_node": ".authoring.nodes: BaseNode",
    "base_driver": ".executing.base_driver: BaseDriver ExecutionDecision",
    "base_executor": """
        .executing.base_executor: BaseExecutor EmptyExecutor
        .executing.base_beam_executor: BaseBeamExecutor
    """,
    "base_beam_executor": ".executing.base_beam_executor: BaseBeamExecutor",
    "executor_spec": """
        .authoring.executor_specs: ExecutorSpec ExecutorClassSpec BeamExecutorSpec
        .authoring.executor_specs: ExecutorContainerSpec TemplatedExecutorContainerSpec
    """,
}
_METADATA = """
    .running.metadata: sqlite_metadata_connection_config mysql_metadata_connection_config
    .running.metadata: ConnectionConfigType
"""
_KUBEFLOW_V1 = """
    .running.other_runners: KubeflowDagRunner KubeflowDagRunnerConfig LABEL_KFP_SDK_ENV
    .running.other_runners: get_default_kubeflow_metadata_config get_default_pod_labels
    .running.other_runners: get_default_pipeline_operator_funcs
"""
_VERTEX_KEYS = """
    .components.vertex: ENABLE_VERTEX_KEY VERTEX_REGION_KEY VERTEX_CONTAINER_IMAGE_URI_KEY
    .components.vertex: SERVING_ARGS_KEY
"""
_VERTEX_TRAINING_KEYS = """
    .components.vertex: TRAINING_ARGS_KEY JOB_ID_KEY LABELS_KEY ENABLE_UCAIP_KEY UCAIP_REGION_KEY
"""

# The modules `proto/<name>_pb2.py` of TFX.
PROTO_FILES = [
    "bulk_inferrer",
    "distribution_validator",
    "evaluator",
    "example_diff",
    "example_gen",
    "infra_validator",
    "pusher",
    "range_config",
    "trainer",
    "transform",
    "tuner",
]

# The messages of `tfx.v1.proto`, by the file that has them.
MESSAGES: Mapping[str, str] = {
    "bulk_inferrer": (
        "ModelSpec DataSpec OutputExampleSpec OutputColumnsSpec ClassifyOutput RegressOutput "
        "PredictOutput PredictOutputCol"
    ),
    "distribution_validator": "DistributionValidatorConfig FeatureComparator",
    "evaluator": "FeatureSlicingSpec SingleSlicingSpec",
    "example_diff": "ExampleDiffConfig PairedExampleSkew",
    "example_gen": "CustomConfig Input Output SplitConfig PayloadFormat FileFormat",
    "infra_validator": (
        "ServingSpec ValidationSpec TensorFlowServing LocalDockerConfig KubernetesConfig "
        "PodOverrides EnvVar EnvVarSource SecretKeySelector RequestSpec Resources "
        "TensorFlowServingRequestSpec"
    ),
    "pusher": "PushDestination Versioning",
    "range_config": "RangeConfig RollingRange StaticRange",
    "trainer": "TrainArgs EvalArgs",
    "transform": "SplitsConfig",
    "tuner": "TuneArgs",
}


def _component(folder: str, clause: str, executor: str = "", spec: str = "") -> dict[str, str]:
    """Returns the entries of `components/<folder>/{component,executor}.py`."""
    entries = {f"components.{folder}.component": clause}
    if executor:
        entries[f"components.{folder}.executor"] = f"{_EXECUTORS}: Executor={executor}"
    if spec:
        entries[f"components.{folder}.component"] += f"\n.components.specs: {spec}"
    return entries


TABLE: Mapping[str, str] = {
    # tfx.v1
    "": ".version: __version__",
    "version": ".version: __version__",
    "v1": ".version: __version__",
    "v1.components": _V1_COMPONENTS,
    "v1.dsl": f"""
        .artifacts.base: Artifact
        .authoring.channels: Channel
        .authoring.conditions: Cond
        .authoring.importer: Importer
        .authoring.pipeline: Pipeline ExecutionMode
        .authoring.resolver: Resolver
        {_QUERIES}
    """,
    "v1.dsl.components": f"""
        .authoring.functions: component
        {_ANNOTATIONS}
        .authoring.containers: create_container_component
    """,
    "v1.dsl.experimental": """
        .authoring.resolver: LatestArtifactStrategy LatestBlessedModelStrategy SpanRangeStrategy
        .authoring.resolver: ResolverStrategy LatestBlessedModelResolver=LatestBlessedModelStrategy
        .authoring.resolver: LatestArtifactsResolver=LatestArtifactStrategy
        .authoring.runtime_parameter: RuntimeParameter
        .authoring.containers: create_container_component
        .authoring.channels: artifact_query
        .running.exit_handlers: FinalStatusStr
    """,
    "v1.dsl.placeholders": f"""
        .authoring.placeholders: input output exec_property execution_invocation
        {_PLACEHOLDERS}
    """,
    "v1.dsl.io.fileio": "=.files.fileio",
    "v1.dsl.standard_annotations": """
        .artifacts.system: Dataset Model Statistics Metrics
        .artifacts.system: Train Transform Process Evaluate Deploy
    """,
    "v1.types": """
        .authoring.channels: BaseChannel
        .authoring.nodes: BaseComponent BaseBeamComponent BaseNode
        .authoring.functions: BaseFunctionalComponent BaseFunctionalComponentFactory
    """,
    "v1.types.standard_artifacts": _V1_STANDARD_ARTIFACTS,
    "v1.orchestration": ".running.runners: LocalDagRunner",
    "v1.orchestration.metadata": _METADATA,
    "v1.orchestration.experimental": f"""
        {_KUBEFLOW_V1}
        .running.runners: KubeflowV2DagRunner KubeflowV2DagRunnerConfig
        .authoring.functions: exit_handler=component
        .running.exit_handlers: FinalStatusStr
    """,
    "v1.proto": "\n".join(
        [
            *(f".protos.{file}_pb2: {names}" for file, names in MESSAGES.items()),
            "tensorflow_model_analysis: EvalConfig",
        ]
    ),
    "v1.proto.orchestration": ".protos.run_state_pb2: RunState",
    "v1.extensions.google_cloud_ai_platform": f"""
        .components.vertex: Trainer Tuner Pusher BulkInferrer=CloudAIBulkInferrerComponent
        {_VERTEX_KEYS}
        {_VERTEX_TRAINING_KEYS}
    """,
    "v1.extensions.google_cloud_ai_platform.experimental": """
        .components.vertex: TUNING_ARGS_KEY REMOTE_TRIALS_WORKING_DIR_KEY ENDPOINT_ARGS_KEY
        .components.vertex: BULK_INFERRER_SERVING_ARGS_KEY PUSHER_SERVING_ARGS_KEY
    """,
    "v1.extensions.google_cloud_big_query": """
        .components.example_gens: BigQueryExampleGen
        .components.big_query: Pusher PUSHER_SERVING_ARGS_KEY
    """,
    "v1.testing": ".authoring.channels: Channel=ChannelForTesting",
    "v1.utils": """
        .files.io_utils: parse_pbtxt_file
        .files.json_utils: JsonableType
    """,
    # Components, by their older paths.
    "components": _COMPONENTS,
    **_component(
        "bulk_inferrer",
        ".components.models: BulkInferrer",
        "BulkInferrerExecutor",
        "BulkInferrerSpec",
    ),
    **_component(
        "distribution_validator",
        ".components.data_checks: DistributionValidator",
        "DistributionValidatorExecutor",
        "DistributionValidatorSpec",
    ),
    **_component(
        "evaluator", ".components.models: Evaluator", "EvaluatorExecutor", "EvaluatorSpec"
    ),
    **_component(
        "example_diff",
        ".components.data_checks: ExampleDiff",
        "ExampleDiffExecutor",
        "ExampleDiffSpec",
    ),
    **_component(
        "example_gen",
        ".components.example_gens: FileBasedExampleGen QueryBasedExampleGen",
        spec="FileBasedExampleGenSpec QueryBasedExampleGenSpec",
    ),
    **_component(
        "example_gen.csv_example_gen",
        ".components.example_gens: CsvExampleGen",
        "CsvExampleGenExecutor",
    ),
    **_component(
        "example_gen.import_example_gen",
        ".components.example_gens: ImportExampleGen",
        "ImportExampleGenExecutor",
    ),
    "components.example_gen.base_example_gen_executor": (
        ".executing.base_example_gen_executor: BaseExampleGenExecutor"
    ),
    "components.example_gen.custom_executors.avro_executor": f"{_EXECUTORS}: Executor=AvroExecutor",
    "components.example_gen.custom_executors.parquet_executor": (
        f"{_EXECUTORS}: Executor=ParquetExecutor"
    ),
    "components.example_gen.utils": """
        .executing.example_gen_utils: dict_to_example make_default_input_config
        .executing.example_gen_utils: make_default_output_config generate_output_split_names
    """,
    **_component(
        "example_validator",
        ".components.data_checks: ExampleValidator",
        "ExampleValidatorExecutor",
        "ExampleValidatorSpec",
    ),
    **_component(
        "infra_validator",
        ".components.models: InfraValidator",
        "InfraValidatorExecutor",
        "InfraValidatorSpec",
    ),
    **_component(
        "model_validator",
        ".components.models: ModelValidator",
        "ModelValidatorExecutor",
        "ModelValidatorSpec",
    ),
    **_component("pusher", ".components.models: Pusher", "PusherExecutor", "PusherSpec"),
    **_component(
        "schema_gen", ".components.data_checks: SchemaGen", "SchemaGenExecutor", "SchemaGenSpec"
    ),
    **_component(
        "schema_gen.import_schema_gen",
        ".components.data_checks: ImportSchemaGen",
        "ImportSchemaGenExecutor",
        "ImportSchemaGenSpec",
    ),
    **_component(
        "statistics_gen",
        ".components.data_checks: StatisticsGen",
        "StatisticsGenExecutor",
        "StatisticsGenSpec",
    ),
    **_component("trainer", ".components.training: Trainer", spec="TrainerSpec"),
    "components.trainer.executor": f"""
        {_EXECUTORS}: GenericExecutor
        {_FN_ARGS}: TrainerFnArgs=FnArgs
    """,
    "components.trainer.rewriting.converters": ".executing.rewriting: rewrite_saved_model",
    "components.trainer.rewriting.rewriter": ".executing.rewriting: ModelDescription ModelType",
    "components.trainer.rewriting.rewriter_factory": (
        ".executing.rewriting: TFJS_REWRITER TFLITE_REWRITER create_rewriter"
    ),
    "components.trainer.rewriting.tflite_rewriter": ".executing.rewriting: TFLiteRewriter",
    "components.trainer.fn_args_utils": f"{_FN_ARGS}: DataAccessor FnArgs",
    **_component(
        "transform", ".components.training: Transform", "TransformExecutor", "TransformSpec"
    ),
    "components.transform.stats_options_util": "=headrace_components.transform.stats_options_util",
    **_component(
        "tuner",
        f".components.training: Tuner\n{_FN_ARGS}: TunerFnResult",
        "TunerExecutor",
        "TunerSpec",
    ),
    "components.util.model_utils": ".artifacts.blessings: is_model_blessed is_infra_validated",
    **_component(
        "experimental.filter", ".components.data_checks: FilterComponent", "FilterExecutor"
    ),
    "components.experimental.data_view.provider_component": (
        ".components.data_checks: TfGraphDataViewProvider"
    ),
    "components.experimental.data_view.binder_component": ".components.data_checks: DataViewBinder",
    # Parts of pipelines.
    **{f"components.base.{name}": clause for name, clause in _BASES.items()},
    **{f"dsl.components.base.{name}": clause for name, clause in _BASES.items()},
    "dsl.components.common.resolver": """
        .authoring.resolver: Resolver ResolverStrategy
    """,
    "dsl.components.common.importer": """
        .authoring.importer: Importer IMPORT_RESULT_KEY SOURCE_URI_KEY REIMPORT_OPTION_KEY
        .authoring.importer: OUTPUT_KEY_KEY
    """,
    "dsl.components.common.manual_node": ".authoring.manual_node: ManualNode",
    "dsl.component.experimental.annotations": _ANNOTATIONS,
    "dsl.component.experimental.decorators": """
        .authoring.functions: component BaseFunctionalComponent BaseFunctionalComponentFactory
    """,
    "dsl.component.experimental.container_component": (
        ".authoring.containers: create_container_component"
    ),
    "dsl.component.experimental.placeholders": _PLACEHOLDERS,
    "dsl.component.experimental.executor_specs": (
        ".authoring.executor_specs: TemplatedExecutorContainerSpec"
    ),
    "dsl.experimental.latest_blessed_model_resolver": (
        ".authoring.resolver: LatestBlessedModelResolver=LatestBlessedModelStrategy"
    ),
    "dsl.experimental.latest_artifacts_resolver": (
        ".authoring.resolver: LatestArtifactsResolver=LatestArtifactStrategy"
    ),
    "dsl.experimental.spans_resolver": (
        ".authoring.resolver: SpansResolver=SpanRangeStrategy SpanRangeStrategy"
    ),
    "dsl.experimental.conditionals.conditional": ".authoring.conditions: Cond",
    "dsl.experimental.node_execution_options.utils": (
        ".authoring.node_options: NodeExecutionOptions TriggerStrategy"
    ),
    "dsl.control_flow.for_each": ".authoring.conditions: ForEach",
    "dsl.placeholder.placeholder": """
        .authoring.placeholders: input output exec_property runtime_info execution_invocation
        .authoring.placeholders: environment_variable join join_path dirname make_list make_dict
        .authoring.placeholders: make_proto logical_not logical_and logical_or Placeholder Predicate
        .authoring.placeholders: ArtifactPlaceholder ChannelWrappedPlaceholder
        .authoring.placeholders: ExecPropertyPlaceholder RuntimeInfoPlaceholder ListPlaceholder
        .authoring.placeholders: DictPlaceholder MakeProtoPlaceholder ListSerializationFormat
        .authoring.placeholders: ProtoSerializationFormat
    """,
    "dsl.input_resolution.strategies.latest_artifact_strategy": (
        ".authoring.resolver: LatestArtifactStrategy"
    ),
    "dsl.input_resolution.strategies.latest_blessed_model_strategy": (
        ".authoring.resolver: LatestBlessedModelStrategy"
    ),
    "dsl.input_resolution.strategies.span_range_strategy": ".authoring.resolver: SpanRangeStrategy",
    "dsl.io.fileio": "=.files.fileio",
    # Running.
    "orchestration.pipeline": """
        .authoring.pipeline: Pipeline ExecutionMode RunOptions PipelineInputs ROOT_PARAMETER
    """,
    "orchestration.data_types": """
        .authoring.runtime_parameter: RuntimeParameter
        .authoring.pipeline: PipelineInfo
    """,
    "orchestration.metadata": f"{_METADATA}\n.running.metadata: Metadata",
    "orchestration.portable.mlmd.execution_lib": """
        .running.execution_lib: get_output_artifacts get_input_artifacts get_artifacts_dict
    """,
    "orchestration.tfx_runner": ".running.runners: TfxRunner",
    "orchestration.config.pipeline_config": ".running.configs: PipelineConfig",
    "orchestration.config.docker_component_config": ".running.configs: DockerComponentConfig",
    "orchestration.config.kubernetes_component_config": (
        ".running.configs: KubernetesComponentConfig"
    ),
    "orchestration.local.local_dag_runner": ".running.runners: LocalDagRunner",
    "orchestration.beam.beam_runner": ".running.runners: BeamRunner=BeamDagRunner",
    "orchestration.beam.beam_dag_runner": ".running.runners: BeamDagRunner",
    "orchestration.kubeflow.v2.kubeflow_v2_dag_runner": (
        ".running.runners: KubeflowV2DagRunner KubeflowV2DagRunnerConfig"
    ),
    "orchestration.kubeflow.kubeflow_dag_runner": _KUBEFLOW_V1,
    "orchestration.airflow.airflow_dag_runner": (
        ".running.other_runners: AirflowDagRunner AirflowPipelineConfig"
    ),
    "orchestration.airflow.airflow_runner": (
        ".running.other_runners: AirflowDAGRunner=AirflowDagRunner AirflowPipelineConfig"
    ),
    "orchestration.kubeflow.v2.vertex_client_utils": ".running.vertex: poll_job_status",
    "orchestration.kubeflow.decorators": """
        .authoring.functions: exit_handler=component
        .running.exit_handlers: FinalStatusStr
    """,
    "orchestration.experimental.interactive.interactive_context": (
        ".notebooks.context: InteractiveContext"
    ),
    "orchestration.experimental.interactive.execution_result": (
        ".notebooks.results: ExecutionResult"
    ),
    "orchestration.experimental.interactive.notebook_utils": (
        ".notebooks.environment: requires_ipython"
    ),
    "orchestration.experimental.interactive.standard_visualizations": """
        .notebooks.standard: ExampleAnomaliesVisualization ExampleStatisticsVisualization
        .notebooks.standard: ModelEvaluationVisualization SchemaVisualization
        .notebooks.standard: register_standard_visualizations
    """,
    "orchestration.experimental.interactive.visualizations": """
        .notebooks.registry: ArtifactVisualization ArtifactVisualizationRegistry get_registry
    """,
    "orchestration.experimental.interactive.notebook_formatters": (
        ".notebooks.formatters: register_formatters"
    ),
    "orchestration.experimental.interactive.notebook_extensions.skip": (
        ".notebooks.skip: load_ipython_extension"
    ),
    # Messages.
    **{f"proto.{name}_pb2": f"=.protos.{name}_pb2" for name in PROTO_FILES},
    "proto.orchestration.run_state_pb2": "=.protos.run_state_pb2",
    # Artifacts and channels.
    "types": """
        .artifacts.base: Artifact
        .artifacts.properties: Property ExecPropertyTypes
        .artifacts.values: ValueArtifact
        .authoring.channels: BaseChannel Channel OutputChannel
        .authoring.specs: ComponentSpec
    """,
    "types.artifact": """
        .artifacts.base: Artifact ArtifactState CUSTOM_PROPERTIES_PREFIX DEFAULT_EXAMPLE_SPLITS
        .artifacts.properties: Property PropertyType
    """,
    "types.artifact_utils": "=.artifacts.utils",
    "types.channel": f"""
        .authoring.channels: BaseChannel Channel OutputChannel UnionChannel PipelineInputChannel
        .authoring.channels: PipelineOutputChannel ExternalPipelineChannel
        .authoring.placeholders: ChannelWrappedPlaceholder
        .artifacts.properties: Property ExecPropertyTypes
        {_QUERIES}
    """,
    "types.channel_utils": f"""
        .authoring.channels: as_channel unwrap_channel_dict get_individual_channels
        .authoring.channels: ChannelForTesting
        {_QUERIES}
    """,
    "types.component_spec": """
        .authoring.specs: ComponentSpec ChannelParameter ExecutionParameter
    """,
    "types.standard_artifacts": _STANDARD_ARTIFACTS,
    "types.standard_component_specs": "=.components.keys",
    "types.experimental.simple_artifacts": ".artifacts.simple: Dataset File Statistics Metrics",
    "types.system_artifacts": ".artifacts.system: SystemArtifact Dataset Model Statistics Metrics",
    "types.system_executions": """
        .artifacts.system: SystemExecution Train Transform Process Evaluate Deploy
    """,
    "types.value_artifact": ".artifacts.values: ValueArtifact",
    # Files.
    "utils.io_utils": "=.files.io_utils",
    "utils.json_utils": "=.files.json_utils",
    "utils.path_utils": "=.files.path_utils",
    "utils.proto_utils": "=.files.proto_utils",
    # Google Cloud.
    "extensions.google_cloud_ai_platform.constants": _VERTEX_KEYS,
    "extensions.google_cloud_ai_platform.trainer.component": ".components.vertex: Trainer",
    "extensions.google_cloud_ai_platform.trainer.executor": f"""
        {_EXECUTORS}: GenericExecutor=VertexTrainerExecutor
        {_VERTEX_TRAINING_KEYS}
    """,
    "extensions.google_cloud_ai_platform.tuner.component": ".components.vertex: Tuner",
    "extensions.google_cloud_ai_platform.tuner.executor": f"""
        {_EXECUTORS}: Executor=VertexTunerExecutor
        .components.vertex: TUNING_ARGS_KEY REMOTE_TRIALS_WORKING_DIR_KEY
    """,
    "extensions.google_cloud_ai_platform.pusher.component": ".components.vertex: Pusher",
    "extensions.google_cloud_ai_platform.pusher.executor": f"""
        {_EXECUTORS}: Executor=VertexPusherExecutor
        .components.vertex: SERVING_ARGS_KEY ENDPOINT_ARGS_KEY
    """,
    "extensions.google_cloud_ai_platform.bulk_inferrer.component": (
        ".components.vertex: CloudAIBulkInferrerComponent"
    ),
    "extensions.google_cloud_ai_platform.bulk_inferrer.executor": f"""
        {_EXECUTORS}: Executor=CloudAIBulkInferrerExecutor
        .components.vertex: SERVING_ARGS_KEY
    """,
    "extensions.google_cloud_big_query.example_gen.component": (
        ".components.example_gens: BigQueryExampleGen"
    ),
    "extensions.google_cloud_big_query.example_gen.executor": (
        f"{_EXECUTORS}: Executor=BigQueryExampleGenExecutor"
    ),
    "extensions.google_cloud_big_query.pusher.component": ".components.big_query: Pusher",
    "extensions.google_cloud_big_query.pusher.executor": f"""
        {_EXECUTORS}: Executor=BigQueryPusherExecutor
        .components.big_query: SERVING_ARGS_KEY=PUSHER_SERVING_ARGS_KEY
    """,
    "extensions.experimental.kfp_compatibility.kfp_container_component": (
        ".authoring.containers: load_kfp_yaml_container_component"
    ),
}
"""What comes from where, by module below `tfx`."""

_RESOLVER_FUNCTIONS = (
    "is a resolver function, which no released runner of TFX runs. Use Resolver with "
    "LatestArtifactStrategy, LatestBlessedModelStrategy or SpanRangeStrategy"
)
_CSV_INPUT = "left TFX in 0.30. Give the path itself: CsvExampleGen(input_base=PATH)"

REFUSED: Mapping[str, str] = {
    "components.trainer.executor.Executor": (
        "trains an Estimator, which left TensorFlow in 2.16. Leave out custom_executor_spec, and "
        "train with Keras in a run_fn(fn_args)"
    ),
    "extensions.google_cloud_ai_platform.trainer.executor.Executor": (
        "trains an Estimator on the retired AI Platform. Use "
        "tfx.extensions.google_cloud_ai_platform.Trainer with a run_fn(fn_args)"
    ),
    "components.ImporterNode": "left TFX in 1.7. Use tfx.dsl.Importer(...).with_id(NAME)",
    "components.ResolverNode": "left TFX in 1.7. Use tfx.dsl.Resolver(...).with_id(NAME)",
    "components.common_nodes": (
        "left TFX in 1.7. Use tfx.dsl.Importer(...).with_id(NAME), or tfx.dsl.Resolver"
    ),
    "dsl.input_resolution.canned_resolver_functions": _RESOLVER_FUNCTIONS,
    "dsl.input_resolution.resolver_function": _RESOLVER_FUNCTIONS,
    "dsl.input_resolution.ops": _RESOLVER_FUNCTIONS,
    "v1.dsl.inputs": _RESOLVER_FUNCTIONS,
    "orchestration.kubeflow.runner": (
        "belonged to KFP v1 and left TFX in 2024. Use KubeflowV2DagRunner, or leave out the runner "
        "and run: headrace compile FILE.py --target kubeflow"
    ),
    "utils.dsl_utils": _CSV_INPUT,
    "v1.proto.Filesystem": "is inside another message: tfx.proto.PushDestination.Filesystem",
}
"""What is refused, by name below `tfx`; the text also holds for the names below it."""

# Below these, the last parts of a name are a file that comes with the author's: TFX's own examples
# and templates import their siblings like this. The number counts the parts before it.
SIBLINGS: Mapping[str, int] = {"tfx.examples": 3, "tfx.experimental.templates": 5}
