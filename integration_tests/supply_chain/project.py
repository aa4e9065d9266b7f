"""A project of some files in a git checkout, for the scanners to examine."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from setup.supply_chain.secrets import ACCEPTED

# In continuous integration a missing program must fail, not skip.
needs_go = pytest.mark.skipif(
    not shutil.which("go") and os.environ.get("CI") != "true", reason="needs Go, which builds it"
)


def project(folder: Path, files: Mapping[str, str]) -> Path:
    """A checkout in `folder` with the files, and no accepted secret."""
    subprocess.run(["git", "init", "-q", folder], check=True)
    for name, text in {**files, str(ACCEPTED): "accepted = []\n"}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
