"""Bills of materials of the lock and of images."""

import json
from pathlib import Path

import pytest

from setup.requirements import CATEGORIES, LOCK
from setup.supply_chain import images, sbom
from setup.supply_chain.programs import CheckFailed

FLASK = {"name": "Flask", "version": "3.1.3", "licenses": [{"license": {"id": "BSD-3-Clause"}}]}


@pytest.fixture(name="lock")
def fixture_lock(tmp_path: Path) -> Path:
    """A lock with one distribution in two categories."""
    path = tmp_path / "Pipfile.lock"
    entry = {"version": "==3.1.3", "hashes": ["sha256:aa", "sha256:bb"]}
    path.write_text(
        json.dumps({"_meta": {}, "default": {"flask": entry}, "service": {"flask": entry}})
    )
    return path


def test_every_category_has_a_bill_with_every_locked_distribution():
    boms = sbom.lock_boms({})
    assert {f"lock-{category}" for category in CATEGORIES} <= set(boms)
    locked = json.loads(LOCK.read_text(encoding="utf-8"))
    assert len(boms["lock-service"]["components"]) == len(locked["service"])


def test_a_component_has_its_address_hashes_and_licence(lock):
    component = sbom.lock_boms({("flask", "3.1.3"): FLASK}, lock)["lock-service"]["components"][0]
    assert component["purl"] == "pkg:pypi/flask@3.1.3"
    assert component["licenses"] == FLASK["licenses"]
    hashes = component["externalReferences"][0]["hashes"]
    assert [entry["content"] for entry in hashes] == ["aa", "bb"]


def test_another_version_says_nothing_about_the_licence(lock):
    component = sbom.lock_boms({("flask", "2.0"): FLASK}, lock)["lock-service"]["components"][0]
    assert "licenses" not in component


def test_the_whole_lock_has_each_distribution_once(lock):
    assert [one["name"] for one in sbom.whole_lock(lock)["components"]] == ["flask"]


def test_an_image_has_python_distributions_and_debian_packages():
    packages = [
        {"name": "Flask", "version": "3.1.3", "ecosystem": "PyPI"},
        {
            "name": "openssl",
            "os_package_name": "libssl3",
            "version": "1:3.0~deb12u2",
            "ecosystem": "Debian:12",
        },
        {"name": "stdlib", "version": "1.24", "ecosystem": "Go"},
    ]
    found = images.components([*packages, packages[0]], {("flask", "3.1.3"): FLASK})
    assert [component["purl"] for component in found] == [
        "pkg:pypi/flask@3.1.3",
        "pkg:deb/debian/libssl3@1%3A3.0~deb12u2?distro=debian-12&upstream=openssl",
    ]
    assert found[0]["licenses"] == FLASK["licenses"]


def test_a_bill_without_components_is_refused(tmp_path):
    with pytest.raises(CheckFailed, match="no component"):
        sbom.write(tmp_path, {"image-service": sbom.bom("service", [])})
