"""`python -m setup.rehearsal` (`make rehearse`): days of listings as requests, with a fault.

A platform of its own, as `make build` starts it, learns from the first days; then a dozen callers
ask for the prices of each later day's cars and report the real ones a day later, while monitoring,
alerts and retraining work as ever, with days of seconds. Everything goes through HTTP, outbox and
forwarder. The timeline is printed and drawn.
"""

import argparse
import logging
import os
import signal
import sys

import requests

from setup.native.environment import settings_from
from setup.rehearsal import faults, platform
from setup.rehearsal.faults import FAULTS, Fault
from setup.rehearsal.listings import TooFewDays
from setup.rehearsal.run import Plan, rehearse
from vehicle_price.sources.base import SourceError

PORT_OFFSET = 100
# A reference of the requests needs 14 days; a shock of prices shows in the reports at once.
QUIET_DAYS, QUIET_DAYS_WITH_REFERENCE = 4, 15
FAULT_DAYS, FAULT_DAYS_WITH_REFERENCE = 15, 4


def main() -> int:
    """Rehearse; 1 with a message if that is not possible."""
    options = _options()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    usual = settings_from(os.environ)
    environ = platform.environment(usual, options.day_seconds, options.port_offset)
    try:
        rehearse(usual, environ, _plan(options, _fault(options)))
        if not options.stop:
            # For the person at the terminal, like all that this command prints.
            print("\nThe platform stays up so that you can look at it. Ctrl-C ends it.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 130
    except (faults.WrongFault, TooFewDays, SourceError, platform.PlatformFailed) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except requests.RequestException as error:
        logs = f"{environ['LOCAL_DIR']}/logs"
        print(f"\nGET /monitoring was not answered: {error}; see {logs}", file=sys.stderr)
        return 1
    finally:
        platform.stop(environ)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m setup.rehearsal", description=__doc__)
    parser.add_argument("--shock", metavar="PERCENT", help="all prices rise or fall, such as +25%%")
    parser.add_argument("--unit", metavar="km", help="odometers of requests are in kilometres")
    parser.add_argument("--blank", metavar="FIELD", help="callers leave this field out")
    parser.add_argument("--make", metavar="MAKE", help="many requests are cars of this make")
    parser.add_argument("--day-seconds", type=int, default=20, help="how long a day lasts (20)")
    parser.add_argument("--requests", type=int, default=600, help="requests a day (600)")
    parser.add_argument("--quiet-days", type=int, help="replayed days before the fault")
    parser.add_argument("--fault-days", type=int, help="replayed days with the fault, at most")
    parser.add_argument(
        "--port-offset", type=int, default=PORT_OFFSET, help="added to every port (100)"
    )
    parser.add_argument("--stop", action="store_true", help="stop the platform at the end")
    return parser.parse_args()


def _fault(options: argparse.Namespace) -> Fault:
    """The fault that the options name. Raises WrongFault for more than one."""
    chosen = [name for name in FAULTS if getattr(options, name)]
    if len(chosen) > 1:
        raise faults.WrongFault(f"one fault at a time, got {' and '.join(chosen).upper()}")
    return FAULTS[chosen[0]](getattr(options, chosen[0])) if chosen else faults.NOTHING


def _plan(options: argparse.Namespace, fault: Fault) -> Plan:
    shock = fault.prices != 1
    quiet = QUIET_DAYS if shock else QUIET_DAYS_WITH_REFERENCE
    faulty = FAULT_DAYS if shock else FAULT_DAYS_WITH_REFERENCE
    return Plan(
        fault=fault,
        day_seconds=options.day_seconds,
        requests=options.requests,
        quiet_days=options.quiet_days or quiet,
        fault_days=options.fault_days or faulty,
    )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
