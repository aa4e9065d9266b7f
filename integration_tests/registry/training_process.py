"""A training in a process of its own, which stops at a moment so that it can be killed there.

`python -m integration_tests.registry.training_process '{"stop": …, "settings": …, "dataset": …}'`
prints READY at that moment and waits.
"""

import json
import os
import signal
import subprocess
import sys
from typing import Any

from integration_tests.helpers.processes import ROOT
from vehicle_price.settings import Settings

READY = "ready to be killed"
FAMILY, SEED = "xgboost", 20
# Moments after MLflow has the version: without its description, and complete but not returned.
REGISTERED, DESCRIBED = "registered", "described"


def kill_a_training(settings: dict[str, Any], dataset: str, stop: str) -> int:
    """Train on a dataset in another process, kill it with SIGKILL at the moment; its status."""
    facts = json.dumps({"settings": settings, "dataset": dataset, "stop": stop})
    command = [sys.executable, "-m", "integration_tests.registry.training_process", facts]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        if READY not in (line.strip() for line in process.stdout):
            raise RuntimeError(f"the training ended with status {process.wait()}")
        process.kill()
        return process.wait()


def main() -> None:
    """Train, with a stop in the registration."""
    from vehicle_price.pipelines import training
    from vehicle_price.registry import runs

    facts = json.loads(sys.argv[1])
    # pylint: disable=protected-access # there is no other way to stop there
    describe = runs._describe

    def stopping(*arguments: Any) -> None:
        if facts["stop"] == DESCRIBED:
            describe(*arguments)
        _wait_for_the_end()

    runs._describe = stopping
    training.train_family(Settings(**facts["settings"]), facts["dataset"], FAMILY, SEED)


def _wait_for_the_end() -> None:
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
