"""A worker follows MODEL_DIR: the right model, the last good one, or a stated none."""

# pylint: disable=protected-access

import shutil

import pytest

from service.inference.model_holder import ModelHolder, NoModel
from service.inference.model_watcher import ModelWatcher
from service.json_files import read_json, write_json
from unit_tests.helpers import tiny
from unit_tests.helpers.service_fakes import REQUIRED, FakeValuation, app_with
from vehicle_price.listing.validation import check_one
from vehicle_price.model import artifact


def entry(version, **extra):
    """A description, as the sidecar writes it."""
    folder = f"versions/{version}"
    return {"version": version, "run_id": version * 4, "folder": folder, "tags": {}} | extra


class Loader:
    """Loads what is not in `bad`."""

    def __init__(self, *bad):
        self.bad, self.loaded = set(bad), []

    def __call__(self, folder, manifest):
        self.loaded.append(folder.name)
        if folder.name in self.bad:
            raise ValueError(f"{folder.name}: a hash is wrong")
        return FakeValuation(int(folder.name))


def watcher_of(tmp_path, loader):
    """A worker's watcher and its holder."""
    holder = ModelHolder()
    return ModelWatcher(tmp_path, holder, loader), holder


def test_a_damaged_copy_at_the_start_means_the_version_before(tmp_path):
    before = [entry("6"), entry("5")]
    write_json(tmp_path / "current.json", entry("7", before=before))
    watcher, holder = watcher_of(tmp_path, Loader("7", "6"))
    assert watcher.refresh()
    served = holder.current()
    assert served.version == "5"
    assert [reason[:9] for reason in served.info["instead_of"]] == ["version 7", "version 6"]


def test_a_damaged_copy_of_a_successor_leaves_the_old_one(tmp_path):
    loader = Loader("8")
    watcher, holder = watcher_of(tmp_path, loader)
    write_json(tmp_path / "current.json", entry("7"))
    watcher.refresh()
    write_json(tmp_path / "current.json", entry("8", before=[entry("7"), entry("6")]))
    assert not watcher.refresh()
    assert holder.current().version == "7" and loader.loaded == ["7", "8"]


def test_what_did_not_load_is_tried_again_after_a_while(tmp_path):
    loader = Loader("7")
    watcher, holder = watcher_of(tmp_path, loader)
    write_json(tmp_path / "current.json", entry("7"))
    for _ in range(5):
        watcher.refresh()
    assert loader.loaded == ["7"]
    loader.bad = set()
    watcher._current.retry_later(0)
    watcher.refresh()
    assert loader.loaded == ["7", "7"] and holder.current().version == "7"


def test_nothing_usable_is_stated_with_the_reason(tmp_path):
    write_json(tmp_path / "current.json", entry("7", before=[entry("6")]))
    watcher, holder = watcher_of(tmp_path, Loader("7", "6"))
    assert not watcher.refresh()
    with pytest.raises(NoModel, match="version 7: .*hash is wrong.*version 6"):
        holder.current()


def test_a_damaged_current_json_is_stated(tmp_path):
    (tmp_path / "current.json").write_text("{half", "utf-8")
    watcher, holder = watcher_of(tmp_path, Loader())
    watcher.refresh()
    with pytest.raises(NoModel, match="current.json is damaged"):
        holder.current()


def test_the_reason_reaches_who_asks_whether_it_is_ready(tmp_path):
    app = app_with(tmp_path, served=False)
    app.extensions["shadow"]._holder.set_unavailable("version 7: a hash is wrong")
    answer = app.test_client().get("/ready")
    assert answer.status_code == 503 and "a hash is wrong" in answer.get_json(force=True)["detail"]


def test_one_changed_byte_of_a_real_model_means_the_version_before(tmp_path):
    for version in ("6", "7"):
        sha256 = artifact.save(tiny.valuation("xgboost"), tmp_path / "versions" / version)
    tags = {"manifest_sha256": sha256}
    write_json(tmp_path / "current.json", entry("7", tags=tags, before=[entry("6", tags=tags)]))
    path = tmp_path / "versions" / "7" / "trees.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    watcher, holder = watcher_of(tmp_path, artifact.load)
    watcher.refresh()
    assert holder.current().version == "6"
    assert holder.current().valuation.price_one(check_one(REQUIRED, 2021)).price > 500


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_the_challenger_is_followed(tmp_path, mode):
    watcher, holder = watcher_of(tmp_path, Loader())
    write_json(tmp_path / "current.json", entry("7"))
    write_json(tmp_path / "challenger.json", entry("8", mode=mode, share=100))
    watcher.refresh()
    challenger = holder.models().challenger
    assert (challenger.version, challenger.role) == ("8", mode)
    assert (holder.canary_stats is not None) == (mode == "canary")
    write_json(tmp_path / "challenger.json", {})
    watcher.refresh()
    assert holder.models().challenger is None and holder.canary_stats is None


def test_a_challenger_that_does_not_load_takes_no_part(tmp_path):
    watcher, holder = watcher_of(tmp_path, Loader("8"))
    write_json(tmp_path / "current.json", entry("7"))
    write_json(tmp_path / "challenger.json", entry("8", mode="canary", share=100))
    watcher.refresh()
    assert holder.models().challenger is None and holder.current().version == "7"


def test_a_worker_leaves_its_counts_only_when_they_changed(tmp_path):
    watcher, holder = watcher_of(tmp_path, Loader())
    write_json(tmp_path / "current.json", entry("7"))
    write_json(tmp_path / "challenger.json", entry("8", mode="canary", share=100))
    watcher.refresh()
    holder.canary_stats.count_failure(1)
    watcher.write_canary_stats()
    (path,) = (tmp_path / "canary_stats").iterdir()
    assert read_json(path)["canary"] == {"answers": 1, "failures": 1, "times": {}}
    assert read_json(path)["key"] == "versions/8 "
    shutil.rmtree(tmp_path / "canary_stats")
    watcher.write_canary_stats()
    assert not (tmp_path / "canary_stats").exists()
    holder.canary_stats.count("canary", 1, 0.001)
    watcher.write_canary_stats()
    assert (tmp_path / "canary_stats").exists()


def publish(model_dir, version):
    """Write current.json as model_sync does for `version`."""
    content = {"version": version, "folder": f"versions/{version}", "run_id": "r"}
    write_json(model_dir / "current.json", content)


def test_the_watcher_swaps_the_model_when_its_successor_is_published(tmp_path):
    holder, loaded = ModelHolder(), []
    watcher = ModelWatcher(
        tmp_path, holder, lambda folder, _: loaded.append(folder) or FakeValuation()
    )
    assert not watcher.refresh()
    with pytest.raises(NoModel):
        holder.current()
    for version in ("1", "2"):
        publish(tmp_path, version)
        assert watcher.refresh() and not watcher.refresh()
        assert holder.current().version == version
    assert loaded == [tmp_path / "versions" / "1", tmp_path / "versions" / "2"]


def test_a_model_that_cannot_be_loaded_leaves_the_old_one_serving(tmp_path, caplog):
    def load(folder, _):
        if folder.name == "2":
            raise ValueError("model.ubj: wrong hash")
        return FakeValuation()

    holder = ModelHolder()
    watcher = ModelWatcher(tmp_path, holder, load)
    publish(tmp_path, "1")
    watcher.refresh()
    publish(tmp_path, "2")
    assert not watcher.refresh()
    (tmp_path / "current.json").write_text("half a fi", encoding="utf-8")
    assert not watcher.refresh()
    assert holder.current().version == "1" and "wrong hash" in caplog.text
