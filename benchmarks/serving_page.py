"""The page of the measured service."""

from collections.abc import Mapping
from typing import Any

_BARS = {
    "1": 2_000,
    "32": 10_000,
}
_HALF_MS = 20.0
_TIMES = 2.0
_LOADS = (("half", "50%"), ("high", "80%"), ("twice", "200%"))


def page(measured: Mapping[str, Any]) -> str:
    """All results as Markdown."""
    environment = measured["environment"]
    parts = [
        "# How fast the service answers",
        f"By `benchmarks/serving.py`; `{measured['model']}`, one worker, server and load generator "
        f"together on {len(measured['processors'])} cores of {environment['processor']}; each load "
        f"for {measured['seconds']:g} s. Python {environment['python']}.",
    ]
    for pictures, loads in measured["loads"].items():
        parts += _loads(pictures, loads, measured["empty"][pictures])
    if "soak" in measured:
        parts += _soak(measured["soak"])
    parts.append(_definitions())
    return "\n\n".join(parts) + "\n"


def _loads(pictures: str, loads: Mapping[str, Any], empty: Mapping[str, Any]) -> list[str]:
    count = int(pictures)
    lines = [
        "| load | offered a second | answered | pictures a second | p50 | p99 "
        "| refused | refusal p50 | p99 | server's time a request |",
        "|---|---|---|---|---|---|---|---|---|---|",
        _row("closed loop", loads["closed"], count),
        *(_row(words, loads[name], count) for name, words in _LOADS),
        _row("empty handler, closed loop", empty, 0),
    ]
    title = "One picture a request" if count == 1 else f"{count} pictures a request"
    return [f"## {title}", "\n".join(lines), "\n".join(_verdicts(pictures, loads, empty))]


def _row(name: str, load: Mapping[str, Any], pictures: int) -> str:
    answered, refused = load["answered"], load["refused"]
    cells = (
        name,
        f"{load['offered']:,.0f}" if "offered" in load else "–",
        f"{answered['a_second']:,.0f}",
        f"{pictures * answered['a_second']:,.0f}" if pictures else "–",
        _ms(answered, "p50"),
        _ms(answered, "p99"),
        f"{refused['a_second']:,.0f}",
        _ms(refused, "p50"),
        _ms(refused, "p99"),
        f"{load['processor_ms_a_request']:.3f} ms",
    )
    return f"| {' | '.join(cells)} |"


def _ms(times: Mapping[str, Any], level: str) -> str:
    return f"{1000 * times[level]:.2f} ms" if level in times else "–"


def _verdicts(pictures: str, loads: Mapping[str, Any], empty: Mapping[str, Any]) -> list[str]:
    """Each bar, what was measured, and whether it is reached."""
    rate = int(pictures) * loads["capacity"]
    lines = [
        _verdict(
            f"≥ {_BARS[pictures]:,} pictures a second", rate >= _BARS[pictures], f"{rate:,.0f}"
        )
    ]
    half = 1000 * loads["half"]["answered"].get("p99", float("inf"))
    lines.append(
        _verdict(f"p99 ≤ {_HALF_MS:g} ms at half load", half <= _HALF_MS, f"{half:.1f} ms")
    )
    high = loads["high"]["answered"].get("p99", float("nan"))
    twice = loads["twice"]["answered"].get("p99", float("inf"))
    lines.append(
        _verdict(
            f"at twice capacity, p99 of what is accepted ≤ {_TIMES:g} times that at 80%",
            twice <= _TIMES * high,
            f"{twice / high:.1f} times",
        )
    )
    share = loads["closed"]["processor_ms_a_request"] / empty["processor_ms_a_request"]
    lines.append(
        f"- HTTP alone (an empty handler) answers {empty['answered']['a_second']:,.0f} requests a "
        f"second; a request costs the server {share:.1f} times as much processor time."
    )
    return lines


def _verdict(bar: str, reached: bool, value: str) -> str:
    return f"- {bar}: {'reached' if reached else '**not reached**'}, {value}."


def _soak(soak: Mapping[str, Any]) -> list[str]:
    resident = ", ".join(f"{each:.1f}" for each in soak["resident_mb"])
    return [
        "## Memory",
        f"Resident MB over {soak['minutes']:g} minutes at half load, at the end of each tenth: "
        f"{resident}. From the first to the last: {soak['growth_mb']:+.1f} MB.",
    ]


def _definitions() -> str:
    return "\n".join(
        [
            "- *Requests* are binary tensors of the Open Inference Protocol; answers hold "
            "probabilities and abstentions, binary too.",
            "- *Closed loop*: 32 connections, each of which sends when it has its answer; what is "
            "answered then is the capacity.",
            "- *Loads* in open loop: requests are due at random times (a Poisson process), and the "
            "time of an answer counts from when it was due, waiting for a connection included.",
            "- *Refused*: answered with 429 and Retry-After.",
            "- *Server's time*: processor time of the server's process, per request of any outcome.",
        ]
    )
