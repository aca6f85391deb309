"""Who is shown to be better than whom."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fittingroom.comparison import Comparison, Verdict
from fittingroom.numbers import points
from fittingroom.plots.style import (
    GRID,
    INK,
    MUTED,
    REST,
    drawn,
    inches_axes,
    model_colour,
)

_CELL = (0.86, 0.5)  # inches across and down
_LETTER = 0.075  # inches that a letter of a name takes
_LONGEST = 22  # letters of a name


@drawn
def verdict_matrix(comparison: Comparison, places: Sequence[int] | None = None) -> Figure:
    """The verdict on each row's model against each column's, and the difference in points.

    A cell has the colour of the model that is shown to be better, grey where the two are
    equivalent, and none where nothing is shown. Models stand in the order of their accuracy.

    Args:
        comparison: of all the models.
        places: theirs in the order of colours; None for that of the comparison.
    """
    models = comparison.models
    colours = [model_colour(place) for place in places or range(len(models))]
    order = sorted(range(len(models)), key=lambda at: -models[at].accuracy.value)
    matrix = comparison.verdict_matrix()
    gaps = {(pair.b, pair.a): pair.difference.value for pair in comparison.pairs}
    gaps |= {(b, a): -gap for (a, b), gap in gaps.items()}

    across, down = _CELL[0] * len(order), _CELL[1] * len(order)
    names = [_short(models[at].name) for at in order]
    left = 0.25 + _LETTER * max(len(name) for name in names)
    figure = Figure(figsize=(left + across + 0.6, down + 0.35 + left * 0.75))
    axes = inches_axes(figure, left, 0.2, across, down)
    axes.set_xlim(0, len(order))
    axes.set_ylim(len(order), 0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    centres = [at + 0.5 for at in range(len(order))]
    axes.set_yticks(centres, names)
    axes.xaxis.tick_top()
    axes.set_xticks(centres, names, rotation=35, ha="left", rotation_mode="anchor")
    axes.tick_params(length=0, pad=4)
    for labels in (axes.get_yticklabels(), axes.get_xticklabels()):
        for label, at in zip(labels, order, strict=True):
            label.set_color(colours[at])
    for row, at in enumerate(order):
        for column, other in enumerate(order):
            verdict = matrix[at][other]
            if verdict is None:
                continue
            winner = {"better": colours[at], "worse": colours[other], "equivalent": REST}
            if verdict in winner:
                axes.add_patch(
                    Rectangle(
                        (column, row), 1, 1, facecolor=winner[verdict], alpha=0.26, linewidth=0
                    )
                )
            gap = gaps[models[at].name, models[other].name]
            _words(axes, column, row, verdict, points(gap, 2))
    for line in range(len(order) + 1):
        axes.plot([0, len(order)], [line, line], color=GRID, linewidth=0.6, clip_on=False)
        axes.plot([line, line], [0, len(order)], color=GRID, linewidth=0.6, clip_on=False)
    return figure


def _words(axes: Axes, column: int, row: int, verdict: Verdict, points: str) -> None:
    shown = verdict in ("better", "worse")
    for up, text, size, colour in (
        (0.36, verdict, 8, INK if shown else MUTED),
        (0.7, points, 7.5, MUTED),
    ):
        axes.text(
            column + 0.5,
            row + up,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=colour,
            fontweight="bold" if shown and text == verdict else "normal",
        )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
