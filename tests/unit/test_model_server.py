"""The model server in Python: its answers to each request of TensorFlow Serving."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from support.cases.saved_models import save_model
from support.programs.ports import free_ports

# One server answers all of them.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(save_model(folder / "old") / "Format-Serving", folder / "models/3")
    (folder / "models/20").mkdir()
    shutil.copytree(folder / "old/Format-Serving", folder / "models/20", dirs_exist_ok=True)
    (port,) = free_ports(1)
    flags = [f"--port={port}", "--model_name=hours", f"--model_base_path={folder / 'models'}"]
    module = "headrace_components.infra_validator.server"
    process = subprocess.Popen([sys.executable, "-m", module, *flags], stdin=subprocess.PIPE)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        await_available(channel)
        yield channel
    process.communicate(timeout=30)  # closes its standard input, so that it ends
    assert process.returncode == 0


def await_available(channel: Any) -> None:
    for _ in range(600):
        try:
            (version,) = status(channel).model_version_status
        except grpc.RpcError:
            time.sleep(0.1)
            continue
        assert version.version == 20  # the newest, by number and not by name
        if version.state == version.AVAILABLE:
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not start")


def status(channel: Any, name: str = "hours") -> Any:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    return model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request)


def stub(channel: Any) -> Any:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def example(hour: float) -> Any:
    message = tf.train.Example()
    message.features.feature["hour"].float_list.value.append(hour)
    return message


def about(request: Any, signature: str = "") -> Any:
    request.model_spec.name = "hours"
    request.model_spec.signature_name = signature
    return request


def test_predict_answers_tensors(channel: Any) -> None:
    request = about(predict_pb2.PredictRequest(output_filter=["score", "name"]))
    records = [example(hour).SerializeToString() for hour in (3.0, 4.0)]
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(records))

    response = stub(channel).Predict(request)

    assert sorted(response.outputs) == ["name", "score"]
    assert tf.make_ndarray(response.outputs["score"]).tolist() == [[6.0], [8.0]]
    assert tf.make_ndarray(response.outputs["name"]).tolist() == [[b"3"], [b"4"]]
    assert response.model_spec.version.value == 20
    assert response.model_spec.signature_name == "serving_default"


def test_predict_takes_features_as_tensors_too(channel: Any) -> None:
    request = about(predict_pb2.PredictRequest(), "raw")
    request.inputs["hour"].CopyFrom(tf.make_tensor_proto([[5.0]], tf.float32))

    response = stub(channel).Predict(request)

    assert tf.make_ndarray(response.outputs["score"]).tolist() == [[10.0]]


def test_classify_and_regress_answer_examples(channel: Any) -> None:
    classify = about(classification_pb2.ClassificationRequest(), "classify")
    classify.input.example_list.examples.extend([example(6.0), example(12.0)])
    regress = about(regression_pb2.RegressionRequest(), "regress")
    regress.input.example_list_with_context.context.CopyFrom(example(7.0))
    regress.input.example_list_with_context.examples.add()

    classified = stub(channel).Classify(classify).result.classifications
    regressed = stub(channel).Regress(regress).result.regressions

    assert [[(c.label, c.score) for c in row.classes] for row in classified] == [
        [("late", 0.25), ("early", 0.75)],
        [("late", 0.5), ("early", 0.5)],
    ]
    assert [row.value for row in regressed] == [14.0]


def test_several_signatures_answer_one_request(channel: Any) -> None:
    request = inference_pb2.MultiInferenceRequest()
    for name in ("classify", "regress"):
        task = request.tasks.add(method_name=f"tensorflow/serving/{name}")
        about(task, name)
    request.input.example_list.examples.append(example(6.0))

    classified, regressed = stub(channel).MultiInference(request).results

    assert classified.classification_result.classifications[0].classes[0].score == 0.25
    assert regressed.regression_result.regressions[0].value == 12.0


def test_metadata_are_the_signatures(channel: Any) -> None:
    request = about(get_model_metadata_pb2.GetModelMetadataRequest())
    request.metadata_field.append("signature_def")

    response = stub(channel).GetModelMetadata(request)

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert sorted(signatures.signature_def) == [
        "classify",
        "raw",
        "regress",
        "serving_default",
        "total",
    ]


def test_another_model_is_not_found(channel: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        status(channel, "minutes")

    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert "there is no model 'minutes'" in error.value.details()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (about(predict_pb2.PredictRequest(), "serve"), "there is no signature 'serve', but ['cla"),
        (about(predict_pb2.PredictRequest()), "has the inputs [], but signature 'serving_default"),
        (about(classification_pb2.ClassificationRequest(), "regress"), "has the method 'tensorf"),
        (about(regression_pb2.RegressionRequest(), "regress"), "the request has no examples"),
        (
            about(get_model_metadata_pb2.GetModelMetadataRequest()),
            "metadata_field is [], expected ['signature_def']",
        ),
    ],
)
def test_requests_that_the_model_cannot_answer_are_refused(
    channel: Any, request_: Any, message: str
) -> None:
    methods = {
        "PredictRequest": "Predict",
        "ClassificationRequest": "Classify",
        "RegressionRequest": "Regress",
        "GetModelMetadataRequest": "GetModelMetadata",
    }

    with pytest.raises(grpc.RpcError) as error:
        getattr(stub(channel), methods[type(request_).__name__])(request_)

    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert message in error.value.details()


def test_a_wrong_tensor_is_refused_by_the_model(channel: Any) -> None:
    request = about(predict_pb2.PredictRequest())
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto([1.0]))

    with pytest.raises(grpc.RpcError) as error:
        stub(channel).Predict(request)

    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
