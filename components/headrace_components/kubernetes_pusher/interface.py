"""What KubernetesPusher looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import InfraBlessing, Model, ModelBlessing, PushedModel
from headrace_components.authoring import component
from headrace_components.contract.image_names import image as image_of


@component
def kubernetes_pusher(
    pushed_model: dsl.Output[PushedModel],
    server: str,
    name: str,
    base_directory: str,
    model: dsl.Input[Model] = None,
    model_blessing: dsl.Input[ModelBlessing] = None,
    infra_blessing: dsl.Input[InfraBlessing] = None,
    namespace: str = "",
    storage_uri: str = "",
    model_format: str = "tensorflow",
    runtime: str = "",
    image: str = "tensorflow/serving:2.19.1",
    resources: dict = {},
    pod_spec: dict = {},
    service_account: str = "",
    min_replicas: int = 1,
    max_replicas: int = 0,
    canary_traffic_percent: int = 100,
    roll_back: bool = False,
    timeout_seconds: int = 900,
    kubeconfig_context: str = "",
) -> dsl.ContainerSpec:
    """Has a blessed model served on Kubernetes, by KServe or TensorFlow Serving, and awaits it.

    Args:
        pushed_model: A copy of what was pushed; empty where it was not. Its metadata has what the
            server reads as `pushed_destination`, the version as `pushed_version`, and where it
            answers as `url`.
        server: `kserve`, which makes or changes an InferenceService, or `tf_serving`, which makes
            or changes a Deployment of TensorFlow Serving and its Service.
        name: Name of the InferenceService, or of the Deployment and the Service; the model has it
            too.
        base_directory: Where this task writes models: a directory of a mounted volume, or a
            `gs://` URI on Vertex AI.
        model: The model to push.
        model_blessing: The evaluator's verdict; a model that is not blessed is not pushed.
        infra_blessing: The infra validator's verdict; likewise.
        namespace: Where the server runs; the namespace of this task by default.
        storage_uri: What the server calls `base_directory`, as `pvc://claim/models` or
            `s3://bucket/models`; the same by default.
        model_format: KServe's name for the kind of model.
        runtime: KServe's serving runtime; by default KServe chooses one for the format.
        image: Image of TensorFlow Serving for `tf_serving`.
        resources: Of the server's container, as `{"limits": {"cpu": "2", "memory": "4Gi"}}`.
        pod_spec: Other fields of the pods' specification, as `{"nodeSelector": {...}}`.
        service_account: Account that the server's pods run as.
        min_replicas: For `kserve` the fewest replicas; 0 lets it scale to none. For `tf_serving`
            their number; 0 leaves it to an autoscaler.
        max_replicas: The most replicas, for `kserve`.
        canary_traffic_percent: Share of the requests that this version gets, for `kserve`; the
            version before keeps the others.
        roll_back: Whether to go back to the version before if this one does not come up; the task
            fails either way.
        timeout_seconds: How long the version may take to come up.
        kubeconfig_context: Context of the kubeconfig file to use; by default the cluster in which
            the task runs, or the file's current context.
    """
    return dsl.ContainerSpec(
        image=image_of("kubernetes_pusher"),
        command=["python", "-m", "headrace_components.kubernetes_pusher"],
        args=["--executor_input", "{{$}}"],
    )
