"""What ``audit.py`` found in the data, as the page ``docs/results/audit-fashion-mnist.md``."""

import numpy as np

from benchmarks.measure import Measured, percent, table
from fittingroom.numbers import sureness

_KINDS = 8


def findings_page(measured: Measured) -> str:
    """``docs/results/audit-fashion-mnist.md``: what the audit found in the data."""
    found, counts = measured["found"], measured["found"]["counts"]
    classes = found["classes"]
    doubtful, pairs, copies = (
        counts[name] for name in ("doubtful", "near_duplicates", "identical")
    )
    places = ("within training", "within test", "across")
    near, copied = counts["test_near_training"]["test"], sum(copies.values())
    overview = [
        ("doubtful labels", f"{doubtful['training']:,}", f"{doubtful['test']:,}", ""),
        ("pairs of near-duplicates", *(f"{pairs[place]:,}" for place in places)),
        ("of these, exact copies", *(f"{copies[place]:,}" for place in places)),
        ("test images with a near-duplicate in training", "", f"{near:,}", ""),
        ("outliers", *(f"{counts['outliers'][half]:,}" for half in ("training", "test")), ""),
    ]
    strangest = [
        (
            number,
            f"{each['half']} {each['index']}",
            classes[each["given"]],
            "< 0.01%"
            if each["given_probability"] < 1e-4
            else f"{100 * each['given_probability']:.2g}%",
            classes[each["suggested"]],
            sureness(each["suggested_probability"]),
        )
        for number, each in enumerate(found["strangest"], 1)
    ]
    kinds = np.array(found["kinds"])
    order = np.argsort(-kinds, axis=None, kind="stable")[:_KINDS]
    likely = [
        (classes[row], classes[column], f"{kinds[row, column]:,}")
        for row, column in zip(*np.unravel_index(order, kinds.shape), strict=True)
    ]
    low, high = min(found["epochs"]), max(found["epochs"])
    epochs = f"{low} epochs" if low == high else f"{low} to {high} epochs"
    return f"""# What the audit found in Fashion-MNIST

`fittingroom audit` looks for what misleads in a data set: doubtful labels, images that are nearly the same,
and images unlike all others. It leaves a folder beside the runs with a page to look through (`index.html`)
and all indices (`audit.json`). Every number here comes from [audit.json](audit.json), written
by `benchmarks/audit.py`. [audit.md](audit.md) shows how well planted faults are found.

{table((found["data"], "training", "test", "across"), overview)}

## The ten strangest labels

The labels that models which never saw the image consider the least likely.

![Ten images with their given and suggested labels](audit.png)

{
        table(
            ("", "image", "given label", "its probability", "suggested label", "its probability"),
            strangest,
        )
    }

## Which labels are doubted

{found["folds"]} models of the recipe `{found["recipe"]}`, {
        epochs
    } each, were trained on all training images
except one fold. Each image was judged by a model that was not trained on it; none was trained on a test image.
They agree with {percent(found["accuracy"], 2)} of the training labels and
{
        percent(found["test_accuracy"], 2)
    } of the test labels. Confident learning (arXiv:1911.00068) estimates for
each class how many labels are wrong, and the least likely ones are listed. *Doubtful is not wrong*: whether
something is a shirt, a pullover or a coat often depends on the shop's catalogue, and 28 × 28 grey pixels do
not show it.

{table(("given", "suggested", "labels"), likely)}

## Near-duplicates

Images whose pixels correlate at {
        found["similarity"]:g} or more, whatever their brightness and contrast: the same
photo, or the same garment in another colour or print.
{f"{copied:,} of the pairs are exact copies." if copied else "There are no exact copies."}

{threshold_of(measured["mirrored"]) if "mirrored" in measured else ""}

## Outliers

Images that are far from their {
        found["neighbours"]
    } nearest neighbours, above Tukey's upper fence of all such
distances. Labels play no part, and neither does brightness: most are garments with rare patterns, pale ones
of which only the outline shows, and bags.

## What it changes

If a report finds an audit of its data in its folder of runs, it shows each accuracy three times: on all test
images, without the near-duplicates of training images, and without doubtful labels. The first is the result.
The third favours every model, and most of all one that errs as the audit's own models do: it shows whether a
gain lives in the noise, and is not a score to quote.
"""


def threshold_of(part: Measured) -> str:
    rows = list(zip(part["thresholds"], part["as_they_are"], part["mirrored"], strict=True))
    ((_, every, chance),) = (row for row in rows if row[0] == 0.995)
    whole = {f"{threshold:g}": count for threshold, count, _ in rows}
    searched = ", ".join(f"{count:,} at {name}" for name, count in part["searched"].items())
    same = all(whole[name] == count for name, count in part["searched"].items())
    cells = [(f"{threshold:g}", f"{count:,}", f"{other:,}") for threshold, count, other in rows]
    return f"""Why 0.995: the photo of a garment is not the mirror image of another one's, so pairs of an
image and a mirrored one correlate by chance. At 0.995 there are {every:,} pairs of images as they are and
{chance:,} with one of them mirrored; at lower thresholds there are more of both.

{table(("correlation", "pairs", "pairs with one image mirrored"), cells)}

These counts come from all products of all images. The search that the audit uses finds {searched}:
{"every one" if same else "**not the same**"}."""
