"""Names of the model families, the sources, and the markets that listings are from; two limits.

A form or a DAG lists them without importing `training/families.py` and `sources/catalog.py`. Tests
compare them with both.
"""

FAMILY_NAMES: tuple[str, ...] = ("xgboost", "random_forest")
SOURCE_NAMES: tuple[str, ...] = ("sample", "file", "kaggle", "mongodb")

# The market that listings, and models trained on them, are from.
REAL, SAMPLE = "real", "sample"

# Logarithm: prices twice or half as high. More is a wrong unit and no market.
MAX_PRICE_SHIFT = 0.7
# Logarithm: how far a jump of prices by clients' feedback may be from the one in the listings.
PRICE_SHIFT_TOLERANCE = 0.08


def market_of(source: str) -> str:
    """The market of a source's listings: SAMPLE for the built-in sample, REAL for all others."""
    return SAMPLE if source == "sample" else REAL
