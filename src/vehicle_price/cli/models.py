"""The commands of `vehicle-price` about models: train, predict, promote, rollback, status."""

import argparse
import getpass
import logging
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from vehicle_price.cli.options import (
    add_command,
    add_source_options,
    listing_options,
    print_json,
    seed_option,
)
from vehicle_price.names import FAMILY_NAMES, MAX_PRICE_SHIFT
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add train, predict, promote and rollback to the commands of `vehicle-price`."""
    train = add_command(
        commands,
        "train",
        _train,
        "Ingest, fit each family, register them in MLflow, and let the gate decide.",
    )
    add_source_options(train)
    train.add_argument("--dataset", help="address of a dataset ingested before; no source is read")
    train.add_argument(
        "--family",
        action="append",
        choices=FAMILY_NAMES,
        help="fit only this one; repeatable (default: all)",
    )

    train.add_argument(
        "--price-shift",
        type=_price_shift,
        default=0.0,
        help="log(reported / price) by feedback, if a jump of prices is the cause: 0.22 for +25 %%",
    )

    predict = add_command(
        commands, "predict", _predict, "Price listings with the production model."
    )
    predict.add_argument(
        "file", type=Path, help="CSV, or JSON (one listing or a list), with raw column names"
    )
    predict.add_argument("--out", type=Path, help="file to write (default: the screen)")

    promote = add_command(
        commands, "promote", _promote, "Put a version into production, past the gate."
    )
    promote.add_argument("version", help="number of the version in MLflow")
    promote.add_argument(
        "--accept-price-jump",
        action="store_true",
        help="serve it though its prices are far from those of the model that serves",
    )
    _add_reason(promote)
    rollback = add_command(
        commands, "rollback", _rollback, "Put the previous production version back."
    )
    _add_reason(rollback)


def _price_shift(text: str) -> float:
    shift = float(text)
    if not abs(shift) <= MAX_PRICE_SHIFT:
        raise argparse.ArgumentTypeError(
            f"{text}: a logarithm from -{MAX_PRICE_SHIFT} to {MAX_PRICE_SHIFT} is expected"
        )
    return shift


def _add_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reason", default="no reason given", help="why; kept with the version, with your name"
    )


def add_status(commands: argparse._SubParsersAction) -> None:
    """Add status, which is listed last."""
    add_command(commands, "status", _status, "What is in production, and what challenges it.")


def _train(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import ingestion, promotion, training

    arguments = listing_options(settings, options)
    uri = options.dataset or ingestion.ingest(settings, **arguments)["uri"]
    seed = seed_option(settings, options)
    shift = options.price_shift
    trained = [
        training.train_family(settings, uri, family, seed, shift)
        for family in options.family or FAMILY_NAMES
    ]
    decision = promotion.run_gate(settings, uri, [t["version"] for t in trained], shift)
    print_json({"trained": trained, "decision": decision})
    return 0


def _predict(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.listing.files import read_listings, write_prices
    from vehicle_price.pipelines import candidates
    from vehicle_price.registry.client import Registry
    from vehicle_price.registry.names import PRODUCTION

    listings = read_listings(options.file, datetime.now(UTC).year)
    registry = Registry(settings.mlflow_tracking_uri)
    version = registry.version(PRODUCTION)
    if version is None:
        raise RuntimeError("no model is in production; run `vehicle-price train` first")
    with tempfile.TemporaryDirectory() as temporary:
        model = candidates.fetch_checked(registry, version, Path(temporary))
    write_prices(listings, model.valuation.price_many(listings), options.out)
    log.info("%d listings priced by version %s", len(listings), version.version)
    return 0


def _promote(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import production

    version, jump = options.version, options.accept_price_jump
    production.promote(settings, version, getpass.getuser(), options.reason, jump)
    log.warning("promoted by hand: the gate was not asked. Undo: vehicle-price rollback")
    return 0


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import production

    version = production.roll_back(settings, getpass.getuser(), options.reason)
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
