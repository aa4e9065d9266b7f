"""A prediction in words and in a small chart."""

from collections.abc import Mapping
from typing import Any


def dollars(amount: float) -> str:
    """An amount in US dollars as text.

    >>> dollars(15990)
    '$15,990'
    """
    return f"${amount:,.0f}"


def interval_in_words(prediction: Mapping[str, Any]) -> str:
    """The interval in a sentence. Dollar signs are escaped: Markdown reads two as a formula."""
    interval = prediction["interval"]
    low, high = (dollars(interval[end]).replace("$", "\\$") for end in ("low", "high"))
    share = f"{interval['coverage']:.0%}"
    return f"{share} of comparable cars are listed between **{low}** and **{high}**."


def interval_chart(prediction: Mapping[str, Any], color: str = "#0b6e6e") -> dict[str, Any]:
    """A Vega-Lite chart: the interval as a bar, the price as a mark on it."""
    interval = prediction["interval"]
    row = {"low": interval["low"], "price": prediction["price"], "high": interval["high"]}
    axis = {"format": "$,.0f", "title": None, "grid": False, "tickCount": 6}
    x = {"type": "quantitative", "axis": axis, "scale": {"zero": False, "nice": True}}
    span = {
        "mark": {"type": "bar", "height": 14, "cornerRadius": 7, "color": color, "opacity": 0.3},
        "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": {"value": 18}},
    }
    mark = {
        "mark": {"type": "tick", "thickness": 5, "size": 34, "color": color, "opacity": 1},
        "encoding": {"x": {"field": "price", **x}, "y": {"value": 18}},
    }
    return {"data": {"values": [row]}, "layer": [span, mark], "height": 72, "width": "container"}


def model_facts(model: Mapping[str, Any]) -> list[str]:
    """Facts of the serving model, one in each line; missing facts are omitted."""
    facts = model.get("facts") or {}
    metrics = model.get("metrics") or {}
    lines = [f"**{model['name']}**, version **{model['version']}**"]
    if family := facts.get("family"):
        lines.append(f"Family: {str(family).replace('_', ' ')}")
    if cars := facts.get("trained_cars"):
        days = f"{facts.get('first_day')} to {facts.get('last_day')}"
        lines.append(f"Learned from {cars:,} cars, posted {days}")
    if mae := metrics.get("mae"):
        error = dollars(mae).replace("$", "\\$")
        lines.append(f"Off by {error} on average, on later listings of other cars")
    return lines
