"""A model is tried in a child process: a crash, a hang or nonsense is a refusal with a reason."""

import hashlib
import json
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from unit_tests.helpers import broken_models, tiny
from vehicle_price.model import artifact
from vehicle_price.model.artifact import ArtifactError
from vehicle_price.model.golden_set import LISTINGS
from vehicle_price.model.trial import (
    TrialCancelled,
    TrialTimeout,
    price_example,
    try_out,
)
from vehicle_price.schema import EXAMPLE

TIMEOUT = 120.0


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial") / "model"
    artifact.save(tiny.valuation("xgboost"), folder)
    return folder


def manifest_sha256(folder):
    """As the registry keeps it."""
    return hashlib.sha256((folder / artifact.MANIFEST).read_bytes()).hexdigest()


def python(*lines):
    """The command of a child process that runs these lines."""
    return (sys.executable, "-c", "\n".join(lines))


def test_a_good_model_answers_its_golden_prices(saved):
    prices = try_out(saved, manifest_sha256(saved), TIMEOUT)
    assert len(prices) == len(LISTINGS) and min(prices) > 500


def test_a_model_that_is_ten_times_too_dear_is_refused_with_the_car_and_the_price(saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "model"))
    broken_models.make_wrong(folder, broken_models.MADE_WRONG["prices times 10"])
    with pytest.raises(ArtifactError, match="golden listing 2014 honda civic.*sensible is"):
        try_out(folder, None, TIMEOUT)


def test_a_model_whose_price_is_nonsense_is_refused_in_one_line(saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "model"))
    facts = json.loads((saved / "facts.json").read_text("utf-8")) | {"interval_margin": 40.0}

    def widen(model: Path) -> None:
        (model / "facts.json").write_text(json.dumps(facts), "utf-8")
        broken_models.rewrite_golden(model)

    broken_models.make_wrong(folder, widen)
    with pytest.raises(
        ArtifactError, match="the example listing was priced at .*not a price$"
    ) as e:
        try_out(folder, manifest_sha256(folder), TIMEOUT)
    assert "\n" not in str(e.value)


def test_a_model_with_another_manifest_than_the_registered_one_is_refused(saved):
    with pytest.raises(ArtifactError, match="not the manifest that was registered"):
        try_out(saved, "0" * 64, TIMEOUT)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_is_a_refusal(tmp_path, number):
    crash = python("import os", f"os.kill(os.getpid(), {int(number)})")
    with pytest.raises(ArtifactError, match=f"the process died with status -{int(number)}"):
        try_out(tmp_path, None, TIMEOUT, command=crash)


def test_an_exception_is_refused_in_its_own_words(tmp_path):
    with pytest.raises(ArtifactError, match="ZeroDivisionError"):
        try_out(tmp_path, None, TIMEOUT, command=python("1 / 0"))


@pytest.mark.parametrize("stdout", ["", "nothing", "{}", "[1, null]", "7"])
def test_a_child_that_ends_without_prices_is_refused(tmp_path, stdout):
    with pytest.raises(ArtifactError, match="ended without prices"):
        try_out(tmp_path, None, TIMEOUT, command=python(f"print({stdout!r})"))


def test_a_hanging_model_is_killed_with_all_that_it_started(tmp_path):
    mark = tmp_path / "pids"
    command = python(
        "import os, subprocess, time",
        "other = subprocess.Popen(['sleep', '600'])",
        f"open({str(mark)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}')",
        "time.sleep(600)",
    )
    with pytest.raises(TrialTimeout, match="within 3 s"):
        try_out(tmp_path, None, 3, command=command)
    started = [int(pid) for pid in mark.read_text("utf-8").split()]
    deadline = time.monotonic() + 20
    while any(_lives(pid) for pid in started):
        assert time.monotonic() < deadline, "a process of the trial still lives"
        time.sleep(0.05)


def test_a_trial_ends_when_another_version_is_wanted(tmp_path):
    with pytest.raises(TrialCancelled):
        try_out(tmp_path, None, TIMEOUT, lambda: False, python("import time", "time.sleep(600)"))


def test_a_child_that_talks_without_end_is_killed(tmp_path):
    endless = python("while True: print('x' * 1000, flush=True)")
    with pytest.raises(TrialTimeout):
        try_out(tmp_path, None, 1, command=endless)


def test_a_model_that_answers_no_number_does_not_price_the_example(saved):
    class Broken:
        """Lost its numbers."""

        def score(self, inputs):
            """NaN for each row and output."""
            return np.full((len(inputs), 3), np.nan)

    with pytest.raises(ArtifactError, match="not a number"):
        price_example(replace(artifact.load(saved), scorer=Broken()))


def test_a_good_model_prices_the_example_of_the_schema(saved):
    valuation = artifact.load(saved)
    price_example(valuation)
    assert valuation.price_one(EXAMPLE).price > 0


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
