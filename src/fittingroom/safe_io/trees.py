"""Forests inside a graph: every way leads to a leaf, and every leaf to a class."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fittingroom.safe_io.graphs import Attribute

_BRANCHES = {f"BRANCH_{kind}".encode() for kind in ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ")}
_DEEPEST = 500
# Numbers of trees and nodes; two of them go into one of 64 bits.
_LARGEST = 2**31


def check(attributes: Mapping[str, Attribute], prefix: str, width: int, kinds: int) -> int:
    """Check the tables of a forest, which ONNX Runtime follows as they are.

    Args:
        attributes: those of a ``TreeEnsembleClassifier`` or ``TreeEnsembleRegressor``.
        prefix: ``"class"`` or ``"target"``, of the table of leaves.
        width: how many numbers a picture has.
        kinds: how many scores it gets.

    Returns:
        The comparisons and additions for one picture, at most.

    Raises:
        ValueError: tables of several lengths, or a way that leaves them or never ends.
    """
    tables = [attributes[f"nodes_{name}"].wholes for name in ("treeids", "nodeids")]
    tables += [attributes[f"nodes_{name}nodeids"].wholes for name in ("true", "false")]
    tree, node, true, false = tables
    features = attributes["nodes_featureids"].wholes
    modes = attributes["nodes_modes"].texts
    count = len(tree)
    lengths = {count, len(node), len(true), len(false), len(features), len(modes)}
    lengths.add(len(attributes["nodes_values"].reals))
    if len(lengths) != 1 or count == 0 or not set(modes) <= {b"LEAF", *_BRANCHES}:
        raise ValueError("nodes of trees that do not fit")
    leaf = np.array([mode == b"LEAF" for mode in modes])
    if not ((features[~leaf] >= 0) & (features[~leaf] < width)).all():
        raise ValueError("a tree that looks beyond the picture")
    keys = _keys(tree, node)
    if len(np.unique(keys)) != count:
        raise ValueError("a node that is there twice")
    depth = _depth(keys, leaf, _keys(tree[~leaf], true[~leaf]), _keys(tree[~leaf], false[~leaf]))
    weights = len(attributes[f"{prefix}_weights"].reals)
    ends = [attributes[f"{prefix}_{name}"].wholes for name in ("treeids", "nodeids", "ids")]
    if {len(each) for each in ends} != {weights} or not weights:
        raise ValueError("leaves that do not fit")
    if not np.isin(_keys(ends[0], ends[1]), keys[leaf]).all():
        raise ValueError("the weight of a leaf that there is not")
    if not ((ends[2] >= 0) & (ends[2] < kinds)).all():
        raise ValueError("the weight of a class that there is not")
    base = attributes.get("base_values")
    if base is not None and len(base.reals) not in (0, 1, kinds):
        raise ValueError("base values that do not fit")
    # Every tree is as deep as the deepest at most, and its leaf adds to every class at most.
    return len(np.unique(tree)) * (depth + kinds)


def _keys(tree: npt.NDArray[np.int64], node: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """One number for each pair of a tree's and a node's."""
    for numbers in (tree, node):
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < _LARGEST:
            raise ValueError("numbers of trees or nodes")
    return tree * _LARGEST + node


def _depth(
    keys: npt.NDArray[np.int64],
    leaf: npt.NDArray[np.bool_],
    true: npt.NDArray[np.int64],
    false: npt.NDArray[np.int64],
) -> int:
    """The longest way from a root to a leaf; each node has one parent at most."""
    children = np.concatenate([true, false])
    if len(np.unique(children)) != len(children):
        raise ValueError("two ways to one node of a tree")
    order = np.argsort(keys)
    places = np.searchsorted(keys, children, sorter=order)
    if (places >= len(keys)).any() or (keys[order[places]] != children).any():
        raise ValueError("a way to a node that there is not")
    child = order[places].reshape(2, -1)  # (2, branches)
    branch = np.full(len(keys), -1)
    branch[~leaf] = np.arange(int((~leaf).sum()))
    level = np.setdiff1d(np.arange(len(keys)), child.ravel())
    seen = depth = 0
    while len(level):
        seen += len(level)
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"a tree of more than {_DEEPEST} levels")
        inner = branch[level[~leaf[level]]]
        level = child[:, inner].ravel()
    if seen != len(keys):
        raise ValueError("a way in a circle")
    return depth
