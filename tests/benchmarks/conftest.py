"""Measurements as a worker would give them, without measuring anything."""

from typing import Any

import numpy as np
import pytest

from benchmarks import processes

PICTURES = 400
PRODUCTS = {"NumPy": 90.0, "PyTorch": 100.0}


class Worker:
    """Stands in for :func:`benchmarks.processes.measure`.

    Attributes:
        asked: what was measured so far: the function, or the recipe and its seed.
        broken_off_at: the recipe and seed at which somebody presses Ctrl-C.
        failing: the recipe and seed whose training breaks down.
        devices: what trained, by recipe and what Keras computed with, if it did.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.broken_off_at: Any = None
        self.failing: Any = None
        self.devices: dict[tuple[str, str | None], str] = {}
        self.processor = "A processor"

    def measure(self, what: str, work: Any, *, variables: Any, python: Any = None) -> Any:
        if what == "ceilings":
            self.asked.append(what)
            environment = {
                "time": "2030-01-02T03:04:05+00:00",
                "processor": self.processor,
                "python": "3.11.7",
                "versions": {"torch": "2.13.0"},
                "revision": "abc",
            }
            moved = {"copy": 20.0, "triad": 21.0}
            return {
                **({"device": "A GPU"} if work["device"] == "cuda" else {}),
                "products_gflops": dict(PRODUCTS),
                "bandwidth_gb_per_second": moved,
                "environment": environment,
                "wall_seconds": 5.0,
            }
        name, seed = work.get("recipe", what), work["seed"]
        device = self.devices[name, variables.get("KERAS_BACKEND")] = work.get("device", "cpu")
        if not work.get("score", True):
            self.asked.append((name, variables["KERAS_BACKEND"]))
            return self._trained(name, seed, [50.0, 90.0, 135.0])
        if (name, seed) == self.broken_off_at:
            raise KeyboardInterrupt
        self.asked.append((name, seed))
        if (name, seed) == self.failing:
            return {"failure": "no number", "backend": "", "wall_seconds": 3.0}
        note = "1.5 s of warm-up on the GPU are not in the training time."
        on_gpu = {"device_peak_memory_mb": 900.0, "notes": [note]}
        return {
            **self._trained(name, seed, [4.0, 8.0]),
            **self._scores(name, seed),
            **(on_gpu if device == "cuda" else {}),
        }

    def _trained(self, name: str, seed: int, ends: list[float]) -> dict[str, Any]:
        return {
            "run": f"{name}-s{seed}",
            "backend": "",
            "versions": {"torch": "2.13.0", "tensorflow": "2.21.0"},
            "training_pictures": 55_000,
            "validation_pictures": 5_000,
            "before_training_seconds": 2.0,
            "seconds": ends[-1] + seed,
            "peak_memory_mb": 500.0,
            "best_epoch": 2,
            "validation_accuracy": 0.92,
            "parameters": 1000,
            "operations": 2000,
            "model_bytes": 4000,
            "history": [
                {"epoch": place, "seconds": end, "val_accuracy": 0.9}
                for place, end in enumerate(ends, start=1)
            ],
            "wall_seconds": 60.0,
        }

    @staticmethod
    def _scores(name: str, seed: int) -> dict[str, Any]:
        share = {"ann": 0.1, "cnn": 0.05}.get(name, 0.15)
        wrong = np.random.default_rng(seed).random(PICTURES) < share
        return {
            "test_accuracy": float(1 - wrong.mean()),
            "test_pictures": PICTURES,
            "mistakes": " ".join(str(place) for place in np.flatnonzero(wrong)),
        }


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    stand_in = Worker()
    monkeypatch.setattr(processes, "measure", stand_in.measure)
    return stand_in
