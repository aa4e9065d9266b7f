"""The callers of a rehearsal: each asks for prices with its own key, and reports prices days later.

Everything goes through the service's HTTP interface.
"""

import random
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
import requests

from vehicle_price.api_keys import add_key
from vehicle_price.settings import Settings

CALLERS = 12
REPORTED_SHARE = 0.4  # of the predictions
# Cars are sold some days after they were priced, when listings of the same days are known already.
REPORT_DELAY_DAYS = 4
PATIENCE_SECONDS = 10.0  # for one answer
BUSY_SHARE = 0.9  # of a day, in which requests are sent; late answers have the rest


class Report(NamedTuple):
    """The price, in US dollars, that a predicted car was listed for."""

    prediction_id: str
    price: int


class Task(NamedTuple):
    """What a caller does at a moment (time.time()): ask for a price, or report one.

    listing: for a question. asked: the price that the car is listed for, to be reported later.
    """

    at: float
    listing: Mapping[str, object] | None = None
    asked: int = 0
    report: Report | None = None


@dataclass
class Caller:
    """A caller with its key. answers: (route, status or error) → number. reports: of each day, the
    oldest first, until they are due."""

    session: requests.Session
    url: str
    chance: random.Random
    answers: Counter = field(default_factory=Counter)
    reports: deque[list[Report]] = field(default_factory=deque)

    def begin_day(self) -> list[Report]:
        """The reports that are due on the day that begins."""
        due = self.reports.popleft() if len(self.reports) == REPORT_DELAY_DAYS else []
        self.reports.append([])
        return due

    def work(self, tasks: Sequence[Task]) -> None:
        """Do each task at its moment, or at once if it is late."""
        for task in tasks:
            time.sleep(max(0.0, task.at - time.time()))
            if task.report:
                self._post("/feedback", task.report._asdict())
            elif answer := self._post("/predict", task.listing):
                if self.chance.random() < REPORTED_SHARE:
                    self.reports[-1].append(Report(answer["prediction_id"], task.asked))

    def _post(self, path: str, body: object) -> dict | None:
        try:
            answer = self.session.post(f"{self.url}{path}", json=body, timeout=PATIENCE_SECONDS)
        except requests.RequestException as error:
            self.answers[path, type(error).__name__] += 1
            return None
        self.answers[path, str(answer.status_code)] += 1
        return answer.json() if answer.ok else None


def make_callers(settings: Settings) -> list[Caller]:
    """Callers with new keys, which the service of `settings` knows at once."""
    return [_caller(settings, number) for number in range(CALLERS)]


def _caller(settings: Settings, number: int) -> Caller:
    session = requests.Session()
    key = add_key(settings.api_keys_file, f"caller-{number + 1:02}")
    session.headers["X-API-Key"] = key
    return Caller(session, settings.service_url, random.Random(number))


def work_for_a_day(
    callers: Sequence[Caller], cars: pd.DataFrame, start: float, seconds: float
) -> int:
    """Ask for the prices of all cars (`listings.cars_of`) from `start` on, spread over the day, and
    send the reports that are due; returns their number."""
    all_due = [caller.begin_day() for caller in callers]
    plans = [
        sorted(
            _questions(cars, number, len(callers), start, seconds) + _reports(due, start, seconds),
            key=lambda task: task.at,
        )
        for number, due in enumerate(all_due)
    ]
    with ThreadPoolExecutor(len(callers)) as pool:
        for done in [pool.submit(c.work, plan) for c, plan in zip(callers, plans, strict=True)]:
            done.result()
    return sum(map(len, all_due))


def _questions(
    cars: pd.DataFrame, number: int, callers: int, start: float, seconds: float
) -> list[Task]:
    """The questions of one caller: each has every twelfth car."""
    step = BUSY_SHARE * seconds / max(1, len(cars))
    tasks = []
    for row in range(number, len(cars), callers):
        listing = cars.iloc[row].dropna().to_dict()
        asked = int(listing.pop("asked"))
        tasks.append(Task(start + row * step, {k: _plain(v) for k, v in listing.items()}, asked))
    return tasks


def _plain(value: object) -> object:
    """A number of NumPy as one of Python."""
    return value.item() if hasattr(value, "item") else value


def _reports(due: Sequence[Report], start: float, seconds: float) -> list[Task]:
    """The reports of one caller, in the first half of the day."""
    step = 0.5 * seconds / max(1, len(due))
    return [Task(start + n * step, report=report) for n, report in enumerate(due)]


def failures(callers: Sequence[Caller]) -> Counter:
    """(route, status or error) → number, of what was not answered as it should be."""
    total = sum((caller.answers for caller in callers), Counter())
    return Counter({key: n for key, n in total.items() if key[1] not in ("200", "202")})
