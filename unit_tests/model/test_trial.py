"""A model is tried out in a child process, which may do what it likes."""

import shutil
import sys
import time
from pathlib import Path

import psutil
import pytest

from unit_tests.helpers import broken_models, tiny
from vehicle_price.model import artifact
from vehicle_price.model.artifact import ArtifactError
from vehicle_price.model.golden_set import LISTINGS
from vehicle_price.model.trial import NotWanted, TooSlow, try_out

PATIENCE = 120.0


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial") / "model"
    artifact.save(tiny.valuation("xgboost"), folder)
    return folder


def python(*lines):
    """A child that runs these lines instead."""
    return (sys.executable, "-c", "\n".join(lines))


def test_a_good_model_answers_its_golden_prices(saved):
    prices = try_out(saved, None, PATIENCE)
    assert len(prices) == len(LISTINGS) and min(prices) > 500


def test_a_model_that_is_ten_times_too_dear_is_refused_with_the_car_and_the_price(saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "model"))
    broken_models.make_wrong(folder, broken_models.MADE_WRONG["prices times 10"])
    with pytest.raises(ArtifactError, match="golden listing 2014 honda civic.*sensible is"):
        try_out(folder, None, PATIENCE)


def test_a_crash_is_a_refusal(tmp_path):
    with pytest.raises(ArtifactError, match="status -6"):
        try_out(tmp_path, None, PATIENCE, command=python("import os", "os.abort()"))


def test_an_exception_is_refused_in_its_own_words(tmp_path):
    with pytest.raises(ArtifactError, match="ZeroDivisionError"):
        try_out(tmp_path, None, PATIENCE, command=python("1 / 0"))


@pytest.mark.parametrize("said", ["", "nothing", "{}", "[1, null]", "7"])
def test_a_child_that_ends_without_prices_is_refused(tmp_path, said):
    with pytest.raises(ArtifactError, match="ended without prices"):
        try_out(tmp_path, None, PATIENCE, command=python(f"print({said!r})"))


def test_a_hanging_model_is_killed_with_all_that_it_started(tmp_path):
    mark = tmp_path / "pids"
    command = python(
        "import os, subprocess, time",
        "other = subprocess.Popen(['sleep', '600'])",
        f"open({str(mark)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}')",
        "time.sleep(600)",
    )
    with pytest.raises(TooSlow, match="within 3 s"):
        try_out(tmp_path, None, 3, command=command)
    started = [int(pid) for pid in mark.read_text("utf-8").split()]
    deadline = time.monotonic() + 20
    while any(_lives(pid) for pid in started):
        assert time.monotonic() < deadline, "a process of the trial still lives"
        time.sleep(0.05)


def test_a_trial_ends_when_another_version_is_wanted(tmp_path):
    with pytest.raises(NotWanted):
        try_out(tmp_path, None, PATIENCE, lambda: False, python("import time", "time.sleep(600)"))


def test_a_child_that_talks_without_end_is_killed(tmp_path):
    endless = python("while True: print('x' * 1000, flush=True)")
    with pytest.raises(TooSlow):
        try_out(tmp_path, None, 1, command=endless)


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
