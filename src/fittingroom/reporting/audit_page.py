"""The page of an audit: the misleading images, to look through."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fittingroom.auditing import Audit
from fittingroom.numbers import percent_estimate, some, sureness
from fittingroom.predictions import Int64, UInt8
from fittingroom.reporting.tables import Table
from fittingroom.reporting.write import render

# How many entries of each list the page shows; audit.json has all of them.
_FIRST = 48
_OF_A_CLASS = 1000
_PAIRS = 120
_OUTLIERS = 96
_KINDS = 12


@dataclass(frozen=True, eq=False)
class Tile:
    """One garment, or two that are alike, and the words below.

    Attributes:
        images: uint8 ``(P, 28, 28)``, one or two.
        title: the given label, or labels.
        said: what is doubtful about it.
        where: set and index.
    """

    images: UInt8
    title: str
    said: str
    where: str


@dataclass(frozen=True, eq=False)
class TileGroup:
    """Tiles below a heading, perhaps folded."""

    heading: str
    tiles: tuple[Tile, ...]
    folded: bool = False


@dataclass(frozen=True, eq=False)
class AuditSection:
    """A part of the page."""

    key: str
    title: str
    lead: str
    groups: tuple[TileGroup, ...]
    table: Table | None = None


def audit_page(audit: Audit, images: UInt8, labels: UInt8) -> bytes:
    """The page, self-contained, as HTML in UTF-8.

    Args:
        audit: what was found.
        images: uint8 ``(N, 28, 28)``, the training set and then the test set.
        labels: ``(N,)``, their given labels.
    """
    sections = (
        _doubtful(audit, images),
        _near_duplicates(audit, images, labels),
        _outliers(audit, images, labels),
    )
    page = {
        "audit": audit,
        "verdict": audit_sentence(audit),
        "counts": counts_table(audit),
        "sections": sections,
        "basis": _basis(audit),
    }
    return render("audit.html.jinja", page)


def audit_sentence(audit: Audit) -> str:
    """What was found, in plain words."""
    basis, near, far = audit.basis, len(audit.near_training), len(audit.outliers)
    return (
        f"Of {basis.training + basis.test:,} labels in {basis.data}, {len(audit.doubtful):,} are "
        f"doubtful; {some(near, 'test image')} of {basis.test:,} {'is' if near == 1 else 'are'} "
        f"nearly the same as a training image; {some(far, 'image')} "
        f"{'is' if far == 1 else 'are'} unlike all others."
    )


def counts_table(audit: Audit) -> Table:
    """How much was found, by set."""
    basis, counts = audit.basis, audit.counts()
    near = counts["test_near_training"]["test"]

    def row(title: str, kind: str) -> tuple[str, ...]:
        found = counts[kind]
        if "across" in found:
            places = ("within training", "within test", "across")
            return (title, *(f"{found[place]:,}" for place in places))
        return (title, f"{found['training']:,}", f"{found['test']:,}", "–")

    rows = (
        ("Images", f"{basis.training:,}", f"{basis.test:,}", "–"),
        row("Doubtful labels", "doubtful"),
        row("Pairs of near-duplicates", "near_duplicates"),
        row("of these, exact copies", "identical"),
        ("Images with a near-duplicate in training", "–", f"{near:,}", "–"),
        row("Outliers", "outliers"),
    )
    return Table("What was found, by set.", ("", "training", "test", "across"), rows)


def _doubtful(audit: Audit, images: UInt8) -> AuditSection:
    doubtful, classes = audit.doubtful, audit.basis.classes

    def tile(at: int) -> Tile:
        position = int(doubtful.positions[at])
        suggested = classes[doubtful.suggested[at]]
        return Tile(
            images[position][None],
            classes[doubtful.given[at]],
            f"{suggested} {sureness(float(doubtful.suggested_probability[at]))}",
            _where(audit, position),
        )

    in_test = doubtful.positions >= audit.basis.training
    groups = [
        _group(f"The most doubtful in the {name} set", np.flatnonzero(where)[:_FIRST], tile)
        for name, where in (("test", in_test), ("training", ~in_test))
    ]
    for label, name in enumerate(classes):
        members = np.flatnonzero(doubtful.given == label)
        heading = f"Labelled {name}: {_shown(len(members), _OF_A_CLASS)}"
        groups.append(_group(heading, members[:_OF_A_CLASS], tile, folded=True))
    return AuditSection(
        "doubtful",
        "Doubtful labels",
        "Below each image is its given label and, after the arrow, the prediction of a model that "
        "was not trained on it, with its probability. The least likely labels come first. Doubtful "
        "does not mean wrong: some of these labels are wrong, others belong to garments that are "
        "hard to tell apart. Each class lists as many labels as confident learning estimates to be "
        "wrong.",
        tuple(group for group in groups if group.tiles),
        _kinds(audit),
    )


def _kinds(audit: Audit) -> Table | None:
    """The most frequent pairs of given and suggested label."""
    classes, doubtful = audit.basis.classes, audit.doubtful
    if len(doubtful) == 0:
        return None
    kinds = Counter(zip(doubtful.given.tolist(), doubtful.suggested.tolist(), strict=True))
    rows = tuple(
        (classes[given], classes[suggested], f"{count:,}")
        for (given, suggested), count in kinds.most_common(_KINDS)
    )
    return Table(
        f"The most frequent kinds of doubt, both sets; {len(kinds)} kinds in all.",
        ("given", "suggested", "labels"),
        rows,
        words=2,
    )


def _near_duplicates(audit: Audit, images: UInt8, labels: UInt8) -> AuditSection:
    pairs, classes = audit.pairs, audit.basis.classes

    def tile(at: int) -> Tile:
        both = [int(pairs.first[at]), int(pairs.second[at])]
        names = dict.fromkeys(classes[int(labels[position])] for position in both)
        return Tile(
            images[both],
            " / ".join(names),
            "exact copy" if pairs.identical[at] else f"{_alike(float(pairs.similarity[at]))} alike",
            " · ".join(_where(audit, position) for position in both),
        )

    sides = (np.stack([pairs.first, pairs.second]) >= audit.basis.training).sum(axis=0)
    order = np.argsort(-pairs.similarity, kind="stable")
    groups = []
    for heading, side in (
        ("A test image and its near-duplicate in training", 1),
        ("Both in the training set", 0),
        ("Both in the test set", 2),
    ):
        members = order[sides[order] == side]
        words = f"{heading}: {_shown(len(members), _PAIRS)}"
        groups.append(_group(words, members[:_PAIRS], tile))
    return AuditSection(
        "near-duplicates",
        "Near-duplicates",
        f"Pairs of images whose pixels correlate at {audit.basis.similarity:g} or more, whatever "
        "their brightness and contrast: the same photograph, or the same garment in another colour "
        "or print. A test image with a near-duplicate in training is easier than a new one.",
        tuple(group for group in groups if group.tiles),
    )


def _outliers(audit: Audit, images: UInt8, labels: UInt8) -> AuditSection:
    far, classes = audit.outliers, audit.basis.classes

    def tile(at: int) -> Tile:
        position = int(far.positions[at])
        return Tile(
            images[position][None],
            classes[int(labels[position])],
            f"distance {far.distances[at]:.2f}",
            _where(audit, position),
        )

    shown = np.arange(min(len(far), _OUTLIERS))
    group = _group(f"Furthest first: {_shown(len(far), _OUTLIERS)}", shown, tile)
    return AuditSection(
        "outliers",
        "Outliers",
        f"Images that are far from their {audit.basis.neighbours} nearest neighbours: "
        f"{far.fence:.2f} or more on average, where 0 is an identical image and 1.41 one that has "
        "nothing in common. Labels play no part. Expect rare patterns, pale garments that show "
        "only an outline, and failed photographs.",
        (group,) if group.tiles else (),
    )


def _group(
    heading: str, chosen: Int64, tile: Callable[[int], Tile], *, folded: bool = False
) -> TileGroup:
    return TileGroup(heading, tuple(tile(int(at)) for at in chosen), folded)


def _shown(number: int, most: int) -> str:
    """``"12"``, or ``"the first 160 of 400"``."""
    return f"{number:,}" if number <= most else f"the first {most} of {number:,}"


def _alike(similarity: float) -> str:
    """Never rounded up to 100%: only exact copies are the same."""
    return ">99.9%" if similarity > 0.999 else f"{100 * similarity:.1f}%"


def _where(audit: Audit, position: int) -> str:
    name, index = audit.place(position)
    return f"{name} {index}"


def _basis(audit: Audit) -> str:
    """How the labels were judged, in words."""
    basis = audit.basis
    epochs = sorted(set(audit.epochs))
    length = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    return (
        f"{basis.folds} models of the recipe {basis.recipe} judged the labels, each trained for "
        f"{length} {'epoch' if epochs == [1] else 'epochs'} on all training images but one fold. "
        "One model judged each image, and it was not trained on that image; no model was trained "
        f"on test images. They agree with the given label of {percent_estimate(audit.accuracy, 2)} "
        f"of the training images and {percent_estimate(audit.test_accuracy, 2)} of the test "
        "images. Doubtful labels: confident learning, pruning by class (Northcutt, Jiang and "
        "Chuang 2021, arXiv:1911.00068), by cleanlab. Outliers: distance to the nearest neighbours "
        "(Ramaswamy, Rastogi and Shim 2000; Angiulli and Pizzuti 2002) above Tukey's upper fence."
    )
