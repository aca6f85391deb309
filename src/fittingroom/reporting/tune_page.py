"""The page of a search for hyper-parameters, and what came of it in plain words."""

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
from fittingroom.reporting.model_figures import Panel
from fittingroom.reporting.tables import Table
from fittingroom.reporting.write import render
from fittingroom.tuning import Search, Setting, State, Trial, Value, settings_of
from fittingroom.tuning.results import planned_epochs

_STATES: dict[State, str] = {
    "complete": "complete",
    "pruned": "ended early",
    "failed": "broke down",
    "unfinished": "stopped in",
}


def tune_page(search: Search, recipe: str | None) -> bytes:
    """The page, self-contained, as HTML in UTF-8.

    Args:
        search: with one complete trial or more.
        recipe: the file of the best trial's recipe, where there is one.
    """
    page = {
        "search": search,
        "headline": headline(search),
        "lead": caution(search),
        "results": results_table(search),
        "settings": settings_table(search),
        "command": train_command(search, recipe),
        "panels": _panels(search),
        "trials": trials_table(search),
        "failures": [trial for trial in search.trials if trial.state == "failed"],
        "counts": _counts(search),
        "basis": _basis(search),
    }
    return render("tune.html.jinja", page)


def headline(search: Search) -> str:
    """The best trial, and what is left of its lead with other seeds."""
    best, start, again = search.best, search.start, search.retrained
    total = len(search.trials)
    reached = percent_estimate(search.accuracy_of(best), 2)
    if best.number == 0:
        return (
            f"No trial of {total} is more accurate on validation than {search.recipe.name} as it "
            f"was, which reaches {reached}."
        )
    words = (
        f"The best of {total} trials is trial {best.number}: {reached} of the validation pictures "
        "named rightly"
    )
    if start is None:
        return f"{words}. The recipe as it was broke down in training."
    words += f", against {percent_estimate(search.accuracy_of(start), 2)} as it was."
    if again is None:
        return words
    gain = again.gain
    shown = "shown" if gain.low > 0 else "not shown" if gain.high > 0 else "shown to be a loss"
    return (
        f"{words} With {some(len(again.seeds), 'other seed')} each, the gain is "
        f"{points_estimate(gain, 2)} percentage points: {shown} on these pictures."
    )


def caution(search: Search) -> str:
    """What the numbers are worth: the winner's curse, and the noise of seeds."""
    best, again = search.best, search.retrained
    words = (
        "The accuracy of the best trial is too high on average: the best of "
        f"{len(search.complete)} complete trials is the luckiest too, and the same "
        f"{search.validation:,} validation pictures that chose it score it. "
    )
    if again is not None:
        words += (
            f"Trained anew with {_seeds(again.seeds)}, it reaches "
            f"{percent_estimate(again.best, 2)} on average, and the recipe as it was "
            f"{percent_estimate(again.start, 2)}. Another seed alone moves the accuracy by "
            f"{_spread(search)} percentage points, one standard deviation. These seeds chose "
            "nothing, but the pictures did. "
        )
    elif best.number:
        words += (
            "How much of its lead is luck of the seed was not looked at (other seeds were not "
            "trained). "
        )
    return words + (
        "The test half was not opened; comparing both recipes over seeds, once, opens it."
    )


def train_command(search: Search, recipe: str | None) -> str:
    """The command that trains the best trial's recipe."""
    if recipe is not None:
        return f"fittingroom train {recipe}"
    own = search.recipe.own
    origin = own.origin if own is not None else search.recipe.name
    best = search.best
    values = "".join(
        f" --set {name}={value}" for name, value in best.settings.items() if best.number
    )
    return f"fittingroom train {origin}{values}"


def results_table(search: Search) -> Table:
    """The best trial first, then the recipe as it was."""
    again, best, start = search.retrained, search.best, search.start
    rows = [_result(search, f"Trial {best.number}, the best", best, again and again.best)]
    if best.number == 0:
        rows = [_result(search, "As it was, the best", best, None)]
    elif start is not None:
        rows.append(_result(search, "As it was", start, again and again.start))
    seeds = f", with {_seeds(again.seeds)} on average" if again is not None else ""
    return Table(
        "Validation accuracy with 95% intervals: in the search, where the best is too high on "
        f"average{seeds}.",
        ("", "in the search", "other seeds", "training", "epochs"),
        tuple(rows),
    )


def settings_table(search: Search) -> Table:
    """What was varied, within which bounds, and what the best trial has."""
    own = settings_of(search.recipe, search.space)
    best = search.best.settings if search.best.number else own
    rows = tuple(
        (
            setting.name,
            _value(setting, own[setting.name]),
            _value(setting, best[setting.name]),
            f"{_value(setting, setting.low)} to {_value(setting, setting.high)}",
            "factors" if setting.logarithmic else "–" if setting.kind == "switch" else "steps",
        )
        for setting in search.space
    )
    return Table(
        "What was varied. Steps: equal differences are as likely; factors: equal ratios are.",
        ("setting", "as it was", "best trial", "tried from … to", "scale"),
        rows,
    )


