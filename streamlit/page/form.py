"""The form, generated from the schema: which fields there are, and the listing they make."""

from collections.abc import Mapping

from vehicle_price.schema import FEATURES, Column

# The fields a seller knows at once; the others wait in an expander.
UP_FRONT = ("manufacturer", "model", "year", "odometer", "condition", "state")


def prominent() -> list[Column]:
    """The columns shown at once, in the order people think of them."""
    by_name = {column.name: column for column in FEATURES}
    return [by_name[name] for name in UP_FRONT if name in by_name]


def further() -> list[Column]:
    """All other columns, in the schema's order."""
    return [column for column in FEATURES if column.name not in UP_FRONT]


def label(column: Column) -> str:
    """A column's name for people, with its unit, and a star if it is required."""
    unit = f" ({column.unit})" if column.unit else ""
    return column.name.replace("_", " ").capitalize() + unit + (" *" if column.required else "")


def key(name: str, make: object = None) -> str:
    """Where a field's value lies in the session. A model belongs to its make."""
    return f"listing.{name}.{make}" if name == "model" else f"listing.{name}"


def listing_from(session: Mapping[str, object]) -> dict[str, object]:
    """The listing that was filled in: names of the schema, empty fields left out.

    >>> listing_from({"listing.year": 2014, "listing.fuel": None, "listing.model.None": " "})
    {'year': 2014}
    """
    make = session.get(key("manufacturer"))
    filled = {column.name: session.get(key(column.name, make)) for column in FEATURES}
    return {n: v for n, v in filled.items() if v is not None and str(v).strip()}
