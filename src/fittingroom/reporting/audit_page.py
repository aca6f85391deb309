"""The page of an audit: what misleads in the data, to look through."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fittingroom.auditing import Audit
from fittingroom.numbers import percent_estimate, some, sureness
from fittingroom.predictions import Int64, UInt8
from fittingroom.reporting.tables import Table
from fittingroom.reporting.write import render

# So many of a list are on the page; all of it is in audit.json.
_STRANGEST = 48
_OF_A_CLASS = 1000
_PAIRS = 120
_OUTLIERS = 96
_KINDS = 12


@dataclass(frozen=True, eq=False)
class Shot:
    """Pictures of one garment, or of two that are alike, and the words under them.

    Attributes:
        pictures: uint8 ``(P, 28, 28)``, one or two.
        title: the given label, or labels.
        said: what is doubtful about it.
        where: half and index.
    """

    pictures: UInt8
    title: str
    said: str
    where: str


@dataclass(frozen=True, eq=False)
class ShotGroup:
    """Shots under a heading; folded away where there are many such groups."""

    heading: str
    shots: tuple[Shot, ...]
    folded: bool = False


@dataclass(frozen=True, eq=False)
class AuditSection:
    """A part of the page."""

    key: str
    title: str
    lead: str
    groups: tuple[ShotGroup, ...]
    table: Table | None = None


def audit_page(audit: Audit, images: UInt8, labels: UInt8) -> bytes:
    """The page, self-contained, as HTML in UTF-8.

    Args:
        audit: what was found.
        images: uint8 ``(N, 28, 28)``, the training half and then the test half.
        labels: ``(N,)``, given labels of these.
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
    basis, counts = audit.basis, audit.counts()
    total = basis.training + basis.test
    return (
        f"Of {total:,} labels in {basis.data}, {len(audit.doubtful):,} are doubtful; "
        f"{some(counts['test_near_training']['test'], 'test picture')} of {basis.test:,} "
        f"{'is' if counts['test_near_training']['test'] == 1 else 'are'} nearly the same as a "
        f"training picture; {some(len(audit.outliers), 'picture')} "
        f"{'is' if len(audit.outliers) == 1 else 'are'} unlike all others."
    )


def counts_table(audit: Audit) -> Table:
    """How much was found, by half."""
    basis, counts = audit.basis, audit.counts()
    pairs, copies = counts["near_duplicates"], counts["identical"]
    rows = (
        ("Pictures", f"{basis.training:,}", f"{basis.test:,}", "–"),
        ("Doubtful labels", *_row(counts["doubtful"]), "–"),
        ("Pairs of near-duplicates", *_sides(pairs)),
        ("of these, exact copies", *_sides(copies)),
        (
            "Pictures with a near-duplicate in training",
            "–",
            f"{counts['test_near_training']['test']:,}",
            "–",
        ),
        ("Outliers", *_row(counts["outliers"]), "–"),
    )
    return Table("What was found, by half of the data.", ("", "training", "test", "across"), rows)


def _row(counts: dict[str, int]) -> tuple[str, str]:
    return f"{counts['training']:,}", f"{counts['test']:,}"


def _sides(counts: dict[str, int]) -> tuple[str, str, str]:
    within, across = (counts["within training"], counts["within test"]), counts["across"]
    return f"{within[0]:,}", f"{within[1]:,}", f"{across:,}"


def _doubtful(audit: Audit, images: UInt8) -> AuditSection:
    doubtful, classes = audit.doubtful, audit.basis.classes

    def shot(at: int) -> Shot:
        position = int(doubtful.positions[at])
        suggested = classes[doubtful.suggested[at]]
        return Shot(
            images[position][None],
            classes[doubtful.given[at]],
            f"{suggested} {sureness(float(doubtful.suggested_probability[at]))}",
            _where(audit, position),
        )

    in_test = doubtful.positions >= audit.basis.training
    groups = [
        _group(f"The strangest of the {half} half", np.flatnonzero(where)[:_STRANGEST], shot)
        for half, where in (("test", in_test), ("training", ~in_test))
    ]
    for label, name in enumerate(classes):
        members = np.flatnonzero(doubtful.given == label)
        groups.append(
            _group(
                f"Labelled {name}: {_shown(len(members), _OF_A_CLASS)}",
                members[:_OF_A_CLASS],
                shot,
                folded=True,
            )
        )
    return AuditSection(
        "doubtful",
        "Doubtful labels",
        "Under each picture its given label and, after the arrow, what a model that was not "
        "trained on it says and how sure it is of that; the least likely labels first. Doubtful "
        "is not wrong: some of these labels are, others are right of a garment that few would "
        "name rightly. Of each class as many are listed as confident learning estimates to be "
        "wrong.",
        tuple(group for group in groups if group.shots),
        _kinds(audit),
    )


