"""Keep data sets that took long to read, for the next time.

An entry is found by what decides about a data set: the path, size and time of every file that may
have been read, the options, and our own code. Its content hashes are computed anew.
"""

import contextlib
import dataclasses
import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fittingroom.data.dataset import Dataset, Source, content_hashes
from fittingroom.data.official import TEST, TRAINING
from fittingroom.data.readers import idx
from fittingroom.data.split import ImageSet
from fittingroom.photos import Preparation
from fittingroom.safe_io import Refusal, read_arrays, read_whole

_KEPT = 5  # data sets
_LARGEST = 2**40
_CODE = Path(__file__).parents[1]
_ARRAYS, _SETS = ("images", "labels", "indices"), ("_training", "_test")


def folder() -> Path | None:
    """Where data sets are kept; None if platformdirs isn't installed."""
    try:
        import platformdirs
    except ModuleNotFoundError:
        return None
    return platformdirs.user_cache_path("fittingroom", appauthor=False) / "parsed"


def entry_of(source: Source, classes: Sequence[str] | None) -> Path | None:
    """The file that keeps a data set, whether it exists or not.

    None for arrays and IDX files, which are not kept, and where there is no folder for it.
    """
    paths = [path for path in (source.path, source.test) if path is not None and path.exists()]
    parent = folder()
    if parent is None or source.path is None or all(idx.recognises(path) for path in paths):
        return None
    code = [*(_CODE / "data").rglob("*.py"), *(_CODE / "photos").rglob("*.py")]
    stamps = []
    for file in sorted([*code, *(file for path in paths for file in _files(path))]):
        with contextlib.suppress(OSError):  # it has gone, or is a link to nowhere
            status = file.stat()
            stamps.append((str(file), status.st_size, status.st_mtime_ns))
    decides = str((source, classes and list(classes), stamps))
    return parent / f"{hashlib.sha256(decides.encode()).hexdigest()[:32]}.npz"


def load(entry: Path, source: Source) -> Dataset | None:
    """A data set that was kept; None if it wasn't, or if its file is damaged."""
    try:
        arrays = read_arrays(read_whole(entry, _LARGEST), _LARGEST)
        values = json.loads(arrays.pop("values").tobytes())
        for name in _SETS:
            values[name] = ImageSet(*(arrays[f"{name} {each}"] for each in _ARRAYS))
        hashes = (
            content_hashes(values["_training"], TRAINING),
            content_hashes(values["_test"], TEST),
        )
        if hashes != (values["training_hashes"], values["test_hashes"]):
            return None
        values["preparation"] = Preparation(**values["preparation"])
        lists = {name: tuple(each) for name, each in values.items() if isinstance(each, list)}
        entry.touch()  # the last used is the last to go
        return Dataset(source=source, **(values | lists))
    except (OSError, Refusal, ValueError, KeyError, TypeError):
        return None


def keep(entry: Path, dataset: Dataset) -> None:
    """Keep a data set; if that fails, it is read again the next time."""
    fields = {each.name: getattr(dataset, each.name) for each in dataclasses.fields(dataset)}
    sets = {name: fields.pop(name) for name in _SETS}
    del fields["source"]
    fields["preparation"] = dataclasses.asdict(dataset.preparation)
    arrays = {f"{name} {each}": getattr(sets[name], each) for name in _SETS for each in _ARRAYS}
    arrays["values"] = np.frombuffer(json.dumps(fields).encode(), np.uint8)
    temporary = entry.with_name(f".{secrets.token_hex(8)}.npz")
    with contextlib.suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
            temporary.replace(entry)
        finally:
            temporary.unlink(missing_ok=True)
        kept = sorted(entry.parent.glob("*.npz"), key=lambda file: file.stat().st_mtime)
        for oldest in kept[:-_KEPT]:
            oldest.unlink()


def _files(path: Path) -> Iterator[Path]:
    """All files in a folder and below it; or a file, and those beside it with its ending."""
    if path.is_dir():
        return (file for file in path.rglob("*") if file.is_file())
    return (file for file in path.parent.iterdir() if file.suffix == path.suffix)
