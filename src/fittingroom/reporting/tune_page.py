"""The page of a search for hyper-parameters, and its result in sentences."""

import base64
import io
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import matplotlib
import optuna
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from fittingroom.numbers import (
    NONE,
    listed,
    percent,
    percent_estimate,
    points_estimate,
    seconds,
    some,
)
from fittingroom.reporting.tables import Table
from fittingroom.reporting.write import render
from fittingroom.tuning import Search, Setting, Value, settings_of

_STATES = {"COMPLETE": "complete", "PRUNED": "ended early", "FAIL": "failed"}
# Complete trials that importances need.
_FEWEST = 8
# Settings in one figure; with more, their scales cover each other.
_SIDE_BY_SIDE = 4
_ACCURACY = "validation accuracy"


class _Chart(NamedTuple):
    key: str
    title: str
    source: str  # a data: address
    caption: str


def tune_page(search: Search, recipe: str | None) -> bytes:
    """The page, self-contained, as HTML in UTF-8.

    Args:
        search: with one complete trial or more.
        recipe: the file of the best trial's recipe, if there is one.
    """
    page = {
        "search": search,
        "headline": headline(search),
        "lead": caution(search),
        "results": results_table(search),
        "settings": settings_table(search),
        "command": train_command(search, recipe),
        "charts": list(_charts(search)),
        "trials": trials_table(search),
        "failures": [trial for trial in search.trials if "error" in trial.user_attrs],
    }
    return render("tune.html.jinja", page)


def headline(search: Search) -> str:
    """The best trial, and its gain with other seeds."""
    name, start, again = search.recipe.name, search.start, search.retrained
    total = some(len(search.trials), "trial")
    reached = percent_estimate(search.accuracy_of(search.best), 2)
    if not search.improved:
        return f"None of {total} has a higher validation accuracy than {name} itself: {reached}."
    words = f"The best of {total} reaches {reached} validation accuracy"
    if start is None:
        return f"{words}. The training of {name} itself failed."
    words += f", {name} itself {percent_estimate(search.accuracy_of(start), 2)}."
    if again is None:
        return words
    gain = again.gain
    shown = (
        "an improvement" if gain.low > 0 else "no difference shown" if gain.high > 0 else "worse"
    )
    return (
        f"{words} With {some(len(again.seeds), 'other seed')} each, the gain is "
        f"{points_estimate(gain, 2)} percentage points: {shown}."
    )


def caution(search: Search) -> str:
    """How far the numbers can be trusted."""
    words = (
        "The accuracy of the best trial is too optimistic: it was chosen because it is the highest "
        f"of {len(search.complete)}, on the same {search.validation:,} validation images. "
    )
    if search.retrained is not None:
        spread = search.retrained.spread
        value, low, high = (100 * part for part in (spread.value, spread.low, spread.high))
        words += (
            "The trainings with other seeds did not choose it, so they are a fairer comparison. "
            f"Between seeds, the accuracy varies by {value:.2f} ({low:.2f}–{high:.2f}) percentage "
            "points (standard deviation). "
        )
    elif search.improved:
        words += "It was not trained with other seeds, so its gain may be chance. "
    return words + "The test set was not opened: compare both recipes once to do that."


def train_command(search: Search, recipe: str | None) -> str:
    """The command that trains the best trial's recipe."""
    if recipe is not None:
        return f"fittingroom train {recipe}"
    own, values = search.recipe.own, search.best.params if search.improved else {}
    settings = "".join(f" --set {name}={value}" for name, value in values.items())
    return f"fittingroom train {search.recipe.name if own is None else own.origin}{settings}"


