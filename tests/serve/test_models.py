"""A model in service: what its threads share comes together again."""

import asyncio
from typing import Any

import numpy as np
import pytest

from fittingroom.serve.batching import Pace
from fittingroom.serve.models import ServedModel
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.settings import Settings


@pytest.mark.parametrize("threads", [1, 3])
def test_however_many_threads_share_a_batch_each_picture_gets_its_own_answer(
    loaded, sample, monkeypatch, threads
):
    images = sample.training().images[:40]
    said = loaded[0].model.arrays(images)
    whole = loaded[0].model.arrays
    sizes = []

    def counted(part):
        sizes.append(len(part))
        return whole(part)

    monkeypatch.setattr(loaded[0].model, "arrays", counted)

    async def main():
        model = ServedModel(loaded[0], Settings(threads=threads), Monitor(), Pace())
        for count in (1, 2, 11, 40):
            answered: Any = await model.arrays(images[:count])
            assert set(answered) == set(model.output_names)
            for name, values in answered.items():
                expected = getattr(said, name)[:count]
                assert values.dtype == expected.dtype
                np.testing.assert_allclose(values, expected, atol=1e-5)
        model.close()

    asyncio.run(main())
    assert max(sizes) == (40 if threads == 1 else 14)
    assert sum(sizes) == 1 + 2 + 11 + 40
