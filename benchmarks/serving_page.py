"""The page of the measured service."""

from collections.abc import Mapping
from typing import Any

_BARS = {
    "1": 2_000,
    "32": 10_000,
}
_HALF_MS = 20.0
_TIMES = 2.0
_FLAT = 0.01
_LOADS = (("half", "50%"), ("high", "80%"), ("twice", "200%"))


def page(measured: Mapping[str, Any]) -> str:
    """All results as Markdown."""
    environment = measured["environment"]
    parts = [
        "# How fast the service answers",
        "By `benchmarks/serving.py`; one worker, server and load generator together on "
        f"{len(measured['processors'])} cores of {environment['processor']}; each load for "
        f"{measured['seconds']:g} s. Python {environment['python']}.",
    ]
    for model in measured["models"]:
        parts.append(f"## {model['title']}")
        parts.append(_raw(model["raw"]))
        for pictures, loads in model["loads"].items():
            parts += _loads(pictures, loads, measured["empty"][pictures], model["raw"])
        if "soak" in model:
            parts += _soak(model["soak"])
    parts.append(_definitions())
    return "\n\n".join(parts) + "\n"


def _raw(raw: Mapping[str, float]) -> str:
    rates = ", ".join(f"{rate:,.0f} in batches of {batch}" for batch, rate in raw.items())
    return f"ONNX Runtime alone, pictures a second on all those cores: {rates}."


def _loads(
    pictures: str, loads: Mapping[str, Any], empty: Mapping[str, Any], raw: Mapping[str, float]
) -> list[str]:
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
    verdicts = "\n".join(_verdicts(pictures, loads, empty, raw))
    return [f"### {title}", "\n".join(lines), verdicts]


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


def _verdicts(
    pictures: str, loads: Mapping[str, Any], empty: Mapping[str, Any], raw: Mapping[str, float]
) -> list[str]:
    """Each bar, what was measured, and whether it is reached."""
    rate, bar, alone = int(pictures) * loads["capacity"], _BARS[pictures], max(raw.values())
    bound = ", which the model alone does not reach either" if alone < bar else ""
    lines = [
        _verdict(f"≥ {bar:,} pictures a second", rate >= bar, f"{rate:,.0f}{bound}"),
        f"- The model alone gives {alone:,.0f}; the service, {rate / alone:.0%} of that.",
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
    resident = soak["resident_mb"]
    low, high = soak["slope_interval"]
    grown = high * soak["minutes"] / 60
    return [
        "### Memory",
        f"Resident over {soak['minutes']:g} minutes at half load, read {len(resident)} times: "
        f"{min(resident):.1f} to {max(resident):.1f} MB, at the end {resident[-1]:.1f}. After the "
        f"first tenth of the time it goes by {soak['slope_mb_per_hour']:+.2f} MB an hour (95% "
        f"{low:+.2f} to {high:+.2f}; Theil and Sen).",
        _verdict(
            f"flat, which is less than {_FLAT:.0%} more in that time",
            grown <= _FLAT * resident[-1],
            f"at most {grown:+.2f} MB",
        ),
    ]


def _definitions() -> str:
    return "\n".join(
        [
            "- *Requests* are binary tensors of the Open Inference Protocol; answers hold "
            "probabilities and abstentions, binary too.",
            "- *Closed loop*: 32 connections, each of which sends when it has its answer, or 0.1 s "
            "after a refusal; what is answered then is the capacity.",
            "- *Alone*: the median batch of noise through ONNX Runtime with a thread a core, nothing "
            "else running.",
            "- *Loads* in open loop: requests are due at random times (a Poisson process), and the "
            "time of an answer counts from when it was due, waiting for a connection included.",
            "- *Refused*: answered with 429 and Retry-After.",
            "- *Server's time*: processor time of the server's process, per request of any outcome.",
        ]
    )
