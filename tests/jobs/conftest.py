"""A Ray cluster of this machine, for a module's tests."""

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    from fittingroom.jobs.cluster.connection import connected

    with connected(None) as ray:
        yield ray
    # Ray waits for none of the processes that it ends.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
