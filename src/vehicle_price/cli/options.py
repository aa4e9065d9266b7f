"""Options and output that the commands of `vehicle-price` share."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from vehicle_price.names import SOURCE_NAMES
from vehicle_price.settings import Settings

EPILOG = """Settings come from environment variables (setup/configuration.md). Commands that need
MLflow find it at MLFLOW_TRACKING_URI and sign in with MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD, or to the one that `make build` starts as `training`. Exit status: 0 done, 1 refused or
failed (the reason is the last line), 2 wrong arguments."""


def add_command(
    commands: argparse._SubParsersAction,
    name: str,
    run: Callable[[Settings, argparse.Namespace], int] | None,
    explain: str,
) -> argparse.ArgumentParser:
    """Add the command `name`. run: returns its exit status; None for a group of subcommands."""
    parser = commands.add_parser(name, help=explain, description=explain, epilog=EPILOG)
    parser.set_defaults(run=run)
    return parser


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the listings to read."""
    parser.add_argument("--source", choices=SOURCE_NAMES, help="default: SOURCE")
    parser.add_argument("--data", help="what the source `file` reads (default: DATA)")
    parser.add_argument("--rows", type=int, help="rows of the sample (default: SAMPLE_ROWS)")
    parser.add_argument("--seed", type=int, help="seed of sample and models (default: SEED)")


def listing_options(settings: Settings, options: argparse.Namespace) -> dict:
    """Arguments of `ingestion.ingest`: the options, or else the settings."""
    return {
        "source": options.source or ("file" if options.data else settings.source),
        "data": options.data or settings.data,
        "rows": rows_option(settings, options),
        "seed": seed_option(settings, options),
    }


def rows_option(settings: Settings, options: argparse.Namespace) -> int:
    """Rows of the sample: the option, or else the setting."""
    return settings.sample_rows if options.rows is None else options.rows


def seed_option(settings: Settings, options: argparse.Namespace) -> int:
    """Seed of the sample and the models: the option, or else the setting."""
    return settings.seed if options.seed is None else options.seed


def print_json(answer: dict) -> None:
    """Print a result as JSON to standard output."""
    sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def sign_in_to_mlflow(settings: Settings) -> None:
    """Be MLflow's user `training` at the server of this machine, unless a user is set.

    Who may read LOCAL_DIR/secrets may train. No other server is told the password.
    """
    file = Path(settings.local_dir) / "secrets" / "mlflow_training_password"
    own_hosts = ("127.0.0.1", "localhost", settings.mlflow_bind_host)
    is_own = urlsplit(settings.mlflow_tracking_uri).hostname in own_hosts
    if is_own and not os.environ.get("MLFLOW_TRACKING_USERNAME") and file.exists():
        os.environ["MLFLOW_TRACKING_USERNAME"] = "training"
        os.environ["MLFLOW_TRACKING_PASSWORD"] = file.read_text(encoding="utf-8").strip()
