"""What ``photos.py`` measured, as a page."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

WITHIN = 0.03  # of the clean accuracy: the bar on plain grounds


def line(name: str, row: Row) -> str:
    """A kind of photo in one line, for the terminal."""
    ways = ", ".join(f"{way} {row[way]['value']:.2%}" for way in ("read_photo", "negated", "as_is"))
    return (
        f"{name}: {ways}; {_points(row['against_clean'])} against clean, "
        f"{_points(row['against_best_naive'])} against naïve; warned {row['warned']}, "
        f"refused {row['refused']}"
    )


def fallen_short(measured: Row) -> list[str]:
    """The bars that were missed, each in words; none where all hold."""
    missed = []
    for name, row in measured["scenes"].items():
        if row["bar"] == "plain" and row["against_clean"]["value"] < -WITHIN:
            missed.append(f"{name}: {_points(row['against_clean'])} against the clean pictures")
        if row["against_best_naive"]["value"] < 0:
            missed.append(f"{name}: {_points(row['against_best_naive'])} against the naïve way")
    return missed


def page(measured: Row) -> str:
    """The whole page in Markdown."""
    missed = fallen_short(measured)
    lines = [
        "# Photos",
        "",
        f"The first {measured['pictures']:,} test pictures rendered back as photos and classified by "
        f"`{measured['model']}`, which names {_share(measured['clean'])} of them rightly as they are. "
        "*Naïve*: resized to 28×28 and made grey, negated or not. Differences are paired, in "
        "percentage points; all intervals are of 95%. `make bench-photos` measures it anew.",
        "",
        "**These photos are rendered from the test set. They are no substitute for a labelled set of "
        "real photos**: they have its angles, its styles and its cut-outs, and only those damages "
        "that were thought of.",
        "",
        "| photo | read by `fittingroom` | naïve, negated | naïve, as it is | against clean | "
        "against the better naïve way | warned |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in measured["scenes"].items():
        cells = [
            f"**{name}**" if row["bar"] else name,
            *(_share(row[way]) for way in ("read_photo", "negated", "as_is")),
            _points(row["against_clean"]),
            _points(row["against_best_naive"]),
            f"{row['warned'] / measured['pictures']:.0%}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    bars = (
        "on plain grounds (bold) at most 3 points below the clean accuracy, and nowhere below the "
        "better naïve way"
    )
    verdict = f"Missed: {'; '.join(missed)}." if missed else "All of them hold."
    lines += ["", f"The bars: {bars}. {verdict}", "", *_drawings(measured["drawings"])]
    environment = measured["environment"]
    lines += ["", f"Measured on {environment.get('processor')}, {environment.get('time')}."]
    return "\n".join(lines) + "\n"


def _drawings(drawn: Row) -> list[str]:
    lines = ["## Drawings by other hands", ""]
    if not drawn["fonts"]:
        return [*lines, "Not scored: none of their fonts was found on this machine."]
    lines += [
        "Garments among the emoji and pictographs of fonts, each drawn once: a handful, and drawings, "
        "so no accuracy is claimed from them. *Right* allows every class that the drawing could be.",
        "",
        "| font | drawing | said | right | naïve, negated | naïve, as it is |",
        "|---|---|---|---|---|---|",
    ]
    for font, rows in drawn["fonts"].items():
        for row in rows:
            marks = ["yes" if each else "no" for each in row["right"]]
            lines.append(f"| {font} | {row['shows']} | {row['said']} | {' | '.join(marks)} |")
        counts = [sum(row["right"][way] for row in rows) for way in range(3)]
        totals = " | ".join(f"**{count} of {len(rows)}**" for count in counts)
        lines.append(f"| {font} | all | | {totals} |")
    if drawn["missing"]:
        lines += ["", f"Not found, and left out: {', '.join(drawn['missing'])}."]
    return lines


def _share(estimate: Row) -> str:
    return f"{estimate['value']:.2%} ({100 * estimate['low']:.1f}–{100 * estimate['high']:.1f})"


def _points(estimate: Row) -> str:
    value, low, high = (
        f"{100 * estimate[name]:+.2f}".replace("-", "−") for name in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"
