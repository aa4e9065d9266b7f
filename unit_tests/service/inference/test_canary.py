"""A canary never costs a client its answer."""

import pytest

from service.inference import canary
from service.inference.canary import price
from service.inference.canary_stats import CanaryStats
from service.inference.model_holder import ModelHolder, NoModel, Served
from unit_tests.helpers.service_fakes import REQUIRED, FakeValuation, estimate


class Broken(FakeValuation):
    """Raises, or answers nonsense."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def price_one(self, listing):
        """No price."""
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


def canary_of(valuation, stats=None):
    """Production 7, and the canary 8 for everybody."""
    holder = ModelHolder(Served(FakeValuation(), "7"))
    holder.set_challenger(
        Served(valuation, "8", role="canary"), 100, stats or CanaryStats("versions/8")
    )
    return holder


def test_a_canary_answers_in_its_own_name():
    holder = canary_of(FakeValuation(500))
    estimates, served = price(holder, "somebody", [REQUIRED])
    assert (served.version, served.role) == ("8", "canary")
    assert estimates[0].price == 20_640


@pytest.mark.parametrize(
    "what",
    [
        *(error("no") for error in canary.MODEL_ERRORS),
        estimate(float("nan"), 1, 2),
        estimate(1_000_000_000, 1, 2_000_000_000),
        estimate(0, 0, 0),
        estimate(-5_000, -6_000, -4_000),
        estimate(5_000, 6_000, 7_000),
        None,
    ],
)
@pytest.mark.parametrize("listings", [[REQUIRED], [REQUIRED] * 3])
def test_production_answers_the_same_request_when_the_canary_cannot(what, listings):
    stats = CanaryStats("versions/8")
    estimates, served = price(canary_of(Broken(what), stats), "somebody", listings)
    assert (served.version, served.role) == ("7", "fallback")
    assert [estimate.price for estimate in estimates] == [20_140] * len(listings)
    assert (stats.canary.failures, stats.production.failures) == (len(listings), 0)


def test_an_error_of_production_is_not_hidden():
    holder = ModelHolder(Served(Broken(ValueError("nan")), "7"))
    with pytest.raises(ValueError, match="nan"):
        price(holder, "somebody", [REQUIRED])
    holder.set_challenger(Served(FakeValuation(), "8", role="canary"), 0, CanaryStats())
    with pytest.raises(ValueError, match="nan"):
        price(holder, "somebody", [REQUIRED])


def test_without_a_model_there_is_no_price():
    with pytest.raises(NoModel):
        price(ModelHolder(), "somebody", [REQUIRED])


def test_nothing_is_counted_without_a_canary():
    holder = ModelHolder(Served(FakeValuation(), "7"))
    price(holder, "somebody", [REQUIRED])
    assert holder.canary_stats is None


def test_both_sides_are_counted_and_only_single_listings_are_timed():
    stats = CanaryStats("versions/8")
    holder = canary_of(FakeValuation(), stats)
    holder.set_challenger(holder.models().challenger, 50, stats)
    for number in range(100):
        price(holder, str(number), [REQUIRED])
    price(holder, "a list", [REQUIRED] * 10)
    sides = stats.canary, stats.production
    assert sum(side.answers for side in sides) == 110
    assert sum(sum(side.times.values()) for side in sides) == 100
    assert min(side.answers for side in sides) > 20
