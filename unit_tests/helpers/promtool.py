"""Programs of Debian's package prometheus, which a machine may lack."""

import os
import shutil

import pytest


def need(program: str) -> str:
    """Path of `prometheus` or `promtool`; without it the test is skipped, but in CI it fails."""
    path = shutil.which(program)
    if path is None:
        advice = f"{program} is not installed: `apt-get install prometheus`"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(advice)
    return path
