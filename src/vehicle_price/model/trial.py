"""Try a saved model in a child process, so that a crash or a hang cannot harm this process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from vehicle_price.estimate import is_plausible
from vehicle_price.model import golden_set
from vehicle_price.model.artifact import ArtifactError, load
from vehicle_price.model.valuation import Valuation
from vehicle_price.schema import EXAMPLE

POLL_SECONDS = 0.1
COMMAND = (sys.executable, "-m", "vehicle_price.model.trial")


class TrialTimeout(RuntimeError):
    """The model did not answer in time; on a less busy machine it may."""


class TrialCancelled(RuntimeError):
    """The trial was cancelled: another version is wanted by now."""


def _always() -> bool:
    return True


def try_out(
    folder: Path,
    manifest_sha256: str | None,
    timeout: float,
    keep_going: Callable[[], bool] = _always,
    command: Sequence[str] = COMMAND,
) -> list[int]:
    """Load the model in `folder` and price the golden listings with it, all in a child process.

    timeout: seconds, then the child and all processes it started are killed. keep_going: called
    ten times a second; when it returns False, the trial is cancelled. Returns the golden prices.
    Raises ArtifactError or TrialTimeout with the reason, and TrialCancelled.
    """
    arguments = [*command, str(folder), manifest_sha256 or ""]
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, so that all of it can be killed
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as child:
        try:
            stdout, stderr = _communicate(child, time.monotonic() + timeout, keep_going)
        except TimeoutError as error:
            message = f"{folder.name}: did not load and answer within {timeout:g} s"
            raise TrialTimeout(message) from error
        finally:
            _kill_group(child)
    if child.returncode:
        raise ArtifactError(f"{folder.name}: {_reason(stderr, child.returncode)}")
    return _parse_prices(stdout)


def golden_prices(folder: Path, manifest_sha256: str | None) -> list[int]:
    """Load the model in `folder` and use it in every way the service does. Raises ValueError."""
    valuation = load(folder, manifest_sha256)
    try:
        price_example(valuation)
        prices = golden_set.prices(valuation)
        coverage = valuation.facts["coverage"]
    except (KeyError, TypeError, AttributeError, ArithmeticError, IndexError) as error:
        raise ArtifactError(f"the model cannot answer: {error!r}") from error
    if not isinstance(coverage, float) or not 0 < coverage < 1:
        raise ArtifactError(f"the interval covers {coverage!r}; expected a share of the prices")
    return prices


def price_example(valuation: Valuation) -> None:
    """Price the schema's example. Raises ArtifactError when the answer cannot be a price."""
    try:
        estimate = valuation.price_one(EXAMPLE)
    except ValueError as error:
        raise ArtifactError(f"the example listing was not priced: {error}") from error
    if not is_plausible(estimate):
        raise ArtifactError(f"the example listing was priced at {estimate[:3]}; not a price")


def _communicate(
    child: subprocess.Popen, deadline: float, keep_going: Callable[[], bool]
) -> tuple[str, str]:
    """The child's stdout and stderr. Raises TimeoutError and TrialCancelled."""
    while True:
        try:
            return child.communicate(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired as error:
            if time.monotonic() > deadline:
                raise TimeoutError from error
            if not keep_going():
                raise TrialCancelled("another version is wanted by now") from error


def _kill_group(child: subprocess.Popen) -> None:
    """Kill the child's process group: processes that it started may outlive it."""
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(child.pid, signal.SIGKILL)


def _reason(stderr: str, status: int) -> str:
    lines = stderr.strip().splitlines()
    return lines[-1] if lines else f"the process died with status {status}"


def _parse_prices(stdout: str) -> list[int]:
    """The prices on the last line of the child's output."""
    try:
        prices = [int(price) for price in json.loads(stdout.strip().splitlines()[-1])]
    except (ValueError, TypeError, IndexError) as error:
        raise ArtifactError(f"the trial ended without prices: {stdout[-200:]!r}") from error
    if len(prices) != len(golden_set.LISTINGS):
        raise ArtifactError(f"the trial ended without prices: {len(prices)} of them")
    return prices


def main(folder: str, manifest_sha256: str) -> None:
    """Run the trial in the child process: print the golden prices as JSON on one line."""
    try:
        prices = golden_prices(Path(folder), manifest_sha256 or None)
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(prices) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
