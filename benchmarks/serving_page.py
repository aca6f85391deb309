"""The page of the measured service."""

from collections.abc import Mapping
from typing import Any

_RATE = 2_000  # images a second
_TIMES = 2.0
_FLAT = 0.01
_LOADS = {"half": "50%", "high": "80%", "twice": "200%"}
_KINDS = {
    "one": "One image a request",
    "many": "32 images a request",
    "photo": "One photo a request",
}
_DEFINITIONS = """\
- *Image*: 28 × 28 pixels, sent as their bytes. *Photo*: a JPEG of 900 × 1,200 pixels, which the
  service decodes and converts. Both go to `/v1/classify`.
- *Closed loop*: 32 connections, each of which sends its next request when it has its answer, or
  0.1 s after a refusal. The rate of answers is the capacity.
- *Loads*: requests are due at random times (a Poisson process). The time of an answer counts from
  when it was due, waiting for a connection included.
- *Refused*: answered with 429 and Retry-After.
- *Server time*: processor time of the server, per request of any outcome."""


def page(measured: Mapping[str, Any]) -> str:
    """All results as Markdown."""
    environment, raw = measured["environment"], measured["raw"]
    alone = ", ".join(f"{rate:,.0f} in batches of {batch}" for batch, rate in raw.items())
    parts = [
        "# How fast the service answers",
        f"Measured by `benchmarks/serving.py` with {measured['model']}. Server and load generator "
        f"share {len(measured['processors'])} cores of {environment['processor']}; each load lasts "
        f"{measured['seconds']:g} s. Python {environment['python']}.",
        f"ONNX Runtime alone on these cores, images a second: {alone}.",
    ]
    for kind, loads in measured["loads"].items():
        parts += _loads(kind, loads, max(raw.values()))
    if "soak" in measured:
        parts += _soak(measured["soak"])
    return "\n\n".join([*parts, _DEFINITIONS]) + "\n"


def _loads(kind: str, loads: Mapping[str, Any], alone: float) -> list[str]:
    lines = [
        "| load | offered a second | answered | p50 | p99 | refused | p99 of refusals "
        "| server time a request |",
        "|---|---|---|---|---|---|---|---|",
        _row("closed loop", loads["closed"]),
        *(_row(words, loads[name]) for name, words in _LOADS.items()),
    ]
    rate = loads["images"] * loads["capacity"]
    verdicts = [f"- {rate:,.0f} images a second, {rate / alone:.0%} of the model alone."]
    if kind != "photo":
        verdicts.append(_verdict(f"≥ {_RATE:,} images a second", rate >= _RATE, f"{rate:,.0f}"))
    high = loads["high"]["answered"].get("p99", float("nan"))
    twice = loads["twice"]["answered"].get("p99", float("inf"))
    verdicts.append(
        _verdict(
            f"at twice the capacity, p99 of accepted requests ≤ {_TIMES:g} times that at 80%",
            twice <= _TIMES * high,
            f"{twice / high:.1f} times",
        )
    )
    return [f"## {_KINDS[kind]}", "\n".join(lines), "\n".join(verdicts)]


def _row(name: str, load: Mapping[str, Any]) -> str:
    answered, refused = load["answered"], load["refused"]
    cells = (
        name,
        f"{load['offered']:,.0f}" if "offered" in load else "–",
        f"{answered['a_second']:,.0f}",
        _ms(answered, "p50"),
        _ms(answered, "p99"),
        f"{refused['a_second']:,.0f}",
        _ms(refused, "p99"),
        f"{load['processor_ms_a_request']:.3f} ms",
    )
    return f"| {' | '.join(cells)} |"


def _ms(times: Mapping[str, Any], level: str) -> str:
    return f"{1000 * times[level]:.2f} ms" if level in times else "–"


def _verdict(bar: str, reached: bool, value: str) -> str:
    return f"- {bar}: {'reached' if reached else '**not reached**'}, {value}."


def _soak(soak: Mapping[str, Any]) -> list[str]:
    resident = soak["resident_mb"]
    low, high = soak["slope_interval"]
    grown = high * soak["minutes"] / 60
    return [
        "## Memory",
        f"Resident over {soak['minutes']:g} minutes at half load: {min(resident):.1f} to "
        f"{max(resident):.1f} MB. After the first tenth of the time it changes by "
        f"{soak['slope_mb_per_hour']:+.2f} MB an hour (95% {low:+.2f} to {high:+.2f}; Theil and "
        "Sen).",
        _verdict(
            f"growth below {_FLAT:.0%} in that time",
            grown <= _FLAT * resident[-1],
            f"at most {grown:+.2f} MB",
        ),
    ]
