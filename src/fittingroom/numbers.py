"""A number with its interval, and how numbers read: the same in tables, sentences and charts.

Standard library only, so that every room and every command may use it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

MINUS = "\N{MINUS SIGN}"
NONE = "–"


@dataclass(frozen=True)
class Estimate:
    """A number and the ends of its 95% interval: a number without one is not shown."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """``{"value": …, "low": …, "high": …}``: its JSON in every command.

        An infinite number, such as the log loss of a model that ruled out what then happened, has
        no JSON: it is None.
        """
        return {each.name: plain(float(getattr(self, each.name))) for each in fields(self)}

    @property
    def percent(self) -> str:
        """A share where there is little room: ``"93.72% (93.0–94.4)"``."""
        return f"{percent(self.value, 2)} ({100 * self.low:.1f}–{100 * self.high:.1f})"


def plain(value: Any) -> Any:
    """The value as JSON types: dataclasses by their fields, arrays as lists.

    NaN and infinities become None, and what has no form in JSON becomes its text.
    """
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # of NumPy, be it an array or a single number
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


@dataclass(frozen=True)
class Timing:
    """How long a model takes for an image, in seconds, over several measurements."""

    median: float
    percentile_90: float  # a single accident does not change it, as it would the longest
    batch: int  # images at a time


def percent(fraction: float, digits: int = 1) -> str:
    """``0.9312`` → ``"93.1%"``."""
    return f"{100 * fraction:.{digits}f}%"


def percent_range(estimate: Estimate, digits: int = 1) -> str:
    """The interval alone: ``"92.6–93.6%"``."""
    return f"{100 * estimate.low:.{digits}f}–{100 * estimate.high:.{digits}f}%"


def percent_estimate(estimate: Estimate, digits: int = 1) -> str:
    """``"93.1% (92.6–93.6%)"``."""
    return f"{percent(estimate.value, digits)} ({percent_range(estimate, digits)})"


def points(fraction: float, digits: int = 1) -> str:
    """A difference of fractions in percentage points, signed: ``"+2.4"``."""
    return signed(100 * fraction, digits)


def points_estimate(estimate: Estimate, digits: int = 1) -> str:
    """``"+2.4 (+1.9 to +2.9)"``."""
    return f"{points(estimate.value, digits)} ({points_range(estimate, digits)})"


def points_range(estimate: Estimate, digits: int = 1) -> str:
    """The interval alone: ``"+1.9 to +2.9"``."""
    return f"{points(estimate.low, digits)} to {points(estimate.high, digits)}"


def decimal_estimate(estimate: Estimate) -> str:
    """``"0.201 (0.190–0.213)"``."""
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def ratio_estimate(estimate: Estimate) -> str:
    """``"0.78 (0.72–0.83)"``."""
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"


def decimal_change(estimate: Estimate) -> str:
    """``"−0.031 (−0.042 to −0.020)"``."""
    value, low, high = (signed(part, 3) for part in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def count(number: int | None) -> str:
    """``1234567`` → ``"1,234,567"``."""
    return NONE if number is None else f"{number:,}"


def seconds(amount: float | None) -> str:
    """``83.4`` → ``"1 min 23 s"``; ``8.34`` → ``"8.3 s"``."""
    if amount is None:
        return NONE
    if amount < 59.95:
        return f"{amount:.1f} s"
    minutes, rest = divmod(round(amount), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(number: int | None) -> str:
    """``1234567`` → ``"1.2 MB"`` (powers of ten)."""
    if number is None:
        return NONE
    if number < 1000:
        return f"{number} B"
    if number < 999_500:
        return f"{number / 1e3:.0f} kB"
    return f"{number / 1e6:.1f} MB"


def duration(times: Timing | None) -> str:
    """The median of repeats, and their 90th percentile: ``"0.42 ms (0.55)"``."""
    if times is None:
        return NONE
    scale, unit = (1e3, "ms") if times.median >= 1e-3 else (1e6, "µs")
    return (
        f"{_three_digits(times.median * scale)} {unit} "
        f"({_three_digits(times.percentile_90 * scale)})"
    )


def p_value(value: float) -> str:
    """``"0.031"``, or ``"< 0.001"``."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def sureness(value: float) -> str:
    """A probability in short: ``"98%"``; never rounded up to certainty, nor down to none."""
    if value < 0.01:
        return "<1%"
    return ">99%" if value > 0.99 else f"{100 * value:.0f}%"


def some(number: int, noun: str, plural: str = "") -> str:
    """``"1 image"``, ``"2 images"``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """``"a, b and c"``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def signed(number: float, digits: int = 0) -> str:
    """``-1234`` → ``"−1,234"``; zero has no sign."""
    text = f"{number:+,.{digits}f}"
    return text[1:] if round(number, digits) == 0 else text.replace("-", MINUS)


def _three_digits(value: float) -> str:
    """``0.4242`` → ``"0.424"``; ``8091.3`` → ``"8,091"``, and never a power of ten."""
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"
