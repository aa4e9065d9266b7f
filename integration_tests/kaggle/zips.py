"""Zips to serve, and how the tests of the source `kaggle` fetch them."""

import io
import random
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from integration_tests.kaggle.stand_in import DATASET
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.kaggle.client import fetch

AT_ONCE = (0.0,) * 4  # pauses before the tries


def archive(csv: bytes) -> bytes:
    """A zip as Kaggle makes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("vehicles.csv", csv)
    return packed.getvalue()


SMALL = archive(random.Random(1).randbytes(300_000))
OTHER = archive(random.Random(2).randbytes(200_000))


def got(folder: Path, pauses: Sequence[float] = AT_ONCE) -> bytes:
    """What is in the zip that was downloaded; nothing else may have been left."""
    path = fetch(DATASET, folder, pauses)
    assert {p.name.removeprefix(path.name) for p in folder.iterdir()} == {
        "",
        ".json",
        path.stem + ".lock",
    }
    return path.read_bytes()


def read(folder: Path) -> list[pd.DataFrame]:
    """All frames, as the pipeline reads them."""
    return list(
        SOURCES["kaggle"].read(SourceQuery(), Settings(download_dir=str(folder / "downloads")))
    )
