"""How numbers read: the same in tables, sentences, Markdown and HTML."""

from fittingroom.metrics import Estimate
from fittingroom.runs import Timing

MINUS = "\N{MINUS SIGN}"
NONE = "–"


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
    return f"{100 * fraction:+.{digits}f}".replace("-", MINUS)


def points_estimate(estimate: Estimate, digits: int = 1) -> str:
    """``"+2.4 (+1.9 to +2.9)"``."""
    value, low, high = (
        points(part, digits) for part in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def decimal_estimate(estimate: Estimate) -> str:
    """``"0.201 (0.190–0.213)"``."""
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def decimal_change(estimate: Estimate) -> str:
    """``"−0.031 (−0.042 to −0.020)"``."""
    value, low, high = (
        f"{part:+.3f}".replace("-", MINUS) for part in (estimate.value, estimate.low, estimate.high)
    )
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


def duration(timing: Timing | None) -> str:
    """The middle of repeats with the least and longest: ``"0.42 ms (0.40–0.55)"``."""
    if timing is None:
        return NONE
    scale, unit = (1e3, "ms") if timing.median >= 1e-3 else (1e6, "µs")
    low, median, high = (
        _three_digits(value * scale) for value in (timing.low, timing.median, timing.high)
    )
    return f"{median} {unit} ({low}–{high})"


def _three_digits(value: float) -> str:
    """``0.4242`` → ``"0.424"``; ``8091.3`` → ``"8,091"``, and never a power of ten."""
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def probability(value: float) -> str:
    """A p-value: ``"0.031"``, or ``"< 0.001"``."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def sureness(value: float) -> str:
    """A probability in short: ``"98%"``; never rounded up to certainty, nor down to none."""
    if value < 0.01:
        return "< 1%"
    return ">99%" if value > 0.99 else f"{100 * value:.0f}%"


def some(number: int, noun: str, plural: str = "") -> str:
    """``"1 picture"``, ``"2 pictures"``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: list[str]) -> str:
    """``"a, b and c"``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
