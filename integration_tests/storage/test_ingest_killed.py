"""An ingest killed with `kill -9` at random moments: the next run loses and repeats no listing."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from integration_tests.storage.ingest_forks import ForkedIngest, IngestForks, ingest_forks
from unit_tests.helpers.store import data_files, named_files
from vehicle_price.pipelines import ingestion, pruning
from vehicle_price.settings import Settings
from vehicle_price.sources.sample import source as sample
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.storage.store import Store

ROWS, KILLS, SEED = 12_000, 20, 4


@pytest.fixture(name="files", scope="module")
def _files(tmp_path_factory) -> tuple[Path, Path]:
    """A file that is in the store already, and one to add, of which a part is stored already."""
    folder = tmp_path_factory.mktemp("files")
    raw = sample.generate(ROWS, SEED)
    raw.head(ROWS // 3).to_csv(folder / "stored.csv", index=False)
    raw.tail(ROWS * 5 // 6).to_csv(folder / "added.csv", index=False)
    return folder / "stored.csv", folder / "added.csv"


@pytest.fixture(name="old", autouse=True)
def _old(monkeypatch):
    """Files that killed ingests left count as old at once."""
    monkeypatch.setattr(pruning, "ABANDONED_SECONDS", -1)


@pytest.fixture(name="forks", scope="module")
def _forks() -> Iterator[IngestForks]:
    with ingest_forks() as forks:
        yield forks


def start(forks: IngestForks, root: Path, file: Path) -> ForkedIngest:
    """A running ingest of the file."""
    environ = {"DATA_ROOT": str(root), "LOCAL_DIR": str(root.parent)}
    return forks.start("ingest", "--source", "file", "--data", str(file), **environ)


def work_seconds(forks: IngestForks, root: Path, file: Path) -> float:
    """Seconds that an ingest works when it is not killed."""
    started = time.monotonic()
    assert start(forks, root, file).wait() == 0
    return time.monotonic() - started


def killed_after(seconds: float, ingest: ForkedIngest) -> bool:
    """Kill the ingest at this moment; whether it was still at work."""
    time.sleep(seconds)
    ingest.kill()
    return ingest.wait() == -signal.SIGKILL


def ingested(root: Path, file: Path) -> dict:
    """Ingest the file in this process; the facts of the dataset."""
    settings = Settings(data_root=str(root), local_dir=str(root.parent))
    return ingestion.ingest(settings, "file", str(file), 0, 0)


def facts_of(dataset: dict) -> dict:
    """The facts that must not depend on kills."""
    return {name: dataset[name] for name in ("sha256", "rows", "quarantined", "reasons")}


def test_twenty_kills_lose_and_repeat_nothing(forks, files, tmp_path):
    stored, added = files
    first = ingested(tmp_path / "0", stored)
    for number in range(KILLS + 1):
        shutil.copytree(tmp_path / "0", tmp_path / f"{number + 1}")
    seconds = work_seconds(forks, tmp_path / "1", added)
    whole = ingested(tmp_path / "1", added)
    assert whole["batch"]["new"] == 0
    moments, killed = random.Random(SEED), 0
    for number in range(2, KILLS + 2):
        root = tmp_path / f"{number}"
        at_work = killed_after(moments.uniform(0, seconds), start(forks, root, added))
        killed += at_work
        seconds *= 1 if at_work else 0.7  # the machine is less busy now than at the first run
        assert newest(root)["sha256"] in (first["sha256"], whole["sha256"])
        assert facts_of(ingested(root, added)) == facts_of(whole)
        assert_nothing_is_left_over(root)
    assert killed >= KILLS // 2, f"only {killed} of {KILLS} runs were still at work"


def test_kills_into_an_empty_store_are_no_different(forks, files, tmp_path):
    seconds = work_seconds(forks, tmp_path / "whole", files[1])
    root = tmp_path / "killed"
    for share in (0.3, 0.6, 0.9):
        killed_after(share * seconds, start(forks, root, files[1]))
    after_kills = facts_of(ingested(root, files[1]))
    assert after_kills == facts_of(ingested(tmp_path / "whole", files[1]))
    assert_nothing_is_left_over(root)


def newest(root: Path) -> dict:
    """The facts of the newest dataset, of which every row can be read."""
    store = Store(str(root))
    dataset = open_dataset(store.address(store.content().version))
    assert len(read_listings(dataset.uri)) == dataset.rows
    return asdict(dataset)


def assert_nothing_is_left_over(root: Path) -> None:
    """After pruning each file belongs to a version; no work folder remains."""
    pruning.prune(str(root), [], days=1, dry_run=False)
    store = Store(str(root))
    for table in (store.accepted, store.quarantined):
        assert data_files(table) <= named_files(table)
        assert not table.folder.names(".drafts/")
    work = root / "listings/.scratch"
    assert not [path for path in work.iterdir() if not path.name.startswith(".")]
