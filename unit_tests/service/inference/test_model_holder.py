"""Who answers: production, or a canary for a sticky share of the clients."""

import threading

import pytest

from service.inference.canary_stats import Tally
from service.inference.model_holder import Holder, NoModel, Served, in_share
from unit_tests.helpers.service_fakes import FakeValuation

CLIENTS = [f"client-{number}" for number in range(20_000)]


def served(version, role="production"):
    """A model."""
    return Served(FakeValuation(), version, role=role, info={"folder": f"versions/{version}"})


def with_canary(share):
    """Production 7 and canary 8."""
    holder = Holder(served("7"))
    holder.challenge(served("8", "canary"), share, Tally("versions/8"))
    return holder


@pytest.mark.parametrize("share", [1, 5, 50])
def test_a_canary_answers_its_share_of_the_clients(share):
    holder = with_canary(share)
    got = sum(holder.choose(client).role == "canary" for client in CLIENTS)
    assert abs(got / len(CLIENTS) - share / 100) < 0.01


def test_a_client_meets_the_same_model_every_time_and_in_every_worker():
    workers = [with_canary(20) for _ in range(3)]
    for client in CLIENTS[:500]:
        assert len({worker.choose(client).version for worker in workers for _ in range(3)}) == 1


def test_a_larger_share_keeps_the_clients_it_had_and_another_canary_meets_others():
    first = {c for c in CLIENTS if in_share(c, "8", 5)}
    assert first < {c for c in CLIENTS if in_share(c, "8", 10)}
    assert len(first & {c for c in CLIENTS if in_share(c, "9", 5)}) < len(first) / 5


def test_everybody_and_nobody():
    assert all(with_canary(100).choose(c).role == "canary" for c in CLIENTS[:1_000])
    assert not any(with_canary(0).choose(c).role == "canary" for c in CLIENTS[:1_000])


def test_a_shadow_answers_nobody_and_a_canary_is_no_shadow():
    holder = Holder(served("7"))
    assert holder.shadow() is None
    holder.challenge(served("8", "shadow"), 100)
    assert holder.shadow().version == "8"
    assert {holder.choose(c).version for c in CLIENTS[:1_000]} == {"7"}
    assert with_canary(50).shadow() is None


def test_a_challenger_without_production_answers_nobody():
    holder = Holder()
    holder.challenge(served("8", "canary"), 100, Tally())
    with pytest.raises(NoModel):
        holder.choose("somebody")


def test_no_model_says_why():
    holder = Holder()
    holder.nothing("version 7: damaged")
    with pytest.raises(NoModel, match="version 7: damaged"):
        holder.current()


def test_a_reader_never_sees_half_a_change():
    """One thread changes everything at once, the other looks at it."""
    holder, seen, stop = with_canary(50), set(), threading.Event()

    def read():
        while not stop.is_set():
            lineup = holder.lineup()
            seen.add((lineup.challenger is None, lineup.tally is None))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2_000):
        holder.swap(served(str(number)))
        holder.challenge(None)
        holder.challenge(served("8", "canary"), 50, Tally())
    stop.set()
    reader.join()
    assert seen <= {(True, True), (False, False)}
