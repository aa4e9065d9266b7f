"""Checked listings and a store for them, for the tests of storage."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from vehicle_price.contract.check import Checked, check
from vehicle_price.sources.sample.source import generate
from vehicle_price.storage.dataset import Dataset
from vehicle_price.storage.delta_table import DayTable
from vehicle_price.storage.staging import stage

RAW = generate(400, seed=5)
DAYS = sorted(set(check(RAW).accepted["posting_day"].to_pylist()))


def checked(raw: pd.DataFrame, *cuts: int) -> list[Checked]:
    """The frame, cut before the given rows, through the contract."""
    edges = [0, *sorted(cuts), len(raw)]
    return [check(raw.iloc[a:b].reset_index(drop=True)) for a, b in zip(edges, edges[1:])]


def write_listings(
    root: Path | str,
    batches: Iterable[Checked],
    provenance: Mapping[str, object],
    **publication: Any,
) -> Dataset:
    """Stage checked batches and publish them at once, without thresholds."""
    with stage(str(root), batches) as staged:
        return staged.publish(provenance, **publication)


def stored(root: Path | str, raw: pd.DataFrame = RAW, **provenance: str) -> Dataset:
    """The frame, merged into the store at `root`."""
    return write_listings(root, checked(raw), {"source": "test"} | provenance)


def files_of(root: Path) -> dict[str, bytes]:
    """Every file of a store, without locks and empty work folders."""
    files = [p for p in root.rglob("*") if p.is_file() and not p.name.startswith(".")]
    return {str(p.relative_to(root)): p.read_bytes() for p in files}


def data_files(table: DayTable) -> set[str]:
    """The names of all Parquet files below a table, without its log."""
    return {n for n, _ in table.folder.names("") if n.endswith(".parquet") and n[0] != "_"}


def named_files(table: DayTable) -> set[str]:
    """The names of all files that a version of a table names."""
    versions = map(table.version, range(table.version().number + 1))
    return {file.path for version in versions for file in version.files.values()}


def one_row(**cells: str | None) -> pd.DataFrame:
    """One good listing with these cells changed."""
    accepted = set(check(RAW).accepted["id"].to_pylist())
    good = RAW[RAW["id"].isin(accepted)].head(1)
    return good.assign(**cells).reset_index(drop=True)
