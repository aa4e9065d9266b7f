"""From checked listings to answered prices: the production model or a canary, then the record.

Each price is answered in two steps. `Pricer.price` asks a model. `Pricer.keep` then keeps the
record of the answer, counts it, and offers the listings to the shadow model. No answer leaves the
service before `keep` has returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.http.request_context import RequestContext
from service.inference import canary
from service.inference.model_holder import ModelHolder, Served
from service.inference.shadow import Shadow
from service.observability.metrics import Metrics
from service.outbox import codec
from service.outbox.outbox import Outbox, StoredAnswer
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log.ids import member_ids, new_id

CURRENCY = "USD"


class Priced(NamedTuple):
    """Listings and their prices, in the same order, from one model; not yet answered.

    first_id: prediction id of the first listing (`prediction_log/ids.py`).
    """

    first_id: str
    listings: Sequence[Mapping[str, object]]
    estimates: Sequence[Estimate]
    served: Served


@dataclass(frozen=True)
class Pricer:
    """Prices listings, and keeps the record of each answer."""

    holder: ModelHolder
    outbox: Outbox
    metrics: Metrics
    shadow: Shadow

    def price(self, listings: Sequence[Mapping[str, object]], client: str) -> Priced:
        """Price checked listings with the production model, or with the canary of `client`.

        Raises NoModel, and what a broken production model raises (`canary.MODEL_ERRORS`).
        """
        if self.holder.canary_stats is None:
            served = self.holder.current()
            return Priced(new_id(), listings, served.price(listings), served)
        estimates, served = canary.price(self.holder, client, listings)
        return Priced(new_id(), listings, estimates, served)

    def keep(
        self, priced: Priced, context: RequestContext, stored_answer: StoredAnswer | None = None
    ) -> None:
        """Keep the record, count the prices, offer the listings to the shadow: in this order.

        Every answered price passes here once: a listing, a list, a chunk of a file. Where the
        record is not kept, nothing is counted or scored.
        stored_answer: kept with the record, for a request with an Idempotency-Key.
        Raises OutboxFull, OutboxUnavailable, AlreadyAnswered.
        """
        first_id, listings, estimates, served = priced
        record = codec.prediction_record(
            first_id,
            listings,
            estimates,
            served.row,
            served.role,
            context.origin,
        )
        self.outbox.keep(record, stored_answer)
        self.metrics.predicted(len(listings), served.role, served.version)
        self.shadow.offer(first_id, listings)


def predictions(priced: Priced) -> list[dict[str, object]]:
    """The predictions as a client gets them."""
    served = priced.served
    # The values that all predictions share are made once: a list has up to 1,000.
    coverage, model = served.coverage, {"name": served.name, "version": served.version}
    ids = member_ids(priced.first_id, len(priced.listings))
    return [
        {
            "prediction_id": prediction_id,
            "price": price,
            "currency": CURRENCY,
            "interval": {"low": low, "high": high, "coverage": coverage},
            "model": model,
            "warnings": warnings,
        }
        for prediction_id, (price, low, high, warnings) in zip(ids, priced.estimates, strict=True)
    ]
