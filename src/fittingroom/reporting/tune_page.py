"""The page of a search for hyper-parameters, and its result in sentences."""

import math

import optuna

from fittingroom import plots
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
# Settings in one figure, side by side.
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
        tried = f"{low} to {high}{', logarithmic' if setting.logarithmic else ''}"
        if setting.choices:
            tried = ", ".join(_value(setting, value) for value in setting.choices)
        rows.append((setting.name, start, best, tried))
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
    """The course of the search, and the settings of its trials, as markup."""
    trials, settings = search.complete, {setting.name: setting for setting in search.space}
    accuracies = [trial.value or 0.0 for trial in trials]
    figures = {"history": plots.search_course([trial.number for trial in trials], accuracies)}
    if len(trials) >= _FEWEST and len(settings) > 1 and len(set(accuracies)) > 1:
        study = optuna.create_study(direction="maximize")
        study.add_trials(trials)
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=search.seed)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
        settings = {name: settings[name] for name in shares}
        figures["importance"] = plots.importances([*shares.items()])
    scales = [
        (
            name,
            _value(setting, setting.low),
            _value(setting, setting.high),
            [_place(setting, trial.params[name]) for trial in trials],
        )
        for name, setting in [*settings.items()][:_SIDE_BY_SIDE]
    ]
    figures["settings"] = plots.settings_of_trials(scales, accuracies)
    alt = "The table of every trial has the numbers."
    return {name: plots.svg(figure, name, alt) for name, figure in figures.items()}


def _place(setting: Setting, value: Value) -> float:
    """Where a value lies between the bounds of its setting, from 0 to 1."""
    scale = math.log if setting.logarithmic else float
    low, high = scale(setting.low), scale(setting.high)
    return (scale(value) - low) / (high - low)


def _value(setting: Setting, value: Value) -> str:
    if setting.kind == "switch":
        return "yes" if value else "no"
    return f"{value:.3g}" if setting.kind == "number" else f"{value:,.0f}"
