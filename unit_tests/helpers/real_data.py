"""Where the real listings are, for the tests that need them."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
ARCHIVE = "craigslist-carstrucks-data.zip"


def real_data_folder() -> Path:
    """The folder with real listings. Without it tests are skipped, or fail on CI with ../shared."""
    folder = Path(os.environ.get("REAL_DATA_DIR") or SHARED / "data")
    if not (folder / ARCHIVE).is_file():
        if os.environ.get("CI") == "true" and SHARED.is_dir():
            pytest.fail(f"CI must test on real listings and {folder} does not hold them")
        pytest.skip(f"no real listings in {folder}; set REAL_DATA_DIR")
    return folder
