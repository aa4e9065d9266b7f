"""Golden listings find models that are broken and let those pass that are merely different."""

import shutil

import numpy as np
import pytest

from unit_tests.helpers import broken_models, tiny
from vehicle_price.estimate import Estimate
from vehicle_price.model import artifact, golden_set
from vehicle_price.model.golden_set import (
    FACTOR,
    LISTINGS,
    GoldenSetError,
    checked,
    compare,
    prices,
)
from vehicle_price.names import FAMILY_NAMES


class Typical:
    """A model that returns the typical prices times a factor; `alone` changes single answers."""

    def __init__(self, factor=1.0, alone=None):
        self.by_car = {
            (golden.listing["model"], golden.listing["year"]): golden.typical_price * factor
            for golden in LISTINGS
        }
        self.alone = alone or (lambda estimate: estimate)

    def price_one(self, listing):
        """The price of one."""
        return self.alone(self._estimate(listing))

    def price_many(self, listings):
        """The prices of many."""
        return [self._estimate(listing) for listing in listings]

    def _estimate(self, listing):
        price = self.by_car[listing["model"], listing["year"]]
        return Estimate(price, price * 0.9, price * 1.1, ())


def test_the_listings_are_ones_that_the_service_takes_and_no_two_are_equal():
    listings = checked()
    assert len(listings) >= 20
    assert len({str(sorted(listing.items())) for listing in listings}) == len(listings)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_a_model_of_either_family_passes(family):
    golden_prices = prices(tiny.valuation(family))
    assert len(golden_prices) == len(LISTINGS)


@pytest.mark.parametrize("factor", [100, 10, 5, 1 / 5, 1 / 10, 1 / 100])
def test_prices_off_by_a_factor_are_refused(factor):
    with pytest.raises(GoldenSetError, match="sensible is"):
        prices(Typical(factor))


@pytest.mark.parametrize("factor", [1, 3, 1 / 3])
def test_within_the_limits_they_pass(factor):
    assert prices(Typical(factor))[0] == int(LISTINGS[0].typical_price * factor)


def test_one_listing_must_cost_in_a_list_what_it_costs_alone():
    with pytest.raises(GoldenSetError, match="in a list"):
        prices(Typical(alone=lambda e: e._replace(price=e.price + 1)))


@pytest.mark.parametrize("interval", [(0, 9e9), (9e9, 9e9), (1, 2)])
def test_an_interval_that_does_not_hold_the_price_is_refused(interval):
    model = Typical()
    model.price_many = lambda listings: [
        e._replace(low=interval[0], high=interval[1]) for e in Typical.price_many(model, listings)
    ]
    model.alone = lambda e: e._replace(low=interval[0], high=interval[1])
    with pytest.raises(GoldenSetError, match="interval"):
        prices(model)


def test_a_missing_answer_is_refused():
    model = Typical()
    model.price_many = lambda listings: []
    with pytest.raises(GoldenSetError, match="got 0 answers"):
        prices(model)


def test_the_limits_leave_no_room_for_a_factor_of_ten():
    assert FACTOR**2 < 10 * FACTOR and FACTOR < 10


def test_a_new_version_may_move_a_little_but_not_jump():
    old = [golden.typical_price for golden in LISTINGS]
    compare([p * 1.4 for p in old], old)
    compare([p / 1.4 for p in old], old)
    with pytest.raises(GoldenSetError, match="half of the golden prices"):
        compare([p * 1.6 for p in old], old)
    with pytest.raises(GoldenSetError, match="half of the golden prices"):
        compare([p / 1.6 for p in old], old)
    with pytest.raises(GoldenSetError, match="civic"):
        compare([old[0] * 4.5, *old[1:]], old)


def test_a_rollback_is_as_far_as_the_change_was():
    """Whatever may come after a version, that version may come back after it."""
    rng = np.random.default_rng(20)
    old = np.array([golden.typical_price for golden in LISTINGS], float)
    for _ in range(200):
        new = old * rng.lognormal(0, 0.5, len(old))
        there_and_back = [_passes(*pair) for pair in ((new, old), (old, new))]
        assert len(set(there_and_back)) == 1


def _passes(new, old):
    try:
        compare(list(new), list(old))
    except GoldenSetError:
        return False
    return True


@pytest.mark.parametrize("name", broken_models.MADE_WRONG)
def test_no_model_that_was_made_wrong_passes(name, saved, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    broken_models.make_wrong(folder, broken_models.MADE_WRONG[name])
    with pytest.raises(ValueError, match="."):
        trial_prices(folder)


def trial_prices(folder):
    """The golden prices, as a trial computes them in its child process."""
    from vehicle_price.model.trial import golden_prices

    return golden_prices(folder, None)


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden") / "model"
    artifact.save(tiny.valuation("xgboost"), folder)
    assert len(trial_prices(folder)) == len(golden_set.LISTINGS)
    return folder


def test_the_set_has_a_number_that_goes_with_its_prices():
    """Change SET_VERSION when a listing changes: prices of different sets must not be compared."""
    assert (golden_set.SET_VERSION, sum(golden.typical_price for golden in LISTINGS)) == (
        1,
        373_500,
    )
