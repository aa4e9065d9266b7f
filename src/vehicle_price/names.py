"""Names of the model families and of the sources.

A form or a DAG lists them without importing `training/families.py` and `sources/catalog.py`. Tests
compare them with both.
"""

FAMILY_NAMES: tuple[str, ...] = ("xgboost", "random_forest")
SOURCE_NAMES: tuple[str, ...] = ("sample", "file", "kaggle", "mongodb")
