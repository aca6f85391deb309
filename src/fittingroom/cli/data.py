"""``data``: find, download and check the data."""

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.classes import in_short
from fittingroom.cli import options
from fittingroom.cli.output import Display, print_json, print_table, print_text
from fittingroom.errors import DataInvalidError
from fittingroom.numbers import some

app = typer.Typer(no_args_is_help=True)


@app.command()
def fetch(
    folder: Annotated[
        Path | None, typer.Option(help="Put the files here, even if they are elsewhere.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Download Fashion-MNIST if it isn't on this machine yet."""
    from fittingroom.data import fetch_dataset

    dataset = fetch_dataset(folder)
    if json:
        print_json({"data": dataset.name, "path": str(dataset.path)})
    else:
        print_text(f"{dataset.name}, verified: {dataset.path}")


@app.command()
def show(
    data: options.Data = None,
    test: options.Test = None,
    classes: options.Classes = None,
    invert: options.Invert = "auto",
    sheet: Annotated[Path, typer.Option(help="Where to draw examples.")] = Path("sample_data.png"),
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Show where the data is, and draw a sheet of example images."""
    from fittingroom.data import contact_sheet, find_dataset, survey

    if data is None and not json:
        found = [(place.what, str(place.folder), place.words) for place in survey()]
        print_table(None, ("place", "folder", "found"), found, left=("place", "folder", "found"))
    dataset = find_dataset(
        data,
        test=test,
        classes=classes,
        invert=invert,
        fetch=data is not None,  # "mnist" may be downloaded
        track=Display().track,
    )
    training = dataset.training()
    drawn = force or not sheet.exists()
    try:
        if drawn:
            contact_sheet(training).save(sheet)
    except (OSError, ValueError) as error:
        raise DataInvalidError(
            f"The sheet can't be written to {sheet}: {error}. "
            "Choose another file with --sheet, ending in .png."
        ) from error
    if json:
        print_json(
            {
                "data": dataset.name,
                "official": dataset.official,
                "known": dataset.known,
                "description": dataset.description,
                "format": dataset.format,
                "path": str(dataset.path),
                "classes": list(dataset.classes),
                "training": len(training),
                "test": dataset.test_size,
                "notes": list(dataset.notes),
                "warnings": list(dataset.warnings),
                "sheet": str(sheet) if drawn else None,
            }
        )
        return
    print_text(f"Using {dataset.name} from {dataset.path}.")
    print_text(dataset.description)
    own = f", {dataset.own_validation:,} of them for validation" * bool(dataset.own_validation)
    print_text(
        f"{len(training):,} training images in {len(dataset.classes):,} classes{own}, and "
        f"{some(dataset.test_size, 'test image')}."
    )
    for note in dataset.notes:
        print_text(note)
    left = " exists, perhaps of other data, and was left as it is; --force draws it anew"
    print_text(
        f"Examples, one row a class ({in_short(dataset.classes)}): {sheet}{'' if drawn else left}"
    )
