"""One run of a DAG by Airflow in one process, with tables of its own in an SQLite file.

`airflow dags test` runs a DAG's tasks with its retry policy, its delays and its callbacks, without
scheduler and server. What these add is tested on the whole platform.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration_tests.helpers.processes import ROOT
from setup.native.environment import VENV, settings_from
from setup.native.programs import environment_of

AIRFLOW = str(VENV / "bin" / "airflow")
RETRIES = "action=retry"  # in Airflow's line on a failed attempt that is followed by another


@contextmanager
def airflow_run(folder: Path, dag: str, form: dict[str, str], **variables: str) -> Iterator["Run"]:
    """A run that has begun, with this form; its files are below `folder`.

    variables: of its environment, over those of this process.
    """
    own = {"LOCAL_DIR": str(folder), "ENV_FILE": str(folder / ".env")}
    own["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    settings = settings_from(os.environ | own | variables)
    environ = environment_of("airflow-scheduler", settings, os.environ | variables)
    environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{folder}/airflow.db"
    subprocess.run([AIRFLOW, "db", "migrate"], env=environ, check=True, capture_output=True)
    command = [AIRFLOW, "dags", "test", dag, "--conf", json.dumps(form)]
    options = {"cwd": ROOT, "env": environ, "text": True}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    ) as process:
        try:
            yield Run(process, folder / "airflow.log")
        finally:
            process.kill()  # nobody reads what it prints after this


class Run:
    """A run that goes on. lines: what it has printed so far; they are kept in `log`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log
        self.lines: list[str] = []

    def wait_for_retry(self) -> None:
        """Wait until an attempt has failed that is followed by another. Raises RuntimeError."""
        for line in self._printed():
            if RETRIES in line:
                return
        raise RuntimeError(f"no attempt failed; see {self._log}")

    def succeeds(self) -> bool:
        """Whether the run ends in success, once it has ended."""
        for _ in self._printed():
            pass
        return self._process.wait() == 0

    def _printed(self) -> Iterator[str]:
        with self._log.open("a", encoding="utf-8") as log:
            for line in self._process.stdout:
                self.lines.append(line)
                log.write(line)
                yield line
