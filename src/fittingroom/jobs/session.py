"""Where a job finds its data, keeps its runs and computes, and who listens to it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fittingroom.data import Dataset, find_dataset
from fittingroom.jobs.progress import Progress, Silence


@dataclass(frozen=True)
class Session:
    """What every job needs beside its own arguments: ``train("cnn", session=Session("sample"))``.

    Attributes:
        data: a data set, a folder of one, ``"sample"``, or None for the job's own default: the data
            that a run was trained on where the job starts from a run, otherwise Fashion-MNIST
            from wherever it is.
        runs: the folder of runs.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; None for the best there is.
        threads: processor threads; None for as many as there are processors.
        progress: who listens; nobody by default.
    """

    data: Dataset | Path | str | None = None
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
        """The folder of runs as a path."""
        return Path(self.runs)
