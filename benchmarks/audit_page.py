"""What `benchmarks/audit.py` measured, as two pages: the benchmark's, and what was found in the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fittingroom import plots
from fittingroom.numbers import sureness
from fittingroom.plots import Tile, TileGroup
from fittingroom.predictions import UInt8

_COLUMNS = 5
_KINDS = 8
_BY = "By `benchmarks/audit.py` (`make bench-audit`), which says how."


def draw(strangest: Sequence[Mapping[str, Any]], pictures: UInt8, classes: Sequence[str]) -> bytes:
    """The strangest labels as a PNG: picture, given label, suggested label, how sure."""
    tiles = tuple(
        Tile(
            picture=picture,
            title=classes[each["given"]],
            note=f"→ {classes[each['suggested']]} {sureness(each['suggested_probability'])}",
        )
        for each, picture in zip(strangest, pictures, strict=True)
    )
    figure = plots.tile_sheet(
        (TileGroup("Given label, and what models that never saw it say", tiles),), columns=_COLUMNS
    )
    return plots.png(figure, "The strangest labels", dots_per_inch=140, colours=32)


def percent(estimate: Mapping[str, Any], digits: int = 1) -> str:
    """``"97.1% (95.6–98.1%)"``."""
    low, high = estimate["interval"]
    value = f"{100 * estimate['value']:.{digits}f}%"
    return f"{value} ({100 * low:.{digits}f}–{100 * high:.{digits}f}%)"


def results_page(measured: Mapping[str, Any]) -> str:
    """``docs/results/audit.md``: planted faults, the threshold, time and memory."""
    lines = ["# The audit: is what was planted found?", "", _BY + _made(measured)]
    if "flips" in measured:
        lines += ["", *_flips(measured["flips"])]
    if "copies" in measured:
        lines += ["", *_copies(measured["copies"])]
    if "mirrored" in measured:
        lines += ["", *_mirrored(measured)]
    if "time" in measured:
        lines += ["", *_time(measured["time"])]
    return "\n".join([*lines, ""])


def findings_page(measured: Mapping[str, Any]) -> str:
    """``docs/results/audit-fashion-mnist.md``: what the audit found in the data."""
    found = measured["found"]
    counts, classes = found["counts"], found["classes"]
    doubtful, pairs = counts["doubtful"], counts["near_duplicates"]
    copies, outliers = counts["identical"], counts["outliers"]
    near = counts["test_near_training"]["test"]
    copied = sum(copies.values())
    lines = [
        "# What the audit found in Fashion-MNIST",
        "",
        "`fittingroom audit` looks for what misleads in a data set: labels that are doubtful, pictures "
        "that are nearly the same, pictures unlike all others. It leaves a folder beside the runs with "
        "a page to look through (`index.html`) and all indices (`audit.json`). Every number here is "
        "from [audit.json](audit.json), written by `benchmarks/audit.py`; how well "
        "planted faults are found: [audit.md](audit.md).",
        "",
        f"| {found['data']} | training | test | across |",
        "|---|---|---|---|",
        f"| doubtful labels | {doubtful['training']:,} | {doubtful['test']:,} | |",
        f"| pairs of near-duplicates | {pairs['within training']:,} | {pairs['within test']:,} "
        f"| {pairs['across']:,} |",
        f"| of these, exact copies | {copies['within training']:,} | {copies['within test']:,} "
        f"| {copies['across']:,} |",
        f"| test pictures with a near-duplicate in training | | {near:,} | |",
        f"| outliers | {outliers['training']:,} | {outliers['test']:,} | |",
        "",
        "## The ten strangest labels",
        "",
        "Of all labels those that models which never saw the picture hold for the least likely.",
        "",
        "![Ten pictures with their given and suggested labels](audit.png)",
        "",
        "| | picture | given label | its probability | suggested label | its probability |",
        "|---|---|---|---|---|---|",
        *(
            f"| {number} | {each['half']} {each['index']} | {classes[each['given']]} "
            f"| {_tiny(each['given_probability'])} | {classes[each['suggested']]} "
            f"| {sureness(each['suggested_probability'])} |"
            for number, each in enumerate(found["strangest"], 1)
        ),
        "",
        "## Which labels are doubted",
        "",
        f"{found['folds']} models of the recipe `{found['recipe']}`, "
        f"{_epochs(found['epochs'])} each, were trained on the training pictures but one fold. Each "
        "picture was judged by one of them that was not trained on it; none was trained on a test "
        f"picture. They agree with {percent(found['accuracy'], 2)} of the training labels and "
        f"{percent(found['test_accuracy'], 2)} of the test labels. Confident learning "
        "(arXiv:1911.00068) estimates of each class how many labels are wrong, and the least likely "
        "ones are listed. *Doubtful is not wrong*: what the data set calls a shirt, a pullover or a "
        "coat is often a matter of the shop's catalogue, and 28 × 28 grey pixels do not show it.",
        "",
        "| given | suggested | labels |",
        "|---|---|---|",
        *_kinds(found["kinds"], classes),
        "",
        "## Near-duplicates",
        "",
        f"Pictures whose pixels correlate at {found['similarity']:g} or more, whatever their "
        "brightness and contrast: the same photograph, or the same garment in another colour or print. "
        + (
            "There are no exact copies."
            if not copied
            else f"{copied:,} of the pairs are exact copies."
        ),
    ]
    if "mirrored" in measured:
        lines += ["", *_threshold(measured)]
    lines += [
        "",
        "## Outliers",
        "",
        f"Pictures that are far from their {found['neighbours']} nearest neighbours, above Tukey's "
        "upper fence of all such distances. Labels play no part, and brightness does not either: they "
        "are garments with rare patterns, pale ones of which only the outline is seen, and bags.",
        "",
        "## What it changes",
        "",
        "Reports that find an audit of their data in their folder of runs show each accuracy three times: "
        "on all test pictures, without the near-duplicates of training pictures, and without doubtful "
        "labels. The first is the result. The third is kinder to every model, and kindest to one that "
        "errs as the audit's own models do: it shows whether a gain lives in the noise, and is no "
        "score to quote.",
        "",
    ]
    return "\n".join(lines)


def _made(measured: Mapping[str, Any]) -> str:
    environment = measured["environment"]
    return (
        f" Made with PyTorch {environment['versions'].get('torch', '–')} and NumPy "
        f"{environment['versions']['numpy']} on {environment['processor']}."
    )


def _flips(flips: Mapping[str, Any]) -> list[str]:
    halves = "; ".join(
        f"of the {half} half {percent(share)}" for half, share in flips["recall_by_half"].items()
    )
    return [
        "## One label in a hundred flipped",
        "",
        f"{flips['planted']:,} labels, of both halves, became another one at random; "
        f"{flips['flagged']:,} labels were then doubtful. In brackets: 95% intervals (Wilson's).",
        "",
        "| | |",
        "|---|---|",
        f"| recall: flipped labels that are doubtful | **{percent(flips['recall'])}** |",
        f"| precision: doubtful labels that were flipped | **{percent(flips['precision'])}** |",
        "| precision, without labels that are doubtful also where nothing was flipped "
        f"| {percent(flips['precision_of_new'])} |",
        f"| precision among the {flips['planted']:,} most doubtful "
        f"| {percent(flips['precision_of_first'])} |",
        "",
        f"Recall {halves}. Precision counts each doubtful label of the data set's own as a false alarm, "
        "right or not; what comes first on the list is what was flipped.",
    ]


def _copies(copies: Mapping[str, Any]) -> list[str]:
    return [
        "## Test pictures put into training",
        "",
        f"{copies['copies']:,} test pictures took the place of training pictures, as they are or "
        "altered. Copies altered as much as in the last two rows are not near-duplicates by "
        "correlation, and are not promised.",
        "",
        "| copies | flagged |",
        "|---|---|",
        *(f"| {name} | {percent(share)} |" for name, share in copies["flagged"].items()),
    ]


def _mirrored(measured: Mapping[str, Any]) -> list[str]:
    return ["## The threshold of near-duplicates", "", *_threshold(measured)]


def _threshold(measured: Mapping[str, Any]) -> list[str]:
    mirrored = measured["mirrored"]
    rows = list(
        zip(mirrored["thresholds"], mirrored["as_they_are"], mirrored["mirrored"], strict=True)
    )
    searched = mirrored["searched"]
    ((_, every, chance),) = (row for row in rows if row[0] == 0.995)
    whole = {f"{threshold:g}": count for threshold, count, _ in rows}
    same = all(whole[name] == count for name, count in searched.items())
    return [
        "Why 0.995: a garment's photograph is not the mirror image of another's, so pairs of a picture "
        f"and a mirrored one correlate by chance. At 0.995 there are {every:,} pairs of pictures as "
        f"they are and {chance:,} with one of them mirrored; further down there are more of "
        "both.",
        "",
        "| correlation | pairs | pairs with one picture mirrored |",
        "|---|---|---|",
        *(f"| {threshold:g} | {count:,} | {other:,} |" for threshold, count, other in rows),
        "",
        "These are counts from all products of all pictures. The search that the audit uses finds "
        + ", ".join(f"{count:,} at {name}" for name, count in searched.items())
        + (": every one." if same else ": not the same."),
    ]


def _time(time: Mapping[str, Any]) -> list[str]:
    search, whole = time["audit_search"], time["audit_whole"]
    return [
        "## Time and memory",
        "",
        f"{time['threads']} threads of {time['environment']['processor']}; memory is the most that "
        "the process held, its libraries included.",
        "",
        "| | time | memory |",
        "|---|---|---|",
        f"| search through all pairs of {search['pictures']:,} pictures | {search['seconds']:.1f} s "
        f"| {search['peak_memory_mb']:,.0f} MB |",
        f"| the whole audit | {whole['seconds']:.0f} s, of which cross-validation "
        f"{whole['cross_validation_seconds']:.0f} s | {whole['peak_memory_mb']:,.0f} MB |",
    ]


def _kinds(kinds: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    table = np.array(kinds)
    order = np.argsort(-table, axis=None, kind="stable")[:_KINDS]
    rows, columns = np.unravel_index(order, table.shape)
    return [
        f"| {classes[row]} | {classes[column]} | {table[row, column]:,} |"
        for row, column in zip(rows, columns, strict=True)
    ]


def _epochs(epochs: Sequence[int]) -> str:
    low, high = min(epochs), max(epochs)
    words = f"{low}" if low == high else f"{low} to {high}"
    return f"{words} epoch{'' if high == 1 else 's'}"


def _tiny(value: float) -> str:
    """Never rounded down to impossibility."""
    return "< 0.01%" if value < 1e-4 else f"{100 * value:.2g}%"
