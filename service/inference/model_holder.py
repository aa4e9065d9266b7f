"""The models that serve in this worker, as one reference that `model_watcher.py` replaces."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from service.inference.canary_stats import CanaryStats
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log.rows import ModelRow
from vehicle_price.registry.names import CODE_COMMIT_TAG, DATA_HASH_TAG, MODEL_NAME


class Valuation(Protocol):
    """The part of a model that the service uses; `vehicle_price.model.valuation` has the model."""

    facts: Mapping[str, object]

    def price_one(self, listing: Mapping[str, object]) -> Estimate:
        """The estimate for one listing."""

    def price_many(self, listings: list[dict[str, object]]) -> list[Estimate]:
        """The estimates for `listings`, in their order."""

    def price_batches(
        self, batches: Iterable[list[dict[str, object]]], map_ahead: Callable[..., Any]
    ) -> Iterator[list[Estimate]]:
        """The estimates for each batch; `map_ahead` is a `map` that may work one batch ahead."""


@dataclass(frozen=True)
class Served:
    """A model with its facts from the registry: replaced as a whole, never in part.

    role: production, or the challenger's: canary or shadow.
    """

    valuation: Valuation
    version: str
    name: str = MODEL_NAME
    info: Mapping[str, Any] = field(default_factory=dict)
    role: str = "production"

    def price(self, listings: Sequence[Mapping[str, object]]) -> Sequence[Estimate]:
        """The estimates for `listings`, in their order."""
        if len(listings) == 1:
            return [self.valuation.price_one(listings[0])]
        return self.valuation.price_many(list(listings))

    @property
    def coverage(self) -> object:
        """The share of cars whose price lies in the interval: 0.9."""
        return self.valuation.facts["coverage"]

    @cached_property
    def row(self) -> ModelRow:
        """The model as the prediction log stores it."""
        tags = self.info.get("tags") or {}
        return ModelRow(
            self.name,
            self.version,
            self.info.get("run_id") or "",
            tags.get(DATA_HASH_TAG) or "",
            tags.get(CODE_COMMIT_TAG) or "",
        )

    @property
    def suggestions(self) -> Mapping[str, list[str]]:
        """Make → its most common model names."""
        suggestions = self.valuation.facts.get("suggestions", {})
        return suggestions if isinstance(suggestions, Mapping) else {}


class NoModel(LookupError):
    """No model is loaded; the message says why, if loading one failed."""


@dataclass(frozen=True)
class ServingModels:
    """The models that serve: replaced as a whole, so that no request sees half a change.

    share: percent of the clients that a canary answers. canary_stats: present while a canary
    serves.
    """

    production: Served | None = None
    challenger: Served | None = None
    share: float = 0.0
    canary_stats: CanaryStats | None = None


class ModelHolder:
    """Holds the serving models. A request reads one `Served` and uses that to its end."""

    def __init__(self, served: Served | None = None) -> None:
        self._models = ServingModels(served)
        self._refresh: Callable[[], object] | None = None
        self._unavailable_reason = ""

    @property
    def canary_stats(self) -> CanaryStats | None:
        """The counts of canary and production, while a canary serves."""
        return self._models.canary_stats

    def refresh_with(self, refresh: Callable[[], object]) -> None:
        """Call `refresh` when a model is asked for and none is loaded yet."""
        self._refresh = refresh

    def current(self) -> Served:
        """The production model. Raises NoModel."""
        if self._models.production is None and self._refresh:
            self._refresh()  # another worker may serve the first model already
        production = self._models.production
        if production is None:
            raise NoModel(self._unavailable_reason)
        return production

    def choose(self, client: str) -> Served:
        """The model that answers `client`: the canary for its share of the clients, always the
        same ones, production for the others. Raises NoModel."""
        models = self._models
        canary = models.challenger
        if canary is None or canary.role != "canary" or models.production is None:
            return self.current()
        return canary if in_share(client, canary.version, models.share) else models.production

    def shadow(self) -> Served | None:
        """The challenger that is scored outside the request path, if there is one."""
        challenger = self._models.challenger
        return challenger if challenger and challenger.role == "shadow" else None

    def models(self) -> ServingModels:
        """All serving models at one moment."""
        return self._models

    def swap(self, served: Served) -> None:
        """Serve `served` as the production model from the next request on."""
        self._models = replace(self._models, production=served)

    def set_unavailable(self, reason: str) -> None:
        """Remember why no model could be loaded; NoModel says so."""
        self._unavailable_reason = reason

    def set_challenger(
        self,
        challenger: Served | None,
        share: float = 0.0,
        canary_stats: CanaryStats | None = None,
    ) -> None:
        """Serve a challenger, or none. share: percent of the clients that a canary answers."""
        self._models = replace(
            self._models, challenger=challenger, share=share, canary_stats=canary_stats
        )


def in_share(client: str, version: str, share: float) -> bool:
    """Whether `client` is among the `share` percent of clients that this canary answers.

    The version is part of the hash, so that each canary gets other clients.

    >>> sum(in_share(str(client), "8", 5) for client in range(10_000))
    483
    """
    return zlib.crc32(f"{version}/{client}".encode()) % 10_000 < share * 100
