"""Which findings of the vulnerability scan forbid a release."""

import pytest

from setup.supply_chain.programs import CheckFailed
from setup.supply_chain.vulnerabilities import judge, verdict


def report(ecosystem: str, *events: dict, of: str = "") -> dict:
    """osv-scanner's report on one package with a vulnerability, repaired as `events` say."""
    affected = {
        "package": {"ecosystem": of or ecosystem, "name": "openssl"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, *events]}],
    }
    vulnerability = {"id": "CVE-1", "summary": "planted", "affected": [affected]}
    package = {"name": "openssl", "version": "3.0", "ecosystem": ecosystem}
    return {"results": [{"packages": [{"package": package, "vulnerabilities": [vulnerability]}]}]}


def test_a_debian_package_with_an_update_forbids_the_release():
    with pytest.raises(CheckFailed, match="image\nDebian openssl 3.0: CVE-1, repaired in 3.1"):
        verdict("image", judge(report("Debian:12", {"fixed": "3.1"})))


def test_a_debian_package_without_an_update_is_counted():
    sentence = verdict("image", judge(report("Debian:12")))
    assert "1 findings without an update" in sentence


def test_an_update_of_another_debian_release_is_none():
    assert not judge(report("Debian:12", {"fixed": "3.1"}, of="Debian:13")).repaired


def test_a_python_distribution_forbids_the_release_even_without_an_update():
    with pytest.raises(CheckFailed, match="PyPI openssl 3.0: CVE-1, planted"):
        verdict("lock", judge(report("PyPI")))


def test_the_verdict_counts_what_was_examined():
    clean = {
        "results": [{"packages": [{"package": {"name": "a", "version": "1", "ecosystem": "PyPI"}}]}]
    }
    assert verdict("lock", judge(clean)).startswith("lock: 1 packages of PyPI, none")
