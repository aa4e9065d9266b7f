"""The timeline of a rehearsal as a picture: bias, error and drift by day, with what happened."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from setup.rehearsal.timeline import Event, Figure, Timeline

MARKS = {
    "incident": ("tab:red", "alarm"),
    "retraining": ("tab:orange", "retraining starts"),
    "promotion": ("tab:green", "version {key} in production"),
}
PANELS = (
    ("performance_bias", "log(reported / price)", "Bias of the prices"),
    ("performance_median_ape", "median of |price / reported − 1|", "Error of the prices"),
    ("drift_day", "share of drifting columns", "Drift of the requests"),
)

Number = Callable[[datetime], float]  # of the replayed day, from 1


def draw(timeline: Timeline, number: Number, title: str, fault_day: float, path: Path) -> None:
    """Write the picture. number: of a moment; fault_day: number of the first day with the fault."""
    picture = Picture(figsize=(10, 8), layout="constrained")
    axes = picture.subplots(len(PANELS), 1, sharex=True)
    picture.suptitle(title)
    for panel, (metric, unit, name) in zip(axes, PANELS, strict=True):
        panel.set_title(name, loc="left", fontsize=10)
        panel.set_ylabel(unit, fontsize=8)
        found = [f for f in timeline.figures if f.metric == metric and not f.column_name]
        _figures(panel, found, number)
        panel.axvline(fault_day, color="black", linestyle=":", label="fault begins")
        _events(panel, timeline.events, number, fault_day)
    axes[0].axhline(0, color="grey", linewidth=0.8)
    axes[0].legend(fontsize=7, loc="upper left", ncols=2)
    axes[-1].set_xlabel("replayed day")
    picture.savefig(path, dpi=110)


def _figures(axes: Axes, figures: Sequence[Figure], number: Number) -> None:
    """A line for each version, and where the limit is."""
    known = [figure for figure in figures if figure.value is not None]
    for version in sorted({figure.model_version for figure in known}, key=str):
        own = [figure for figure in known if figure.model_version == version]
        middle = [(number(f.window_start) + number(f.window_end)) / 2 for f in own]
        label = f"version {version}" if version else "all requests"
        axes.plot(middle, [f.value for f in own], marker="o", markersize=4, label=label)
        limits = [(x, f) for x, f in zip(middle, own, strict=True) if f.threshold is not None]
        for edge in _limits([f for _, f in limits]):
            axes.plot([x for x, _ in limits], edge, color="tab:grey", linestyle="--", linewidth=0.8)


def _limits(figures: Sequence[Figure]) -> list[list[float]]:
    """Where alarms begin; bias has two sides."""
    if not figures:
        return []
    if figures[0].metric == "performance_bias":
        return [
            [(f.expected or 0.0) + side * (f.threshold or 0.0) for f in figures] for side in (-1, 1)
        ]
    return [[f.threshold or 0.0 for f in figures]]


def _events(axes: Axes, events: Sequence[Event], number: Number, fault_day: float) -> None:
    """Vertical lines, from shortly before the fault."""
    labelled: set[str] = set()
    for event in events:
        if event.kind not in MARKS or number(event.at) < fault_day:
            continue
        colour, text = MARKS[event.kind]
        label = "" if event.kind in labelled else text.format(key=event.key)
        labelled.add(event.kind)
        axes.axvline(number(event.at), color=colour, linewidth=1.2, label=label or None)
