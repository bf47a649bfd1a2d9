"""The model server in Python: its answers to each request of TensorFlow Serving."""

import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
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
def ports() -> tuple[int, int]:
    """The ports for gRPC and REST."""
    grpc_port, rest_port = free_ports(2)
    return grpc_port, rest_port


@pytest.fixture(scope="module")
def channel(ports: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(save_model(folder / "old") / "Format-Serving", folder / "models/3")
    (folder / "models/20").mkdir()
    shutil.copytree(folder / "old/Format-Serving", folder / "models/20", dirs_exist_ok=True)
    flags = [
        f"--port={ports[0]}",
        f"--rest_api_port={ports[1]}",
        "--model_name=hours",
        f"--model_base_path={folder / 'models'}",
    ]
    module = "headrace_components.infra_validator.server"
    process = subprocess.Popen([sys.executable, "-m", module, *flags], stdin=subprocess.PIPE)
    with grpc.insecure_channel(f"127.0.0.1:{ports[0]}") as channel:
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


@pytest.fixture(scope="module")
def rest(ports: tuple[int, int], channel: Any) -> str:
    return f"http://127.0.0.1:{ports[1]}/v1/models"


def got(url: str, body: Any = None) -> tuple[int, Any]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def b64(hour: float) -> dict[str, str]:
    return {"b64": base64.b64encode(example(hour).SerializeToString()).decode()}


def test_rest_answers_rows_and_columns(rest: str) -> None:
    rows = got(f"{rest}/hours:predict", {"instances": [b64(3.0), b64(4.0)]})
    named = got(f"{rest}/hours/versions/20:predict", {"instances": [{"examples": b64(3.0)}]})
    columns = got(f"{rest}/hours:predict", {"inputs": {"examples": [b64(3.0)]}})
    raw = got(f"{rest}/hours:predict", {"signature_name": "raw", "instances": [[5], [6.5]]})
    total = got(f"{rest}/hours:predict", {"signature_name": "total", "inputs": [b64(3.0)]})

    first, second = rows[1]["predictions"]
    assert first == {
        "count": 3,
        "matrix": [[1.0, 1.0], [1.0, 1.0]],
        "name": ["3"],
        "score": [6.0],
        "vector": [3.0, -3.0, 4.0],
    }
    assert second["score"] == [8.0]
    assert named == (200, {"predictions": [first]})
    assert columns[1]["outputs"]["score"] == [[6.0]]
    assert raw == (200, {"predictions": [[10.0], [13.0]]})
    assert total == (200, {"outputs": 3.0})


def test_rest_classifies_and_regresses_features_as_json(rest: str) -> None:
    body = {"signature_name": "classify", "examples": [{"hour": 6.0}, {"hour": [12.0]}]}
    regress = {"signature_name": "regress", "context": {"hour": 7.0}, "examples": [{}]}

    assert got(f"{rest}/hours:classify", body) == (
        200,
        {"results": [[["late", 0.25], ["early", 0.75]], [["late", 0.5], ["early", 0.5]]]},
    )
    assert got(f"{rest}/hours:regress", regress) == (200, {"results": [14.0]})


def test_rest_tells_state_and_signatures(rest: str) -> None:
    version = {"version": "20", "state": "AVAILABLE"}
    status_ = {"status": {"error_code": "OK", "error_message": ""}}

    assert got(f"{rest}/hours") == (200, {"model_version_status": [version | status_]})
    _, metadata = got(f"{rest}/hours/metadata")
    assert metadata["model_spec"] == {"name": "hours", "signature_name": "", "version": "20"}
    default = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert default["inputs"]["examples"]["dtype"] == "DT_STRING"
    assert default["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("minutes", None, 404, "there is no model 'minutes'"),
        ("hours/versions/3:predict", {"instances": [1]}, 404, "of version 3"),
        ("hours:guess", {}, 400, "malformed request: POST"),
        ("hours:predict", None, 400, "predict is asked by POST"),
        ("hours/labels/x", None, 400, "malformed request"),
        ("hours:predict", b"{", 400, "the body is not JSON"),
        ("hours:predict", b"\xff", 400, "the body is not JSON"),
        ("hours:predict", [], 400, "not a JSON object"),
        ("hours:predict", {}, 400, "expected either `instances` or `inputs`"),
        ("hours:predict", {"instances": [], "inputs": []}, 400, "expected either"),
        ("hours:predict", {"instances": []}, 400, "a value for each row"),
        ("hours:predict", {"instances": [{"hour": 1}]}, 400, "takes ['examples']"),
        ("hours:predict", {"instances": [{"b64": "?"}]}, 400, "base64 cannot be decoded"),
        ("hours:predict", {"instances": [3]}, 400, "neither a string nor"),
        ("hours:predict", {"instances": ["no example"]}, 400, "stopped on its input"),
        ("hours:predict", {"signature_name": 3, "instances": [1]}, 400, "expected a string"),
        ("hours:predict", {"signature_name": "x", "instances": [1]}, 400, "no signature 'x'"),
        ("hours:predict", {"signature_name": "raw", "instances": [["x"]]}, 400, "not numbers"),
        ("hours:predict", {"signature_name": "raw", "instances": [[1], [1, 2]]}, 400, "no tensor"),
        ("hours:predict", {"signature_name": "raw", "instances": [[None]]}, 400, "not numbers"),
        ("hours:predict", {"signature_name": "total", "instances": [b64(1.0)]}, 400, "`inputs`"),
        ("hours:classify", {"signature_name": "classify", "examples": [3]}, 400, "an object with"),
        ("hours:classify", {"signature_name": "classify"}, 400, "a list of objects"),
        ("hours:classify", {"examples": [{"hour": None}]}, 400, "feature 'hour'"),
    ],
)
def test_rest_refuses_what_the_model_cannot_answer(
    rest: str, path: str, body: Any, code: int, message: str
) -> None:
    found, answer = got(f"{rest}/{path}", body)

    assert (found, list(answer)) == (code, ["error"])
    assert message in answer["error"]
