"""Convert a scikit-learn random forest to an XGBoost booster.

So both families are saved, served and explained the same way, without pickle. The booster predicts
what the forest predicts, up to the float32 rounding of the mean.
"""

import json

import numpy as np
import xgboost as xgb
from sklearn.ensemble import RandomForestRegressor


def to_booster(forest: RandomForestRegressor, features: list[str]) -> xgb.Booster:
    """`forest` (one output, fitted on float32 without missing values) as a booster."""
    model = _empty_model(features)
    trees = [
        _tree(estimator.tree_, number, len(forest.estimators_), len(features))
        for number, estimator in enumerate(forest.estimators_)
    ]
    count = len(trees)
    model["learner"]["gradient_booster"]["model"] = {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
        "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
        "iteration_indptr": list(range(count + 1)),
        "tree_info": [0] * count,
        "trees": trees,
    }
    booster = xgb.Booster()
    booster.load_model(bytearray(json.dumps(model), "utf-8"))
    return booster


def _empty_model(features: list[str]) -> dict:
    """The JSON of a booster with these inputs and base score 0, as this XGBoost writes it."""
    data = xgb.DMatrix(np.zeros((1, len(features))), [0.0], feature_names=features)
    booster = xgb.train({"base_score": 0.0, "nthread": 1}, data, num_boost_round=0)
    return json.loads(booster.save_raw("json"))


def _tree(tree, number: int, trees: int, features: int) -> dict:
    """One tree as XGBoost's JSON; a leaf has its value in place of a threshold."""
    order, left, parents = _siblings_together(tree)
    leaf = left < 0
    value = tree.value[order, 0, 0] / trees
    nodes = len(order)
    zeros = [0] * nodes
    return {
        "base_weights": value.tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": zeros,
        "id": number,
        "left_children": left.tolist(),
        "loss_changes": _gain(tree)[order].tolist(),
        "parents": parents.tolist(),
        "right_children": np.where(leaf, -1, left + 1).tolist(),
        "split_conditions": np.where(leaf, value, _strictly_below(tree.threshold)[order]).tolist(),
        "split_indices": np.where(leaf, 0, tree.feature[order]).tolist(),
        "split_type": zeros,
        "sum_hessian": tree.weighted_n_node_samples[order].tolist(),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(nodes),
            "size_leaf_vector": "1",
        },
    }


def _siblings_together(tree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes renumbered level by level: XGBoost requires right child = left child + 1.

    Returns the old number of each new node, its left child (-1: a leaf) and its parent.
    """
    levels, lefts, parents = [np.array([0])], [], [np.array([2147483647])]
    count = 1
    while len(levels[-1]):
        nodes = levels[-1]
        inner = tree.children_left[nodes] >= 0
        start = count - len(nodes)
        lefts.append(np.where(inner, count + 2 * (np.cumsum(inner) - 1), -1))
        parents.append(np.repeat(start + np.flatnonzero(inner), 2))
        split = nodes[inner]
        levels.append(
            np.column_stack([tree.children_left[split], tree.children_right[split]]).ravel()
        )
        count += len(levels[-1])
    return np.concatenate(levels), np.concatenate(lefts), np.concatenate(parents)


def _strictly_below(threshold: np.ndarray) -> np.ndarray:
    """The float32 threshold s of each float64 threshold t, so that x < s exactly where x <= t.

    scikit-learn goes left on x <= t, XGBoost on x < s.
    """
    rounded = threshold.astype(np.float32)
    below = np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return np.nextafter(below.astype(np.float32), np.float32(np.inf)).astype(float)


def _gain(tree) -> np.ndarray:
    """The decrease in squared error at each split: XGBoost's gain."""
    error = tree.weighted_n_node_samples * tree.impurity
    leaf = tree.children_left < 0
    return np.where(leaf, 0.0, error - error[tree.children_left] - error[tree.children_right])
