"""Uploads a model as a version to the Model Registry, once."""

import hashlib
import logging
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import (
    Model,
    ModelContainerSpec,
    UploadModelRequest,
    UploadModelResponse,
)
from google.protobuf import json_format

from headrace_components.contract.errors import InputError
from headrace_components.library.pushing.source import PushSource
from headrace_components.vertex_pusher.api import CALL_SECONDS, VertexApi
from headrace_components.vertex_pusher.messages import message
from headrace_components.vertex_pusher.params import VertexPusherParams

_UPLOAD = "upload the model"


class Registry:
    """The Model Registry of a project.

    Args:
        api: Vertex AI.
        params: The parameters of the task.
        source: The model.
    """

    def __init__(self, api: VertexApi, params: VertexPusherParams, source: PushSource) -> None:
        self._api = api
        self._params = params
        self._source = source
        self._name = f"{params.location}/models/{params.model_id}"
        spec = {**params.serving_container, "image_uri": params.image}
        self._container = message(ModelContainerSpec, "serving_container", spec)
        self._identity = self._identity_alias()

    def version(self) -> Any:
        """Returns the version of the model, a `Model`; uploads it first if it does not exist.

        An alias connects a version with its source, so that a task that runs again finds its
        earlier upload. Labels do not work: the API merges those of the model and the version.
        """
        found = self._api.call(_UPLOAD, self._find_or_begin)
        if isinstance(found, Model):
            logging.info("vertex_pusher: the model is there, version %s.", found.version_id)
            return self._with_aliases(found)
        operation = self._api.finished(self._api.models, found, _UPLOAD)
        response = UploadModelResponse.pb(UploadModelResponse())
        operation.response.Unpack(response)
        return self._api.call(_UPLOAD, lambda: self._get(f"@{response.model_version_id}"))

    def _identity_alias(self) -> str:
        # A change of anything that is fixed in a version makes another version.
        parts = [
            self._source.digest(),
            json_format.MessageToJson(ModelContainerSpec.pb(self._container), sort_keys=True),
            self._params.encryption_key,
        ]
        return f"headrace-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"

    def _find_or_begin(self) -> Any:
        """Returns the version as a `Model`, or the operation that uploads it."""
        self._api.finish_earlier(
            self._api.models, self._name, "UploadModelOperationMetadata", _UPLOAD
        )
        try:
            return self._get(f"@{self._identity}")
        except exceptions.NotFound:
            request = self._request()
        logging.info("vertex_pusher: uploading %s to %s.", self._source.uri, self._name)
        return self._api.models.upload_model(request, timeout=CALL_SECONDS).operation

    def _request(self) -> UploadModelRequest:
        params = self._params
        model = Model(
            display_name=params.display_name or params.model_id,
            version_description=params.version_description,
            version_aliases=[*params.aliases, self._identity],
            labels=dict(params.labels),
            artifact_uri=self._source.uri,
            container_spec=self._container,
        )
        if params.encryption_key:
            model.encryption_spec = {"kms_key_name": params.encryption_key}
        request = UploadModelRequest(parent=params.location, model=model)
        try:
            self._get("")
        except exceptions.NotFound:
            if params.model_id.isdecimal():
                raise InputError(
                    f"`model_id` is {params.model_id!r}, but there is no such model "
                    f"in {params.location}, and numbers are given by Vertex AI alone. Pass the ID "
                    "of a model that exists, or one that starts with a letter."
                ) from None
            request.model_id = params.model_id
        else:
            request.parent_model = self._name
        return request

    def _with_aliases(self, model: Any) -> Any:
        missing = sorted(set(self._params.aliases) - set(model.version_aliases))
        if not missing:
            return model
        name = f"{self._name}@{model.version_id}"
        return self._api.call(
            f"let {missing} point to version {model.version_id}",
            lambda: self._api.models.merge_version_aliases(
                name=name, version_aliases=missing, timeout=CALL_SECONDS
            ),
        )

    def _get(self, version: str) -> Any:
        return self._api.models.get_model(name=f"{self._name}{version}", timeout=CALL_SECONDS)
