"""The models that serve now, as one reference; `model_watcher.py` replaces it."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from service.inference.canary_stats import Tally
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log.rows import ModelRow

MODEL_NAME = "vehicle-price"


class Valuation(Protocol):
    """What the service needs of a model; `vehicle_price.model.valuation.Valuation` is one."""

    facts: Mapping[str, object]

    def price_one(self, listing: Mapping[str, object]) -> Estimate:
        """The estimate for one listing."""

    def price_many(self, listings: list[dict[str, object]]) -> list[Estimate]:
        """The estimates for `listings`, in their order."""

    def price_turns(
        self, turns: Iterable[list[dict[str, object]]], ahead: Callable[..., Any]
    ) -> Iterator[list[Estimate]]:
        """The estimates for each of `turns`; `ahead` is a map that may run ahead."""


@dataclass(frozen=True)
class Served:
    """A model together with all that is known about it: replaced as a whole, never in part.

    role: production; or of the challenger, canary or shadow.
    """

    valuation: Valuation
    version: str
    name: str = MODEL_NAME
    info: Mapping[str, Any] = field(default_factory=dict)
    role: str = "production"

    @property
    def coverage(self) -> object:
        """The share of cars whose price lies in the interval: 0.9."""
        return self.valuation.facts["coverage"]

    @property
    def row(self) -> ModelRow:
        """What the prediction log keeps of this model."""
        tags = self.info.get("tags") or {}
        return ModelRow(
            self.name,
            self.version,
            self.info.get("run_id") or "",
            tags.get("data_sha256") or "",
            tags.get("git_commit") or "",
        )

    @property
    def suggestions(self) -> Mapping[str, list[str]]:
        """Make → its most common model names."""
        found = self.valuation.facts.get("suggestions", {})
        return found if isinstance(found, Mapping) else {}


class NoModel(LookupError):
    """No model has been loaded; the message says why, if one was there."""


@dataclass(frozen=True)
class Lineup:
    """Who serves: replaced as a whole, so that no request sees half a change.

    share: percent of the clients that a canary answers. tally: counts while there is a canary.
    """

    production: Served | None = None
    challenger: Served | None = None
    share: float = 0.0
    tally: Tally | None = None


class Holder:
    """Holds what serves. A request takes one `Served` and works with that to its end."""

    def __init__(self, served: Served | None = None) -> None:
        self._lineup = Lineup(served)
        self._look: Callable[[], object] | None = None
        self._why = ""

    @property
    def tally(self) -> Tally | None:
        """Where answers are counted while there is a canary."""
        return self._lineup.tally

    def look_with(self, look: Callable[[], object]) -> None:
        """Call `look` when a model is asked for and there is none yet."""
        self._look = look

    def current(self) -> Served:
        """The production model. Raises NoModel."""
        if self._lineup.production is None and self._look:
            self._look()  # another worker may serve the first model already
        production = self._lineup.production
        if production is None:
            raise NoModel(self._why)
        return production

    def choose(self, sticky: str) -> Served:
        """Who answers the client `sticky`: the canary for its share of clients, always the same
        ones, production for the others. Raises NoModel."""
        lineup = self._lineup
        canary = lineup.challenger
        if canary is None or canary.role != "canary" or lineup.production is None:
            return self.current()
        return canary if in_share(sticky, canary.version, lineup.share) else lineup.production

    def shadow(self) -> Served | None:
        """The challenger that is scored off the request path, if there is one."""
        challenger = self._lineup.challenger
        return challenger if challenger and challenger.role == "shadow" else None

    def lineup(self) -> Lineup:
        """All that serves, as one moment's picture."""
        return self._lineup

    def swap(self, served: Served) -> None:
        """Serve `served` as the production model from the next request on."""
        self._lineup = replace(self._lineup, production=served)

    def nothing(self, why: str) -> None:
        """Remember why there is no model, for those who ask for one."""
        self._why = why

    def challenge(
        self, challenger: Served | None, share: float = 0.0, tally: Tally | None = None
    ) -> None:
        """Let `challenger` take part, or nobody. share: percent of the clients of a canary."""
        self._lineup = replace(self._lineup, challenger=challenger, share=share, tally=tally)


def in_share(sticky: str, version: str, share: float) -> bool:
    """Whether the client `sticky` is among the `share` percent that this canary answers.

    The version counts too, so that each canary meets other clients.

    >>> sum(in_share(str(client), "8", 5) for client in range(10_000))
    483
    """
    return zlib.crc32(f"{version}/{sticky}".encode()) % 10_000 < share * 100
