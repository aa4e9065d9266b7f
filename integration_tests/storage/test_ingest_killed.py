"""`kill -9` at random moments: whatever the moment, the next run loses and doubles nothing."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from vehicle_price.pipelines import ingestion
from vehicle_price.settings import Settings
from vehicle_price.sources.sample import source as sample
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.storage.snapshots import Store

ROOT = Path(__file__).resolve().parents[2]
ROWS, KILLS, SEED = 12_000, 20, 4


@pytest.fixture(name="files", scope="module")
def _files(tmp_path_factory) -> tuple[Path, Path]:
    """A file that is in the store already, and the one that is being added, half of it known."""
    folder = tmp_path_factory.mktemp("files")
    raw = sample.generate(ROWS, SEED)
    raw.head(ROWS // 3).to_csv(folder / "known.csv", index=False)
    raw.tail(ROWS * 5 // 6).to_csv(folder / "added.csv", index=False)
    return folder / "known.csv", folder / "added.csv"


def start(root: Path, file: Path) -> subprocess.Popen:
    """An ingest about to begin: it has imported everything and said so."""
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        [sys.executable, "-m", "integration_tests.storage.ingest_when_told", "ingest"]
        + ["--source", "file", "--data", str(file)],
        cwd=ROOT,
        env=os.environ | {"DATA_ROOT": str(root), "LOCAL_DIR": str(root.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def work_seconds(root: Path, file: Path) -> float:
    """How long an undisturbed ingest works."""
    with start(root, file) as process:
        began = time.monotonic()
        process.stdout.read()
        seconds = time.monotonic() - began
    assert process.returncode == 0
    return seconds


def ingested(root: Path, file: Path) -> dict:
    """The file, ingested in this process and in peace."""
    settings = Settings(data_root=str(root), local_dir=str(root.parent))
    return ingestion.ingest(settings, "file", str(file), 0, 0)


def facts_of(dataset: dict) -> dict:
    """What must not depend on kills."""
    return {name: dataset[name] for name in ("sha256", "rows", "quarantined", "reasons")}


def test_twenty_kills_lose_and_double_nothing(files, tmp_path):
    known, added = files
    first = ingested(tmp_path / "0", known)
    for number in range(KILLS + 1):
        shutil.copytree(tmp_path / "0", tmp_path / f"{number + 1}")
    seconds = work_seconds(tmp_path / "1", added)
    whole = ingested(tmp_path / "1", added)
    assert whole["batch"]["new"] == 0
    moments, killed = random.Random(SEED), 0
    for number in range(2, KILLS + 2):
        root = tmp_path / f"{number}"
        with start(root, added) as process:
            time.sleep(moments.uniform(0, seconds))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        assert newest(root)["sha256"] in (first["sha256"], whole["sha256"])
        assert facts_of(ingested(root, added)) == facts_of(whole)
        nothing_is_left_over(root)
    assert killed >= KILLS // 2, f"only {killed} of {KILLS} runs were still at work"


def test_kills_into_an_empty_store_are_no_different(files, tmp_path):
    seconds = work_seconds(tmp_path / "whole", files[1])
    root = tmp_path / "killed"
    for share in (0.3, 0.6, 0.9):
        with start(root, files[1]) as process:
            time.sleep(share * seconds)
            process.kill()
    last = facts_of(ingested(root, files[1]))
    assert last == facts_of(ingested(tmp_path / "whole", files[1]))
    nothing_is_left_over(root)


def newest(root: Path) -> dict:
    """The facts of what a reader finds; every row of it can be read."""
    store = Store(str(root))
    dataset = open_dataset(store.address(store.newest(store.current())))
    assert len(read_listings(dataset.uri)) == dataset.rows
    return asdict(dataset)


def nothing_is_left_over(root: Path) -> None:
    """Each file belongs to a published dataset; no work folder remains."""
    store = Store(str(root))
    snapshots = [store.snapshot(name) for name in store.current().published]
    named = {p.file for s in snapshots for p in (*s.days.values(), *s.quarantine.values())}
    found = {n for kind in ("days/", "quarantine/") for n, _ in store.folder.names(kind)}
    assert found == named
    assert len(store.folder.names("snapshots/")) == len(snapshots)
    for work in (".scratch", ".drafts"):
        left = [p for p in (root / "listings" / work).iterdir() if not p.name.startswith(".")]
        assert not left
