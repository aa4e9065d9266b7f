"""The documents are true: every path that they name exists, and the layers are enforced."""

import re
import tomllib

import pytest

from setup.native.environment import ROOT

MAP, CHANGES = "setup/architecture/README.md", "CONTRIBUTING.md"
PAGES = [
    MAP,
    CHANGES,
    "README.md",
    *sorted(f"setup/{p.name}" for p in (ROOT / "setup").glob("*.md")),
]
ROOMS = ("src/vehicle_price", "service")
# A page may leave out the prefix of a path that it has named before.
PREFIXES = ("", *ROOMS, "unit_tests", "integration_tests")
CODE_PATH = re.compile(
    r"`((?:src|service|unit_tests|integration_tests|benchmarks|airflow|streamlit|setup)/[^`\s]*|"
    r"\w+/\w+\.py)`"
)


def read(page: str) -> str:
    """A page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def layer_lists() -> dict[str, list[str]]:
    """The layer lists that import-linter enforces exhaustively, by package."""
    settings = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    return {c["containers"][0]: c["layers"] for c in settings if c.get("exhaustive")}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page):
    paths = CODE_PATH.findall(read(page))
    assert len(paths) > 20 or page not in (MAP, CHANGES)
    assert not [path for path in paths if not any((ROOT / p / path).exists() for p in PREFIXES)]


@pytest.mark.parametrize("package", ["vehicle_price", "service"])
def test_the_page_shows_the_layers_that_are_enforced(package):
    page = read(MAP)
    block = re.search(rf"<!-- layers: {package} -->\n```\n(.*?)\n```", page, re.S)
    assert block and block[1].splitlines() == layer_lists()[package]


@pytest.mark.parametrize(("package", "folder"), zip(("vehicle_price", "service"), ROOMS))
def test_every_room_is_on_the_page(package, folder):
    page = read(MAP)
    rooms = [path.parent.name for path in (ROOT / folder).glob("*/__init__.py")]
    assert len(rooms) > 8
    assert not [f"{package}.{room}" for room in rooms if f"`{room}/`" not in page]


def test_the_table_of_changes_has_at_least_fifteen_rows_with_a_command():
    section = read(CHANGES).split("## To change something")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15 and all(re.search(r"\| `make [^`]+` \|$", row) for row in rows)


def test_the_glossary_has_at_most_fifteen_words():
    glossary = read(MAP).split("## Glossary")[1].split("\n## ")[0]
    assert 5 < len([line for line in glossary.splitlines() if line.startswith("| ")]) - 1 <= 15
