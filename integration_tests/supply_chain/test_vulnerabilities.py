"""The vulnerability scan finds a planted one, and fails where it has no data."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from integration_tests.supply_chain.project import needs_go
from setup.docker import engine
from setup.supply_chain import images, sbom
from setup.supply_chain.programs import CheckFailed
from setup.supply_chain.vulnerabilities import judge, packages_of_image, scan_image, scan_lock

pytestmark = needs_go


def advisory(ecosystem: str, name: str) -> dict:
    """An advisory in the format of osv.dev about every version of a package before 99."""
    events = [{"introduced": "0"}, {"fixed": "99"}]
    package = {"ecosystem": ecosystem, "name": name}
    return {
        "schema_version": "1.6.0",
        "id": f"TEST-{name}",
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "summary": "planted",
        "details": "planted",
        "affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    }


def export(folder: Path, python: str | None, debian: str) -> Path:
    """A folder as osv.dev exports it, with an advisory about each package; None: an empty file."""
    for kind, entry in {
        "PyPI": python and advisory("PyPI", python),
        "Debian": advisory("Debian:12", debian),
    }.items():
        (folder / kind).mkdir(parents=True)
        with zipfile.ZipFile(folder / kind / "all.zip", "w") as file:
            if entry:
                file.writestr(f"{entry['id']}.json", json.dumps(entry))
    return folder


@pytest.fixture(name="lock", scope="module")
def fixture_lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bill of the whole lock."""
    folder = tmp_path_factory.mktemp("lock")
    sbom.write(folder, {"lock": sbom.whole_lock()})
    return folder / "lock.cdx.json"


@pytest.fixture(name="image", scope="module")
def fixture_image() -> str:
    """An image of the project. Where there is no engine, no test of containers runs."""
    here = images.references(os.environ)
    if not here:
        pytest.skip("needs an image: make images")
    return here.get("service") or next(iter(here.values()))


def test_a_planted_vulnerability_of_the_lock_is_found(lock, tmp_path):
    found = judge(scan_lock(lock, export(tmp_path, "flask", "none")))
    assert len(found.repaired) == 1
    assert found.repaired[0].startswith("PyPI flask ")
    assert found.repaired[0].endswith("TEST-flask, repaired in 99")


def test_every_locked_distribution_is_examined(lock, tmp_path):
    report = scan_lock(lock, export(tmp_path, "no-such-distribution", "none"))
    found = judge(report)
    assert not found.repaired + found.others
    components = json.loads(lock.read_text(encoding="utf-8"))["components"]
    assert found.packages == {"PyPI": len(components)}


def test_without_data_it_fails(lock, tmp_path):
    with pytest.raises(CheckFailed, match="no data"):
        scan_lock(lock, tmp_path)


def test_with_a_file_without_advisories_it_fails(lock, tmp_path):
    with pytest.raises(CheckFailed, match="no data.* holds no advisory"):
        scan_lock(lock, export(tmp_path, None, "none"))


def test_without_a_package_it_fails(tmp_path):
    empty = tmp_path / "empty.cdx.json"
    empty.write_text(json.dumps(sbom.bom("nothing", [])), encoding="utf-8")
    with pytest.raises(CheckFailed, match="no data"):
        scan_lock(empty, export(tmp_path / "advisories", "flask", "none"))


def test_a_bill_that_does_not_follow_cyclonedx_is_refused(tmp_path):
    wrong = sbom.bom("wrong", [{"type": "no such type", "bom-ref": "a", "name": "a"}])
    with pytest.raises(CheckFailed, match="not valid CycloneDX"):
        sbom.write(tmp_path, {"wrong": wrong})


def test_planted_vulnerabilities_of_an_image_are_found(image, tmp_path):
    found = judge(scan_image(image, export(tmp_path, "pip", "openssl")))
    assert "openssl" in {line.split()[1] for line in found.repaired}
    assert found.packages["PyPI"] > 20 and found.packages["Debian"] > 50


def test_an_image_without_advisories_about_debian_fails(image, tmp_path):
    (export(tmp_path, "flask", "none") / "Debian" / "all.zip").unlink()
    with pytest.raises(CheckFailed, match="no data"):
        scan_image(image, tmp_path)


def test_the_bill_of_an_image_has_what_the_image_says_itself(image):
    listed = engine.run(
        *("docker", "run", "--rm", "--network", "none", "--entrypoint", "dpkg-query", image),
        *("-W", "-f", "${Package} ${Version}\\n"),
    )
    packages = [one for one in packages_of_image(image) if one.get("os_package_name")]
    found = {f"{one['os_package_name']} {one['version']}" for one in packages}
    assert found == set(listed.splitlines())


def test_an_image_that_is_not_there_fails(image):
    with pytest.raises(CheckFailed):
        packages_of_image(f"{image}-no-such-tag")
