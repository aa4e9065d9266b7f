"""Listings from Kaggle: download the dataset's zip when it has changed, then read it as a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from vehicle_price.settings import Settings
from vehicle_price.sources import file
from vehicle_price.sources.base import SourceError, SourceQuery

GUIDE = "setup/setup_kaggle.md"


def read(query: SourceQuery, settings: Settings) -> Iterator[pd.DataFrame]:
    """Raw frames of the dataset `settings.kaggle_dataset`, cached in `settings.download_dir`.

    Raises SourceError with what to do: without credentials or network, when the dataset does not
    exist, the disk is full, or the file is damaged.
    """
    path = _fetch(settings)
    yield from file.read(replace(query, data=str(path)), settings)


def _fetch(settings: Settings) -> Path:
    try:
        # Kaggle's package takes a second to import, and not every image has it.
        from vehicle_price.sources.kaggle.client import fetch

        return fetch(settings.kaggle_dataset, Path(settings.download_dir))
    except ImportError as error:
        raise SourceError(
            f"Kaggle: its package cannot be loaded ({error}); run make install. See {GUIDE}"
        ) from error
    except SourceError as error:
        raise type(error)(f"Kaggle: {error}. See {GUIDE}") from error
