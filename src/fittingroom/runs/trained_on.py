"""The data set that a run was trained on."""

from dataclasses import replace

from fittingroom.data import Dataset, find_dataset
from fittingroom.errors import DataInvalidError, DataNotFoundError
from fittingroom.runs.folder import Run


def dataset_of(run: Run) -> Dataset:
    """The data set that a run was trained on.

    A path in a run that was only read is not followed, as somebody else may have written it: other
    data than Fashion-MNIST has to be named then.

    Raises:
        DataError: the data is nowhere, has changed, or has to be named.
    """
    data = run.environment["data"]
    if data["name"] == "sample":
        found = find_dataset("sample")
    elif run.made_here:
        found = find_dataset(data["folder"], allow_unknown=not data["official"])
        # The class names that were given when it was trained, and the name that they are part of.
        found = replace(found, classes=run.classes, name=data["name"])
    elif data["official"]:
        found = find_dataset()
    else:
        raise DataNotFoundError(
            f"The data that {run.name} was trained on, {data['name']}, isn't looked for at the "
            "path that the run names, as somebody else may have written it. Name it with "
            "--data DIR --allow-unknown-data, and the same --classes as for training."
        )
    if found.training_hashes != data["hashes"] or found.test_hashes != data["test_hashes"]:
        raise DataInvalidError(
            f"{found.folder} doesn't hold the data that {run.name} was trained on. Restore its "
            "files, or name the data to score on with --data."
        )
    return found
