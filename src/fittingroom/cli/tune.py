"""``tune``: search hyper-parameters of a recipe on validation data."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside

app = typer.Typer()


@app.command()
@options.takes_session("runs", "device", "threads")
def tune(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, its JSON file, or my_file.py:build.")
    ],
    trials: Annotated[
        int, typer.Option(help="How many in all, including those of earlier calls.")
    ] = 20,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="Vary only this setting; with = in your own range: learning_rate=0.001:0.1:log. "
            "May be repeated."
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            help="Afterwards train the best trial and the original recipe with this many other "
            "seeds; 0 for none."
        ),
    ] = 3,
    seed: Annotated[int, typer.Option(help="Random seed of all trials and of the search.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the search. Default: one of its own in the folder of runs."
        ),
    ] = None,
    on: options.On = None,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Search hyper-parameters of a recipe on validation data, or resume a search."""
    from fittingroom.jobs.tune import tune as tune_job
    from fittingroom.reporting import tune_page

    with prints_aside():
        search = tune_job(
            recipe,
            trials=trials,
            vary=vary or (),
            seeds=seeds,
            seed=seed,
            out=out,
            on=on,
            session=session,
        )
    if json:
        file = search.recipe_file and str(search.recipe_file)
        print_json({**search.as_dict(), "recipe_file": file, "page": str(search.page)})
        return
    results = tune_page.results_table(search)
    print_table(None, results.columns, results.rows, left=("",))
    print_text(f"{tune_page.headline(search)} {tune_page.caution(search)}")
    print_text(f"To train it: {tune_page.train_command(search)}")
    print_text(f"To look at: {search.page}")
