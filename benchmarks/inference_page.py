"""The page of the measured answers."""

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "fittingroom": "**Fitting Room** (`Predictor`)",
    "fittingroom, from a run": "**Fitting Room**, its run checked first (`open_run`)",
    "onnxruntime-asleep": "ONNX Runtime, threads waiting asleep",
    "keras-tensorflow": "Keras `predict`, TensorFlow",
    "keras-torch": "Keras `predict`, PyTorch",
    "pytorch": "PyTorch, eager, channels last",
    "openvino": "OpenVINO, float32",
}
_TITLES = {"keras-cnn": "The predecessor's CNN", "cnn": "`cnn`"}


def page(measured: Mapping[str, Any]) -> str:
    """All results as Markdown."""
    environment, ceilings = measured["environment"], measured["ceilings"]["products_gflops"]
    best = max(ceilings, key=ceilings.__getitem__)
    versions = dict(environment["versions"])
    for network in measured["networks"].values():
        for found in network["peers"].values():
            versions |= {} if found is None else found["versions"]
    parts = [
        "# How fast a trained network answers",
        f"By `benchmarks/inference.py`; {measured['threads']} threads of "
        f"{environment['processor']}, instructions: {measured['instructions']}; matrix ceiling "
        f"{ceilings[best]:.0f} GFLOP/s ({best}). Python {environment['python']}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
    ]
    for name, network in measured["networks"].items():
        parts += _network(name, network, measured["summary"][name])
    parts.append(_definitions(measured["repeats"]))
    return "\n\n".join(parts) + "\n"


def _network(name: str, network: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    lines = [
        "| | pictures a second, batch 1 | batch 32 | batch 1,000 | batch 32 over Keras "
        "| of the ceiling, batch 1,000 | one picture, p50 | p99 | memory |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for peer, found in network["peers"].items():
        if found is None:
            lines.append(f"| {_NAMES[peer]} | not installed |" + " |" * 7)
            continue
        row = summary["peers"][peer]
        single = found["single_seconds"]
        over = row["over_keras"]
        cells = (
            _NAMES[peer],
            *(_rate(row["pictures_per_second"][size], values)
              for size, values in found["pictures_per_second"].items()),
            "–" if over is None else f"{over['32']:.1f}",
            f"{row['ceiling_share']['1000']:.0%}",
            f"{1000 * single['p50']:.2f} ms",
            f"{1000 * single['p99']:.2f} ms",
            f"{found['peak_memory_mb']:.0f} MB",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    starts = ["| | process start to first answer | of all repeats |", "|---|---|---|"]
    for peer, times in network["starts"].items():
        if times is None:
            starts.append(f"| {_NAMES[peer]} | not installed | |")
            continue
        starts.append(
            f"| {_NAMES[peer]} | {summary['starts'][peer]:.2f} s "
            f"| {min(times):.2f}–{max(times):.2f} s |"
        )
    heading = (
        f"{network['operations']:,} multiply-adds a picture, {network['parameters']:,} parameters, "
        f"{network['model_bytes'] / 1000:,.0f} kB."
    )
    return [f"## {_TITLES[name]}", heading, "\n".join(lines), "\n".join(starts)]


def _rate(median: float, values: list[float]) -> str:
    return f"{median:,.0f} ({min(values):,.0f}–{max(values):,.0f})"


def _definitions(repeats: int) -> str:
    return "\n".join(
        [
            f"- *Pictures a second*: median of {repeats} repeats, least and most of them beside it; "
            "from pixels 0–255 to probabilities, normalisation, mirror image and shifts included.",
            "- *Of the ceiling*: two operations a multiply-add, over the best float32 matrix "
            "product.",
            "- *One picture*: a call with a single picture, warm; Keras' is a call of `predict`.",
            "- *Memory*: the most that the process held, its libraries included.",
            "- *First answer*: a new process that imports, loads and answers for one picture, its "
            "modules compiled and its files in the disk's cache.",
            "- All give the same probabilities; the largest difference to the first row's is in "
            "the JSON beside this page.",
        ]
    )
