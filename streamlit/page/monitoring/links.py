"""Addresses of the other pages."""

from typing import NamedTuple
from urllib.parse import quote

from page.monitoring.reading import Report


class Addresses(NamedTuple):
    """Where people find the other pages; "" for one that is not there."""

    evidently: str
    airflow: str
    grafana: str = ""

    def run(self, dag: str, run: str) -> str:
        """Airflow's page of a run."""
        return f"{self.airflow}/dags/{quote(dag)}/runs/{quote(run, safe='')}"

    def pictures(self, state: Report | None) -> str:
        """Evidently's report of a window or incident; "" if there is none."""
        snapshot = (state or {}).get("snapshot")
        return f"{self.evidently}{snapshot}" if snapshot and self.evidently else ""

    def listed(self) -> list[tuple[str, str]]:
        """Name and address of each page that is there."""
        names = ("Distributions (Evidently)", "Trainings (Airflow)", "Dashboards (Grafana)")
        return [(name, address) for name, address in zip(names, self, strict=True) if address]
