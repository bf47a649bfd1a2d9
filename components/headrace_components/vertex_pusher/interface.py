"""What VertexPusher looks like from a pipeline."""

from kfp import dsl

from headrace_components.artifacts import InfraBlessing, Model, ModelBlessing, PushedModel
from headrace_components.authoring import component
from headrace_components.contract.image_names import image


@component
def vertex_pusher(
    pushed_model: dsl.Output[PushedModel],
    gcp_resources: dsl.OutputPath(str),  # type: ignore[valid-type]
    project: str,
    region: str,
    model_id: str,
    model: dsl.Input[Model] = None,
    model_blessing: dsl.Input[ModelBlessing] = None,
    infra_blessing: dsl.Input[InfraBlessing] = None,
    display_name: str = "",
    version_description: str = "",
    version_aliases: list = [],
    is_default_version: bool = True,
    labels: dict = {},
    serving_container_image: str = "",
    serving_container: dict = {},
    endpoint: str = "",
    endpoint_spec: dict = {},
    machine_type: str = "n1-standard-4",
    accelerator_type: str = "",
    accelerator_count: int = 0,
    min_replica_count: int = 1,
    max_replica_count: int = 1,
    traffic_percentage: int = 100,
    undeploy_idle_models: bool = False,
    service_account: str = "",
    encryption_key: str = "",
    timeout_seconds: int = 7200,
    api_endpoint: str = "",
) -> dsl.ContainerSpec:
    """Makes a blessed model a version in Vertex AI's Model Registry, and deploys it if asked to.

    Args:
        pushed_model: A copy of what was pushed; empty where it was not. Its metadata has the
            resource name of the model as `pushed_destination`, the version's ID as
            `pushed_version`, and that of the endpoint as `endpoint`.
        gcp_resources: The model, and the endpoint if there is one, as JSON of the message
            `GcpResources` of google-cloud-pipeline-components.
        project: ID of the Google Cloud project.
        region: Where the model is to be, as `europe-west1`.
        model_id: ID in the Model Registry. A model of this ID gets a new version; where there is
            none, it is made.
        model: The model to push, at a `gs://` URI.
        model_blessing: The evaluator's verdict; a model that is not blessed is not pushed.
        infra_blessing: The infra validator's verdict; likewise.
        display_name: The name that a new model has in the console; `model_id` by default.
        version_description: What the console says of this version.
        version_aliases: Names that are to point to this version, and to no other any more.
        is_default_version: Whether requests that name no version are to get this one.
        labels: Labels of the version, for search and billing.
        serving_container_image: Image that serves the model; by default Vertex AI's own for
            TensorFlow 2.15, for GPUs if there is an `accelerator_type`.
        serving_container: Other fields of the API's `ModelContainerSpec`, as
            `{"env": [{"name": ..., "value": ...}], "ports": [{"container_port": 8080}]}`.
        endpoint: ID of the endpoint to deploy to; it is made where there is none. Empty deploys
            nothing.
        endpoint_spec: Fields of the API's `Endpoint` for one that is made, as
            `{"private_service_connect_config": {"enable_private_service_connect": true}}`,
            `network` or `dedicated_endpoint_enabled`.
        machine_type: Machine of a replica.
        accelerator_type: Accelerator of a replica, as `NVIDIA_L4`.
        accelerator_count: How many accelerators a replica has.
        min_replica_count: Fewest replicas.
        max_replica_count: Most replicas.
        traffic_percentage: Share of the endpoint's requests that this version gets; the shares of
            the other versions shrink in proportion. 0 deploys it without requests.
        undeploy_idle_models: Whether to undeploy what no longer gets any requests.
        service_account: Account that the model's container runs as.
        encryption_key: Cloud KMS key for the model and for an endpoint that is made, as
            `projects/P/locations/R/keyRings/K/cryptoKeys/N`.
        timeout_seconds: How long to wait for Vertex AI in all.
        api_endpoint: Host of the API where it is not that of the region, as that of a Private
            Service Connect endpoint.
    """
    return dsl.ContainerSpec(
        image=image("vertex_pusher"),
        command=["python", "-m", "headrace_components.vertex_pusher"],
        args=["--executor_input", "{{$}}"],
    )
