"""A canary never costs a client its answer, and goes by the rule that the page states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.inference import canary
from service.inference.canary import Feedback, price, verdict
from service.inference.canary_stats import Side, Tally
from service.inference.model_holder import Holder, NoModel, Served
from unit_tests.helpers.service_fakes import REQUIRED, FakeEstimate, FakeValuation


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


def canary_of(valuation, tally=None):
    """Production 7, and the canary 8 for everybody."""
    holder = Holder(Served(FakeValuation(), "7"))
    holder.challenge(Served(valuation, "8", role="canary"), 100, tally or Tally("versions/8"))
    return holder


def test_a_canary_answers_in_its_own_name():
    holder = canary_of(FakeValuation(500))
    priced = price(holder, "somebody", [REQUIRED])
    assert (priced.served.version, priced.served.role) == ("8", "canary")
    assert priced.estimates[0].price == 20_640


@pytest.mark.parametrize(
    "what",
    [
        *(error("no") for error in canary.MODEL_ERRORS),
        FakeEstimate(float("nan"), 1, 2),
        FakeEstimate(1_000_000_000, 1, 2_000_000_000),
        FakeEstimate(0, 0, 0),
        FakeEstimate(-5_000, -6_000, -4_000),
        FakeEstimate(5_000, 6_000, 7_000),
        None,
    ],
)
@pytest.mark.parametrize("listings", [[REQUIRED], [REQUIRED] * 3])
def test_production_answers_the_same_request_when_the_canary_cannot(what, listings):
    tally = Tally("versions/8")
    priced = price(canary_of(Broken(what), tally), "somebody", listings)
    assert (priced.served.version, priced.served.role) == ("7", "fallback")
    assert [estimate.price for estimate in priced.estimates] == [20_140] * len(listings)
    assert (tally.canary.failures, tally.production.failures) == (1, 0)


def test_an_error_of_production_is_not_hidden():
    holder = Holder(Served(Broken(ValueError("nan")), "7"))
    with pytest.raises(ValueError, match="nan"):
        price(holder, "somebody", [REQUIRED])
    holder.challenge(Served(FakeValuation(), "8", role="canary"), 0, Tally())
    with pytest.raises(ValueError, match="nan"):
        price(holder, "somebody", [REQUIRED])


def test_without_a_model_there_is_no_price():
    with pytest.raises(NoModel):
        price(Holder(), "somebody", [REQUIRED])


def test_nothing_is_counted_without_a_canary():
    holder = Holder(Served(FakeValuation(), "7"))
    price(holder, "somebody", [REQUIRED])
    assert holder.tally is None


def test_both_sides_are_counted_and_only_single_listings_are_timed():
    tally = Tally("versions/8")
    holder = canary_of(FakeValuation(), tally)
    holder.challenge(holder.lineup().challenger, 50, tally)
    for number in range(100):
        price(holder, str(number), [REQUIRED])
    price(holder, "a list", [REQUIRED] * 10)
    sides = tally.canary, tally.production
    assert sum(side.answers for side in sides) == 110
    assert sum(sum(side.times.values()) for side in sides) == 100
    assert min(side.answers for side in sides) > 20


def side(answers=1_000, failures=0, seconds=0.001, timed=1_000):
    """Counts as they could be."""
    made = Side({"answers": answers, "failures": failures})
    for _ in range(timed):
        made.timed(seconds)
    return made


def test_a_good_canary_stays():
    assert verdict(side(), side()) == ""
    assert verdict(Side(), Side()) == ""
    assert verdict(side(), side(), (Feedback(100, 0.12), Feedback(100, 0.12))) == ""


@pytest.mark.parametrize(
    ("answers", "failures", "goes"),
    [(3, 3, True), (2, 2, False), (299, 3, True), (300, 3, False), (10_000, 101, True)],
)
def test_three_failures_and_more_than_one_percent_end_it(answers, failures, goes):
    reason = verdict(side(answers, failures), side())
    assert bool(reason) is goes and (not goes or "failed" in reason)


@pytest.mark.parametrize(
    ("mine", "other", "timed", "goes"),
    [
        (0.010, 0.001, 200, True),
        (0.010, 0.001, 199, False),
        (0.0009, 0.0001, 1_000, False),  # nobody notices a millisecond
        (0.010, 0.009, 1_000, False),
    ],
)
def test_a_canary_that_is_slower_goes(mine, other, timed, goes):
    reason = verdict(side(seconds=mine, timed=timed), side(seconds=other))
    assert bool(reason) is goes and (not goes or "p95" in reason)


@pytest.mark.parametrize(
    ("mine", "other", "goes"),
    [
        (Feedback(30, 0.14), Feedback(30, 0.12), True),
        (Feedback(29, 0.90), Feedback(30, 0.12), False),
        (Feedback(30, 0.90), Feedback(29, 0.12), False),
        (Feedback(30, 0.13), Feedback(30, 0.12), False),
    ],
)
def test_a_canary_that_is_worse_by_later_feedback_goes(mine, other, goes):
    reason = verdict(side(), side(), (mine, other))
    assert bool(reason) is goes and (not goes or "feedback" in reason)


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=50))
def test_p95_is_within_a_step_of_the_true_one(times):
    counts = Side()
    for seconds in times:
        counts.timed(seconds)
    exact = sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]
    assert 0.83 <= counts.p95() / exact <= 1.2


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.floats(1e-6, 10)), max_size=40))
def test_what_workers_wrote_adds_up(answers):
    one, whole, written = Side(), Tally("x"), []
    for is_canary, listings, seconds in answers:
        whole.count("canary" if is_canary else "production", listings, seconds)
        part = Tally("x")
        part.count("canary" if is_canary else "production", listings, seconds)
        written.append(part.as_dict())
    for part in written:
        one.add(Side(part["canary"]))
    assert one.as_dict() == whole.canary.as_dict()
