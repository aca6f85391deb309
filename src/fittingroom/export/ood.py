"""How unlike the training images an image is: ``ood_score``, from features and logits.

ViM (H. Wang, Z. Li, L. Feng and W. Zhang, arXiv:2203.10807): how far an image's features lie from
where those of the training images spread, in the directions in which these vary least, scaled to
the size of a logit; less the logarithm of the sum of all exponentiated logits, which is the energy
score (W. Liu, X. Wang, J. Owens and Y. Li, arXiv:2010.03759). Features are centred on their mean.
What else was measured, with its numbers, stands in docs/LOG.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fittingroom.graphs import GraphBuilder
from fittingroom.predictions import Float32

# At most so many directions, which bounds the size of the model's file.
_MOST = 128
# A residual counts as at least this share of how far features spread in all.
_LEAST_RESIDUAL = 0.01


@dataclass(frozen=True, eq=False)
class OodScore:
    """A fitted score."""

    mean: Float32  # (D,), of the features
    residual: Float32  # (D, R), orthonormal directions in which features hardly vary
    scale: float  # size of a logit for a residual of one

    def scores(self, features: Float32, logits: Float32) -> npt.NDArray[np.float64]:
        """The score of each image, float64 ``(N,)``; a higher one is less like the training images.

        Features are ``(N, D)``, and logits, before the temperature, ``(N, K)``.
        """
        lengths = np.linalg.norm((features.astype(np.float64) - self.mean) @ self.residual, axis=1)
        top = logits.max(axis=1).astype(np.float64)
        energy = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        return self.scale * lengths - energy

    def add_to(self, graph: GraphBuilder, features: str, logits: str) -> None:
        """Add ``ood_score`` to a graph, from the names of what :meth:`scores` takes."""
        centred = graph.add("Sub", features, graph.constant(self.mean))
        aside = graph.add("MatMul", centred, graph.constant(self.residual))  # (N, R)
        lengths = graph.add("ReduceL2", aside, graph.integers(1), keepdims=0)  # (N,)
        scaled = graph.add("Mul", lengths, graph.constant(np.array(self.scale, np.float32)))
        energy = graph.add("ReduceLogSumExp", logits, graph.integers(1), keepdims=0)
        graph.add("Sub", scaled, energy, output="ood_score")


def fit_ood(features: Float32, logits: Float32) -> OodScore:
    """Fit the score on training images; features are ``(N, D)``, logits as for the score."""
    values = features.astype(np.float64)
    mean = values.mean(axis=0)
    centred = values - mean
    _, axes = np.linalg.eigh(centred.T @ centred / len(values))  # the least variance first
    residual = axes[:, : max(min(values.shape[1] // 2, _MOST), 1)]
    length = float(np.linalg.norm(centred @ residual, axis=1).mean())
    # Less their mean over classes, since logits may be logarithms of probabilities, all negative.
    size = float((logits.max(axis=1) - logits.mean(axis=1)).mean())
    # Where half of the features never vary, the residual is rounding, and is not to be blown up.
    least = _LEAST_RESIDUAL * float(np.linalg.norm(centred, axis=1).mean())
    scale = (size or 1.0) / (max(length, least) or 1.0)
    return OodScore(mean.astype(np.float32), residual.astype(np.float32), scale)
