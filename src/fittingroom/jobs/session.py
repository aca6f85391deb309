"""Where a job finds its data, keeps its runs and computes, and who listens to it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fittingroom.data import Dataset, find_dataset
from fittingroom.engines import Device
from fittingroom.errors import DataInvalidError, DataNotFoundError
from fittingroom.jobs.progress import Progress, Silence
from fittingroom.runs import Run, describe_environment, resolved


@dataclass(frozen=True)
class Session:
    """What every job needs beside its own arguments: ``train("cnn", session=Session("sample"))``.

    Attributes:
        data: a data set, a file or folder of one, ``"sample"``, ``"mnist"``, ``"kmnist"``, arrays
            (``(x, y, x_test, y_test)``), or None for the job's own default: the data that a run
            was trained on where the job starts from a run, otherwise Fashion-MNIST from wherever
            it is.
        runs: the folder of runs.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; None for the best there is.
        threads: processor threads; None for as many as there are processors.
        progress: who listens; nobody by default.
    """

    data: Dataset | Path | str | tuple[Any, ...] | None = None
    runs: Path | str = field(default=Path("runs"))
    device: str | None = None
    threads: int | None = None
    progress: Progress = field(default_factory=Silence)

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, found and checked once.

        Raises:
            DataError: it is nowhere, or not what it should be.
        """
        return self.data if isinstance(self.data, Dataset) else find_dataset(self.data)

    @cached_property
    def folder(self) -> Path:
        """The folder of runs as a path, resolved."""
        return resolved(self.runs)


def surroundings(place: Device) -> dict[str, Any]:
    """What a training depends on beside its recipe and data, as plain JSON values."""
    return {
        **describe_environment(),
        "device": place.name,
        "device_description": place.description,
        "threads": place.threads,
    }


def dataset_of(run: Run) -> Dataset:
    """The data set that a run was trained on.

    A path in a run that was only read is not followed, as somebody else may have written it: other
    data than Fashion-MNIST has to be named then.

    Raises:
        DataError: the data is nowhere, has changed, or has to be named.
    """
    data = run.environment["data"]
    source = data["source"]
    if data["name"] in ("sample", "kmnist"):  # these are known by their names
        found = find_dataset(data["name"])
    elif run.made_here and source.get("path") is not None:
        # The class names are those that were given when it was trained.
        found = find_dataset(
            source["path"], test=source["test"], invert=source["invert"], classes=run.classes
        )
    elif data["official"] or data["name"] == "mnist":
        found = find_dataset(None if data["official"] else "mnist")
    elif source.get("path") is None:
        raise DataNotFoundError(
            f"{run.name} was trained on arrays, which no file holds. Pass them again as the "
            "session's data, or name a file of the same data with --data."
        )
    else:
        raise DataNotFoundError(
            f"{run.name} was trained on {source['path']}. If you trust that path, name it with "
            "--data, and give the same --test and --classes as for training. It isn't opened "
            "unasked, as somebody else may have written it into the run."
        )
    if found.training_hashes != data["hashes"] or found.test_hashes != data["test_hashes"]:
        raise DataInvalidError(
            f"{found.path} doesn't hold the data that {run.name} was trained on. Restore "
            "its files, or name the data to score on with --data."
        )
    return found
