"""``teach`` and ``calibrate``: folders of photos, one a class → a model that suits them."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import options
from fittingroom.cli.output import print_json, print_table, print_text, say

app = typer.Typer()


@app.command()
def teach(
    photos: Annotated[
        Path, typer.Argument(help="A folder that holds a folder of photos for each class.")
    ],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the ten classes of Fashion-MNIST beside these.")
    ] = False,
    force: options.Force = False,
    json: options.Json = False,
    threads: options.Threads = None,
) -> None:
    """Teach the photo model classes of your own, by ten photos each or so, in seconds."""
    from fittingroom.jobs.teach import teach as job
    from fittingroom.numbers import percent_estimate, plain, points_estimate, sureness

    taught = job(photos, out=out, keep=keep, force=force, threads=threads, say=say)
    if json:
        print_json(plain(taught))
        return
    print_table(
        "Classes", ("class", "photos"), [(k, str(n)) for k, n in taught.classes.items()], ("class",)
    )
    verdict = "more would bring more" if taught.gain.low > 0 else "so few do not show if more help"
    print_text(
        f"By cross-validation, {percent_estimate(taught.accuracy)} of these photos are classified "
        f"correctly. It answers {percent_estimate(taught.answered)}, and of these answers "
        f"{percent_estimate(taught.answered_accuracy)} are right. Photos of one person or place "
        "are alike: of others, fewer will be.\n"
        f"The second half of the photos brought {points_estimate(taught.gain)} points: {verdict}."
    )
    for title, rows in (
        ("In the wrong folder?", taught.doubtful),
        ("Not answered", taught.unsure),
    ):
        shown = [
            (
                row["file"],
                row["class"],
                ", ".join(f"{name} {sureness(share)}" for name, share in row["top"].items()),
            )
            for row in rows
        ]
        if shown:
            columns = ("photo", "folder", "looks like")
            print_table(title, columns, shown, left=columns)
    print_text(f"{taught.path}: try it with `fittingroom predict photo.jpg --model {taught.path}`.")


@app.command()
def calibrate(
    photos: Annotated[
        Path, typer.Argument(help="A folder that holds a folder of images for each class.")
    ],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    risk: Annotated[
        float, typer.Option(help="The share of wrong answers that is allowed, such as 0.05.")
    ] = 0.05,
    model: Annotated[
        str, typer.Option(help="photo, cnn-tiny, a run's folder or a model.onnx.")
    ] = "photo",
    force: options.Force = False,
    json: options.Json = False,
    threads: options.Threads = None,
) -> None:
    """Choose when a model abstains by your own images, so that few of its answers are wrong."""
    from fittingroom.jobs.calibrate import calibrate as job
    from fittingroom.numbers import percent_estimate, plain

    found = job(photos, out=out, risk=risk, model=model, force=force, threads=threads, say=say)
    if json:
        print_json(plain(found))
        return
    print_text(
        f"Of {found.images:,} images it answers {percent_estimate(found.answered)}; of these "
        f"answers {percent_estimate(found.answered_accuracy)} are right. {found.unsure:,} are "
        f"unsure, {found.unknown:,} unknown.\n"
        f"For images like these, at most {risk:.1%} of the answers are wrong, with 90% "
        "confidence. Photos of other people or places are not like these.\n"
        f"{found.path}: try it with `fittingroom predict photo.jpg --model {found.path}`."
    )
