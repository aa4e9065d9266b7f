"""Which registered versions may take part in the gate's comparison, before anything is compared."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from vehicle_price.model import artifact, golden_set, trial
from vehicle_price.model.valuation import Valuation
from vehicle_price.names import REAL, SAMPLE, market_of
from vehicle_price.registry.client import SERVING, TWIN, ModelVersion, Part, Registry
from vehicle_price.settings import Settings
from vehicle_price.training.split import Split

TRIAL_SECONDS = 60.0
TRIALS_AT_ONCE = 2  # each is a process of its own, which loads a model
RECIPE = ("family", "parameters", "seed")  # the facts that twin and refit share
ROUNDS = 5  # of pricing the golden listings, of which the quickest counts


class CheckedModel(NamedTuple):
    """A model that passed its trial. golden_prices: of `golden_set.LISTINGS`. megabytes: of its
    files."""

    valuation: Valuation
    golden_prices: list[int]
    megabytes: float


class CheckedVersion(NamedTuple):
    """A registered version whose models passed their trials.

    serving: what serves. twin: what is measured; the same as `serving` where a version was
    registered before versions had twins.
    """

    version: ModelVersion
    serving: CheckedModel
    twin: CheckedModel

    @property
    def market(self) -> str:
        """The market of the listings that it has learnt from; "" if the model does not say."""
        facts = self.serving.valuation.facts
        source = facts.get("data", {}).get("provenance", {}).get("source")  # of an older model
        return facts.get("market") or (market_of(source) if source else "")


Versions = Mapping[str, CheckedVersion]  # by number
Rule = Callable[[CheckedVersion], str]  # why a version may not take part; "" if it may


def fetch_checked(
    registry: Registry, version: ModelVersion, folder: Path, part: Part = SERVING
) -> CheckedModel:
    """Fetch a part of a version, try it in a child process as the service does, then load it into
    this one.

    Raises ArtifactError or TrialTimeout when it fails its trial, and RegistryError.
    """
    files = registry.fetch(version, folder / version.version / part.folder, part)
    golden_prices = trial.try_out(files, version.tags.get(part.manifest_tag), TRIAL_SECONDS)
    size = sum(file.stat().st_size for file in files.iterdir()) / 1e6
    return CheckedModel(artifact.load(files), golden_prices, size)


def fetch_version(registry: Registry, version: ModelVersion, folder: Path) -> CheckedVersion:
    """Fetch and try both parts of a version. Raises as `fetch_checked`."""
    serving = fetch_checked(registry, version, folder)
    has_twin = TWIN.manifest_tag in version.tags
    twin = fetch_checked(registry, version, folder, TWIN) if has_twin else serving
    return CheckedVersion(version, serving, twin)


def fetch_usable(
    registry: Registry, versions: Sequence[ModelVersion], folder: Path
) -> tuple[Versions, list[str]]:
    """The versions that pass their trials, and why the others do not: a broken model must not stop
    the gate."""
    with ThreadPoolExecutor(TRIALS_AT_ONCE) as pool:
        outcomes = pool.map(lambda version: _usable_or_reason(registry, version, folder), versions)
    usable, reasons = {}, []
    for outcome in outcomes:
        if isinstance(outcome, str):
            reasons.append(outcome)
        else:
            usable[outcome.version.version] = outcome
    return usable, reasons


def _usable_or_reason(
    registry: Registry, version: ModelVersion, folder: Path
) -> CheckedVersion | str:
    try:
        return fetch_version(registry, version, folder)
    except (artifact.ArtifactError, trial.TrialTimeout) as error:
        return f"version {version.version} cannot be used: {error}"


def admitted(versions: Versions, rules: Sequence[Rule]) -> tuple[Versions, list[str]]:
    """The versions that no rule excludes, and for each other one the first reason."""
    excluded = {
        number: reason
        for number, version in versions.items()
        if (reason := next(filter(None, (rule(version) for rule in rules)), ""))
    }
    reasons = [f"refused: version {number} {reason}" for number, reason in excluded.items()]
    return {n: version for n, version in versions.items() if n not in excluded}, reasons


def market_rule(rival: CheckedVersion | None) -> Rule:
    """A model of made-up cars says nothing about real ones, whatever its figures."""

    def rule(version: CheckedVersion) -> str:
        if rival is None or rival.market == SAMPLE or version.market == REAL:
            return ""
        return (
            "has not learnt from real listings, so it never replaces version "
            f"{rival.version.version}, which has"
        )

    return rule


def training_rule(data_sha256: str, cars: Split) -> Rule:
    """Both models must have learnt from the dataset that the twin is measured on: the twin before
    its test days, the model that serves from every car, by the same recipe."""

    def rule(version: CheckedVersion) -> str:
        twin, serving = version.twin.valuation.facts, version.serving.valuation.facts
        if twin["last_day"] >= cars.first_test_day:
            return (
                f"has a twin that learnt from listings up to {twin['last_day']}; the test days "
                f"begin on {cars.first_test_day}"
            )
        if {facts.get("data", {}).get("sha256") for facts in (twin, serving)} != {data_sha256}:
            return f"has learnt from another dataset than {data_sha256[:12]}…"
        if serving["trained_cars"] != len(cars.train) + len(cars.test):
            return f"has learnt from {serving['trained_cars']:,} cars, and not from every car"
        different = [name for name in RECIPE if twin[name] != serving[name]]
        if different:
            return f"differs from its twin in {' and '.join(different)}"
        return ""

    return rule


def size_rule(settings: Settings) -> Rule:
    """A model must be small and quick enough for the service's workers."""

    def rule(version: CheckedVersion) -> str:
        model = version.serving
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
    listings = golden_set.checked()
    return 1000 * min(
        statistics.median(_seconds(valuation, listing) for listing in listings)
        for _ in range(ROUNDS)
    )


def _seconds(valuation: Valuation, listing: dict[str, object]) -> float:
    started = time.perf_counter()
    valuation.price_one(listing)
    return time.perf_counter() - started
