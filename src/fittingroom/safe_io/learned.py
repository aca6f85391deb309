"""The shapes that classical models give (the domain ai.onnx.ml), once their tables fit together."""

from fittingroom.safe_io import trees
from fittingroom.safe_io.graphs import Value
from fittingroom.safe_io.shapes import Call, Rules


def _labels(call: Call) -> int:
    """How many classes a classifier of scikit-learn's kind knows."""
    names = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")
    counts = [
        len(found.wholes) + len(found.texts)
        for found in map(call.attribute, names)
        if found is not None
    ]
    if sum(counts) < 2:
        raise ValueError("fewer than two classes")
    return sum(counts)


def _linear(call: Call) -> list[Value]:
    count, width = call.shape()
    found, shift = call.node.attributes["coefficients"].reals, call.attribute("intercepts")
    classifies = call.node.kind.endswith("Classifier")
    kinds = _labels(call) if classifies else call.whole("targets", 1)
    rows = len(found) // max(width, 1)
    if rows * width != len(found) or rows not in (kinds, 1 if kinds == 2 else kinds):
        raise ValueError("coefficients that do not fit")
    if shift is not None and len(shift.reals) != rows:
        raise ValueError("intercepts that do not fit")
    call.cost(count * rows * width)
    scores = Value((count, kinds))
    return [Value((count,)), scores] if classifies else [scores]


def _support_vectors(call: Call) -> list[Value]:
    count, width = call.shape()
    at = call.node.attributes
    kinds, vectors = _labels(call), len(at["support_vectors"].reals) // max(width, 1)
    each = at["vectors_per_class"].wholes
    pairs = kinds * (kinds - 1) // 2
    lengths = (
        (vectors * width, len(at["support_vectors"].reals)),
        (kinds, len(each)),
        (vectors, int(each.clip(0, 2**31).sum())),
        ((kinds - 1) * vectors, len(at["coefficients"].reals)),
        (pairs, len(at["rho"].reals)),
    )
    shares = [at[name].reals for name in ("prob_a", "prob_b") if name in at]
    if any(expected != received for expected, received in lengths) or vectors < 1:
        raise ValueError("support vectors that do not fit")
    if each.min() < 0 or any(len(share) not in (0, pairs) for share in shares):
        raise ValueError("support vectors that do not fit")
    likely = any(len(share) for share in shares)
    call.cost(count * vectors * (width + kinds), count * vectors)
    return [Value((count,)), Value((count, kinds if likely or kinds == 2 else pairs))]


def _trees(call: Call) -> list[Value]:
    count, width = call.shape()
    classifies = call.node.kind.endswith("Classifier")
    kinds = _labels(call) if classifies else call.whole("n_targets", 1)
    if not 1 <= kinds <= 10_000:
        raise ValueError("no classes, or too many")
    prefix = "class" if classifies else "target"
    call.cost(count * trees.check(call.node.attributes, prefix, width, kinds))
    scores = Value((count, kinds))
    return [Value((count,)), scores] if classifies else [scores]


RULES: Rules = {
    **{f"ai.onnx.ml.Linear{kind}": _linear for kind in ("Classifier", "Regressor")},
    **{f"ai.onnx.ml.TreeEnsemble{kind}": _trees for kind in ("Classifier", "Regressor")},
    "ai.onnx.ml.SVMClassifier": _support_vectors,
}
