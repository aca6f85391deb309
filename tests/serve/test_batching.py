import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.serve.batching import Batcher, Pace


def pictures(*values):
    return np.stack([np.full((28, 28), value, np.uint8) for value in values])


class Model:
    """Gives back each picture's first pixel; holds the first batch until it is let go."""

    def __init__(self):
        self.go = threading.Event()
        self.sizes = []

    def __call__(self, images):
        self.go.wait(10)
        if images[0, 0, 0] == 255:
            raise ValueError("broken")
        return {"pixel": images[:, 0, 0], "twice": 2 * images[:, :2, 0].astype(int)}


def run(scenario, most=256, pace=None):
    async def main():
        model = Model()
        batcher = Batcher(model, most, model.sizes.append, pace or Pace())
        try:
            return await scenario(model, batcher)
        finally:
            model.go.set()
            batcher.close()

    return asyncio.run(main())


def test_what_waits_goes_through_together_and_each_gets_its_own():
    async def scenario(model, batcher):
        first = asyncio.create_task(batcher.submit(pictures(1)))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(batcher.submit(pictures(n, n + 1))) for n in (10, 20, 30)]
        await asyncio.sleep(0.01)
        model.go.set()
        assert (await first)["pixel"].tolist() == [1]
        for task, n in zip(others, (10, 20, 30), strict=True):
            said = await task
            assert said["pixel"].tolist() == [n, n + 1]
            assert said["twice"].tolist() == [[2 * n] * 2, [2 * n + 2] * 2]
        assert model.sizes == [1, 6]
        assert (await batcher.submit(pictures(5)))["pixel"].tolist() == [5]

    run(scenario)


def test_what_arrives_at_once_is_one_batch_from_the_start():
    async def scenario(model, batcher):
        model.go.set()
        await asyncio.gather(*(batcher.submit(pictures(n)) for n in range(5)))
        assert model.sizes == [5]

    run(scenario)


def test_batches_are_bounded_and_a_larger_request_goes_alone():
    async def scenario(model, batcher):
        model.go.set()
        sizes = (3, 1, 1, 6, 2)
        await asyncio.gather(*(batcher.submit(pictures(*range(n))) for n in sizes))
        assert model.sizes == [4, 1, 6, 2]

    run(scenario, most=4)


def test_who_gave_up_is_left_out():
    async def scenario(model, batcher):
        first = asyncio.create_task(batcher.submit(pictures(1)))
        await asyncio.sleep(0.01)
        late, kept = (asyncio.create_task(batcher.submit(pictures(n))) for n in (2, 3))
        await asyncio.sleep(0.01)
        late.cancel()
        first.cancel()  # is computed already
        await asyncio.sleep(0)
        model.go.set()
        assert (await kept)["pixel"].tolist() == [3]
        assert model.sizes == [1, 1]

    run(scenario)


def test_an_error_is_told_to_those_of_its_batch_alone():
    async def scenario(model, batcher):
        model.go.set()
        broken = asyncio.create_task(batcher.submit(pictures(255)))
        with pytest.raises(ValueError, match="broken"):
            await broken
        assert (await batcher.submit(pictures(7)))["pixel"].tolist() == [7]

    run(scenario)


def test_the_pace_is_told_of_each_batch_how_many_requests_it_had():
    told = []

    class Told(Pace):
        def note(self, requests, seconds):
            told.append(requests)
            assert seconds > 0

    async def scenario(model, batcher):
        first = asyncio.create_task(batcher.submit(pictures(1, 2)))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(batcher.submit(pictures(n, n + 1))) for n in (10, 20, 30)]
        await asyncio.sleep(0.01)
        model.go.set()
        await asyncio.gather(first, *others)
        assert told == [1, 3]

    run(scenario, pace=Told())


@given(
    st.lists(st.tuples(st.integers(1, 64), st.floats(1e-4, 10)), min_size=1),
    st.integers(1, 64),
    st.floats(1e-4, 10),
)
def test_the_pace_stays_within_what_it_was_told_and_forgets(before, requests, seconds):
    pace = Pace()
    for each in before:
        pace.note(*each)
    assert 0 < pace.seconds <= max(took / count for count, took in before)
    for _ in range(200):
        pace.note(requests, seconds)
    assert pace.seconds == pytest.approx(seconds / requests, rel=1e-4)
