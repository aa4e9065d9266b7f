"""`python -m evidently_service.messages`: list the receivers of incidents, or try them.

--test sends each of them a message.
"""

import argparse
import sys
from pathlib import Path

from evidently_service.messages.receivers import parse_addresses, read_addresses, send
from evidently_service.messages.text import trial_message
from vehicle_price.settings import Settings


def main() -> int:
    """List or try the receivers; 1 if there is none, or if one does not take the message."""
    parser = argparse.ArgumentParser(prog="python -m evidently_service.messages")
    parser.add_argument("--test", action="store_true", help="send each receiver a trial message")
    return run(Settings.from_environment(), parser.parse_args().test)


def run(settings: Settings, test: bool) -> int:
    """The status to exit with. test: send the trial message."""
    file = Path(settings.alert_urls_file)
    receivers = parse_addresses(read_addresses(file), file)
    failed = bool(receivers.problems)
    for problem in receivers.problems:
        print(problem, file=sys.stderr)
    if not receivers.found:
        print(f"{file} names no receiver; incidents are only stored and logged", file=sys.stderr)
        return 1
    for receiver in receivers.found:
        reason = send(receiver, trial_message(settings)) if test else ""
        failed = failed or bool(reason)
        outcome = f"took no message: {reason}" if reason else "took the message" if test else ""
        print(f"{receiver.name} {outcome}".rstrip())
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
