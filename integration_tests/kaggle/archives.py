"""Zip archives for FakeKaggle to serve, and functions that download them."""

import io
import random
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from integration_tests.kaggle.fake_kaggle import DATASET
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.kaggle.client import fetch

NO_PAUSES = (0.0,) * 4  # seconds before each of four retries


def zip_archive(csv: bytes) -> bytes:
    """A zip archive as Kaggle makes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vehicles.csv", csv)
    return buffer.getvalue()


SMALL = zip_archive(random.Random(1).randbytes(300_000))
CHANGED = zip_archive(random.Random(2).randbytes(200_000))


def downloaded(folder: Path, pauses: Sequence[float] = NO_PAUSES) -> bytes:
    """Download the archive; its content. No temporary file may remain in the folder."""
    path = fetch(DATASET, folder, pauses)
    assert {p.name.removeprefix(path.name) for p in folder.iterdir()} == {
        "",
        ".json",
        path.stem + ".lock",
    }
    return path.read_bytes()


def read(folder: Path) -> list[pd.DataFrame]:
    """All frames of the source `kaggle`, as the pipeline reads them."""
    return list(
        SOURCES["kaggle"].read(SourceQuery(), Settings(download_dir=str(folder / "downloads")))
    )
