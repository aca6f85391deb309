"""Bad input of every kind: never a 5xx, and never a refusal without a reason."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.photos.corpus import Case, corpus, encoded, exif, own_format_picture, rotated
from tests.serve.conftest import forms
from tests.serve.running import running

_EACH = 150  # of the route with a body, right ones and wrong ones


@pytest.fixture(scope="module")
def files() -> list[Case]:
    return corpus()


def test_no_file_of_the_corpus_gives_a_5xx(client, files):
    for number, case in enumerate(files):
        form = [("pictures", (case.name, case.content))]
        answer = client.post(f"/v1/classify?details={number % 15 == 0}", files=form)
        if case.expected == "photo":
            assert answer.status_code == 200, (case.name, answer.text)
        else:
            allowed = (413, 415, 422) if case.expected == "error" else (200, 413, 415, 422)
            assert answer.status_code in allowed, (case.name, answer.text)
        if answer.status_code == 200:
            assert answer.json()["answers"][0]["probabilities"]
        else:
            assert len(answer.json()["detail"]) > 20


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
def test_rotated_variants_give_the_same_answer(client, kind):
    # A garment that the model knows: of what it hardly knows, a little noise changes the class.
    dark_on_light = 250 - own_format_picture() // 1.1
    photo = np.kron(dark_on_light, np.ones((6, 6)))[:, :, None].repeat(3, axis=2).astype(np.uint8)
    said = []
    for orientation in range(1, 9):
        turned = rotated(photo, orientation)
        content = encoded(turned, kind.upper(), exif=exif(orientation))
        said += client.post("/v1/classify", files=forms(content)).json()["answers"]
    assert len(said) == 8
    assert len({each["class"] for each in said}) == 1
    spread = np.ptp([each["probability"] for each in said])
    # Turning moves what JPEG and WebP lose; PNG loses nothing.
    assert spread == 0 if kind == "png" else spread < 0.1


@pytest.mark.slow
def test_no_request_made_up_from_the_description_gives_a_5xx():
    statuses: Counter[int] = Counter()
    with running() as server:
        schema = schemathesis.openapi.from_url(f"{server.address}openapi.json")
        for found in schema.get_all_operations():
            operation: Any = found.ok()  # type: ignore[union-attr]
            has_body = operation.method.lower() == "post"
            modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if has_body else [])]
            for mode in modes:

                @settings(
                    max_examples=_EACH if has_body else 50,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def check(case):
                    response = case.call(base_url=server.address)
                    statuses[response.status_code] += 1
                    assert response.status_code < 500, (case.as_curl_command(), response.text)

                check()
        assert server.process.poll() is None
        assert "Traceback" not in server.output()
    assert sum(statuses.values()) >= 2 * _EACH
    assert {200, 415, 422} <= set(statuses)  # each kind of answer was reached
