"""`python -m service.forwarder`: move predictions to PostgreSQL until stopped."""

import logging
import os
import threading
import time

from service.forwarder.drain import AnotherForwarder, Drain
from service.forwarder.forwarder import MAX_RETRY_SECONDS, Forwarder
from service.forwarder.keeper import Keeper
from service.outbox.outbox import outbox_of
from vehicle_price.log_setup import configure
from vehicle_price.prediction_log.database import address_of
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

NICENESS = 10  # the workers answer first; records wait in the outbox meanwhile


def main() -> None:
    """Move predictions until stopped."""
    settings = Settings.from_environment()
    configure(settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.nice(NICENESS)
    drain = Drain(outbox_of(settings))
    while True:
        try:
            with drain.exclusive():
                # With connections of their own, neither thread waits for the other.
                keeper = Keeper(Drain(outbox_of(settings)))
                threading.Thread(target=keeper.run, name="keeper", daemon=True).start()
                Forwarder(drain, address_of(settings)).run()
        except AnotherForwarder as error:
            log.warning("another forwarder holds %s: waiting for its end", error)
            time.sleep(MAX_RETRY_SECONDS)


if __name__ == "__main__":
    main()
