"""Decide which registered version serves: the promotion gate over the registry's versions.

Arguments are addresses and small values, and the result is a small JSON-able dict, so that the
step can run on any machine and again.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vehicle_price.gate import model_card
from vehicle_price.gate.decision import BY_HAND, Challenger, Decision, decide, refusal
from vehicle_price.model import golden_set
from vehicle_price.names import REAL, SAMPLE
from vehicle_price.pipelines import candidates, production
from vehicle_price.pipelines.candidates import CheckedVersion, Versions
from vehicle_price.registry import runs
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import (
    CARD_TAG,
    FAMILY_TAG,
    MODEL_NAME,
    PREVIOUS,
    PRICE_JUMP_ACCEPTED,
    PRICE_JUMP_TAG,
    PRODUCTION,
)
from vehicle_price.settings import Settings
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.training.split import Split, split_by_time

log = logging.getLogger(__name__)


class NothingTrained(ValueError):
    """There is no version to decide on, since no family was trained."""


class Entrants(NamedTuple):
    """The versions of one decision.

    usable: the new ones that passed their trials. challengers: those that may take part.
    serving: the version in production, None if there is none. rival: the same with its models, None
    if they cannot be used. excluded: why others do not take part.
    """

    usable: Versions
    challengers: Versions
    serving: ModelVersion | None
    rival: CheckedVersion | None
    excluded: list[str]

    @property
    def first_real(self) -> bool:
        """Whether models of real cars challenge one of made-up cars: then the baseline is rival."""
        markets = {version.market for version in self.challengers.values()}
        return self.rival is not None and self.rival.market == SAMPLE and REAL in markets


class Judged(NamedTuple):
    """A decision (`Decision.as_dict`), its versions' cards, and `Entrants.first_real`."""

    decision: dict
    cards: Mapping[str, runs.ModelCard]
    first_real: bool


def run_gate(
    settings: Settings,
    dataset_uri: str,
    versions: list[str],
    price_shift: float = 0.0,
    families: Sequence[str] = (),
) -> dict:
    """Measure `versions` and the production model, promote the best if it is really better.

    price_shift: the jump of prices that is the cause of the training, as in `train_family`.
    families: that were to be trained; the decision names those that no version is of
    (`not_trained`). Returns the decision (`Decision.as_dict`), which is stored in MLflow too.
    Raises NothingTrained without a version, and ProductionMoved when another decision moved
    `production` meanwhile: measure again.
    """
    if not versions:
        raise NothingTrained(
            f"no version to decide on: none of {', '.join(families)} was trained; see the logs of "
            "the failed tasks"
        )
    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_page_url)
    serving = now_in_production = registry.version(PRODUCTION)
    if serving and serving.version in versions:
        # A retry of a gate that has promoted already: compare with what served before it.
        serving = registry.version(PREVIOUS)
    cars = split_by_time(read_listings(dataset_uri), price_shift)
    rules = [
        candidates.training_rule(open_dataset(dataset_uri).sha256, cars),
        candidates.size_rule(settings),
    ]
    judged = _judge(registry, rules, cars, versions, serving)
    decision = _naming_the_missing(judged.decision, families, registry, versions)
    with production.moving(settings):
        production.check_unmoved(registry, now_in_production and now_in_production.version)
        runs.record_decision(registry, versions, decision, judged.cards)
        if decision["promoted"]:
            _promote(registry, decision, accept_price_jump=judged.first_real)
    for reason in decision["reasons"]:
        log.info("gate: %s", reason)
    card = registry.version_by_number(decision["version"]).tags.get(CARD_TAG, "")
    return decision | {"card": card}


def _judge(
    registry: Registry,
    rules: list[candidates.Rule],
    cars: Split,
    versions: list[str],
    serving: ModelVersion | None,
) -> Judged:
    """The decision on `versions` and their model cards; changes nothing."""
    with tempfile.TemporaryDirectory() as temporary:
        entrants = _entrants(registry, versions, serving, rules, Path(temporary))
        decided = _decide(entrants, cars).as_dict()
        facts = {n: version.serving.valuation.facts for n, version in entrants.usable.items()}
    decision = decided | {
        "version": decided["version"] or versions[0],
        "reasons": [*entrants.excluded, *decided["reasons"]],
        "production": serving.version if serving else None,
    }
    cards = {number: _card(number, of_model, decision) for number, of_model in facts.items()}
    return Judged(decision, cards, entrants.first_real)


def _naming_the_missing(
    decision: dict, families: Sequence[str], registry: Registry, versions: list[str]
) -> dict:
    """The decision with the families that no version is of."""
    trained = {registry.version_by_number(number).tags.get(FAMILY_TAG) for number in versions}
    missing = [family for family in families if family not in trained]
    reasons = [f"{family} took no part: it could not be trained" for family in missing]
    return decision | {"reasons": [*decision["reasons"], *reasons], "not_trained": missing}


def _promote(registry: Registry, decision: Mapping[str, Any], accept_price_jump: bool) -> None:
    by, reason = f"the gate ({runs.starter()})", "; ".join(decision["reasons"])
    registry.promote(decision["version"], by, reason, accept_price_jump)


def _entrants(
    registry: Registry,
    versions: list[str],
    serving: ModelVersion | None,
    rules: list[candidates.Rule],
    folder: Path,
) -> Entrants:
    """Fetch and try all versions; exclude the challengers that a rule excludes."""
    numbered = [registry.version_by_number(number) for number in versions]
    usable, broken = candidates.fetch_usable(registry, numbered, folder)
    served, lost = candidates.fetch_usable(registry, [serving] if serving else [], folder)
    rival = next(iter(served.values()), None)
    challengers, excluded = candidates.admitted(usable, [candidates.market_rule(rival), *rules])
    return Entrants(usable, challengers, serving, rival, [*broken, *lost, *excluded])


def _decide(entrants: Entrants, cars: Split) -> Decision:
    """The gate's decision, with the comparison of golden prices that the service makes too."""
    challengers, rival = entrants.challengers, entrants.rival
    if entrants.serving and rival is None:
        reason = f"production cannot be measured, so nothing is compared with it; {BY_HAND}"
        return refusal(next(iter(challengers), ""), reason)
    decision = decide(
        {n: Challenger(v.twin.valuation, v.serving.valuation) for n, v in challengers.items()},
        rival.twin.valuation if rival and not entrants.first_real else None,
        cars.train,
        cars.test,
        cars.price_shift,
    )
    if entrants.first_real:
        note = "production has learnt from the sample: compared with the baseline on real cars"
        return decision.noting(note)
    jump = _price_jump(challengers.get(decision.version), rival)
    return decision.refused_for(jump) if jump else decision


def _card(number: str, facts: Mapping[str, Any], decision: Mapping[str, Any]) -> runs.ModelCard:
    title = f"{MODEL_NAME}, version {number}"
    card = model_card.sections(number, facts, decision)
    return runs.ModelCard(model_card.as_markdown(title, card), model_card.as_html(title, card))


def _price_jump(best: CheckedVersion | None, rival: CheckedVersion | None) -> str:
    """Why the service would refuse `best` after `rival` for its golden prices; "" if it would not.

    The same comparison as the service's, made before an alias moves.
    """
    if best is None or rival is None:
        return ""
    if best.version.tags.get(PRICE_JUMP_TAG) == PRICE_JUMP_ACCEPTED:
        return ""
    try:
        golden_set.compare(best.serving.golden_prices, rival.serving.golden_prices)
    except golden_set.GoldenSetError as error:
        return str(error)
    return ""
