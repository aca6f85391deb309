"""Boosted trees on the pixels, by scikit-learn."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from fittingroom.data import Half
from fittingroom.engines import Core
from fittingroom.engines.sklearn.trained import Trained, serialise
from fittingroom.graphs import Graph
from fittingroom.predictions import Float32, UInt8
from fittingroom.recipes import BoostedForest

# The domain of ONNX for trees, and its version with `TreeEnsembleRegressor` as used here.
_ML, _VERSION = "ai.onnx.ml", 3


def train_forest(
    model: BoostedForest, training: Half, validation: Half, *, classes: int, seed: int
) -> Trained:
    """Train all rounds, without early stopping."""
    estimator = HistGradientBoostingClassifier(
        max_iter=model.rounds,
        max_leaf_nodes=model.leaves,
        learning_rate=model.learning_rate,
        max_features=model.pixels,
        l2_regularization=model.penalty,
        early_stopping=False,
        random_state=seed,
    )
    estimator.fit(_flat(training.images), training.labels)
    trees = _trees(estimator)
    return Trained(
        training=_logits(estimator, training.images),
        validation=_logits(estimator, validation.images),
        weights=trees,
        core=Core(
            graph=_graph(trees, classes),
            # A branch has a pixel and a threshold, a leaf a value.
            parameters=int(np.where(trees["leaf"], 1, 2).sum()) + classes,
            # A picture passes one comparison for each level of each tree, and one addition.
            operations=_longest_paths(estimator),
        ),
    )


def _trees(estimator: Any) -> dict[str, npt.NDArray[Any]]:
    """All nodes of all trees: the tree's number and class, the node's number in its tree, the
    pixel, threshold, and children of a branch, the value of a leaf; and the classes' base values.

    scikit-learn offers no public way to its boosted trees.
    """
    trees = [tree for group in estimator._predictors for tree in group]
    kinds = len(estimator._predictors[0])
    sizes = [len(tree.nodes) for tree in trees]
    nodes = np.concatenate([tree.nodes for tree in trees])
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "tree": np.repeat(np.arange(len(trees)), sizes),
        "class": np.repeat(np.arange(len(trees)) % kinds, sizes),
        "node": np.concatenate([np.arange(size) for size in sizes]),
        "leaf": leaf,
        "pixel": np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        # Halves of whole numbers, which float32 holds exactly.
        "threshold": np.where(leaf, 0, nodes["num_threshold"]).astype(np.float32),
        "left": np.where(leaf, 0, nodes["left"]).astype(np.int64),
        "right": np.where(leaf, 0, nodes["right"]).astype(np.int64),
        "value": np.where(leaf, nodes["value"], 0).astype(np.float32),
        "base": estimator._baseline_prediction.ravel().astype(np.float32),
    }


def _graph(trees: dict[str, npt.NDArray[Any]], classes: int) -> bytes:
    graph = Graph()
    leaf = trees["leaf"]
    graph.add(
        "TreeEnsembleRegressor",
        graph.add("Flatten", "pictures", axis=1),
        output="logits",
        domain=_ML,
        n_targets=classes,
        aggregate_function="SUM",
        base_values=trees["base"].tolist(),
        nodes_treeids=trees["tree"].tolist(),
        nodes_nodeids=trees["node"].tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_featureids=trees["pixel"].tolist(),
        nodes_values=trees["threshold"].tolist(),
        nodes_truenodeids=trees["left"].tolist(),
        nodes_falsenodeids=trees["right"].tolist(),
        target_treeids=trees["tree"][leaf].tolist(),
        target_nodeids=trees["node"][leaf].tolist(),
        target_ids=trees["class"][leaf].tolist(),
        target_weights=trees["value"][leaf].tolist(),
    )
    return serialise(graph, classes, {_ML: _VERSION})


def _longest_paths(estimator: Any) -> int:
    """The sum over trees of the comparisons on the longest way to a leaf, and its addition."""
    trees = [tree for group in estimator._predictors for tree in group]
    return sum(int(tree.nodes["depth"].max()) + 1 for tree in trees)


def _logits(estimator: Any, images: UInt8) -> Float32:
    """Sums of the trees' values, one a class."""
    logits: Float32 = estimator.decision_function(_flat(images)).astype(np.float32)
    return logits


def _flat(images: UInt8) -> UInt8:
    return images.reshape(len(images), -1)
