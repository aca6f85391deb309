"""The page of an audit: the misleading images, to look through."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fittingroom.auditing import Audit
from fittingroom.auditing.results import SIDES, side_of
from fittingroom.numbers import Estimate, percent_estimate, some, sureness
from fittingroom.predictions import Labels, UInt8
from fittingroom.reporting.tables import Table
from fittingroom.reporting.write import render

# How many entries of each list the page shows; audit.json has all of them.
_FIRST = 48
_OF_A_CLASS = 1000
_PAIRS = 120
_OUTLIERS = 96
_KINDS = 12

_Row = Mapping[str, Any]


def audit_page(audit: Audit, images: UInt8, labels: Labels) -> bytes:
    """The page, self-contained, as HTML in UTF-8.

    Images, uint8 ``(N, 28, 28)``, and given labels are those of the training and then the test set.
    """
    values, basis = audit.values, audit.values["basis"]
    classes, doubtful = basis["classes"], values["doubtful"]

    def tile(said: str, *places: _Row) -> _Row:
        at = [row["index"] + basis["training"] * (row["set"] == "test") for row in places]
        return {
            "images": images[at],
            "title": " / ".join(dict.fromkeys(classes[label] for label in labels[at])),
            "said": said,
            "where": " · ".join(f"{row['set']} {row['index']}" for row in places),
        }

    def doubt(row: _Row) -> _Row:
        return tile(f"{classes[row['suggested']]} {sureness(row['suggested_probability'])}", row)

    def alike(pair: _Row) -> _Row:
        # Never rounded up to 100%: only exact copies are the same.
        near = pair["similarity"]
        said = ">99.9% alike" if near > 0.999 else f"{100 * near:.1f}% alike"
        return tile("exact copy" if pair["identical"] else said, pair["a"], pair["b"])

    def outlier(row: _Row) -> _Row:
        return tile(f"distance {row['distance']:.2f}", row)

    by_set = {
        name: [row for row in doubtful if row["set"] == name] for name in ("test", "training")
    }
    by_class = [[row for row in doubtful if row["given"] == label] for label in range(len(classes))]
    pairs = sorted(values["near_duplicates"], key=lambda pair: -pair["similarity"])
    by_side = {side: [pair for pair in pairs if side_of(pair) == side] for side in SIDES}
    within, across, in_test = (by_side[side] for side in SIDES)
    groups = {
        "first": [
            _group(f"The most doubtful in the {name} set", rows, _FIRST, doubt)
            for name, rows in by_set.items()
        ],
        "by_class": [
            _group(f"Labelled {name}", rows, _OF_A_CLASS, doubt)
            for name, rows in zip(classes, by_class, strict=True)
        ],
        "alike": [
            _group("A test image and its near-duplicate in training", across, _PAIRS, alike),
            _group("Both in the training set", within, _PAIRS, alike),
            _group("Both in the test set", in_test, _PAIRS, alike),
        ],
        "outliers": [_group("Furthest first", values["outliers"], _OUTLIERS, outlier)],
    }
    fewest, most = min(values["epochs"]), max(values["epochs"])
    kinds = Counter((classes[row["given"]], classes[row["suggested"]]) for row in doubtful)
    accuracies = (Estimate(**values[name]) for name in ("accuracy", "test_accuracy"))
    page = {
        "audit": values,
        "verdict": audit_sentence(audit),
        "counts": counts_table(audit),
        "kinds": Table.of(
            f"The most frequent kinds of doubt, both sets; {len(kinds)} kinds in all.",
            ("given", "suggested", "labels"),
            [(*kind, number) for kind, number in kinds.most_common(_KINDS)],
            words=2,
        ),
        "epochs": some(most, "epoch") if fewest == most else f"{fewest} to {most} epochs",
        "agreed": [percent_estimate(accuracy, 2) for accuracy in accuracies],
        **{
            name: [group for group in members if group["tiles"]] for name, members in groups.items()
        },
    }
    return render("audit.html.jinja", page)


def audit_sentence(audit: Audit) -> str:
    """What was found, in plain words."""
    basis = audit.values["basis"]
    doubtful, near, far = (
        len(audit.values[name]) for name in ("doubtful", "test_near_training", "outliers")
    )
    return (
        f"Of {basis['training'] + basis['test']:,} labels in {basis['data']}, {doubtful:,} are "
        f"doubtful. {some(near, 'test image')} of {basis['test']:,} "
        f"{'is' if near == 1 else 'are'} nearly the same as a training image, and "
        f"{some(far, 'image')} {'is' if far == 1 else 'are'} unlike all others."
    )


def counts_table(audit: Audit) -> Table:
    """How much was found, by set."""
    counts = {"images": audit.values["basis"], **audit.values["counts"]}
    titles = {
        "images": "Images",
        "doubtful": "Doubtful labels",
        "near_duplicates": "Pairs of near-duplicates",
        "identical": "of these, exact copies",
        "test_near_training": "Images with a near-duplicate in training",
        "outliers": "Outliers",
    }
    sides = {"training": SIDES[0], "test": SIDES[2], "across": SIDES[1]}
    rows = [
        (title, *(counts[kind].get(name, counts[kind].get(side)) for name, side in sides.items()))
        for kind, title in titles.items()
    ]
    return Table.of("What was found, by set.", ("", *sides), rows)


def _group(heading: str, rows: Sequence[_Row], most: int, tile: Callable[[_Row], _Row]) -> _Row:
    """Tiles below a heading: each has ``images`` (one or two), ``title``, ``said``, ``where``."""
    number = len(rows)
    shown = f"{number:,}" if number <= most else f"the first {most} of {number:,}"
    return {"heading": f"{heading}: {shown}", "tiles": [tile(row) for row in rows[:most]]}
