"""Read a data set from whatever a person has: a file, a folder, or arrays."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.data import official, parsed
from fittingroom.data.arrays import content_of
from fittingroom.data.content import Content, Part
from fittingroom.data.dataset import Dataset, Source, content_hashes
from fittingroom.data.labels import number_labels, read_names
from fittingroom.data.official import FILE_NAMES, TEST, TRAINING
from fittingroom.data.prepare import Track, decide, prepare
from fittingroom.data.readers import READERS, passed_over, reader_of
from fittingroom.data.recognise import recognise
from fittingroom.data.set_apart import set_apart
from fittingroom.data.split import ImageSet
from fittingroom.errors import DataInvalidError, UsageError


def read_dataset(
    source: Source,
    classes: Path | Sequence[str] | None = None,
    track: Track | None = None,
    arrays: tuple[Any, ...] | None = None,
) -> Dataset:
    """The data set in a file or folder, every file checked; or in arrays, if it has no path.

    ``classes`` are names in the order of the labels, or a file of them, one a line; None for the
    source's own, or "class 0" and so on.
    """
    given = read_names(classes) if isinstance(classes, Path) else classes
    entry = parsed.entry_of(source, given)
    if entry and (kept := parsed.load(entry, source)):
        return kept
    content = _read(source.path) if source.path is not None else content_of(arrays or ())
    if source.test is not None:
        if source.test == source.path:
            raise UsageError("--test and --data name the same images. Name others with --test.")
        other = _read(source.test)
        unused = "Its own test part is not used, since --test names another."
        content = replace(
            content,
            test=other.training if other.test is None else other.test,
            notes=(*content.notes, *([unused] if content.test else [])),
        )
    dataset = make_dataset(content, source, given, track)
    if entry:
        parsed.keep(entry, dataset)
    return dataset


def make_dataset(
    content: Content,
    source: Source,
    given: Sequence[str] | None = None,
    track: Track | None = None,
) -> Dataset:
    """A data set of what a reader found: classes numbered, images 28×28, known sets recognised."""
    content = number_labels(content, given)
    parts = [each for each in (content.training, content.validation, content.test) if each]
    preparation, notes = decide(parts, source.invert, track)

    def prepared(part: Part, words: str) -> ImageSet:
        images, found = prepare(part, preparation, track, words)
        notes.extend(found)
        return ImageSet.of(images, part.labels)

    training = prepared(content.training, "training images")
    own_validation = 0
    if content.validation is not None:
        validation = prepared(content.validation, "validation images")
        own_validation = len(validation)
        training = ImageSet.of(
            np.concatenate([training.images, validation.images]),
            np.concatenate([training.labels, validation.labels]),
        )
    if content.test is None:
        aside, note = set_apart(training.images, training.labels, content.classes)
        own_validation = int((~aside[len(aside) - own_validation :]).sum())
        notes.append(note)
        sets = [ImageSet.of(training.images[at], training.labels[at]) for at in (~aside, aside)]
    else:
        sets = [training, prepared(content.test, "test images")]
    hashes = content_hashes(*sets)
    known = official.known_as(hashes)
    warnings: list[str] = []
    if known is None and not own_validation:
        ordered, warnings = recognise(*sets)
        known = official.known_as(content_hashes(*ordered))
        if known is not None:
            sets, hashes = ordered, content_hashes(*ordered)
            notes.append(f"The images were put into the order of {known.title}.")
    if known is None:
        seen = {image.tobytes() for image in sets[0].images}
        if copies := sum(image.tobytes() in seen for image in sets[1].images):
            warnings.append(
                f"{copies:,} of its {len(sets[1]):,} test images are training images too, so its "
                "test accuracy is too high."
            )
        classes = content.classes
        whole = "\n".join([*(hashes[name] for name in FILE_NAMES), *classes])
        name = f"unknown-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    else:
        if given not in (None, known.classes):
            raise DataInvalidError(
                f"{source.path} holds {known.name}, which has class names of its own. "
                "Leave out --classes."
            )
        name, classes = known.name, known.classes
        if known is official.MNIST:
            warnings = ["It has digits in place of garments."]
    return Dataset(
        name=name,
        source=source,
        classes=classes,
        official=known is official.FASHION_MNIST,
        training_hashes={name: hashes[name] for name in TRAINING},
        test_hashes={name: hashes[name] for name in TEST},
        _training=sets[0],
        _test=sets[1],
        preparation=preparation,
        notes=(*content.notes, *notes),
        warnings=tuple(warnings),
        format=content.format,
        own_validation=own_validation,
    )


def _read(path: Path) -> Content:
    name = reader_of(path)
    content: Content = READERS[name].read(path)
    notes = (f"Read from {name}.", *passed_over(path, name), *content.notes)
    return replace(content, format=name, notes=notes)
