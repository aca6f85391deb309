"""A support vector machine on HOG features, with a Gaussian kernel and Nyström's approximation.

The least-squares machine (Suykens and Vandewalle, 1999, doi:10.1023/A:1018628609742), one class
against the rest: squared errors take the place of the hinge, so that one system of equations
gives all weights. Nyström's method (Williams and Seeger, 2000) keeps the system small.

With landmarks ``l``, ``k(x) = mean over x and its mirror image of exp(-γ·|f(x) - f(l)|²)``, and
``Y`` the classes as ±1 less their mean, the scores are ``k(x)·α + b``, where ``α`` solves
``(Σ k·kᵀ + penalty·G)·α = Σ k·Y`` with ``k`` centred and ``G`` the kernel among landmarks.

All is done in float64: weights of both signs nearly cancel, and float32 would leave too little.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from scipy import linalg
from scipy.linalg import blas
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from fittingroom.data import ImageSet
from fittingroom.engines import Core
from fittingroom.engines.sklearn.hog import add_features, features
from fittingroom.engines.sklearn.own import Trained
from fittingroom.graphs import GraphBuilder
from fittingroom.predictions import Float32, Labels, UInt8
from fittingroom.recipes import HogSvm

Float64 = npt.NDArray[np.float64]

# Added to the diagonal of the kernel among landmarks, which twin images make singular.
_JITTER = 1e-4
# Images at a time, where each is compared with all landmarks, and where its features are found.
_BATCH = 1000
_IMAGES = 5000
_PAIRS = 500


def train_svm(
    model: HogSvm,
    training: ImageSet,
    validation: ImageSet,
    *,
    classes: int,
    seed: int,
    threads: int,
) -> Trained:
    """Train the machine. Its weights are float32, so that a file holds exactly these numbers:

    - ``features.mean`` ``(F,)``, and ``features.components`` ``(F, C)``, the principal components;
    - ``kernel.landmarks`` ``(M, C)``, in terms of these, and ``kernel.width``, ``γ``;
    - ``weight`` ``(M, K)``, ``α``, and ``bias`` ``(K,)``, ``b``.
    """
    generator = np.random.default_rng(seed)
    count = len(training)
    mean, components = _components(
        features(training.images, model.orientations, threads), model.components
    )

    def reduce(images: UInt8) -> Float32:
        """The components of images and their mirror images: ``(N, 2, C)``."""
        # All features of both sides at once would take more memory than anything else here.
        found = np.empty((len(images), 2, components.shape[1]), np.float32)
        for start in range(0, len(images), _IMAGES):
            batch = images[start : start + _IMAGES]
            for side, seen in enumerate((batch, batch[:, :, ::-1])):
                upright = features(seen, model.orientations, threads)
                found[start : start + _IMAGES, side] = (upright - mean) @ components
        return found

    reduced = reduce(training.images)
    drawn = generator.choice(count, min(model.landmarks, count), replace=False)
    landmarks = reduced[drawn, 0]
    some = reduced[generator.choice(count, min(_PAIRS, count), replace=False), 0]
    distances = euclidean_distances(some.astype(np.float64), squared=True)
    width = model.sharpness / max(float(np.median(distances)), 1e-6)
    weight, bias = _solve(model, reduced, training.labels, landmarks, width, classes)

    def scores(reduced: Float32) -> Float32:
        """float32 ``(N, 2, C)`` → float32 ``(N, K)``."""
        batches = [reduced[start : start + _BATCH] for start in range(0, len(reduced), _BATCH)]
        found = [_kernel(batch, landmarks, width) @ weight for batch in batches]
        return (np.concatenate(found) + bias).astype(np.float32)

    weights = {
        "features.mean": mean,
        "features.components": components,
        "kernel.landmarks": landmarks,
        "kernel.width": np.array(width, np.float32),
        "weight": weight,
        "bias": bias,
    }
    return Trained(
        training=scores(reduced),
        validation=scores(reduce(validation.images)),
        weights=weights,
        core=Core(
            graph=_graph(weights, width, model, classes),
            parameters=sum(array.size for array in weights.values()),
            # Components and distances for the image and its mirror image, then the weights. The
            # histograms themselves, some hundred thousand operations, are left out.
            operations=2 * (components.size + landmarks.size) + weight.size,
        ),
    )


def _components(upright: Float32, count: int) -> tuple[Float32, Float32]:
    """The features' mean ``(F,)``, and their first principal components ``(F, C)``.

    The features, ``(N, F)``, are changed: they are centred in place.
    """
    mean = upright.mean(axis=0, dtype=np.float64).astype(np.float32)
    upright -= mean
    _, vectors = linalg.eigh((upright.T @ upright).astype(np.float64))
    kept: Float32 = np.ascontiguousarray(vectors[:, ::-1][:, :count]).astype(np.float32)
    return mean, kept


def _solve(
    model: HogSvm, reduced: Float32, labels: Labels, landmarks: Float32, width: float, classes: int
) -> tuple[Float32, Float32]:
    """The weights ``(M, K)`` and biases ``(K,)``.

    One matrix ``(M, M)`` is all that there is of that size: it is symmetric, so BLAS and LAPACK
    fill and solve its lower half in place.
    """
    count, size = len(reduced), len(landmarks)
    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    products = np.zeros((size, size), order="F")
    right = np.zeros((size, classes))
    total = np.zeros(size)
    for start in range(0, count, _BATCH):
        kernel = _kernel(reduced[start : start + _BATCH], landmarks, width)
        products = blas.dsyrk(1.0, kernel.T, 1.0, products, lower=True, overwrite_c=True)
        right += kernel.T @ targets[start : start + _BATCH]
        total += kernel.sum(axis=0)
    means, offset = total / count, targets.mean(axis=0)
    products = blas.dsyr(-1 / count, total, a=products, lower=True, overwrite_a=True)
    right -= np.outer(total, offset)
    wide = landmarks.astype(np.float64)
    for start in range(0, size, _BATCH):
        columns = slice(start, start + _BATCH)
        products[:, columns] += model.penalty * rbf_kernel(wide, wide[columns], gamma=width)
    products[np.diag_indices(size)] += model.penalty * _JITTER
    factor = linalg.cho_factor(products, lower=True, overwrite_a=True)
    weights = linalg.cho_solve(factor, right)
    return weights.astype(np.float32), (offset - means @ weights).astype(np.float32)


def _kernel(reduced: Float32, landmarks: Float32, width: float) -> Float64:
    """The mean kernel of images and their mirror images: ``(N, 2, C)`` → ``(N, M)``."""
    wide, others = reduced.astype(np.float64), landmarks.astype(np.float64)
    both = [rbf_kernel(wide[:, side], others, gamma=width) for side in (0, 1)]
    mean: Float64 = (both[0] + both[1]) / 2
    return mean


def _graph(weights: Mapping[str, Float32], width: float, model: HogSvm, classes: int) -> bytes:
    """From ``images`` to ``logits``."""
    graph = GraphBuilder()

    def wide(name: str) -> str:
        return graph.add("Cast", graph.constant(weights[name]), to=TensorProto.DOUBLE)

    # Step -1 along the width, from the last pixel to before the first.
    ends = [graph.integers(value) for value in (-1, np.iinfo(np.int64).min, 2, -1)]
    both = graph.add("Concat", "images", graph.add("Slice", "images", *ends), axis=0)
    found = add_features(graph, both, model.orientations)  # (2·N, F)
    centred = graph.add("Sub", found, graph.constant(weights["features.mean"]))
    reduced = graph.add("MatMul", centred, graph.constant(weights["features.components"]))
    reduced = graph.add("Cast", reduced, to=TensorProto.DOUBLE)  # (2·N, C)
    landmarks = weights["kernel.landmarks"].astype(np.float64)
    lengths = graph.constant((landmarks * landmarks).sum(axis=1))
    crossed = graph.add("MatMul", reduced, graph.add("Transpose", wide("kernel.landmarks")))
    minus_two = graph.constant(np.array(-2.0))
    distances = graph.add("Add", graph.add("Mul", crossed, minus_two), lengths)
    own = graph.add("ReduceSum", graph.add("Mul", reduced, reduced), graph.integers(1), keepdims=1)
    distances = graph.add("Add", distances, own)  # (2·N, M)
    kernel = graph.add("Exp", graph.add("Mul", distances, graph.constant(np.array(-width))))
    stacked = graph.add("Reshape", kernel, graph.integers(2, -1, len(landmarks)))
    mean = graph.add("ReduceMean", stacked, graph.integers(0), keepdims=0)  # (N, M)
    scores = graph.add("Add", graph.add("MatMul", mean, wide("weight")), wide("bias"))
    graph.add("Cast", scores, output="logits", to=TensorProto.FLOAT)
    return graph.from_images("logits", classes)
