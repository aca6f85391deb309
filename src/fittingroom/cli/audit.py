"""``audit``: find misleading images in the data."""

from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, prints_aside

app = typer.Typer()


@app.command()
def audit(
    recipe: Annotated[
        str | None,
        typer.Option(
            help="The models that judge the labels: a recipe's name, or my_file.py:build. Left "
            "out: cnn with half of its epochs.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(help="How many models to train, each without one fold of the images."),
    ] = 5,
    seed: Annotated[int, typer.Option(help="Of the folds and of the trainings.")] = 0,
    data: options.Data = None,
    allow_unknown_data: options.AllowUnknownData = False,
    classes: options.Classes = None,
    runs: options.Runs = options.RUNS,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Audit again even if there is a finished audit.")
    ] = False,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Find doubtful labels, near-duplicates and outliers; opens the test set, and logs that."""
    from fittingroom.jobs.audit import audit as audit_job
    from fittingroom.reporting.audit_page import audit_sentence, counts_table

    with prints_aside():
        stored = audit_job(
            recipe=recipe,
            folds=folds,
            seed=seed,
            session=options.session(
                data, allow_unknown_data, classes, runs=runs, device=device, threads=threads
            ),
            fresh=fresh,
        )
    if json:
        print_json({**stored.audit.as_dict(), "page": str(stored.page)})
        return
    counts = counts_table(stored.audit)
    print_table(None, counts.columns, counts.rows, left=("",))
    print_text(audit_sentence(stored.audit))
    print_text(f"Page: {stored.page}")
