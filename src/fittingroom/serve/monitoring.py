"""Counts and times of the service, as Prometheus reads them; nothing of a picture is among them."""

import os
from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

# Where several workers keep their counts, so that each can tell those of all.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_PICTURES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Monitor:
    """All figures of one process; of all workers together where there are several."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "fittingroom_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "fittingroom_request_seconds",
            "Time from a request's header to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "fittingroom_batch_pictures",
            "Pictures that went through a model together.",
            ["model"],
            buckets=_PICTURES,
            registry=registry,
        )
        self.queue = Gauge(
            "fittingroom_queue",
            "Requests accepted and not yet answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        if FOLDER not in os.environ:
            ProcessCollector(registry=registry)
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered.

        Args:
            route: its pattern, never what a client wrote.
            status: of HTTP.
            seconds: since its header came.
        """
        key = (route, status)
        if key not in self._children:
            requests = self._requests.labels(route, str(status))
            self._children[key] = (requests, self._seconds.labels(route))
        requests, histogram = self._children[key]
        requests.inc()
        histogram.observe(seconds)

    def batches_of(self, model: str) -> Callable[[int], None]:
        """What is told the size of each batch of a model."""
        return self._batches.labels(model).observe

    def page(self) -> tuple[bytes, str]:
        """Everything as Prometheus text, and its content type."""
        registry = self._registry
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
