"""Listings from Kaggle: the dataset's zip, downloaded when it has changed, then read as a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from vehicle_price.settings import Settings
from vehicle_price.sources import file
from vehicle_price.sources.base import SourceError, SourceQuery

GUIDE = "setup/setup_kaggle.md"


def read(query: SourceQuery, settings: Settings) -> Iterator[pd.DataFrame]:
    """Raw frames of the dataset `settings.kaggle_dataset`, kept in `settings.download_dir`.

    Raises SourceError that says what to do: without credentials, without a network, when the
    dataset is gone, the disk full, or the file damaged.
    """
    path = _fetched(settings)
    yield from file.read(replace(query, data=str(path)), settings)


def _fetched(settings: Settings) -> Path:
    try:
        # Kaggle's package takes a second to load, and not every image has it.
        from vehicle_price.sources.kaggle.client import fetch

        return fetch(settings.kaggle_dataset, Path(settings.download_dir))
    except ImportError as error:
        raise SourceError(
            f"Kaggle: its package cannot be loaded ({error}); run make install. See {GUIDE}"
        ) from error
    except SourceError as error:
        raise SourceError(f"Kaggle: {error}. See {GUIDE}") from error
