"""Counts and times of the service, in Prometheus' format. They hold nothing of any image."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Monitor:
    """All metrics of one service."""

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
        self.batches = Histogram(
            "fittingroom_batch_images",
            "Images that went through a model together.",
            ["model"],
            buckets=_IMAGES,
            registry=registry,
        )
        self.queue = Gauge(
            "fittingroom_queue", "Requests accepted and not yet answered.", registry=registry
        )
        ProcessCollector(registry=registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request, answered so many seconds after its header arrived.

        ``route`` is a pattern, never what a client wrote.
        """
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def page(self) -> tuple[bytes, str]:
        """All metrics as Prometheus text, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
