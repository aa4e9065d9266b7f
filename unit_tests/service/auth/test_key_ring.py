"""The key file: made once, readable by its owner only."""

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.auth.key_ring import Caller, ensure_api_key, ensure_keys
from vehicle_price.settings import Settings


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


def test_the_first_start_makes_a_key_of_each_role(tmp_path):
    settings = Settings.from_environment({"LOCAL_DIR": str(tmp_path)})
    ring = ensure_keys(settings)
    files = {
        "default": settings.api_key_file,
        "default-admin": settings.admin_key_file,
        "default-monitoring": settings.monitoring_key_file,
    }
    for (name, file), role in zip(files.items(), ("key", "admin", "monitoring"), strict=True):
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        assert ring.caller(ensure_api_key(file)) == Caller(name, role)


def test_an_empty_key_file_is_refused(tmp_path):
    (tmp_path / "api_key").touch()
    with pytest.raises(ValueError, match="is empty"):
        ensure_api_key(tmp_path / "api_key")
