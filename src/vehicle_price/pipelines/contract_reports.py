"""The contract reports of all ingests, stored beside the listings.

    listings/reports/<feed>/<UTC time>-<run>.json

A feed is an origin and the `data` read from it: usual values are those of the same feed.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from vehicle_price.settings import Settings
from vehicle_price.storage.day_files import new_run_id
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.filesystem import open_folder
from vehicle_price.storage.store import LISTINGS

# Usual values are those of the last ingests only, so that a feed may grow or shrink slowly.
EARLIER_REPORTS = 10
# Raised by JSON that is damaged or has other fields.
DECODE_ERRORS = (ValueError, KeyError, TypeError, AttributeError)


def new_address(root: str, origin: str, data: str) -> str:
    """The address for the report of an ingest that begins now."""
    return f"{_feed(root, origin, data)}/{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{new_run_id()}.json"


def keep(uri: str, report: Mapping) -> None:
    """Write a report (`build_report`) to `uri`, replacing an earlier one."""
    folder, _, name = uri.rpartition("/")
    content = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    open_folder(folder).write(name, content.encode())


def read(uri: str) -> dict:
    """The report at `uri`. Raises StorageError when there is none or it is damaged."""
    folder, _, name = str(uri).rpartition("/")
    try:
        content = open_folder(folder or ".").read(name)
    except OSError as error:
        raise StorageError(f"{uri}: no contract report here ({error!r})") from error
    try:
        report = json.loads(content)
        return report | {"broken": list(report["broken"])}
    except DECODE_ERRORS as error:
        raise StorageError(f"{uri}: no contract report here ({error!r})") from error


def publish(settings: Settings, uri: str) -> str:
    """Log the report at `uri` to MLflow; returns the address of its page there.

    A repeated call updates the same run. Raises StorageError and RegistryError.
    """
    # Not at the top: an ingest needs neither MLflow nor Matplotlib, which take seconds to import.
    from vehicle_price.contract import report_html
    from vehicle_price.registry import runs
    from vehicle_price.registry.client import Registry

    report = read(uri)
    registry = Registry(settings.mlflow_tracking_uri)
    return runs.keep_report(registry, uri, report, report_html.render_report(report))


def earlier(root: str, origin: str, data: str) -> list[dict]:
    """The reports of the last ingests of this feed that broke no threshold, newest first."""
    feed = _feed(root, origin, data)
    names = sorted((name for name, _ in open_folder(feed).names("")), reverse=True)
    reports = (
        read(f"{feed}/{name}") for name in names[: 2 * EARLIER_REPORTS] if name.endswith(".json")
    )
    return [report for report in reports if not report["broken"]][:EARLIER_REPORTS]


def _feed(root: str, origin: str, data: str) -> str:
    feed_id = hashlib.sha256(f"{origin}\n{data}".encode()).hexdigest()[:12]
    return f"{open_folder(root.rstrip('/')).uri}/{LISTINGS}/reports/{feed_id}"
