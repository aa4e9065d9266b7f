"""What the service's tests put in the place of a model and of Airflow. Three lines each."""

from pathlib import Path

from flask import Flask

from service.app import Components, create_app
from service.auth.key_ring import KeyRing, OwnKeys
from service.inference.model_holder import ModelHolder, Served
from service.outbox.outbox import Outbox
from unit_tests.helpers.monitoring_report import made_up_report
from vehicle_price.airflow_client import UnknownRun
from vehicle_price.estimate import Estimate

API_KEY, ADMIN_KEY, MONITORING_KEY = "test-key", "test-admin-key", "test-monitoring-key"
KEYS = KeyRing(OwnKeys(API_KEY, ADMIN_KEY, MONITORING_KEY))
REQUIRED = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}


def estimate(price: float, low: float, high: float, warnings: tuple[str, ...] = ()) -> Estimate:
    """An estimate, with no warnings by default."""
    return Estimate(price, low, high, warnings)


class FakeValuation:
    """Prices every car by its year alone."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self.facts = {
            "family": "xgboost",
            "coverage": 0.9,
            "suggestions": {"honda": ["civic", "accord"]},
        }

    def price_one(self, listing):
        """A price, as the real one answers it."""
        price = 10 * listing["year"] + self.offset
        unseen = ("model: never seen",) if "unheard of" in listing.values() else ()
        return estimate(price, price - 1_000, price + 1_000, unseen)

    def price_many(self, listings):
        """The prices of a list, in its order."""
        return [self.price_one(listing) for listing in listings]

    def price_batches(self, batches, map_ahead=map):
        """The prices of several lists."""
        return map_ahead(self.price_many, batches)


class FakeTrainer:
    """Remembers what it was asked to start."""

    def __init__(self) -> None:
        self.started: list[dict[str, object]] = []

    def start(self, conf):
        """Remember `conf`."""
        self.started.append(dict(conf))
        return "service-1"

    def status(self, run_id):
        """The one run it knows."""
        if run_id != "service-1":
            raise UnknownRun(run_id)
        return {"run_id": run_id, "state": "running", "tasks": [{"task": "fit", "state": "queued"}]}


class EmptyLog:
    """A prediction log in which nothing has arrived."""

    def find(self, _):
        """Nothing."""
        return None


class FakeReport:
    """A report of monitoring; remembers the scopes that were read."""

    def __init__(self, report=None, error=None):
        self.report, self.error, self.scopes = report or made_up_report(), error, []

    def read(self, scope):
        """The report, or the error."""
        self.scopes.append(scope)
        if self.error:
            raise self.error
        return self.report


def components_with(
    model_dir: Path,
    served: bool = True,
    trainer: object | None = None,
    valuation=None,
    log=None,
    monitoring=None,
) -> Components:
    """Components that are fakes where a test needs no real one."""
    info = {"run_id": "abc", "metrics": {"mae": 2_500.0}}
    model = Served(valuation or FakeValuation(), "7", info=info)
    holder = ModelHolder(model if served else None)
    outbox = Outbox(model_dir / "outbox.sqlite", 2**24)
    return Components(
        holder,
        trainer or FakeTrainer(),
        KEYS,
        model_dir,
        outbox=outbox,
        uploads_dir=model_dir / "uploads",
        log=log or EmptyLog(),
        monitoring=monitoring or FakeReport(),
    )


def app_with(model_dir: Path, components: Components | None = None, **fakes) -> Flask:
    """The real application around the fakes; `fakes` as in `components_with`."""
    return create_app(components or components_with(model_dir, **fakes))