def _kinds(audit: Audit) -> Table | None:
    """The most frequent pairs of given and suggested label."""
    classes, doubtful = audit.basis.classes, audit.doubtful
    if len(doubtful) == 0:
        return None
    kinds = doubtful.given * len(classes) + doubtful.suggested
    values, counts = np.unique(kinds, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_KINDS]
    rows = tuple(
        (
            classes[values[at] // len(classes)],
            classes[values[at] % len(classes)],
            f"{counts[at]:,}",
        )
        for at in order
    )
    return Table(
        f"The most frequent kinds of doubt, both halves; {len(values)} kinds in all.",
        ("given", "suggested", "labels"),
        rows,
        words=2,
    )


def _near_duplicates(audit: Audit, images: UInt8, labels: UInt8) -> AuditSection:
    pairs, classes = audit.pairs, audit.basis.classes

    def shot(at: int) -> Shot:
        both = [int(pairs.first[at]), int(pairs.second[at])]
        names = list(dict.fromkeys(classes[int(labels[position])] for position in both))
        return Shot(
            images[both],
            " / ".join(names),
            "exact copy" if pairs.identical[at] else f"{_alike(float(pairs.similarity[at]))} alike",
            " · ".join(_where(audit, position) for position in both),
        )

    sides = (np.stack([pairs.first, pairs.second]) >= audit.basis.training).sum(axis=0)
    order = np.argsort(-pairs.similarity, kind="stable")
    groups = []
    for heading, side in (
        ("A test picture and its like in training", 1),
        ("Both in training", 0),
        ("Both in the test half", 2),
    ):
        members = order[sides[order] == side]
        words = f"{heading}: {_shown(len(members), _PAIRS)}"
        groups.append(_group(words, members[:_PAIRS], shot))
    return AuditSection(
        "near-duplicates",
        "Near-duplicates",
        "Pairs of pictures whose pixels correlate at "
        f"{audit.basis.similarity:g} or more, brightness and contrast apart: the same photograph, "
        "or the same garment in another colour or print. A test picture that has its like in "
        "training asks less of a model than a new one.",
        tuple(group for group in groups if group.shots),
    )


def _outliers(audit: Audit, images: UInt8, labels: UInt8) -> AuditSection:
    far, classes = audit.outliers, audit.basis.classes

    def shot(at: int) -> Shot:
        position = int(far.positions[at])
        return Shot(
            images[position][None],
            classes[int(labels[position])],
            f"distance {far.distances[at]:.2f}",
            _where(audit, position),
        )

    shown = np.arange(min(len(far), _OUTLIERS))
    group = _group(f"Furthest first: {_shown(len(far), _OUTLIERS)}", shown, shot)
    return AuditSection(
        "outliers",
        "Outliers",
        f"Pictures whose {audit.basis.neighbours} nearest neighbours among all others are far "
        f"away: {far.fence:.2f} or more on average, where 0 is an equal picture and 1.41 one that "
        "has nothing in common. Labels play no part. Rare patterns, pale garments of which only "
        "the outline is seen, and pictures that went wrong.",
        (group,) if group.shots else (),
    )


def _group(
    heading: str, chosen: Int64, shot: Callable[[int], Shot], *, folded: bool = False
) -> ShotGroup:
    return ShotGroup(heading, tuple(shot(int(at)) for at in chosen), folded)


def _shown(number: int, most: int) -> str:
    """``"12"``, or ``"the first 160 of 400"``."""
    return f"{number:,}" if number <= most else f"the first {most} of {number:,}"


def _alike(similarity: float) -> str:
    """Never rounded up to sameness: two pictures that are not copies differ."""
    return ">99.9%" if similarity > 0.999 else f"{100 * similarity:.1f}%"


def _where(audit: Audit, position: int) -> str:
    half, index = audit.place(position)
    return f"{half} {index}"


def _basis(audit: Audit) -> str:
    """How the labels were judged, in words."""
    basis = audit.basis
    epochs = sorted(set(audit.epochs))
    length = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    return (
        f"Labels were judged by {basis.folds} models of the recipe {basis.recipe}, trained for "
        f"{length} {'epoch' if epochs == [1] else 'epochs'} each on all training pictures but one "
        "fold. Each picture was judged by one model that was not trained on it; no model was "
        "trained on a test picture. They agree with the given label on "
        f"{percent_estimate(audit.accuracy, 2)} of the training pictures and "
        f"{percent_estimate(audit.test_accuracy, 2)} of the test pictures. Which labels are "
        "doubtful: confident learning, pruning by class (Northcutt, Jiang and Chuang 2021, "
        "arXiv:1911.00068). Outliers: distance to the nearest neighbours (Ramaswamy, Rastogi and "
        "Shim 2000; Angiulli and Pizzuti 2002) above Tukey's upper fence."
    )
