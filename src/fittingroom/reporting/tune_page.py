"""The page of a search for hyper-parameters, and its result in sentences."""

import base64
import io
import warnings
from collections.abc import Callable
from typing import Any

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


def tune_page(search: Search) -> bytes:
    """The page of a search with one complete trial or more, self-contained, as HTML in UTF-8."""
    page = {
        "search": search,
        "headline": headline(search),
        "lead": caution(search),
        "results": results_table(search),
        "command": train_command(search),
        "figures": _figures(search),
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
        words += "The trainings with other seeds had no part in the choice, so compare those. "
    elif search.improved:
        words += "It was not trained with other seeds, so its gain may be chance. "
    return words + "The test set is still closed; `fittingroom compare` on both recipes opens it."


def train_command(search: Search) -> str:
    """The command that trains the best trial's recipe."""
    own = search.recipe.own
    if own is None:
        return f"fittingroom train {search.recipe_file}"
    values = search.best.params if search.improved else {}
    settings = "".join(f" --set {name}={value}" for name, value in values.items())
    return f"fittingroom train {own.origin}{settings}"


def results_table(search: Search) -> Table:
    """The original recipe and the best trial: their accuracy, and what was varied."""
    again, trials = search.retrained, (search.start, search.best)
    accuracies = (trial and percent_estimate(search.accuracy_of(trial), 2) for trial in trials)
    times = (trial and seconds(trial.user_attrs.get("seconds")) for trial in trials)
    rows = [("accuracy", *accuracies, None), ("training", *times, None)]
    if again is not None:
        seeds = listed([str(seed) for seed in again.seeds])
        means = (percent_estimate(mean, 2) for mean in (again.start, again.best))
        rows.insert(1, (f"mean of seeds {seeds}", *means, None))
    own, tuned = settings_of(search.recipe, search.space), search.best.params
    for setting in search.space:
        values = (own[setting.name], tuned[setting.name], setting.low, setting.high)
        start, best, low, high = (_value(setting, value) for value in values)
        scale = ", logarithmic" if setting.logarithmic else ""
        rows.append((setting.name, start, best, f"{low} to {high}{scale}"))
    return Table.of(
        "Validation accuracy with 95% intervals, and what was varied.",
        ("", "original recipe", f"best: trial {search.best.number}", "range"),
        rows,
    )


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
        "Every trial. For one that ended early: its accuracy at that point.",
        ("trial", "state", "accuracy", "seconds", *(setting.name for setting in search.space)),
        rows,
        words=2,
    )


def _figures(search: Search) -> dict[str, str]:
    """Optuna's own figures of a study, as data: addresses."""
    from optuna.visualization import matplotlib as drawn

    study = optuna.create_study(direction="maximize")
    study.add_trials(search.trials)
    figures = {"history": _figure(drawn.plot_optimization_history, study)}
    names = [setting.name for setting in search.space]
    values = {trial.value for trial in search.complete}
    if len(search.complete) >= _FEWEST and len(names) > 1 and len(values) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=search.seed)
        names = list(optuna.importance.get_param_importances(study, evaluator=evaluator))
        figures["importance"] = _figure(drawn.plot_param_importances, study, evaluator)
    figures["settings"] = _figure(drawn.plot_parallel_coordinate, study, names[:_SIDE_BY_SIDE])
    return figures


def _figure(draw: Callable[..., Axes], *options: Any) -> str:
    # Optuna draws with pyplot, under a style that it would leave behind.
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        warnings.simplefilter("ignore")
        draw(*options, target_name="validation accuracy").set_title("")
        figure, stream = plt.gcf(), io.BytesIO()
        figure.savefig(stream, format="png", dpi=120, bbox_inches="tight")
        plt.close(figure)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _value(setting: Setting, value: Value) -> str:
    if setting.kind == "switch":
        return "yes" if value else "no"
    return f"{value:.3g}" if setting.kind == "number" else f"{value:,.0f}"
