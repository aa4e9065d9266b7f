"""The key file, the served model's replacement, and what Airflow is asked."""

import json
import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.auth.key_ring import ensure_api_key
from service.inference.model_holder import Holder, NoModel, Served
from service.inference.model_watcher import Watcher
from service.json_files import write_json
from unit_tests.helpers.service_fakes import FakeValuation


def test_a_worker_without_a_model_looks_for_it_when_asked():
    holder = Holder()
    found = Served(FakeValuation(), "7")
    holder.look_with(lambda: holder.swap(found))
    assert holder.current() is found


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


def publish(model_dir, version):
    """What the sidecar writes for `version`."""
    content = {"version": version, "folder": f"versions/{version}", "run_id": "r"}
    write_json(model_dir / "current.json", content)


def test_the_watcher_swaps_the_model_when_its_successor_is_published(tmp_path):
    holder, loaded = Holder(), []
    watcher = Watcher(tmp_path, holder, lambda folder, _: loaded.append(folder) or FakeValuation())
    assert not watcher.look()
    with pytest.raises(NoModel):
        holder.current()
    for version in ("1", "2"):
        publish(tmp_path, version)
        assert watcher.look() and not watcher.look()
        assert holder.current().version == version
    assert loaded == [tmp_path / "versions" / "1", tmp_path / "versions" / "2"]


def test_a_model_that_cannot_be_loaded_leaves_the_old_one_serving(tmp_path, caplog):
    def load(folder, _):
        if folder.name == "2":
            raise ValueError("model.ubj: wrong hash")
        return FakeValuation()

    holder = Holder()
    watcher = Watcher(tmp_path, holder, load)
    publish(tmp_path, "1")
    watcher.look()
    publish(tmp_path, "2")
    assert not watcher.look()
    (tmp_path / "current.json").write_text("half a fi", encoding="utf-8")
    assert not watcher.look()
    assert holder.current().version == "1" and "wrong hash" in caplog.text


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "current.json"
    write_json(path, {"n": 0})
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [write_json(path, {"n": n}) for n in range(200)])
        while not writing.done():
            json.loads(path.read_text(encoding="utf-8"))
    assert json.loads(path.read_text(encoding="utf-8")) == {"n": 199}
