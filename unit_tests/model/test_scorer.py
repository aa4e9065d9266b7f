"""The scorer answers what XGBoost answers, to the last bit, for one listing and for many."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unit_tests.helpers import tiny
from vehicle_price.contract.check import check
from vehicle_price.features.definitions import FEATURE_NAMES
from vehicle_price.features.frame import encode_frame
from vehicle_price.listing.validation import check_many
from vehicle_price.model import scorer, trees
from vehicle_price.model.tree_packing import rank_encode
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.schema import FEATURES
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES

EACH_FAMILY = pytest.mark.parametrize("family", FAMILY_NAMES)
WIDTH = len(FEATURE_NAMES)
NUMBERS = st.floats(allow_nan=False, width=32)


def of_xgboost(family: str, inputs: np.ndarray) -> np.ndarray:
    """Log price and the two quantiles as the boosters answer them."""
    fitted = tiny.valuation(family)
    pairs = fitted.interval_booster.inplace_predict(inputs).reshape(-1, 2)
    return np.column_stack([fitted.price_booster.inplace_predict(inputs), pairs])


def assert_alike(family: str, inputs: np.ndarray) -> None:
    """Assert that every score equals XGBoost's in every bit."""
    scores = tiny.valuation(family).scorer.score(inputs)
    assert scores.dtype == np.float32
    assert scores.tobytes() == of_xgboost(family, inputs).tobytes()


@EACH_FAMILY
@pytest.mark.parametrize(
    "rows",
    [
        1,
        scorer.MAX_SINGLE_ROWS,
        scorer.MAX_SINGLE_ROWS + 1,
        scorer.ROW_BLOCK - 1,
        scorer.ROW_BLOCK,
        3 * scorer.ROW_BLOCK + 1,
    ],
)
def test_any_number_of_listings_is_scored_as_by_xgboost(family, rows):
    inputs = encode_frame(tiny.valuation(family).tables, tiny.halves().test.head(rows))
    assert len(inputs) == rows
    assert_alike(family, inputs)


@EACH_FAMILY
@given(
    inputs=st.integers(1, 20).flatmap(lambda n: arrays(np.float32, (n, WIDTH), elements=NUMBERS))
)
def test_any_numbers_are_scored_as_by_xgboost(family, inputs):
    if np.isfinite(inputs).all():  # XGBoost refuses infinity
        assert_alike(family, inputs)
    assert np.isfinite(tiny.valuation(family).scorer.score(inputs)).all()


@EACH_FAMILY
def test_inputs_on_a_threshold_go_the_way_they_go_in_xgboost(family):
    ensemble = tiny.valuation(family).trees
    input_of = ensemble.nodes["link"] & trees.MAX_INPUTS
    inputs = np.zeros((300, WIDTH), np.float32)
    rng = np.random.default_rng(5)
    for column in range(WIDTH):
        thresholds = ensemble.nodes["threshold"][input_of == column]
        if len(thresholds):
            inputs[:, column] = rng.choice(thresholds, len(inputs))
    assert len(np.unique(tiny.valuation(family).scorer.score(inputs)[:, 0])) > 100
    assert_alike(family, inputs)


def test_inputs_that_are_no_numbers_end_in_some_leaf():
    """They cannot occur; if they did, no memory outside the trees would be read."""
    inputs = np.full((70, WIDTH), np.nan, np.float32)
    assert np.isfinite(tiny.valuation("xgboost").scorer.score(inputs)).all()


