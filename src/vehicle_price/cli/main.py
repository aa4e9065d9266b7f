"""`vehicle-price …`: the main job from the command line."""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vehicle_price.cli import data, keys
from vehicle_price.cli.options import (
    EPILOG,
    add_source,
    command,
    say,
    wanted_listings,
    wanted_rows,
    wanted_seed,
)
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    # MLflow's default blocks for four minutes when its server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        settings = Settings.from_environment()
        logging.basicConfig(
            level=settings.log_level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
        )
        return options.run(settings, options)
    # Everything the project refuses is one of these, with a message for the user.
    except (ValueError, RuntimeError, OSError) as error:
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            raise
        sys.stderr.write(f"vehicle-price: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("vehicle-price: interrupted; nothing half-done is left behind\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vehicle-price",
        description="Train, promote and ask models of used-vehicle prices.",
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    sample = command(commands, "sample", _sample, "Write made-up listings as Kaggle ships them.")
    sample.add_argument("out", type=Path, help="CSV file to write")
    sample.add_argument("--rows", type=int, help="how many listings (default: SAMPLE_ROWS)")
    sample.add_argument("--seed", type=int, help="same seed, same file (default: SEED)")
    sample.add_argument("--descriptions", action="store_true", help="long multi-line descriptions")

    data.add_commands(commands)

    train = command(
        commands,
        "train",
        _train,
        "Ingest, fit each family, register them in MLflow, and let the gate decide.",
    )
    add_source(train)
    train.add_argument("--dataset", help="address of a dataset ingested before; no source is read")
    train.add_argument(
        "--family",
        action="append",
        choices=FAMILY_NAMES,
        help="fit only this one; repeatable (default: all)",
    )

    predict = command(commands, "predict", _predict, "Price listings with the production model.")
    predict.add_argument(
        "file", type=Path, help="CSV, or JSON (one listing or a list), with raw column names"
    )
    predict.add_argument("--out", type=Path, help="file to write (default: the screen)")

    promote = command(
        commands, "promote", _promote, "Put a version into production, past the gate."
    )
    promote.add_argument("version", help="number of the version in MLflow")
    promote.add_argument(
        "--accept-price-jump",
        action="store_true",
        help="serve it though its prices are far from those of the model that serves",
    )
    command(commands, "rollback", _rollback, "Put the previous production version back.")
    keys.add_arguments(command(commands, "keys", keys.run, keys.EXPLAINED))
    command(commands, "status", _status, "What is in production, and what challenges it.")
    return parser


def _sample(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.sources.sample import source as sample

    rows, seed = wanted_rows(settings, options), wanted_seed(settings, options)
    sample.write_csv(
        options.out,
        rows,
        seed,
        options.descriptions,
        lambda written: log.info("%s of %s rows", f"{written:,}", f"{rows:,}"),
    )
    log.info(
        "wrote %s; train on it: vehicle-price train --source file --data %s",
        options.out,
        options.out,
    )
    return 0


def _train(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import ingestion, promotion, training

    wanted = wanted_listings(settings, options)
    uri = options.dataset or ingestion.ingest(settings, **wanted)["uri"]
    seed = wanted_seed(settings, options)
    trained = [
        training.train_family(settings, uri, family, seed)
        for family in options.family or FAMILY_NAMES
    ]
    decision = promotion.run_gate(settings, uri, [t["version"] for t in trained])
    say({"trained": trained, "decision": decision})
    return 0


def _predict(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.listing.files import read_listings, write_prices
    from vehicle_price.pipelines import promotion
    from vehicle_price.registry.client import Registry
    from vehicle_price.registry.names import PRODUCTION

    listings = read_listings(options.file)
    registry = Registry(settings.mlflow_tracking_uri)
    version = registry.version(PRODUCTION)
    if version is None:
        raise RuntimeError("no model is in production; run `vehicle-price train` first")
    with tempfile.TemporaryDirectory() as temporary:
        model = promotion.fetch_checked(registry, version, Path(temporary))
    write_prices(listings, model.valuation.price_many(listings), options.out)
    log.info("%d listings priced by version %s", len(listings), version.version)
    return 0


def _promote(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.registry.client import Registry

    Registry(settings.mlflow_tracking_uri).promote(options.version, options.accept_price_jump)
    log.warning("promoted by hand: the gate was not asked. Undo: vehicle-price rollback")
    return 0


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.registry.client import Registry

    del options
    version = Registry(settings.mlflow_tracking_uri).rollback()
    log.info("version %s serves again within seconds. Undo: vehicle-price rollback", version)
    return 0


def _status(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.registry.client import Registry
    from vehicle_price.registry.names import CHALLENGER, PREVIOUS, PRODUCTION

    del options
    registry = Registry(settings.mlflow_tracking_uri)
    for alias in (PRODUCTION, CHALLENGER, PREVIOUS):
        version = registry.version(alias)
        if version is None:
            sys.stdout.write(f"{alias:11} none\n")
            continue
        sys.stdout.write(
            f"{alias:11} version {version.version}, {version.tags.get('family', '?')}, "
            f"MAE {version.metrics.get('mae', float('nan')):,.0f} USD, "
            f"gate: {version.tags.get('gate', 'not asked')}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
