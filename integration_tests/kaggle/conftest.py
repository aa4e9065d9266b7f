"""Fixtures of the tests of the source `kaggle`: a fake server, and an empty home folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_tests.kaggle.archives import SMALL
from integration_tests.kaggle.fake_kaggle import FakeKaggle


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


@pytest.fixture(name="signed_out_kaggle")
def _signed_out_kaggle(home, monkeypatch) -> Iterator[FakeKaggle]:
    """The fake server, without credentials for it."""
    del home
    with FakeKaggle(SMALL).running() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture(name="kaggle")
def _kaggle(signed_out_kaggle, monkeypatch) -> FakeKaggle:
    """The fake server, with a key for it in the environment."""
    for name, value in signed_out_kaggle.key_environment.items():
        monkeypatch.setenv(name, value)
    return signed_out_kaggle
