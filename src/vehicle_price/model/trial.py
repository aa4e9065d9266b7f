"""Try a saved model out in a child process, where a crash, a hang or a lie hurts nobody."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from vehicle_price.model import golden_set
from vehicle_price.model.artifact import ArtifactError, load, warm_up

PAUSE_SECONDS = 0.1
COMMAND = (sys.executable, "-m", "vehicle_price.model.trial")


class TooSlow(RuntimeError):
    """The model did not answer in time; on a less busy machine it may."""


class NotWanted(RuntimeError):
    """The trial was broken off: another version is wanted by now."""


def _always() -> bool:
    return True


def try_out(
    folder: Path,
    manifest_sha256: str | None,
    patience: float,
    wanted: Callable[[], bool] = _always,
    command: Sequence[str] = COMMAND,
) -> list[int]:
    """Load the model in `folder` and let it price the golden listings, all in a child process.

    patience: seconds, then the child and all it started are killed. wanted: asked ten times a
    second; when it says no, the trial is broken off. Returns the golden prices.
    Raises ArtifactError or TooSlow with the reason, and NotWanted.
    """
    arguments = [*command, str(folder), manifest_sha256 or ""]
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, so that it can be killed as a whole
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as child:
        try:
            said, complained = _talk(child, time.monotonic() + patience, wanted)
        except TimeoutError as error:
            message = f"{folder.name}: did not load and answer within {patience:g} s"
            raise TooSlow(message) from error
        finally:
            _kill(child)
    if child.returncode:
        raise ArtifactError(f"{folder.name}: {_reason(complained, child.returncode)}")
    return _prices(said)


def _talk(child: subprocess.Popen, deadline: float, wanted: Callable[[], bool]) -> tuple[str, str]:
    while True:
        try:
            return child.communicate(timeout=PAUSE_SECONDS)
        except subprocess.TimeoutExpired as error:
            if time.monotonic() > deadline:
                raise TimeoutError from error
            if not wanted():
                raise NotWanted("another version is wanted by now") from error


def _kill(child: subprocess.Popen) -> None:
    """End the child's whole group; what it started may outlive it."""
    with suppress(ProcessLookupError):  # nobody is left
        os.killpg(child.pid, signal.SIGKILL)


def _reason(complained: str, status: int) -> str:
    lines = complained.strip().splitlines()
    return lines[-1] if lines else f"the process died with status {status}"


def _prices(said: str) -> list[int]:
    """The last line of what the child said."""
    try:
        found = [int(price) for price in json.loads(said.strip().splitlines()[-1])]
    except (ValueError, TypeError, IndexError) as error:
        raise ArtifactError(f"the trial ended without prices: {said[-200:]!r}") from error
    if len(found) != len(golden_set.LISTINGS):
        raise ArtifactError(f"the trial ended without prices: {len(found)} of them")
    return found


def golden_prices(folder: Path, manifest_sha256: str | None) -> list[int]:
    """Load the model in `folder` and ask all of it that the service asks. Raises ValueError."""
    valuation = load(folder, manifest_sha256)
    try:
        warm_up(valuation)
        prices = golden_set.prices(valuation)
        coverage = valuation.facts["coverage"]
    except (KeyError, TypeError, AttributeError, ArithmeticError, IndexError) as error:
        raise ArtifactError(f"the model cannot answer: {error!r}") from error
    if not isinstance(coverage, float) or not 0 < coverage < 1:
        raise ArtifactError(f"the interval covers {coverage!r}; expected a share of the prices")
    return prices


def main(folder: str, manifest_sha256: str) -> None:
    """What the child does: load, warm up, price, say the prices on one line."""
    try:
        prices = golden_prices(Path(folder), manifest_sha256 or None)
    except ValueError as refused:
        sys.exit(str(refused))
    sys.stdout.write(json.dumps(prices) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