def results_table(search: Search) -> Table:
    """The best trial and the original recipe."""
    again, best, start = search.retrained, search.best, search.start
    rows = [("original recipe", start, again.start if again else None)] if start else []
    if search.improved:
        rows.insert(0, (f"trial {best.number} (best)", best, again.best if again else None))
    seeds = again and f" and as the mean of seeds {listed([str(each) for each in again.seeds])}"
    return Table(
        f"Validation accuracy with 95% intervals, in the search{seeds or ''}.",
        ("", "in the search", "other seeds", "training"),
        tuple(
            (
                name,
                percent_estimate(search.accuracy_of(trial), 2),
                percent_estimate(estimate, 2) if estimate else NONE,
                seconds(trial.user_attrs.get("seconds")),
            )
            for name, trial, estimate in rows
        ),
    )


def settings_table(search: Search) -> Table:
    """What was varied, within which bounds, and the best trial's values."""
    own = settings_of(search.recipe, search.space)
    best = search.best.params if search.improved else own
    rows = tuple(
        (
            setting.name,
            _value(setting, own[setting.name]),
            _value(setting, best[setting.name]),
            f"{_value(setting, setting.low)} to {_value(setting, setting.high)}"
            + (", logarithmic" if setting.logarithmic else ""),
        )
        for setting in search.space
    )
    return Table("What was varied.", ("setting", "original recipe", "best trial", "range"), rows)


def trials_table(search: Search) -> Table:
    """Every trial, the most accurate first, then those that did not complete."""
    order = sorted(search.trials, key=lambda trial: (trial.state.name, -(trial.value or 0.0)))
    rows = tuple(
        (
            str(trial.number),
            _STATES[trial.state.name],
            NONE if trial.value is None else percent(trial.value, 2),
            seconds(trial.user_attrs.get("seconds")),
            *(_value(setting, trial.params[setting.name]) for setting in search.space),
        )
        for trial in order
    )
    return Table(
        "Every trial, with its validation accuracy; if it ended early, when it did.",
        ("trial", "state", "accuracy", "seconds", *(setting.name for setting in search.space)),
        rows,
        words=2,
    )


def _charts(search: Search) -> Iterator[_Chart]:
    """Optuna's own figures of a study."""
    from optuna.visualization import matplotlib as drawn

    study = optuna.create_study(direction="maximize")
    study.add_trials(search.trials)
    yield _chart(
        "history",
        "Accuracy in the course of the search",
        "A dot is a complete trial, the line the best one so far.",
        lambda: drawn.plot_optimization_history(study, target_name=_ACCURACY),
    )
    names = [setting.name for setting in search.space]
    values = {trial.value for trial in search.complete}
    if len(search.complete) >= _FEWEST and len(names) > 1 and len(values) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=search.seed)
        names = list(optuna.importance.get_param_importances(study, evaluator=evaluator))
        yield _chart(
            "importance",
            "Which settings matter",
            f"The share of the differences between {len(search.complete)} complete trials that "
            "each setting explains (functional analysis of variance). It has no interval, and so "
            "few trials may leave the order open.",
            lambda: drawn.plot_param_importances(study, evaluator, target_name=_ACCURACY),
        )
    shown = names[:_SIDE_BY_SIDE]
    yield _chart(
        "parallel",
        f"{listed(shown)} side by side" if len(shown) > 1 else shown[0],
        "A line is a complete trial, darker if it is more accurate. If dark lines bunch at a "
        "setting, good trials agree on it.",
        lambda: drawn.plot_parallel_coordinate(study, shown, target_name=_ACCURACY),
    )


def _chart(key: str, title: str, caption: str, draw: Callable[[], Axes]) -> _Chart:
    # Optuna draws with pyplot, under a style that it would leave behind.
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draw().set_title("")
        figure, stream = plt.gcf(), io.BytesIO()
        figure.savefig(stream, format="png", dpi=120, bbox_inches="tight")
        plt.close(figure)
    source = f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
    return _Chart(key, title, source, caption)


def _value(setting: Setting, value: Value) -> str:
    if setting.kind == "switch":
        return "yes" if value else "no"
    return f"{value:.3g}" if setting.kind == "number" else f"{value:,.0f}"
