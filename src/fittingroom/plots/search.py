"""A search for hyper-parameters: every trial against time, and settings side by side."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from fittingroom.plots.style import (
    INK,
    MODEL_COLOURS,
    MUTED,
    PAPER,
    REST,
    drawn,
    inches_axes,
    spread,
)
from fittingroom.tuning import Search, Setting, Trial, Value, settings_of

BEST, START = MODEL_COLOURS[1], MODEL_COLOURS[0]
_ROW = 0.44  # inches
_MINUS = "\N{MINUS SIGN}"


@drawn
def accuracy_against_time(search: Search) -> Figure:
    """Every trial's validation accuracy over its seconds, with the edge that none is beyond.

    Faint lines are learning curves; a dot ends a complete one, a cross one that was ended early.
    The recipe as it was and the best trial are coloured.
    """
    figure = Figure(figsize=(7.4, 3.7))
    axes = inches_axes(figure, 0.6, 0.5, 5.3, 3.0)
    _percent_axis(axes)
    axes.set_xscale("log")
    axes.set_xlabel("seconds of training")
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    shown = [trial for trial in search.trials if trial.curve]
    for trial in shown:
        seconds, shares = zip(*trial.curve, strict=True)
        axes.plot(seconds, [100 * share for share in shares], color=REST, linewidth=0.7, alpha=0.55)
        if trial.state == "pruned":
            axes.plot(seconds[-1], 100 * shares[-1], "x", color=REST, markersize=4.5)
    for trial in search.complete:
        axes.plot(*_end(trial), "o", color=REST, markeredgecolor=PAPER, markersize=5.5)
    edge = search.frontier
    axes.step(
        [_end(trial)[0] for trial in edge],
        [_end(trial)[1] for trial in edge],
        where="post",
        color=MUTED,
        linewidth=1.1,
        linestyle=(0, (4, 2)),
        zorder=3,
    )
    ends = [_end(trial)[1] for trial in search.complete]
    # A curve's beginnings and broken trials lie far below, and would press all else together.
    low = max(min(ends), float(np.median(ends)) - 3 * (max(ends) - float(np.median(ends))) - 0.5)
    room = 0.08 * (max(ends) - low) or 0.5
    axes.set_ylim(low - 3 * room, min(100.0, max(ends) + room))
    _named(axes, search)
    return figure


@drawn
def parallel_coordinates(search: Search, names: Sequence[str]) -> Figure:
    """A line a trial through accuracy and all settings, each on a scale of its own.

    Scales lie beneath each other, the accuracy's first, so that their names can be read. The more
    accurate a trial, the stronger its line; trials that were ended early are left out.

    Args:
        search: the trials.
        names: of the settings, in the order to be drawn in.
    """
    space = {setting.name: setting for setting in search.space}
    rows = [space[name] for name in names]
    tall = _ROW * len(rows) + 0.35
    figure = Figure(figsize=(7.4, tall + 0.55))
    axes = inches_axes(figure, 2.2, 0.3, 4.6, tall)
    axes.set_ylim(len(rows) + 0.35, -0.45)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([])
    axes.set_yticks(range(len(rows) + 1), ["validation accuracy", *names], color=INK)
    axes.tick_params(axis="y", pad=8)
    for spine in axes.spines.values():
        spine.set_visible(False)
    ends = [trial.accuracy or 0.0 for trial in search.complete]
    low, high = min(ends), max(ends)
    accuracy = Setting("accuracy", "number", low, high)
    scales = [(f"{100 * low:.1f}%", f"{100 * high:.1f}%")]
    scales += [(_value(row, row.low), _value(row, row.high)) for row in rows]
    for place, words in enumerate(scales):
        axes.plot([0, 1], [place, place], color=MUTED, linewidth=0.8, zorder=1)
        for at, word, align in ((0.0, words[0], "left"), (1.0, words[1], "right")):
            axes.annotate(
                word,
                (at, place),
                xytext=(0, -3),
                textcoords="offset points",
                ha=align,
                va="top",
                fontsize=7,
                color=MUTED,
            )
    order = sorted(search.complete, key=lambda trial: trial.accuracy or 0.0)
    own = settings_of(search.recipe, search.space)
    best = search.best
    for rank, trial in enumerate(order):
        values = own if trial.number == 0 else trial.settings
        across = [accuracy.place(trial.accuracy or 0.0)]
        across += [row.place(values[row.name]) for row in rows]
        kind = "best" if trial is best else "start" if trial.number == 0 else "rest"
        colour, width, strength = {
            "best": (BEST, 2.2, 1.0),
            "start": (START, 1.8, 1.0),
            "rest": (REST, 0.9, 0.12 + 0.7 * (rank / len(order)) ** 2),
        }[kind]
        axes.plot(
            across,
            range(len(rows) + 1),
            color=colour,
            linewidth=width,
            alpha=strength,
            marker="o" if kind != "rest" else "",
            markersize=4.5,
            markeredgecolor=PAPER,
            linestyle=(0, (4, 1.6)) if kind == "start" and best.number else "-",
            zorder=2 if kind == "rest" else 4,
            solid_joinstyle="round",
        )
    names_at = [(accuracy.place(best.accuracy or 0.0), _best_name(best), BEST)]
    if search.start is not None and best.number:
        names_at.append((accuracy.place(search.start.accuracy or 0.0), "as it was", START))
    moved = spread([each[0] for each in names_at], 0.24)
    for near, (at, word, colour) in zip(moved, names_at, strict=True):
        axes.annotate(
            word,
            (min(near, 1.0), 0),
            xytext=(0, 7),
            textcoords="offset points",
            ha="right" if at > 0.8 else "left" if at < 0.2 else "center",
            va="bottom",
            color=colour,
            fontsize=8.5,
            fontweight="bold",
            annotation_clip=False,
        )
    return figure


def _named(axes: Axes, search: Search) -> None:
    """The recipe as it was and the best trial, in colour and with their names at the right."""
    named: list[tuple[Trial, str, str, Literal["o", "D"]]] = []
    if search.start is not None and search.best.number:
        named.append((search.start, "as it was", START, "D"))
    named.append((search.best, _best_name(search.best), BEST, "o"))
    for trial, _, colour, marker in named:
        axes.plot(
            [seconds for seconds, _ in trial.curve],
            [100 * share for _, share in trial.curve],
            color=colour,
            linewidth=1.4,
            zorder=4,
        )
        axes.plot(*_end(trial), marker, color=colour, markeredgecolor=PAPER, markersize=8, zorder=5)
    bottom, top = axes.get_ylim()
    ends = spread([_end(trial)[1] for trial, *_ in named], 26 * (top - bottom) / (3.0 * 72))
    for place, (trial, word, colour, _) in zip(ends, named, strict=True):
        seconds, percent = _end(trial)
        axes.annotate(
            f"{word}\n{percent:.1f}%, {seconds:.2g} s"
            if seconds < 1
            else f"{word}\n{percent:.1f}%, {seconds:,.1f} s",
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=8.5,
            linespacing=1.15,
            annotation_clip=False,
        )


def _end(trial: Trial) -> tuple[float, float]:
    """Where a complete trial ended: seconds, and percent."""
    return trial.seconds or 0.0, 100 * (trial.accuracy or 0.0)


def _best_name(trial: Trial) -> str:
    return f"trial {trial.number}, the best" if trial.number else "as it was, the best"


def _percent_axis(axes: Axes) -> None:
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))


def _value(setting: Setting, value: Value) -> str:
    if setting.kind == "switch":
        return "yes" if value else "no"
    return f"{value:g}".replace("-", _MINUS) if setting.kind == "number" else f"{value:,.0f}"
