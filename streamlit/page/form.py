"""The form, generated from the schema: its fields, and the listing made from their values."""

from collections.abc import Mapping

from vehicle_price.schema import FEATURES, Column

# Fields that every seller knows; the others are in an expander.
MAIN_FIELDS = ("manufacturer", "model", "year", "odometer", "condition", "state")


def main_columns() -> list[Column]:
    """The columns that are always visible, in the order of MAIN_FIELDS."""
    by_name = {column.name: column for column in FEATURES}
    return [by_name[name] for name in MAIN_FIELDS if name in by_name]


def other_columns() -> list[Column]:
    """The columns in the expander, in the schema's order."""
    return [column for column in FEATURES if column.name not in MAIN_FIELDS]


def label(column: Column) -> str:
    """The label of a column's field: its name, its unit, and a star if it is required."""
    unit = f" ({column.unit})" if column.unit else ""
    return column.name.replace("_", " ").capitalize() + unit + (" *" if column.required else "")


def key(name: str, make: object = None) -> str:
    """The key of a field's value in the session. Each make has its own key for the model."""
    return f"listing.{name}.{make}" if name == "model" else f"listing.{name}"


def listing_from(session: Mapping[str, object]) -> dict[str, object]:
    """The listing in the form: names of the schema, without empty fields.

    >>> listing_from({"listing.year": 2014, "listing.fuel": None, "listing.model.None": " "})
    {'year': 2014}
    """
    make = session.get(key("manufacturer"))
    filled = {column.name: session.get(key(column.name, make)) for column in FEATURES}
    return {n: v for n, v in filled.items() if v is not None and str(v).strip()}
