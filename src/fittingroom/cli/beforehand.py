"""``cv`` and ``register``: what to do before the test set is opened."""

from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside
from fittingroom.cli.results import POINTS, Margin
from fittingroom.numbers import decimal_estimate, percent, percent_range

app = typer.Typer()


@app.command()
@options.takes_session("runs", "device", "threads")
def cv(
    recipe: Annotated[
        list[str], typer.Argument(help="One recipe or more, or your own models: my_file.py:build.")
    ],
    folds: Annotated[
        int, typer.Option(help="How many models to train, each without one fold of the images.")
    ] = 5,
    seeds: Annotated[int, typer.Option(help="Cross-validate with seeds 0 to N-1.")] = 1,
    margin: Margin = POINTS,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again even if there are finished folds.")
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Score recipes on all training images, each held out once; the test set stays closed."""
    from fittingroom.jobs.cv import cross_validate

    with prints_aside():
        found = cross_validate(
            recipe, folds=folds, seeds=seeds, margin=margin / 100, fresh=fresh, session=session
        )
    if json:
        print_json(found.as_dict())
        return
    print_table(
        None,
        ("recipe", "seeds", "accuracy", "95% interval", "log loss"),
        [
            (
                model.name,
                str(len(model.seeds)),
                percent(model.accuracy.value, 2),
                percent_range(model.accuracy, 2),
                decimal_estimate(loss),
            )
            for model, loss in zip(found.models, found.log_losses, strict=True)
        ],
        left=("recipe",),
    )
    print_text(found.sentence)
