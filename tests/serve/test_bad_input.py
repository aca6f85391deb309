"""Bad input of every kind: never a 5xx, and never a refusal without a reason."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.photos.corpus import Case, corpus
from tests.serve.running import running

_EACH = 150  # of the route with a body, right ones and wrong ones


@pytest.fixture(scope="module")
def files() -> list[Case]:
    return corpus()


def test_no_file_of_the_corpus_gives_a_5xx(client, files):
    for number, case in enumerate(files):
        form = [("images", (case.name, case.content))]
        answer = client.post(f"/v1/classify?details={number % 15 == 0}", files=form)
        # The model of photos answers for one colour all over, too; no browser shows TIFF.
        if case.expected in ("photo", "blank") and not case.name.endswith(".tiff"):
            assert answer.status_code == 200, (case.name, answer.text)
        else:
            allowed = (413, 415, 422) if case.expected == "error" else (200, 413, 415, 422)
            assert answer.status_code in allowed, (case.name, answer.text)
        if answer.status_code == 200:
            assert answer.json()["answers"][0]["probabilities"]
        else:
            assert len(answer.json()["detail"]) > 20


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
