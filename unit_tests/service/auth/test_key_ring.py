"""The key file: made once, readable by its owner only."""

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.auth.key_ring import ensure_api_key


def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "secrets" / "api_key"
    key = ensure_api_key(path)
    assert len(key) >= 32 and ensure_api_key(path) == key
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert str(path) in caplog.text and key not in caplog.text


def test_many_processes_starting_at_once_get_one_key(tmp_path):
    path = tmp_path / "api_key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: ensure_api_key(path), range(64)))
    assert len(keys) == 1 and [p.name for p in tmp_path.iterdir()] == ["api_key"]


def test_an_empty_key_file_is_refused(tmp_path):
    (tmp_path / "api_key").touch()
    with pytest.raises(ValueError, match="is empty"):
        ensure_api_key(tmp_path / "api_key")
