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
class AuditTile:
    """One image, or two that are alike, and the words below.

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
class AuditGroup:
    """Tiles below a heading."""

    heading: str
    tiles: tuple[AuditTile, ...]


def audit_page(audit: Audit, images: UInt8, labels: UInt8) -> bytes:
    """The page, self-contained, as HTML in UTF-8.

    Args:
        audit: what was found.
        images: uint8 ``(N, 28, 28)``, the training set and then the test set.
        labels: ``(N,)``, their given labels.
    """
    doubtful, pairs, far, classes = (
        audit.doubtful,
        audit.pairs,
        audit.outliers,
        audit.basis.classes,
    )

    def tile(said: str, *positions: int) -> AuditTile:
        names = dict.fromkeys(classes[labels[position]] for position in positions)
        places = (audit.place(position) for position in positions)
        where = " · ".join(f"{name} {index}" for name, index in places)
        return AuditTile(images[list(positions)], " / ".join(names), said, where)

    def doubt(at: int) -> AuditTile:
        probability = sureness(float(doubtful.suggested_probability[at]))
        suggested = classes[doubtful.suggested[at]]
        return tile(f"{suggested} {probability}", int(doubtful.positions[at]))

    def pair(at: int) -> AuditTile:
        said = "exact copy" if pairs.identical[at] else f"{_alike(pairs.similarity[at])} alike"
        return tile(said, int(pairs.first[at]), int(pairs.second[at]))

    def outlier(at: int) -> AuditTile:
        return tile(f"distance {far.distances[at]:.2f}", int(far.positions[at]))

    in_test = doubtful.positions >= audit.basis.training
    sides = (np.stack([pairs.first, pairs.second]) >= audit.basis.training).sum(axis=0)
    order = np.argsort(-pairs.similarity, kind="stable")
    groups = {
        "first": [
            _group("The most doubtful in the test set", np.flatnonzero(in_test), _FIRST, doubt),
            _group(
                "The most doubtful in the training set", np.flatnonzero(~in_test), _FIRST, doubt
            ),
        ],
        "by_class": [
            _group(f"Labelled {name}", np.flatnonzero(doubtful.given == at), _OF_A_CLASS, doubt)
            for at, name in enumerate(classes)
        ],
        "alike": [
            _group(heading, order[sides[order] == side], _PAIRS, pair)
            for heading, side in (
                ("A test image and its near-duplicate in training", 1),
                ("Both in the training set", 0),
                ("Both in the test set", 2),
            )
        ],
        "outliers": [_group("Furthest first", np.arange(len(far)), _OUTLIERS, outlier)],
    }
    epochs = sorted({min(audit.epochs), max(audit.epochs)})
    page = {
        "audit": audit,
        "verdict": audit_sentence(audit),
        "counts": counts_table(audit),
        "kinds": _kinds(audit),
        "epochs": some(epochs[0], "epoch")
        if len(epochs) == 1
        else "{} to {} epochs".format(*epochs),
        "agreed": [percent_estimate(each, 2) for each in (audit.accuracy, audit.test_accuracy)],
        **{name: [group for group in members if group.tiles] for name, members in groups.items()},
    }
    return render("audit.html.jinja", page)


def audit_sentence(audit: Audit) -> str:
    """What was found, in plain words."""
    basis, near, far = audit.basis, len(audit.near_training), len(audit.outliers)
    return (
        f"Of {basis.training + basis.test:,} labels in {basis.data}, {len(audit.doubtful):,} are "
        f"doubtful. {some(near, 'test image')} of {basis.test:,} {'is' if near == 1 else 'are'} "
        f"nearly the same as a training image, and {some(far, 'image')} "
        f"{'is' if far == 1 else 'are'} unlike all others."
    )


def counts_table(audit: Audit) -> Table:
    """How much was found, by set."""
    counts = audit.counts()
    counts["images"] = {"training": audit.basis.training, "test": audit.basis.test}
    for kind in ("near_duplicates", "identical"):
        within = counts[kind]
        within |= {"training": within["within training"], "test": within["within test"]}
    rows = (
        ("Images", "images"),
        ("Doubtful labels", "doubtful"),
        ("Pairs of near-duplicates", "near_duplicates"),
        ("of these, exact copies", "identical"),
        ("Images with a near-duplicate in training", "test_near_training"),
        ("Outliers", "outliers"),
    )
    columns = ("training", "test", "across")
    return Table.of(
        "What was found, by set.",
        ("", *columns),
        [(title, *(counts[kind].get(column) for column in columns)) for title, kind in rows],
    )


def _kinds(audit: Audit) -> Table:
    """The most frequent pairs of given and suggested label."""
    classes, doubtful = audit.basis.classes, audit.doubtful
    kinds = Counter(zip(doubtful.given.tolist(), doubtful.suggested.tolist(), strict=True))
    return Table.of(
        f"The most frequent kinds of doubt, both sets; {len(kinds)} kinds in all.",
        ("given", "suggested", "labels"),
        [
            (classes[given], classes[suggested], number)
            for (given, suggested), number in kinds.most_common(_KINDS)
        ],
        words=2,
    )


def _group(heading: str, members: Int64, most: int, tile: Callable[[int], AuditTile]) -> AuditGroup:
    number = len(members)
    shown = f"{number:,}" if number <= most else f"the first {most} of {number:,}"
    return AuditGroup(f"{heading}: {shown}", tuple(tile(int(at)) for at in members[:most]))


def _alike(similarity: float) -> str:
    """Never rounded up to 100%: only exact copies are the same."""
    return ">99.9%" if similarity > 0.999 else f"{100 * similarity:.1f}%"
