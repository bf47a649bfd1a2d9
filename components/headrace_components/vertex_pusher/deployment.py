"""Deploys a version to an endpoint once, and divides the endpoint's requests."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import (
    CreateEndpointRequest,
    DeployedModel,
    DeployModelRequest,
    Endpoint,
    MachineSpec,
)

from headrace_components.contract.errors import InputError
from headrace_components.vertex_pusher.api import CALL_SECONDS, VertexApi
from headrace_components.vertex_pusher.messages import message
from headrace_components.vertex_pusher.params import VertexPusherParams

# In a request to deploy, the API uses this name for the model that is being deployed.
_NEW = "0"

_CREATE = "make the endpoint"


class Deployment:
    """The endpoint of a push.

    Args:
        api: Vertex AI.
        params: The parameters of the task.

    Raises:
        InputError: A parameter has a form that the API does not accept.
    """

    def __init__(self, api: VertexApi, params: VertexPusherParams) -> None:
        self._api = api
        self._params = params
        self.name = f"{params.location}/endpoints/{params.endpoint}"
        self._spec = message(Endpoint, "endpoint_spec", params.endpoint_spec)
        machine: dict[str, Any] = {"machine_type": params.machine_type}
        if params.accelerator_type:
            machine["accelerator_type"] = params.accelerator_type
            machine["accelerator_count"] = params.accelerator_count
        self._machine = message(MachineSpec, "accelerator_type", machine)

    def deploy(self, model: Any) -> None:
        """Deploys a version, a `Model`, unless it is deployed; then sets its share of requests."""
        doing = f"deploy version {model.version_id}"
        self._find_or_make()
        operation = self._api.call(doing, lambda: self._begin_to_deploy(model, doing))
        if operation is not None:
            self._api.finished(self._api.endpoints, operation, doing)
        deployed = self._api.call(doing, lambda: self._share_requests(model))
        logging.info("vertex_pusher: version %s answers at %s.", model.version_id, self.name)
        if self._params.undeploy_idle_models:
            self._undeploy_idle(deployed)

    def _find_or_make(self) -> None:
        operation = self._api.call(_CREATE, self._find_or_begin_to_make)
        if operation is not None:
            self._api.finished(self._api.endpoints, operation, _CREATE)

    def _find_or_begin_to_make(self) -> Any:
        params = self._params
        try:
            self._get()
        except exceptions.NotFound:
            if params.endpoint.isdecimal():
                raise InputError(
                    f"`endpoint` is {params.endpoint!r}, but there is no such "
                    f"endpoint in {params.location}. Pass the ID of one that exists, or one that "
                    "starts with a letter, which is then made."
                ) from None
        else:
            return None
        endpoint = Endpoint(self._spec)
        endpoint.display_name = endpoint.display_name or params.endpoint
        if params.encryption_key:
            endpoint.encryption_spec = {"kms_key_name": params.encryption_key}
        request = CreateEndpointRequest(
            parent=params.location, endpoint=endpoint, endpoint_id=params.endpoint
        )
        logging.info("vertex_pusher: making %s.", self.name)
        return self._api.endpoints.create_endpoint(request, timeout=CALL_SECONDS).operation

    def _begin_to_deploy(self, model: Any, doing: str) -> Any:
        """Returns the operation that deploys the version, or None if it is already deployed."""
        self._api.finish_earlier(
            self._api.endpoints, self.name, "DeployModelOperationMetadata", doing
        )
        endpoint = self._get()
        if self._deployed(endpoint, model) is not None:
            return None
        request = DeployModelRequest(
            endpoint=self.name,
            deployed_model=self._wanted(model),
            traffic_split=shared_out(endpoint.traffic_split, _NEW, self._params.traffic_percentage),
        )
        logging.info("vertex_pusher: deploying version %s.", model.version_id)
        return self._api.endpoints.deploy_model(request, timeout=CALL_SECONDS).operation

    def _wanted(self, model: Any) -> DeployedModel:
        params = self._params
        return DeployedModel(
            model=f"{model.name.partition('@')[0]}@{model.version_id}",
            display_name=f"{params.model_id}@{model.version_id}",
            service_account=params.service_account,
            dedicated_resources={
                "machine_spec": self._machine,
                "min_replica_count": params.min_replica_count,
                "max_replica_count": params.max_replica_count,
            },
        )

    def _deployed(self, endpoint: Any, model: Any) -> Any | None:
        """Returns the deployed model of the version on such machines, or None."""
        wanted = self._wanted(model)
        return next(
            (each for each in endpoint.deployed_models if _is_same(each, wanted, model.version_id)),
            None,
        )

    def _share_requests(self, model: Any) -> str:
        """Gives the version its share of the requests, and returns its ID at the endpoint."""
        endpoint = self._get()
        deployed = self._deployed(endpoint, model)
        if deployed is None:
            # Somebody has undeployed it in the meantime.
            raise exceptions.Aborted(f"version {model.version_id} is not deployed any more")
        shares = shared_out(endpoint.traffic_split, deployed.id, self._params.traffic_percentage)
        present = {each: share for each, share in endpoint.traffic_split.items() if share}
        if shares and shares != present:
            self._api.endpoints.update_endpoint(
                endpoint=Endpoint(name=self.name, traffic_split=shares, etag=endpoint.etag),
                update_mask={"paths": ["traffic_split"]},
                timeout=CALL_SECONDS,
            )
        return str(deployed.id)

    def _undeploy_idle(self, kept: str) -> None:
        endpoint = self._api.call("find idle models", self._get)
        for deployed in endpoint.deployed_models:
            if deployed.id == kept or endpoint.traffic_split.get(deployed.id):
                continue
            doing = f"undeploy {deployed.display_name or deployed.id}"
            logging.info("vertex_pusher: to %s, which gets no requests.", doing)
            operation = self._api.call(doing, partial(self._begin_to_undeploy, deployed.id))
            if operation is not None:
                self._api.finished(self._api.endpoints, operation, doing)

    def _begin_to_undeploy(self, deployed_id: str) -> Any:
        if all(each.id != deployed_id for each in self._get().deployed_models):
            return None
        return self._api.endpoints.undeploy_model(
            endpoint=self.name, deployed_model_id=deployed_id, timeout=CALL_SECONDS
        ).operation

    def _get(self) -> Any:
        return self._api.endpoints.get_endpoint(name=self.name, timeout=CALL_SECONDS)


def shared_out(shares: Mapping[str, int], model: str, percentage: int) -> dict[str, int]:
    """Returns the shares of an endpoint's requests after one model gets a new share.

    Args:
        shares: Percentages by ID of the deployed model; they add up to 100, or there are none.
        model: ID of the model that gets a share.
        percentage: Its share, 0 to 100. If no other model gets requests, it gets all of them,
            because the API requires that the shares add up to 100.

    Returns:
        Percentages that add up to 100; the other models keep their proportions. Empty if nothing
        changes: the model gets no share, and had none.
    """
    others = {other: share for other, share in shares.items() if other != model and share}
    if not percentage and not shares.get(model):
        return {}
    if not others:
        return {model: 100}
    total = sum(others.values())
    exact = {other: share * (100 - percentage) / total for other, share in others.items()}
    result = {other: int(share) for other, share in exact.items()}
    # Rounded down, their sum may be too small; the rest goes to those that lost most.
    lacking = 100 - percentage - sum(result.values())
    for other in sorted(exact, key=lambda other: result[other] - exact[other])[:lacking]:
        result[other] += 1
    return {each: share for each, share in {**result, model: percentage}.items() if share}


def _is_same(deployed: Any, wanted: Any, version: str) -> bool:
    return deployed.model_version_id == version and _terms(deployed) == _terms(wanted)


def _terms(deployed: Any) -> tuple[Any, ...]:
    # Compare only the fields that a push sets, because the API adds others. Do not compare the full
    # name of the model, because the API may replace the project's ID in it by its number.
    resources = deployed.dedicated_resources
    return (
        deployed.model.partition("@")[0].rpartition("/")[2],
        deployed.service_account,
        resources.machine_spec.machine_type,
        resources.machine_spec.accelerator_type,
        resources.machine_spec.accelerator_count,
        resources.min_replica_count,
        resources.max_replica_count,
    )
