"""Which registered versions may take part in the gate's comparison, before anything is compared."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vehicle_price.listing.validation import check_one
from vehicle_price.model import artifact, golden_set, trial
from vehicle_price.model.valuation import Valuation
from vehicle_price.names import REAL, SAMPLE, market_of
from vehicle_price.registry.client import ModelVersion, Registry
from vehicle_price.registry.names import MANIFEST_TAG
from vehicle_price.settings import Settings

TRIAL_SECONDS = 60.0
ROUNDS = 5  # of pricing the golden listings, of which the quickest counts


class CheckedModel(NamedTuple):
    """A registered version that passed its trial. golden_prices: of `golden_set.LISTINGS`.
    megabytes: of its files."""

    version: ModelVersion
    valuation: Valuation
    golden_prices: list[int]
    megabytes: float

    @property
    def market(self) -> str:
        """The market of the listings that it has learnt from; "" if the model does not say."""
        facts = self.valuation.facts
        source = facts.get("data", {}).get("provenance", {}).get("source")  # of an older model
        return facts.get("market") or (market_of(source) if source else "")


Models = Mapping[str, CheckedModel]  # number of the version → model
Rule = Callable[[CheckedModel], str]  # why a model may not take part; "" if it may


def fetch_checked(registry: Registry, version: ModelVersion, folder: Path) -> CheckedModel:
    """Fetch a version, try it in a child process as the service does, then load it into this one.

    Raises ArtifactError or TrialTimeout when it fails its trial, and RegistryError.
    """
    files = registry.fetch(version, folder / version.version)
    golden_prices = trial.try_out(files, version.tags.get(MANIFEST_TAG), TRIAL_SECONDS)
    size = sum(file.stat().st_size for file in files.iterdir()) / 1e6
    return CheckedModel(version, artifact.load(files), golden_prices, size)


def fetch_usable(
    registry: Registry, versions: Sequence[ModelVersion], folder: Path
) -> tuple[Models, list[str]]:
    """The models that pass their trial, and why the others do not: a broken model must not stop the
    gate."""
    usable, reasons = {}, []
    for version in versions:
        try:
            usable[version.version] = fetch_checked(registry, version, folder)
        except (artifact.ArtifactError, trial.TrialTimeout) as error:
            reasons.append(f"version {version.version} cannot be used: {error}")
    return usable, reasons


def admitted(models: Models, rules: Sequence[Rule]) -> tuple[Models, list[str]]:
    """The models that no rule excludes, and for each other one the first reason."""
    excluded = {
        number: reason
        for number, model in models.items()
        if (reason := next(filter(None, (rule(model) for rule in rules)), ""))
    }
    reasons = [f"refused: version {number} {reason}" for number, reason in excluded.items()]
    return {n: model for n, model in models.items() if n not in excluded}, reasons


def market_rule(rival: CheckedModel | None) -> Rule:
    """A model of made-up cars says nothing about real ones, whatever its figures."""

    def rule(model: CheckedModel) -> str:
        if rival is None or rival.market == SAMPLE or model.market == REAL:
            return ""
        return (
            "has not learnt from real listings, so it never replaces version "
            f"{rival.version.version}, which has"
        )

    return rule


def training_rule(data_sha256: str, first_test_day: str) -> Rule:
    """A model must have learnt from the dataset that it is measured on, before the test days."""

    def rule(model: CheckedModel) -> str:
        facts = model.valuation.facts
        if facts["last_day"] >= first_test_day:
            return (
                f"has learnt from listings up to {facts['last_day']}; the test days begin on "
                f"{first_test_day}"
            )
        if facts.get("data", {}).get("sha256") != data_sha256:
            return f"has learnt from another dataset than {data_sha256[:12]}…"
        return ""

    return rule


def size_rule(settings: Settings) -> Rule:
    """A model must be small and quick enough for the service's workers."""

    def rule(model: CheckedModel) -> str:
        if model.megabytes > settings.model_max_mb:
            return f"has {model.megabytes:.1f} MB; MODEL_MAX_MB={settings.model_max_mb}"
        milliseconds = milliseconds_of_one_price(model.valuation)
        if milliseconds > settings.model_max_milliseconds:
            return (
                f"needs {milliseconds:.2f} ms for a price; "
                f"MODEL_MAX_MILLISECONDS={settings.model_max_milliseconds:g}"
            )
        return ""

    return rule


def milliseconds_of_one_price(valuation: Valuation) -> float:
    """The median time of a golden listing's price, in the quickest of ROUNDS rounds."""
    listings = [check_one(dict(golden.listing)) for golden in golden_set.LISTINGS]
    return 1000 * min(
        statistics.median(_seconds(valuation, listing) for listing in listings)
        for _ in range(ROUNDS)
    )


def _seconds(valuation: Valuation, listing: dict[str, object]) -> float:
    started = time.perf_counter()
    valuation.price_one(listing)
    return time.perf_counter() - started
