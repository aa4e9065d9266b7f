"""Where the real listings are, for the tests that need them."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
ARCHIVE = "craigslist-carstrucks-data.zip"


def real_data_folder() -> Path:
    """The folder with real listings. Without it tests are skipped, or fail on CI with ../shared."""
    folder = find_real_data()
    if folder is None:
        pytest.skip(f"no real listings in {_folder()}; set REAL_DATA_DIR")
    return folder


def find_real_data() -> Path | None:
    """The folder, or None for a test that has other listings; fails likewise."""
    folder = _folder()
    if (folder / ARCHIVE).is_file():
        return folder
    if os.environ.get("CI") == "true" and SHARED.is_dir():
        pytest.fail(f"CI must test on real listings and {folder} does not hold them")
    return None


def _folder() -> Path:
    return Path(os.environ.get("REAL_DATA_DIR") or SHARED / "data")
