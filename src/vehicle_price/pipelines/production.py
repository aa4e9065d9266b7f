"""Move the alias `production`: one writer at a time, on record.

MLflow cannot change an alias only if it still is what the writer has read. So every writer of this
project (gate, command line, DAGs) holds one advisory lock of PostgreSQL and reads again under it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from vehicle_price.prediction_log.database import address_of, advisory_lock
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import PRODUCTION
from vehicle_price.settings import Settings

LOCK = 7_316_356_413  # key of the advisory lock: any number, the same in every process
LOCK_SECONDS = 60.0  # a move takes two


class ProductionMoved(RuntimeError):
    """Another decision moved `production` meanwhile; the message says to which version."""


@contextmanager
def moving(settings: Settings) -> Iterator[Registry]:
    """The registry, while no other writer of this project moves `production`.

    Raises DatabaseUnavailable, also when another writer holds the lock for LOCK_SECONDS.
    """
    with advisory_lock(address_of(settings), LOCK, LOCK_SECONDS):
        yield Registry(settings.mlflow_tracking_uri)


def check_unmoved(registry: Registry, expected: str | None) -> None:
    """Raise ProductionMoved unless `production` still is the version `expected`, None for none; for
    use within `moving`."""
    now = registry.version(PRODUCTION)
    number = now.version if now else None
    if number != expected:
        raise ProductionMoved(
            f"production moved from {_name(expected)} to {_name(number)} since this decision was "
            "prepared; decide again"
        )


def promote(
    settings: Settings, number: str, by: str, reason: str, accept_price_jump: bool = False
) -> None:
    """`Registry.promote` as the only writer. Raises RegistryError and as `moving`."""
    with moving(settings) as registry:
        registry.promote(number, by, reason, accept_price_jump)


def roll_back(settings: Settings, by: str, reason: str) -> str:
    """`Registry.rollback` as the only writer; returns the version. Raises as `promote`."""
    with moving(settings) as registry:
        return registry.rollback(by, reason)


def planned_rollback(settings: Settings) -> dict[str, str | None]:
    """`serving` and `previous`, the versions that a rollback exchanges. Raises RegistryError."""
    registry = Registry(settings.mlflow_tracking_uri)
    serving = registry.version(PRODUCTION)
    previous = registry.previous_version()
    return {"serving": serving.version if serving else None, "previous": previous}


def roll_back_as_planned(
    settings: Settings, serving: str | None, previous: str, by: str, reason: str
) -> None:
    """Exchange the versions of `planned_rollback`, once, however often this is called.

    Raises ProductionMoved when another decision came in between, and as `promote`.
    """
    with moving(settings) as registry:
        now = registry.version(PRODUCTION)
        if now and now.version == previous:
            return  # an earlier call has done it, and its answer was lost
        check_unmoved(registry, serving)
        registry.promote(previous, by, f"rollback: {reason}")


def _name(number: str | None) -> str:
    return f"version {number}" if number else "no version"
