"""The commands of `vehicle-price` about listings: ingest, replay, report, mongodb push."""

import argparse
import logging
from pathlib import Path

from vehicle_price.cli.options import add_source, command, say, wanted_listings
from vehicle_price.settings import Settings

log = logging.getLogger(__name__)

PUSH = """Store the listings of a file in the collection that MONGODB_URL, MONGODB_DATABASE and
MONGODB_COLLECTION name. A listing that is there already is updated, so that the command can be
repeated and interrupted at any time."""

# Rows between two lines of progress.
TOLD = 5_000


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add them to the commands of `vehicle-price`."""
    ingest = command(
        commands, "ingest", _ingest, "Read a source, check every listing, add it to the store."
    )
    add_source(ingest)
    ingest.add_argument("--since", metavar="DAY", help="first posting day, like 2021-04-04")
    ingest.add_argument("--until", metavar="DAY", help="last posting day")

    replay = command(
        commands, "replay", _replay, "Ingest a source day by day, as if the market were live."
    )
    add_source(replay)
    replay.add_argument(
        "--day-seconds", type=float, default=0, help="how long one posting day lasts (default: 0)"
    )
    replay.add_argument("--from", dest="since", metavar="DAY", help="first posting day")
    replay.add_argument("--to", dest="until", metavar="DAY", help="last posting day")

    report = command(commands, "report", _report, "Write the report of an ingest as a web page.")
    report.add_argument("report", help="its address, which `ingest` prints as `report`")
    report.add_argument("out", type=Path, help="HTML file to write")

    mongodb = command(commands, "mongodb", None, "Fill a MongoDB collection from a file.")
    actions = mongodb.add_subparsers(
        title="actions", required=True, metavar="ACTION", help="what to do"
    )
    push = actions.add_parser("push", help="Store the listings of a file.", description=PUSH)
    push.add_argument("file", help="CSV, zip, gzip or Parquet file with Craigslist's columns")
    push.set_defaults(run=_push)


def _ingest(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import ingestion

    span = {"since": options.since or "", "until": options.until or ""}
    say(ingestion.ingest(settings, **wanted_listings(settings, options), **span))
    return 0


def _replay(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.pipelines import ingestion
    from vehicle_price.sources.base import SourceQuery

    source, *wanted = wanted_listings(settings, options).values()
    query = SourceQuery(*wanted, since=options.since or "", until=options.until or "")
    dataset: dict = {}
    for day, dataset in ingestion.replay_days(settings, source, query, options.day_seconds):
        log.info("%s: %d new listings", day, dataset["batch"]["new"])
    say(dataset)
    return 0


def _report(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.contract import report_html
    from vehicle_price.pipelines import contract_reports

    del settings
    page = report_html.render_report(contract_reports.read(options.report))
    options.out.write_text(page, encoding="utf-8")
    log.info("wrote %s; open it in a browser", options.out)
    return 0


def _push(settings: Settings, options: argparse.Namespace) -> int:
    from vehicle_price.sources.mongodb.client import collection_address
    from vehicle_price.sources.mongodb.push import PushCounts, push

    told = 0

    def tell(pushed: PushCounts) -> None:
        nonlocal told
        if pushed.read // TOLD > told:
            told = pushed.read // TOLD
            log.info("pushed %s", pushed)

    log.info("pushing %s to %s", options.file, collection_address(settings))
    log.info("done: %s", push(settings, options.file, tell))
    return 0
