"""The figures as a picture: processor seconds and memory by listings, both axes logarithmic.

Processor seconds, because other work on the machine changes elapsed seconds far more.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from benchmarks.growth.measure import INGEST, Figure
from benchmarks.growth.report import BOUNDS, bound_mb, engine_name

COLOURS = {0: "#1f77b4", 1: "#ff7f0e", 2: "#2ca02c"}


def draw(measured: Sequence[Figure], path: Path) -> None:
    """Write a PNG or SVG: for each step processor seconds above and memory below."""
    steps = [step for step in BOUNDS if step != INGEST]
    picture = Picture(figsize=(11, 6), layout="constrained")
    axes = picture.subplots(2, len(steps), sharex=True, sharey="row")
    for column, step in enumerate(steps):
        of_step = [figure for figure in measured if figure.step == step]
        _lines(axes[0][column], of_step, "cpu")
        _lines(axes[1][column], of_step, "peak_mb")
        one = sorted((f for f in of_step if f.workers == 0), key=lambda f: f.listings)
        sizes, bounds = [f.listings for f in one], [bound_mb(f) for f in one]
        axes[1][column].plot(sizes, bounds, ":", color="grey", label="bound of one process")
        axes[0][column].set_title(step)
        axes[1][column].set_xlabel("million listings")
    axes[0][0].set_ylabel("processor seconds, all processes")
    axes[1][0].set_ylabel("MB, all processes")
    axes[1][0].legend(fontsize="small")
    picture.savefig(path, dpi=90)


def _lines(axes: Axes, of_step: Sequence[Figure], quantity: str) -> None:
    for workers in sorted({figure.workers for figure in of_step}):
        some = sorted((f for f in of_step if f.workers == workers), key=lambda f: f.listings)
        sizes, values = [f.listings for f in some], [getattr(f, quantity) for f in some]
        axes.loglog(sizes, values, "o-", color=COLOURS.get(workers), label=engine_name(workers))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(True, which="both", alpha=0.3)
