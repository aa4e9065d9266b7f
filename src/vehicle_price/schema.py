"""The columns of a listing; each is defined once, here.

The form, the request check, the data contract and the model inputs are all
generated from `COLUMNS`. Names are those of the raw Craigslist listings.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Kind = Literal["integer", "level", "text", "date", "number"]
Role = Literal["feature", "target", "carried"]

US_STATES = tuple(
    (
        "al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt "
        "ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy"
    ).split()
)

MANUFACTURERS = (
    "acura",
    "alfa-romeo",
    "aston-martin",
    "audi",
    "bmw",
    "buick",
    "cadillac",
    "chevrolet",
    "chrysler",
    "datsun",
    "dodge",
    "ferrari",
    "fiat",
    "ford",
    "gmc",
    "harley-davidson",
    "honda",
    "hyundai",
    "infiniti",
    "jaguar",
    "jeep",
    "kia",
    "land rover",
    "lexus",
    "lincoln",
    "mazda",
    "mercedes-benz",
    "mercury",
    "mini",
    "mitsubishi",
    "morgan",
    "nissan",
    "pontiac",
    "porsche",
    "ram",
    "rover",
    "saturn",
    "subaru",
    "tesla",
    "toyota",
    "volkswagen",
    "volvo",
)


# A model year may begin on 2 January of the calendar year before (40 CFR 85.2304).
YEARS_AHEAD = 1


@dataclass(frozen=True)
class Column:
    """One column of a listing.

    kind: `integer` and `number` have limits, `level` has known levels, `text` is free.
    role: `feature` feeds the model, `target` is the price, `carried` is accepted and ignored.
    levels: known values in their natural order (worst first for condition).
    open_levels: other values are accepted too; a new make is a car, a new gearbox a shifted column.
    minimum, maximum: inclusive limits in `unit`.
    follows_posting: the largest year is YEARS_AHEAD after the year of the posting.
    placeholders: values that people type instead of an unknown number; junk in training data.
    max_length: longest text accepted, in characters.
    """

    name: str
    kind: Kind
    role: Role
    help: str
    example: int | float | str | None = None
    required: bool = False
    unit: str = ""
    minimum: int | float | None = None
    maximum: int | float | None = None
    follows_posting: bool = False
    levels: tuple[str, ...] = ()
    placeholders: tuple[int, ...] = ()
    max_length: int = 250
    open_levels: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("id", "text", "carried", "Listing number; unique per posting.", "7316356412"),
    Column("url", "text", "carried", "Address of the listing.", max_length=2000),
    Column("region", "text", "feature", "Craigslist region, for example 'modesto'.", "modesto"),
    Column("region_url", "text", "carried", "Address of the region's site.", max_length=2000),
    Column(
        "price",
        "integer",
        "target",
        "Asking price.",
        15990,
        True,
        "USD",
        500,
        150_000,
        placeholders=(1234, 11111, 99999, 111111, 123456),
    ),
    Column("year", "integer", "feature", "Model year.", 2014, True, "", 1970, follows_posting=True),
    Column(
        "manufacturer",
        "level",
        "feature",
        "Make of the car.",
        "honda",
        True,
        levels=MANUFACTURERS,
        open_levels=True,
    ),
    Column(
        "model",
        "text",
        "feature",
        "Model and trim, as a seller would write it.",
        "civic ex-l sedan",
    ),
    Column(
        "condition",
        "level",
        "feature",
        "State the car is in.",
        "excellent",
        levels=("salvage", "fair", "good", "excellent", "like new", "new"),
    ),
    Column(
        "cylinders",
        "level",
        "feature",
        "Number of cylinders.",
        "4 cylinders",
        levels=(
            "3 cylinders",
            "4 cylinders",
            "5 cylinders",
            "6 cylinders",
            "8 cylinders",
            "10 cylinders",
            "12 cylinders",
            "other",
        ),
    ),
    Column(
        "fuel",
        "level",
        "feature",
        "What it runs on.",
        "gas",
        levels=("gas", "diesel", "hybrid", "electric", "other"),
    ),
    Column(
        "odometer",
        "integer",
        "feature",
        "Distance driven.",
        88_000,
        True,
        "miles",
        0,
        500_000,
        placeholders=(0, 1, 1234, 12345, 99999, 111111, 123456),
    ),
    Column(
        "title_status",
        "level",
        "feature",
        "Legal status of the title.",
        "clean",
        levels=("clean", "rebuilt", "salvage", "lien", "missing", "parts only"),
    ),
    Column(
        "transmission",
        "level",
        "feature",
        "Gearbox.",
        "automatic",
        levels=("automatic", "manual", "other"),
    ),
    Column("VIN", "text", "carried", "Vehicle identification number, 17 characters."),
    Column("drive", "level", "feature", "Driven wheels.", "fwd", levels=("fwd", "rwd", "4wd")),
    Column("size", "text", "carried", "Size class."),
    Column(
        "type",
        "level",
        "feature",
        "Body type.",
        "sedan",
        levels=(
            "sedan",
            "SUV",
            "pickup",
            "truck",
            "coupe",
            "hatchback",
            "wagon",
            "van",
            "mini-van",
            "convertible",
            "offroad",
            "bus",
            "other",
        ),
    ),
    Column(
        "paint_color",
        "level",
        "feature",
        "Colour.",
        "silver",
        levels=(
            "white",
            "black",
            "silver",
            "grey",
            "blue",
            "red",
            "green",
            "brown",
            "custom",
            "yellow",
            "orange",
            "purple",
        ),
    ),
    Column("image_url", "text", "carried", "Address of the first picture.", max_length=2000),
    Column(
        "description",
        "text",
        "carried",
        "The seller's text; it often contains the price, so the model never sees it.",
        max_length=100_000,
    ),
    Column("county", "text", "carried", "Always empty in the public data."),
    Column("state", "level", "feature", "US state, two letters.", "ca", levels=US_STATES),
    Column("lat", "number", "carried", "Latitude.", unit="degrees", minimum=-90, maximum=90),
    Column("long", "number", "carried", "Longitude.", unit="degrees", minimum=-180, maximum=180),
    Column(
        "posting_date",
        "date",
        "carried",
        "When it was posted (ISO 8601); age counts from here.",
        "2021-04-28T12:00:00-0500",
    ),
)

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
NAMES: tuple[str, ...] = tuple(BY_NAME)
FEATURES: tuple[Column, ...] = tuple(c for c in COLUMNS if c.role == "feature")
REQUIRED: tuple[Column, ...] = tuple(c for c in FEATURES if c.required)
TARGET: Column = BY_NAME["price"]

EXAMPLE: dict[str, int | float | str | None] = {c.name: c.example for c in FEATURES}


def nearest_name(name: str) -> str | None:
    """The column whose name is most similar to `name`; None when no name is similar.

    >>> nearest_name("odometr")
    'odometer'
    """
    matches = get_close_matches(name, NAMES, n=1)
    return matches[0] if matches else None
