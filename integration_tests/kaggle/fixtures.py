"""Fixtures of the tests of the source `kaggle`: the stand-in, and a home of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_tests.kaggle.stand_in import StandIn
from integration_tests.kaggle.zips import SMALL


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch) -> Path:
    """An empty home without any credentials or proxies of the real user."""
    for name in list(os.environ):
        if name.startswith("KAGGLE_") or name.lower().endswith("_proxy") or name.startswith("XDG_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture(name="stranger")
def _stranger(home, monkeypatch) -> Iterator[StandIn]:
    """The stand-in, and nobody signed in."""
    del home
    with StandIn(SMALL).running() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture(name="kaggle")
def _kaggle(stranger, monkeypatch) -> StandIn:
    """The stand-in, and the user signed in with a key."""
    for name, value in stranger.key_environment.items():
        monkeypatch.setenv(name, value)
    return stranger
