"""The timeline of a rehearsal as a picture: bias, error and drift by day, with what happened."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from setup.rehearsal.timeline import DISTANCE, Event, Figure, Timeline

MARKS = {
    "incident": ("tab:red", "alarm"),
    "retraining": ("tab:orange", "retraining starts"),
    "promotion": ("tab:green", "version {key} in production"),
}
PANELS = (
    ("bias", "log(reported / price)", "Bias of the prices"),
    ("median_ape", "median of |price / reported − 1|", "Error of the prices"),
    (DISTANCE, "distance / limit of the worst column", "Drift of the requests"),
)

Number = Callable[[datetime], float]  # of the replayed day, from 1


def draw(timeline: Timeline, number: Number, title: str, fault_day: float, path: Path) -> None:
    """Write the picture. number: of a moment; fault_day: number of the first day with the fault."""
    picture = Picture(figsize=(10, 8), layout="constrained")
    axes = picture.subplots(len(PANELS), 1, sharex=True)
    picture.suptitle(title)
    for panel, (name, unit, headline) in zip(axes, PANELS, strict=True):
        panel.set_title(headline, loc="left", fontsize=10)
        panel.set_ylabel(unit, fontsize=8)
        _figures(panel, [f for f in timeline.figures if f.name == name], number)
        panel.axvline(fault_day, color="black", linestyle=":", label="fault begins")
        _events(panel, timeline.events, number, fault_day)
    axes[0].axhline(0, color="grey", linewidth=0.8)
    picture.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    axes[-1].set_xlabel("replayed day")
    picture.savefig(path, dpi=110)


def _figures(axes: Axes, figures: Sequence[Figure], number: Number) -> None:
    """A line for each version, and dashed where alarms begin."""
    for version in sorted({figure.version for figure in figures}, key=_as_number):
        own = [figure for figure in figures if figure.version == version]
        middle = [number(figure.start) + 0.5 for figure in own]
        label = f"version {version}" if version else "all requests"
        axes.plot(middle, [f.value for f in own], marker="o", markersize=4, label=label)
        for edge in _limits(own):
            axes.plot(middle, edge, color="tab:grey", linestyle="--", linewidth=0.8)


def _as_number(version: str) -> int:
    """The number of a version; 0 for all requests."""
    return int(version or 0)


def _limits(figures: Sequence[Figure]) -> list[list[float]]:
    """Where alarms begin; bias has two sides."""
    sides = (-1, 1) if figures[0].name == "bias" else (0,)
    if sides == (0,):
        return [[f.limit or 0.0 for f in figures]]
    return [[(f.expected or 0.0) + side * (f.limit or 0.0) for f in figures] for side in sides]


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
