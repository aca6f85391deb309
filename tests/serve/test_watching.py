"""Health, readiness, figures, and the description of all routes."""

import re
import time

from starlette.testclient import TestClient

from fittingroom.serve.application import create_application
from fittingroom.serve.models import load_models
from tests.serve.conftest import binary, png
from tests.serve.running import START_SECONDS


def test_it_is_ready_only_after_a_first_prediction(loaded, monkeypatch):
    # Without its lifespan, nothing is predicted.
    client = TestClient(create_application(loaded))
    assert client.get("/healthz").status_code == 200
    for path in ("/readyz", "/v2/health/ready", f"/v2/models/{loaded[0].name}/ready"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
    with client:
        last = time.monotonic() + START_SECONDS
        while not client.get("/readyz").json()["ready"]:
            assert time.monotonic() < last
            time.sleep(0.01)


def test_what_details_are_told_from_is_there_before_anybody_asks(served):
    (loaded,) = load_models([])
    served([loaded])
    last = time.monotonic() + START_SECONDS
    while "_neighbourhood" not in vars(loaded.model):
        assert time.monotonic() < last
        time.sleep(0.01)


def test_the_figures_count_requests_and_pictures_and_hold_nothing_of_either(client, garments, name):
    content, header = binary(garments)
    for _ in range(3):
        client.post(f"/v2/models/{name}/infer", content=content, headers=header)
    client.post("/v1/classify", files=[("pictures", ("secret-name.png", png(garments[0])))])
    client.post("/v1/classify", content=b"x", headers={"content-type": "image/png"})
    client.get("/secret-path")
    client.post("/secret-path")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    assert 'fittingroom_requests_total{route="/v2/models/{name}/infer",status="200"} 3.0' in text
    assert 'fittingroom_requests_total{route="/v1/classify",status="200"} 1.0' in text
    assert 'fittingroom_requests_total{route="/v1/classify",status="415"} 1.0' in text
    pictures = re.search(r'fittingroom_batch_pictures_sum{model="[^"]+"} (\S+)', text)
    assert pictures is not None
    assert float(pictures[1]) == 1 + 3 * len(garments) + 1  # the first one is the service's own
    assert 'fittingroom_request_seconds_bucket{le="+Inf",route="/v1/classify"} 2.0' in text
    assert "secret" not in text


def test_every_route_is_described_and_nothing_comes_from_elsewhere(client, name):
    description = client.get("/openapi.json").json()
    assert set(description["paths"]) == {
        "/v1/classify",
        "/v1/models",
        "/v1/samples",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        "/v2/models/{name}/infer",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    page = client.get("/docs").text
    for path in description["paths"]:
        assert path in page
    assert "http" not in page
    assert "<script" not in page
    assert "style=" not in page
