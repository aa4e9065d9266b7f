"""`vehicle-price …`: the parser of the command line, exit statuses and error messages."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from vehicle_price.cli import data, keys, models
from vehicle_price.cli.options import EPILOG, sign_in_to_mlflow
from vehicle_price.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 or 1. Raises SystemExit for wrong arguments."""
    options = build_parser().parse_args(arguments)
    # MLflow's default blocks for four minutes when its server is unavailable.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        settings = Settings.from_environment()
        logging.basicConfig(
            level=settings.log_level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
        )
        sign_in_to_mlflow(settings)
        return options.run(settings, options)
    # The project raises these, with a message for the user.
    except (ValueError, RuntimeError, OSError) as error:
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            raise
        sys.stderr.write(f"vehicle-price: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("vehicle-price: interrupted; nothing half-done is left behind\n")
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; the help lists them in this order."""
    parser = argparse.ArgumentParser(
        prog="vehicle-price",
        description="Train, promote and ask models of used-vehicle prices.",
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    data.add_commands(commands)
    models.add_commands(commands)
    keys.add_commands(commands)
    models.add_status(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
