"""Who answers: production, or a canary for a sticky share of the clients."""

import threading

import pytest

from service.inference.canary_stats import CanaryStats
from service.inference.model_holder import ModelHolder, NoModel, Served, in_share
from unit_tests.helpers.service_fakes import FakeValuation

CLIENTS = [f"client-{number}" for number in range(20_000)]


def served(version, role="production"):
    """A model."""
    return Served(FakeValuation(), version, role=role, info={"folder": f"versions/{version}"})


def with_canary(share):
    """Production 7 and canary 8."""
    holder = ModelHolder(served("7"))
    holder.set_challenger(served("8", "canary"), share, CanaryStats("versions/8"))
    return holder


@pytest.mark.parametrize("share", [1, 5, 50])
def test_a_canary_answers_its_share_of_the_clients(share):
    holder = with_canary(share)
    canary_answers = sum(holder.choose(client).role == "canary" for client in CLIENTS)
    assert abs(canary_answers / len(CLIENTS) - share / 100) < 0.01


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
    holder = ModelHolder(served("7"))
    assert holder.shadow() is None
    holder.set_challenger(served("8", "shadow"), 100)
    assert holder.shadow().version == "8"
    assert {holder.choose(c).version for c in CLIENTS[:1_000]} == {"7"}
    assert with_canary(50).shadow() is None


def test_a_challenger_without_production_answers_nobody():
    holder = ModelHolder()
    holder.set_challenger(served("8", "canary"), 100, CanaryStats())
    with pytest.raises(NoModel):
        holder.choose("somebody")


def test_no_model_says_why():
    holder = ModelHolder()
    holder.set_unavailable("version 7: damaged")
    with pytest.raises(NoModel, match="version 7: damaged"):
        holder.current()


def test_a_reader_never_sees_half_a_change():
    """One thread changes everything at once, the other looks at it."""
    holder, seen, stop = with_canary(50), set(), threading.Event()

    def read():
        while not stop.is_set():
            lineup = holder.models()
            seen.add((lineup.challenger is None, lineup.canary_stats is None))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2_000):
        holder.swap(served(str(number)))
        holder.set_challenger(None)
        holder.set_challenger(served("8", "canary"), 50, CanaryStats())
    stop.set()
    reader.join()
    assert seen <= {(True, True), (False, False)}


def test_a_worker_without_a_model_looks_for_it_when_asked():
    holder = ModelHolder()
    model = Served(FakeValuation(), "7")
    holder.refresh_with(lambda: holder.swap(model))
    assert holder.current() is model
