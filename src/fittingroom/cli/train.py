"""``train``, ``verify`` and ``reproduce``: trainings, and what they are checked against."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside
from fittingroom.cli.results import run_values, validation_accuracy
from fittingroom.errors import UsageError

app = typer.Typer()


@app.command()
@options.takes_session("runs", "device", "threads")
def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe's name (`fittingroom recipes` lists them), the JSON file of one, or "
            "your own model: my_file.py:build."
        ),
    ],
    seed: Annotated[
        int, typer.Option(help="Random seed of the first weights and the order of images.")
    ] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: --set epochs=3. May be repeated."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a stopped training from its last checkpoint.")
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train one recipe into a new run folder."""
    from fittingroom.jobs.train import train as train_job
    from fittingroom.recipes import recipe_of

    with prints_aside():
        chosen = recipe_of(recipe).with_settings(_settings(set_ or []))
        run = train_job(chosen, seed=seed, resume=resume, session=session)
    if json:
        print_json(run_values(run))
    else:
        kept = f" (epoch {run.summary.best_epoch} of {len(run.history)} is kept)"
        print_text(
            f"{run.folder}: validation accuracy {validation_accuracy(run).percent} in "
            f"{run.summary.seconds:.1f} s{'' if run.recipe.in_one_go else kept}"
        )


def _settings(pairs: list[str]) -> dict[str, str]:
    """``["epochs=3"]`` → ``{"epochs": "3"}``."""
    settings = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"'{pair}' is no setting. Write --set name=value: --set epochs=3.")
        settings[name.strip()] = value.strip()
    return settings


@app.command()
@options.takes_session("runs", "device", "threads")
def verify(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or my_file.py:build.")],
    claim: Annotated[float, typer.Option(help="The claimed test accuracy, such as 0.8834.")],
    seeds: Annotated[int, typer.Option(help="Train with seeds 0 to N-1.")] = 1,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train a recipe over seeds, and say whether it reaches a claimed accuracy."""
    from fittingroom.jobs.verify import verify as verify_job

    with prints_aside():
        verification = verify_job(recipe, claim, seeds=seeds, session=session)
    if json:
        print_json(verification.as_dict())
        return
    rows = [
        (
            str(run.seed),
            accuracy.percent,
            "–" if run.recipe.in_one_go else str(len(run.history)),
            f"{run.summary.seconds:.1f}",
        )
        for run, accuracy in verification.per_seed
    ]
    print_table(None, ("seed", "test accuracy", "epochs", "seconds"), rows)
    print_text("In brackets: 95% intervals of each seed, which cover the test images alone.")
    print_text(verification.sentence)


@app.command()
@options.takes_session("device", "threads")
def reproduce(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    model: Annotated[
        str | None,
        typer.Option(help="The code of your own model, my_file.py:build, if the run trained one."),
    ] = None,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Train a run again, and say whether the results are the same, or what differs and why.

    Device and threads are by default those of the run. The exit code is 1 if the results differ and
    nothing in the environment explains it.
    """
    from fittingroom.jobs.reproduce import reproduce as reproduce_job

    with prints_aside():
        reproduction = reproduce_job(run, model=model, session=session)
    if json:
        print_json(reproduction.as_dict())
    else:
        print_text(reproduction.sentence)
    if reproduction.verdict == "unexplained":
        raise typer.Exit(1)
