"""Pipfile.lock belongs to the Pipfile, agrees with itself and carries a hash for everything."""

import json
import tomllib

import pytest

from setup import lock
from setup.requirements import CATEGORIES, LOCK, LOCK_NAMES, requirements


@pytest.fixture(name="locked", scope="module")
def fixture_locked() -> dict:
    """Pipfile.lock as it is."""
    return json.loads(LOCK.read_text(encoding="utf-8"))


def test_the_lock_was_made_from_this_pipfile(locked):
    pipfile = tomllib.loads((LOCK.parent / "Pipfile").read_text(encoding="utf-8"))
    assert locked["_meta"]["hash"]["sha256"] == lock.pipfile_hash(pipfile), "run make lock"


def test_every_category_holds_what_the_pipfile_asks_for(locked):
    pipfile = tomllib.loads((LOCK.parent / "Pipfile").read_text(encoding="utf-8"))
    for category in (*CATEGORIES, *lock.SEPARATE):
        assert set(pipfile[category]) <= set(locked[LOCK_NAMES.get(category, category)]), category


def test_a_package_has_the_same_version_in_every_category(locked):
    versions: dict[str, set] = {}
    for category in CATEGORIES:
        for name, entry in locked[LOCK_NAMES.get(category, category)].items():
            versions.setdefault(name, set()).add(entry["version"])
    assert not {name: pinned for name, pinned in versions.items() if len(pinned) > 1}


def test_every_requirement_is_pinned_and_hashed():
    lines = requirements(list(CATEGORIES))
    assert len(lines) > 100
    assert all("==" in line and "--hash=sha256:" in line for line in lines)


def test_an_image_gets_only_its_categories():
    names = {line.split("==")[0] for line in requirements(["streamlit"])}
    assert "streamlit" in names
    assert not names & {"mlflow", "apache-airflow", "scikit-learn"}
    names = {line.split("==")[0] for line in requirements(["packages", "service"])}
    assert not names & {"deltalake", "apache-airflow"}


def test_no_graphics_card_libraries_are_installed():
    assert not [line for line in requirements(list(CATEGORIES)) if line.startswith("nvidia")]


def test_an_unknown_category_is_refused():
    with pytest.raises(KeyError):
        requirements(["servce"])


def test_uv_output_becomes_lock_entries_with_markers_and_hashes():
    compiled = (
        'six==1.17.0 ; sys_platform == "linux" \\\n    --hash=sha256:bb \\\n    --hash=sha256:aa\n'
        "uvicorn[standard]==0.54.0 \\\n    --hash=sha256:cc\n"
    )
    assert lock.parse(compiled) == {
        "six": {
            "hashes": ["sha256:aa", "sha256:bb"],
            "index": "pypi",
            "version": "==1.17.0",
            "markers": 'sys_platform == "linux"',
        },
        "uvicorn": {"hashes": ["sha256:cc"], "index": "pypi", "version": "==0.54.0"},
    }