def trials_table(search: Search) -> Table:
    """Every trial, the most accurate first, then those that were not trained to their end."""
    order = sorted(
        search.trials,
        key=lambda trial: (trial.accuracy is None, -(trial.accuracy or 0.0), trial.number),
    )
    names = [setting.name for setting in search.space]
    rows = tuple(_trial(search, trial) for trial in order)
    return Table(
        "Every trial. Accuracy on validation; of those that were ended early, as it was then.",
        ("trial", "how it ended", "accuracy", "seconds", "epochs run", *names),
        rows,
        words=2,
    )


def _result(search: Search, name: str, trial: Trial, again: object) -> tuple[str, ...]:
    return (
        name,
        percent_estimate(search.accuracy_of(trial), 2),
        percent_estimate(again, 2) if again is not None else NONE,  # type: ignore[arg-type]
        seconds(trial.seconds),
        _epochs(trial),
    )


def _trial(search: Search, trial: Trial) -> tuple[str, ...]:
    last = trial.curve[-1] if trial.curve else None
    if trial.accuracy is not None:
        accuracy = percent_estimate(search.accuracy_of(trial), 2)
    else:
        accuracy = percent(last[1], 2) if last else NONE
    own = settings_of(search.recipe, search.space)
    values = trial.settings if trial.number else own
    return (
        str(trial.number),
        _STATES[trial.state],
        accuracy,
        seconds(trial.seconds if trial.seconds is not None else last and last[0]),
        _epochs(trial),
        *(
            _value(setting, values[setting.name]) if setting.name in values else NONE
            for setting in search.space
        ),
    )


def _panels(search: Search) -> list[Panel]:
    complete = len(search.complete)
    edge = search.frontier
    names = [name for name, _ in search.importance] or [each.name for each in search.space]
    steps = listed(
        [f"{percent(each.accuracy or 0, 1)} in {_seconds(each.seconds)}" for each in edge]
    )
    panels = [
        _panel(
            "time",
            "Accuracy against time",
            plots.accuracy_against_time(search),
            f"Validation accuracy of {some(len(search.trials), 'trial')} over seconds of training.",
            "Faint lines are learning curves, dots where complete trials ended, crosses where a "
            "training was ended early. Along the broken line more accuracy costs more time: "
            f"{steps}. Seconds are of this machine, with whatever else it did.",
        ),
        _panel(
            "parallel",
            "All settings side by side",
            plots.parallel_coordinates(search, names),
            f"A line for each of {complete} complete trials through accuracy and settings.",
            "A line a complete trial, stronger the more accurate it is. Where strong lines bunch, "
            "good trials agree; where they spread over the scale, the setting matters little, or "
            "only together with others.",
        ),
    ]
    if search.importance:
        first, share = search.importance[0]
        sure = share.low > search.importance[1][1].high
        panels.append(
            _panel(
                "importance",
                "Which settings matter",
                plots.importances(search.importance),
                "What each setting accounts for of the differences between complete trials.",
                f"{first} accounts for the largest share of the differences between "
                f"{some(complete, 'complete trial')}, {percent(share.value, 0)} of what single "
                "settings account for"
                + (
                    ". "
                    if sure
                    else ", but intervals overlap: so few trials leave the order open. "
                )
                + "It holds within the bounds that were tried. Functional analysis of variance; "
                "95% intervals by trials drawn anew.",
            )
        )
    return panels


def _panel(key: str, title: str, figure: object, alt: str, caption: str) -> Panel:
    markup = plots.svg(figure, key, alt)  # type: ignore[arg-type]
    # The page alone is left: no file of the picture beside it.
    return Panel(f"{key}.png", b"", title, alt, caption, svg=markup, wide=key != "importance")


def _counts(search: Search) -> str:
    counts = [
        f"{search.count(state)} {words}" for state, words in _STATES.items() if search.count(state)
    ]
    return f"{some(len(search.trials), 'trial')}: {listed(counts)}."


def _basis(search: Search) -> str:
    epochs = planned_epochs(search.recipe)
    return (
        f"Every trial trained on {search.training:,} pictures of {search.data} with seed "
        f"{search.seed}, and was scored on {search.validation:,} others, the validation half. The "
        "test half was not opened. The first trial is the recipe as it was"
        + (f" ({some(epochs, 'epoch')})" if not search.recipe.in_one_go else "")
        + ", so that the best is never worse than it on validation. What to try next: "
        "tree-structured Parzen estimator (Bergstra and others 2011), after ten trials at random, "
        "by Optuna. A trial is ended early where its accuracy is below the median of the others "
        "at the same share of their trainings, once five are complete."
    )


def _epochs(trial: Trial) -> str:
    ran = len(trial.curve)
    return f"{ran}" if ran == trial.epochs else f"{ran} of {trial.epochs}"


def _seconds(amount: float | None) -> str:
    """As elsewhere, but with two digits of what is less than a second."""
    return f"{amount:.2g} s" if amount is not None and amount < 0.995 else seconds(amount)


def _seeds(numbers: tuple[int, ...]) -> str:
    return f"seeds {listed([str(number) for number in numbers])}"


def _spread(search: Search) -> str:
    assert search.retrained is not None
    spread = search.retrained.spread
    value, low, high = (100 * part for part in (spread.value, spread.low, spread.high))
    return f"{value:.2f} ({low:.2f}–{high:.2f})"


def _value(setting: Setting, value: Value) -> str:
    if setting.kind == "switch":
        return "yes" if value else "no"
    return f"{value:.3g}" if setting.kind == "number" else f"{value:,.0f}"
