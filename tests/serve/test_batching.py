import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from fittingroom.predict import Answers
from fittingroom.serve.batching import Batcher


def images(*values):
    return np.stack([np.full((28, 28), value, np.uint8) for value in values])


class SlowModel:
    """Gives back each image's first pixel as its label, once it is let go."""

    classes = ("a", "b")
    name = "slow"

    def __init__(self):
        self.go = threading.Event()
        self.sizes = []

    def answers(self, images):
        self.go.wait(10)
        if images[0, 0, 0] == 255:
            raise ValueError("broken")
        pixels = images[:, 0, 0]
        shares = np.stack([pixels, pixels], axis=1).astype(np.float32)
        return Answers(pixels, shares, shares[:, 0], pixels, self.classes, "slow")


def run(scenario, most=256):
    async def main():
        model: Any = SlowModel()
        batcher = Batcher(model, most=most, threads=1, on_batch=model.sizes.append)
        try:
            return await scenario(model, batcher)
        finally:
            model.go.set()
            batcher.close()

    return asyncio.run(main())


def test_what_waits_goes_through_together_and_each_gets_its_own():
    async def scenario(model, batcher):
        first = batcher.submit(images(1))
        await asyncio.sleep(0.01)
        others = [batcher.submit(images(n, n + 1)) for n in (10, 20, 30)]
        await asyncio.sleep(0.01)
        model.go.set()
        assert (await first).label.tolist() == [1]
        for task, n in zip(others, (10, 20, 30), strict=True):
            answers = await task
            assert answers.label.tolist() == [n, n + 1]
            assert answers.probabilities.tolist() == [[n] * 2, [n + 1] * 2]
            assert answers.classes == ("a", "b")
        assert model.sizes == [1, 6]
        assert (await batcher.submit(images(5))).label.tolist() == [5]

    run(scenario)


def test_batches_are_bounded_and_a_larger_request_goes_alone():
    async def scenario(model, batcher):
        model.go.set()
        sizes = (3, 1, 1, 6, 2)
        await asyncio.gather(*(batcher.submit(images(*range(n))) for n in sizes))
        assert model.sizes == [4, 1, 6, 2]

    run(scenario, most=4)


def test_cancelled_requests_are_left_out():
    async def scenario(model, batcher):
        first = batcher.submit(images(1))
        await asyncio.sleep(0.01)
        late, kept = (batcher.submit(images(n)) for n in (2, 3))
        await asyncio.sleep(0.01)
        late.cancel()
        first.cancel()  # is computed already
        await asyncio.sleep(0)
        model.go.set()
        assert (await kept).label.tolist() == [3]
        assert model.sizes == [1, 1]

    run(scenario)


def test_an_error_reaches_its_own_batch_alone():
    async def scenario(model, batcher):
        model.go.set()
        broken = batcher.submit(images(255))
        with pytest.raises(ValueError, match="broken"):
            await broken
        assert (await batcher.submit(images(7))).label.tolist() == [7]

    run(scenario)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_that_split_a_batch_give_the_same_answers(loaded, sample, monkeypatch, threads):
    images = sample.training().images[:40]
    model = loaded[0].model.small
    expected, whole = model.answers(images), model.answers
    sizes = []

    def counted(part):
        sizes.append(len(part))
        return whole(part)

    monkeypatch.setattr(model, "answers", counted)

    async def main():
        batcher = Batcher(model, most=64, threads=threads, on_batch=lambda size: None)
        for count in (1, 2, 11, 40):
            answers = await batcher.submit(images[:count])
            for name in ("label", "probabilities", "ood_score", "abstain"):
                received = getattr(answers, name)
                assert received.dtype == getattr(expected, name).dtype
                np.testing.assert_allclose(received, getattr(expected, name)[:count], atol=1e-5)
        batcher.close()

    asyncio.run(main())
    assert max(sizes) == (40 if threads == 1 else 14)
    assert sum(sizes) == 1 + 2 + 11 + 40
