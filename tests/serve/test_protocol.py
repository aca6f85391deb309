"""The Open Inference Protocol: its routes, both forms of tensors, and what is not as it says."""

import contextlib
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.errors import RequestError
from fittingroom.serve.tensors import read_request
from tests.serve.conftest import binary, read_binary

KNOWN = ("probabilities", "label", "abstain", "ood_score")


def request(images, **more):
    tensor = {"name": "pictures", "shape": list(images.shape), "datatype": "UINT8"}
    return {"inputs": [{**tensor, "data": images.tolist()}], **more}


def test_the_server_says_what_it_is_and_what_its_models_take(client, name):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    server = client.get("/v2").json()
    assert server["name"] == "fittingroom"
    assert server["extensions"] == ["binary_tensor_data"]
    model = client.get(f"/v2/models/{name}").json()
    assert model["inputs"] == [{"name": "pictures", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert {output["name"]: output["shape"] for output in model["outputs"]} == {
        "probabilities": [-1, 10],
        "label": [-1],
        "abstain": [-1],
        "ood_score": [-1],
    }
    assert client.get(f"/v2/models/{name}/ready").json() == {"name": name, "ready": True}


@pytest.mark.parametrize("path", ["", "/ready"])
def test_an_unknown_model_is_not_found(client, path):
    answer = client.get(f"/v2/models/nobody{path}")
    assert answer.status_code == 404
    assert "Expected a model among" in answer.json()["error"]
    refused = client.post("/v2/models/nobody/infer", json={})
    assert (refused.status_code, set(refused.json())) == (404, {"error"})


def test_all_forms_of_a_request_give_what_the_model_says(client, name, loaded, garments):
    said = loaded[0].model.arrays(garments)
    path = f"/v2/models/{name}/infer"
    content, header = binary(garments, parameters={"binary_data_output": True}, id="seven")
    answer = client.post(path, content=content, headers=header)
    assert answer.status_code == 200
    length = answer.headers["inference-header-content-length"]
    assert json.loads(answer.content[: int(length)])["id"] == "seven"
    tensors = read_binary(answer.content, length)
    assert set(tensors) == set(KNOWN)
    for output, values in tensors.items():
        np.testing.assert_allclose(values, getattr(said, output), atol=1e-6)

    plain = client.post(path, json=request(garments)).json()
    flat = request(garments)
    flat["inputs"][0]["data"] = garments.ravel().tolist()
    assert client.post(path, json=flat).json() == plain
    assert plain["model_name"] == name
    for output in plain["outputs"]:
        assert output["shape"] == list(tensors[output["name"]].shape)
        np.testing.assert_allclose(
            output["data"], tensors[output["name"]].ravel(), rtol=1e-6, atol=1e-7
        )

    mixed = [{"name": "label"}, {"name": "probabilities", "parameters": {"binary_data": True}}]
    content, header = binary(garments, outputs=mixed)
    answer = client.post(path, content=content, headers=header)
    length = int(answer.headers["inference-header-content-length"])
    label, probabilities = json.loads(answer.content[:length])["outputs"]
    assert label["data"] == said.label.tolist()
    assert probabilities["parameters"] == {"binary_data_size": 40 * len(garments)}
    assert answer.content[length:] == tensors["probabilities"].tobytes()


def change(**changes):
    """A request that is right but for these values of its input."""
    values = request(np.zeros((1, 28, 28), np.uint8))
    values["inputs"][0] |= changes
    return values


@pytest.mark.parametrize(
    "values",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": [{}, {}]},
        change(name="images"),
        change(datatype="FP32"),
        change(shape=[1, 28]),
        change(shape=[0, 28, 28]),
        change(shape=[-1, 28, 28]),
        change(shape=[True, 28, 28]),
        change(shape=[2, 28, 28]),
        change(shape=[10**30, 28, 28]),
        change(data=None),
        change(data=[[1], [2, 3]]),
        change(data=[256] * 784),
        change(data=[-1] * 784),
        change(data=[10**40] * 784),
        change(data=[0.5] * 784),
        change(data=["0"] * 784),
        change(data=[True] * 783),
        change(data=[[0] * 784]),
        change(data=[[[0] * 28] * 27 + [[0] * 27]]),
        change(data=[[[0] * 28] * 27 + [[None] * 28]]),
        change(data=[{}] * 784),
        change(parameters=[]),
        change(parameters={"binary_data_size": 784}),
        {**change(), "outputs": []},
        {**change(), "outputs": [{"name": "features"}]},
        {**change(), "outputs": [{"name": "label"}, {"name": "label"}]},
        {**change(), "outputs": [{"name": "label", "parameters": {"binary_data": 1}}]},
        {**change(), "parameters": {"binary_data_output": "yes"}},
        {**change(), "id": 7},
    ],
)
def test_a_request_that_is_not_as_the_protocol_says_is_refused(client, name, values):
    answer = client.post(f"/v2/models/{name}/infer", json=values)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Expected")
    assert len(answer.content) < 500


@pytest.mark.parametrize(
    "length", ["0", "-1", "x", "99999", "9" * 500, "1.0", "²", "0" * 19 + "1" * 5_000]
)
def test_a_header_length_that_cannot_be_is_refused(client, name, garments, length):
    content, _ = binary(garments)
    header = {"inference-header-content-length": length.encode()}
    assert (
        client.post(f"/v2/models/{name}/infer", content=content, headers=header).status_code == 400
    )


def test_binary_data_of_another_length_than_announced_is_refused(client, name, garments):
    content, header = binary(garments)
    for wrong in (content[:-1], content + b"\0"):
        answer = client.post(f"/v2/models/{name}/infer", content=wrong, headers=header)
        assert answer.status_code == 400
    answer = client.post(f"/v2/models/{name}/infer", content=content)  # no header at all
    assert answer.status_code == 400


def test_text_among_the_numbers_takes_no_memory_that_the_request_did_not():
    values = change(data=["0" * 30_000] + ["0"] * 783)
    body = json.dumps(values).encode()
    tracemalloc.start()
    with pytest.raises(RequestError, match="whole numbers"):
        read_request(body, None, KNOWN)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * len(body)  # as an array of text it would be 94 MB


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b'{"inputs": NaN}', b"\xff\xfe", b"{"])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(RequestError) as caught:
        read_request(body, None, KNOWN)
    assert caught.value.status == 400


@given(st.binary(max_size=200), st.one_of(st.none(), st.binary(max_size=8)))
def test_no_bytes_give_any_other_error(body, length):
    with contextlib.suppress(RequestError):
        images, asked = read_request(body, length, KNOWN)
        assert images.shape == (asked.rows, 28, 28)


_plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
# Not st.recursive, which now and then takes its own example for one that is not recursive.
_nested = st.lists(_plain, max_size=3) | st.dictionaries(st.text(max_size=5), _plain, max_size=5)
json_values = (
    _plain
    | st.lists(_plain | _nested, max_size=3)
    | st.dictionaries(st.text(max_size=5), _plain | _nested, max_size=5)
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.just("pictures") | json_values,
            "shape": st.just([1, 28, 28]) | json_values,
            "datatype": st.just("UINT8") | json_values,
            "data": json_values,
            "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": json_values})
            | json_values,
        },
    ),
    json_values,
)
def test_no_values_give_any_other_error(tensor, outputs):
    body = json.dumps({"inputs": [tensor], "outputs": outputs}).encode()
    for length in (None, b"%d" % len(body)):
        with pytest.raises(RequestError):
            read_request(body, length, KNOWN)