def test_a_tree_that_fits_no_short_words_is_walked_as_well():
    """A complete tree of 2**16 leaves on one input; leaf n is for inputs from n - 1 up to n."""
    levels = 16
    nodes = np.zeros(2 ** (levels + 1) - 1, trees.NODE)
    number = np.arange(len(nodes))
    level = np.frexp(number + 1)[1] - 1
    position = number + 1 - 2**level
    nodes["threshold"] = np.where(
        level < levels, (position * 2 + 1) * 2.0 ** (levels - 1 - level), 0
    )
    leaf = level == levels
    nodes["threshold"][leaf] = position[leaf]
    nodes["link"] = np.where(leaf, number << 8 | 1, (2 * number + 1) << 8)
    single = np.ones(1, np.int64)
    large = trees.Trees(nodes, single * len(nodes), single, np.zeros(1, np.float32), single)
    large.check()
    assert rank_encode(large).trees.words.dtype == np.uint64
    assert rank_encode(tiny.valuation("xgboost").trees).trees.words.dtype == np.uint32
    inputs = np.array([[-1], [0], [0.5], [1], [40_000.5], [2**16 - 1], [np.inf]] * 3, np.float32)
    for rows in (len(inputs), 1):
        scores = scorer.Scorer(large).score(inputs[:rows])
        assert (scores == np.floor(np.clip(inputs[:rows], 0, 2**16 - 1))).all()


def test_no_rows_have_no_scores_and_other_inputs_are_refused():
    score = tiny.valuation("xgboost").scorer.score
    assert score(np.empty((0, WIDTH), np.float32)).shape == (0, 3)
    with pytest.raises(ValueError, match=f"3 inputs, need {WIDTH}"):
        score(np.zeros((1, 3), np.float32))
    with pytest.raises(TypeError):
        score(np.zeros((1, WIDTH)))  # float64 would be compared with other thresholds


@EACH_FAMILY
def test_the_compiled_loops_do_what_is_written(family):
    """The same Python code, not compiled."""
    # pylint: disable=protected-access
    valuation = tiny.valuation(family)
    inputs = encode_frame(valuation.tables, tiny.halves().test.head(5))
    ranked = rank_encode(valuation.trees)
    ranks = np.zeros((len(inputs), WIDTH + 1), np.uint32)
    scorer._rank_inputs(inputs, ranked.thresholds, ranked.threshold_starts, ranks)
    for score in (scorer._score_one_by_one, scorer._score_in_blocks):
        scores = np.empty((len(inputs), 3), np.float32)
        score(ranks, *ranked.trees, scores)
        assert scores.tobytes() == valuation.scorer.score(inputs).tobytes()


@EACH_FAMILY
def test_real_listings_have_one_price_on_every_path_and_that_of_xgboost(real_data, family):
    query = SourceQuery(str(real_data / "craigslist-carstrucks-data.zip"))
    raw = next(SOURCES["file"].read(query, Settings()))
    cars = check(raw.head(6_000)).accepted.to_pandas()
    listings = check_many(_as_json(cars), 2021)
    valuation = tiny.valuation(family)
    many = valuation.price_many(listings)
    assert len(many) > 4_000 and len({e.price for e in many}) > 1_000
    assert many == [valuation.price_one(listing) for listing in listings]
    frame = valuation.price_frame(cars)
    assert [e[:3] for e in many] == [tuple(row) for row in frame.to_numpy().tolist()]
    bare = of_xgboost(family, encode_frame(valuation.tables, cars))[:, 0]
    assert [e.price for e in many] == np.rint(np.exp(bare.astype(float))).tolist()


def test_trees_are_the_same_when_saved_and_loaded(tmp_path):
    ensemble = tiny.valuation("random_forest").trees
    trees.save(ensemble, tmp_path / "trees.npz")
    loaded = trees.load(tmp_path / "trees.npz")
    for name in ("nodes", "sizes", "counts", "base", "inputs"):
        assert getattr(loaded, name).tobytes() == getattr(ensemble, name).tobytes()


def test_a_price_needs_neither_xgboost_nor_data_frames():
    """Each of them costs a worker of the service a second and 100 MB."""
    code = (
        "import sys, vehicle_price.model.artifact, vehicle_price.listing.validation\n"
        "print({'xgboost', 'sklearn', 'pandas', 'scipy', 'pyarrow', 'mlflow'} & set(sys.modules))"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "set()"


def _as_json(cars) -> list[dict[str, object]]:
    """Accepted listings as a client sends them, with the day that gives them their age."""
    names = [column.name for column in FEATURES]
    rows = cars.assign(posting_date=cars["posting_day"])[[*names, "posting_date"]]
    return rows.astype(object).where(rows.notna(), None).to_dict("records")
