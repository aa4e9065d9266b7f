"""One rehearsal from its first listing to the picture of its timeline."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from setup.rehearsal import listings, picture, platform, timeline
from setup.rehearsal.callers import (
    REPORT_DELAY_DAYS,
    Caller,
    failures,
    make_callers,
    work_for_a_day,
)
from setup.rehearsal.faults import Fault
from setup.rehearsal.listings import Day, Feed
from vehicle_price.pipelines import ingestion
from vehicle_price.settings import Settings

# After the switch to a new model, until all reports on a day of its prices have come.
DAYS_AFTER_SWITCH = REPORT_DELAY_DAYS + 1
MIN_FAULT_DAYS = 3


class Plan(NamedTuple):
    """day_seconds: how long a replayed day lasts. requests: a day. quiet_days: replayed before the
    fault. fault_days: with it, at most; fewer once another model serves."""

    fault: Fault
    day_seconds: int
    requests: int
    quiet_days: int
    fault_days: int

    @property
    def most_days(self) -> int:
        """All days that may be replayed."""
        return self.quiet_days + self.fault_days

    @property
    def least_days(self) -> int:
        """The days without which nothing would be seen."""
        return self.quiet_days + min(MIN_FAULT_DAYS, self.fault_days)


def rehearse(usual: Settings, environ: Mapping[str, str], plan: Plan) -> None:
    """Start the platform on the first days, replay the others, write timeline.json and
    timeline.png into its folder.

    Raises SourceError, TooFewDays and PlatformFailed.
    """
    say(f"reading the listings of SOURCE={usual.source} {usual.data}".rstrip())
    days = listings.read_days(usual)
    learnt, replayed = listings.split(days, plan.most_days, plan.least_days)
    platform.remove(environ)
    feed = Feed(Path(environ["DATA"]))
    for day in learnt:
        feed.append(day)
    say(f"a platform of its own learns from {len(learnt)} days, up to {learnt[-1].day}")
    settings = platform.start(environ)
    replay = _Replay(settings, plan, feed)
    replay.run(list(listings.shifted(replayed, plan.quiet_days, plan.fault)))
    replay.finish(Path(settings.local_dir))


class _Replay:
    """The replayed days. first: the start of the first one, time.time()."""

    def __init__(self, settings: Settings, plan: Plan, feed: Feed) -> None:
        self.settings, self.plan, self.feed = settings, plan, feed
        self.callers: list[Caller] = make_callers(settings)
        seconds = plan.day_seconds
        self.first = (time.time() // seconds + 1) * seconds  # a window of monitoring begins
        self.days = 0  # that have been replayed
        self._shown: set[tuple[datetime, str, str]] = set()

    def run(self, days: Sequence[Day]) -> None:
        """Replay the days, one after another, until it is seen what another model changes."""
        for number, day in enumerate(days):
            if number == self.plan.quiet_days:
                say(f"FROM NOW ON: {self.plan.fault.text}")
            self._replay(number, day)
            self.days = number + 1
            if self._has_recovered():
                break

    def _replay(self, number: int, day: Day) -> None:
        """Requests and reports of a day; the listings of the day before reach the store."""
        plan = self.plan
        cars = listings.cars_of(day, plan.requests)
        if number >= plan.quiet_days:
            cars = plan.fault.requests(cars)
        start = self.first + number * plan.day_seconds
        with ThreadPoolExecutor(1) as pool:
            stored = pool.submit(self._ingest)
            reports = work_for_a_day(self.callers, cars, start, plan.day_seconds)
            stored.result()
        self.feed.append(day)
        say(f"day {number + 1:2} is {day.day}: {len(cars)} requests, {reports} reported prices")
        self._show_events()

    def _has_recovered(self) -> bool:
        """Whether another model has served since the fault for long enough to be judged."""
        switches = [
            self.number(event.at)
            for event in timeline.read(self.settings).events
            if event.kind == "promotion"
        ]
        now = self.days + 1
        last = switches[-1] if switches else 0.0
        return last > self.plan.quiet_days and now >= last + DAYS_AFTER_SWITCH

    def _ingest(self) -> None:
        settings = self.settings
        data, rows, seed = str(self.feed.path), settings.sample_rows, settings.seed
        ingestion.ingest(settings, settings.source, data, rows, seed)

    def _show_events(self) -> None:
        for event in timeline.read(self.settings).events:
            if event[:3] not in self._shown:  # the text of an open incident follows its window
                self._shown.add(event[:3])
                say(f"    day {self.number(event.at):4.1f}  {event.text}")

    def number(self, moment: datetime) -> float:
        """The replayed day of a moment: 1.5 is the middle of the first day."""
        return 1 + (moment.timestamp() - self.first) / self.plan.day_seconds

    def finish(self, folder: Path) -> None:
        """Wait for the last window, then write and show the results."""
        seconds = self.plan.day_seconds
        time.sleep(max(0.0, self.first + (self.days + 1) * seconds - time.time()))
        self._show_events()
        found, title = timeline.read(self.settings), f"Rehearsal: {self.plan.fault.text}"
        fault_day = self.plan.quiet_days + 1
        picture.draw(found, self.number, title, fault_day, folder / "timeline.png")
        (folder / "timeline.json").write_text(self._as_json(found), encoding="utf-8")
        for (route, status), count in failures(self.callers).items():
            say(f"{count} requests to {route} were not answered as they should be: {status}")
        say(f"timeline: {folder}/timeline.png and timeline.json")

    def _as_json(self, found: timeline.Timeline) -> str:
        """All figures and events, with the numbers of their days."""
        return json.dumps(
            {
                "fault": self.plan.fault.text,
                "fault_day": self.plan.quiet_days + 1,
                "days": self.days,
                "failed_requests": sum(failures(self.callers).values()),
                "figures": [
                    f._asdict() | {"day": round(self.number(f.start), 2)} for f in found.figures
                ],
                "events": [
                    e._asdict() | {"day": round(self.number(e.at), 2)} for e in found.events
                ],
            },
            default=str,
            indent=1,
        )


STARTED = time.monotonic()


def say(line: str) -> None:
    """Print a line with the seconds since the command began."""
    sys.stdout.write(f"{time.monotonic() - STARTED:6.1f} s  {line}\n")
    sys.stdout.flush()
