"""The commands of `vehicle-price` about listings: sample, ingest, replay, report, data prune,
mongodb push."""

import argparse
import logging
from pathlib import Path

from vehicle_price.cli.options import (
    add_command,
    add_source_options,
    listing_options,
    print_json,
    rows_option,
    seed_option,
)
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

PUSH = """Store the listings of a file in the collection that MONGODB_URL, MONGODB_DATABASE and
MONGODB_COLLECTION name. A listing that is there already is updated, so that the command can be
repeated and interrupted at any time."""

PRUNE = """Remove datasets that a newer one replaced more than RETENTION_DATASETS_DAYS ago and that
no registered model names, and what killed ingests have left. Without --yes it only tells what it
would remove."""

PROGRESS_ROWS = 5_000  # between two log lines


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add these commands to `vehicle-price`."""
    sample = add_command(
        commands, "sample", _sample, "Write made-up listings as Kaggle ships them."
    )
    sample.add_argument("out", type=Path, help="CSV file to write")
    sample.add_argument("--rows", type=int, help="how many listings (default: SAMPLE_ROWS)")
    sample.add_argument("--seed", type=int, help="same seed, same file (default: SEED)")
    sample.add_argument("--descriptions", action="store_true", help="long multi-line descriptions")

    ingest = add_command(
        commands, "ingest", _ingest, "Read a source, check every listing, add it to the store."
    )
    add_source_options(ingest)
    ingest.add_argument("--since", metavar="DAY", help="first posting day, like 2021-04-04")
    ingest.add_argument("--until", metavar="DAY", help="last posting day")

    replay = add_command(
        commands, "replay", _replay, "Ingest a source day by day, as if the market were live."
    )
    add_source_options(replay)
    replay.add_argument(
        "--day-seconds", type=float, default=0, help="how long one posting day lasts (default: 0)"
    )
    replay.add_argument("--from", dest="since", metavar="DAY", help="first posting day")
    replay.add_argument("--to", dest="until", metavar="DAY", help="last posting day")

    report = add_command(
        commands, "report", _report, "Write the report of an ingest as a web page."
    )
    report.add_argument("report", help="its address, which `ingest` prints as `report`")
    report.add_argument("out", type=Path, help="HTML file to write")

    data = add_command(commands, "data", None, "Remove datasets that nobody needs.")
    actions = data.add_subparsers(title="actions", required=True, metavar="ACTION", help="what")
    prune = actions.add_parser("prune", help="Remove old datasets.", description=PRUNE)
    prune.add_argument("--yes", action="store_true", help="remove them")
    prune.set_defaults(run=_prune)

    mongodb = add_command(commands, "mongodb", None, "Fill a MongoDB collection from a file.")
    actions = mongodb.add_subparsers(
        title="actions", required=True, metavar="ACTION", help="what to do"
    )
    push = actions.add_parser("push", help="Store the listings of a file.", description=PUSH)
    push.add_argument("file", help="CSV, zip, gzip or Parquet file with Craigslist's columns")
    push.set_defaults(run=_push)


def _sample(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.sources.sample import source as sample

    rows, seed = rows_option(settings, options), seed_option(settings, options)
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


def _ingest(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import ingestion

    days = {"since": options.since or "", "until": options.until or ""}
    print_json(ingestion.ingest(settings, **listing_options(settings, options), **days))
    return 0


def _replay(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import ingestion
    from vehicle_price.sources.base import SourceQuery

    source, *fields = listing_options(settings, options).values()
    query = SourceQuery(*fields, since=options.since or "", until=options.until or "")
    dataset: dict = {}
    for day, dataset in ingestion.replay_days(settings, source, query, options.day_seconds):
        log.info("%s: %d new listings", day, dataset["batch"]["new"])
    print_json(dataset)
    return 0


def _report(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.contract import report_html
    from vehicle_price.pipelines import contract_reports

    del settings
    page = report_html.render_report(contract_reports.read(options.report))
    options.out.write_text(page, encoding="utf-8")
    log.info("wrote %s; open it in a browser", options.out)
    return 0


def _prune(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import pruning

    pruned = pruning.prune_all(settings, dry_run=not options.yes)
    print_json({root: counts._asdict() for root, counts in pruned.items()})
    if not options.yes:
        log.info("nothing was removed; add --yes to remove these datasets and files")
    return 0


def _push(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.sources.mongodb.client import collection_address
    from vehicle_price.sources.mongodb.push import PushCounts, push

    steps_logged = 0

    def log_progress(counts: PushCounts) -> None:
        nonlocal steps_logged
        if counts.read // PROGRESS_ROWS > steps_logged:
            steps_logged = counts.read // PROGRESS_ROWS
            log.info("pushed %s", counts)

    log.info("pushing %s to %s", options.file, collection_address(settings))
    log.info("done: %s", push(settings, options.file, log_progress))
    return 0
