"""A scikit-learn forest and the booster made of it answer alike."""

import json

import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import RandomForestRegressor

from vehicle_price.training.forest_conversion import to_booster

NAMES = ["a", "b", "c", "d"]


def data(rows: int = 1_500) -> tuple[np.ndarray, np.ndarray]:
    """Inputs with ties, tiny and huge values, and something to learn from them."""
    rng = np.random.default_rng(3)
    inputs = np.column_stack(
        [
            rng.integers(-3, 4, rows),
            rng.normal(0, 1e-6, rows),
            rng.uniform(0, 500_000, rows),
            rng.normal(10, 1, rows),
        ]
    ).astype(np.float32)
    target = 10 + inputs[:, 0] + 1e6 * inputs[:, 1] - inputs[:, 2] / 1e5 + np.sin(inputs[:, 3])
    return inputs, target + rng.normal(0, 0.3, rows)


def grown(**options: object) -> RandomForestRegressor:
    """A small forest; `options` override."""
    return RandomForestRegressor(
        **{"n_estimators": 15, "min_samples_leaf": 2, "random_state": 1, **options}
    ).fit(*data())


def assert_alike(forest: RandomForestRegressor, inputs: np.ndarray) -> None:
    """Both predictions of `inputs` agree to 1e-5."""
    booster = to_booster(forest, NAMES)
    expected = forest.predict(inputs)
    assert np.abs(booster.inplace_predict(inputs) - expected).max() < 1e-5
    matrix = xgb.DMatrix(inputs, feature_names=NAMES)
    assert np.abs(booster.predict(matrix) - expected).max() < 1e-5


OPTIONS = [
    {},
    {"max_depth": 1},
    {"max_depth": 25, "min_samples_leaf": 1},
    {"monotonic_cst": [1, 1, -1, 0]},
    {"max_features": 0.4, "max_samples": 0.4},
    {"n_estimators": 1, "bootstrap": False},
    {"min_samples_leaf": 1_000},  # no split at all
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_booster_answers_what_the_forest_answers(options):
    forest = grown(**options)
    assert_alike(forest, data()[0])
    assert_alike(forest, np.random.default_rng(4).permuted(data()[0], axis=0) * np.float32(1.01))


@pytest.mark.parametrize("options", OPTIONS[:4], ids=str)
def test_values_on_a_threshold_and_just_beside_it_go_the_same_way(options):
    forest = grown(**options)
    base = data()[0][0]
    rows = []
    for tree in (estimator.tree_ for estimator in forest.estimators_):
        inner = tree.feature >= 0
        for feature, threshold in zip(tree.feature[inner], tree.threshold[inner], strict=True):
            value = np.float32(threshold)
            for near in (value, np.nextafter(value, -np.inf), np.nextafter(value, np.inf)):
                rows.append(base.copy())
                rows[-1][feature] = near
    assert len(rows) >= 45
    assert_alike(forest, np.array(rows, np.float32))


def test_thresholds_between_two_float32_are_not_moved_across_a_value():
    # The midpoint of neighbouring float32 numbers is none itself.
    inputs = np.array([[4.0], [np.nextafter(np.float32(4), np.float32(5))]], np.float32)
    forest = RandomForestRegressor(1, bootstrap=False).fit(inputs, [3.0, 7.0])
    assert to_booster(forest, ["x"]).inplace_predict(inputs).tolist() == [3.0, 7.0]


def test_the_booster_keeps_the_forests_monotone_inputs():
    booster = to_booster(grown(monotonic_cst=[0, 0, -1, 0]), NAMES)
    rows = np.repeat(data()[0][:50], 40, axis=0)
    rows[:, 2] = np.tile(np.linspace(0, 500_000, 40, dtype=np.float32), 50)
    falling = np.diff(booster.inplace_predict(rows).reshape(50, 40), axis=1)
    assert (falling <= 0).all() and (falling < 0).any()


def test_saving_and_loading_changes_no_bit(tmp_path):
    booster = to_booster(grown(), NAMES)
    booster.save_model(tmp_path / "forest.ubj")
    loaded = xgb.Booster(model_file=tmp_path / "forest.ubj")
    inputs = data()[0]
    assert loaded.inplace_predict(inputs).tobytes() == booster.inplace_predict(inputs).tobytes()
    assert loaded.feature_names == NAMES


def test_the_importance_is_the_forests_fall_in_squared_error():
    forest = grown()
    gain = to_booster(forest, NAMES).get_score(importance_type="total_gain")
    expected = sum(
        e.tree_.compute_feature_importances(normalize=False) * e.tree_.weighted_n_node_samples[0]
        for e in forest.estimators_
    )
    assert [gain[name] for name in NAMES] == pytest.approx(expected, rel=1e-4)


def test_the_same_forest_gives_the_same_bytes():
    single_job, two_jobs = (to_booster(grown(n_jobs=n), NAMES).save_raw("json") for n in (1, 2))
    assert single_job == two_jobs and json.loads(single_job)["learner"]["feature_names"] == NAMES
