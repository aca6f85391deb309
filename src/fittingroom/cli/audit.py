"""``audit``: find misleading images in the data."""

from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside

app = typer.Typer()


@app.command()
@options.takes_session("runs", "device", "threads")
def audit(
    recipe: Annotated[
        str | None,
        typer.Option(
            help="The models that judge the labels: a recipe's name, or my_file.py:build. Left "
            "out: cnn with half of its epochs."
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(help="How many models to train, each without one fold of the images.")
    ] = 5,
    seed: Annotated[int, typer.Option(help="Random seed of folds and trainings.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Audit again even if there is a finished audit.")
    ] = False,
    json: options.Json = False,
    *,
    session: "options.Session",
) -> None:
    """Find doubtful labels, near-duplicates and outliers; opens the test set, and logs that."""
    from fittingroom.jobs.audit import audit as audit_job
    from fittingroom.reporting.audit_page import audit_sentence, counts_table

    with prints_aside():
        found = audit_job(recipe=recipe, folds=folds, seed=seed, fresh=fresh, session=session)
    if json:
        print_json({**found.values, "page": str(found.page)})
        return
    counts = counts_table(found)
    print_table(None, counts.columns, counts.rows, left=("",))
    print_text(audit_sentence(found))
    print_text(f"Page: {found.page}")
