"""Keep data sets that took long to read, for the next time.

An entry is found by what decides about a data set: the path, size and time of every file that may
have been read, the options, and our own code. It is an NPZ file, whose checksums tell damage.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fittingroom.data.dataset import Dataset, Source
from fittingroom.data.readers import idx
from fittingroom.data.split import ImageSet
from fittingroom.errors import MissingExtraError
from fittingroom.photos import Preparation
from fittingroom.safe_io import cache_folder, read_arrays, read_whole

_KEPT = 5  # data sets
_LARGEST = 2**40
_SETS, _ARRAYS = ("_training", "_test"), ("images", "labels", "indices")


def entry_of(source: Source, classes: Sequence[str] | None) -> Path | None:
    """The file that keeps, or is to keep, a data set; None for arrays and IDX files."""
    paths = [path for path in (source.path, source.test) if path is not None and path.exists()]
    if source.path is None or all(idx.recognises(path) for path in paths):
        return None
    code = Path(__file__).parents[1]
    files = [*code.glob("data/**/*.py"), *code.glob("photos/*.py")]
    for path in paths:  # all in a folder, or a file and those beside it, packed or not
        ending = Path(path.name.removesuffix(".gz")).suffix
        files += path.rglob("*") if path.is_dir() else path.parent.glob(f"*{ending}*")
    stamps = [
        (str(file), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(files)
        if file.is_file()
    ]
    decides = str((source, classes and list(classes), stamps))
    with suppress(MissingExtraError):  # without platformdirs, nothing is kept
        return cache_folder("parsed") / f"{hashlib.sha256(decides.encode()).hexdigest()[:32]}.npz"
    return None


def load(entry: Path, source: Source) -> Dataset | None:
    """A data set that was kept; None if it wasn't, or if its file is damaged."""
    try:
        arrays = read_arrays(read_whole(entry, _LARGEST), _LARGEST)
        entry.touch()  # the last used is the last to go
    except (OSError, ValueError):
        return None
    values = json.loads(arrays["values"].tobytes())
    values |= {name: tuple(each) for name, each in values.items() if isinstance(each, list)}
    values["preparation"] = Preparation(**values["preparation"])
    values |= {name: ImageSet(*(arrays[f"{name} {each}"] for each in _ARRAYS)) for name in _SETS}
    return Dataset(**values | {"source": source})


def keep(entry: Path, dataset: Dataset) -> None:
    """Keep a data set; if that fails, it is read again the next time."""
    values = vars(dataset) | {"source": None}
    sets = {name: vars(values.pop(name)) for name in _SETS}
    arrays = {f"{name} {each}": sets[name][each] for name in _SETS for each in _ARRAYS}
    text = json.dumps(values, default=vars).encode()
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=entry.parent) as temporary:
            file = Path(temporary, entry.name)
            np.savez(file, values=np.frombuffer(text, np.uint8), **arrays)
            file.replace(entry)
        entries = sorted(entry.parent.glob("*.npz"), key=lambda each: each.stat().st_mtime)
        for oldest in entries[:-_KEPT]:
            oldest.unlink()
