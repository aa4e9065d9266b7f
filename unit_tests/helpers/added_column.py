"""The project with one line more in schema.py, in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LINE = '    Column("seats", "level", "feature", "Seats.", levels=("2", "4", "5", "7")),\n'
BEFORE = '    Column("state", '
PROGRAM = """
import json, sys
from dataclasses import asdict
import pandas as pd
from unit_tests.helpers.store import stored
from vehicle_price.storage.dataset import read_listings
root, uri, file = sys.argv[1:]
listings = read_listings(uri)
dataset = stored(root, pd.read_csv(file, dtype=str))
seats = read_listings(dataset.uri)["seats"]
facts = {"seats": seats.dropna().tolist(), "read": len(listings), "columns": list(listings)}
print(json.dumps(asdict(dataset) | facts))  # `with_seats` reads it
"""


def with_seats(folder: Path, root: str, uri: str, file: Path) -> dict[str, Any]:
    """Read the dataset `uri` and ingest the CSV file into `root`, with the column `seats`.

    folder: for a copy of the package. Returns the facts of the dataset, and `read`: the rows of
    `uri`, `columns`: its columns, `seats`: the values in the new dataset.
    """
    package = folder / "src" / "vehicle_price"
    shutil.copytree(ROOT / "src" / "vehicle_price", package, dirs_exist_ok=True)
    schema = (ROOT / "src/vehicle_price/schema.py").read_text("utf-8")
    assert schema.count(BEFORE) == 1
    (package / "schema.py").write_text(schema.replace(BEFORE, LINE + BEFORE), "utf-8")
    environ = os.environ | {"PYTHONPATH": f"{package.parent}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", PROGRAM, root, uri, str(file)]
    result = subprocess.run(
        command, env=environ, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(result.stdout)
