"""``verify``: does a recipe reach a claimed accuracy?"""

from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside

app = typer.Typer()


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
        for run, accuracy in zip(verification.runs, verification.per_seed, strict=True)
    ]
    print_table(None, ("seed", "test accuracy", "epochs", "seconds"), rows)
    print_text("In brackets: 95% intervals of each seed, which cover the test images alone.")
    print_text(verification.sentence)
