"""Which licences need a decision."""

from setup.supply_chain import licences, sbom

DECISIONS = {"allowed": ["MIT", "Apache-2.0"], "decided": {"psycopg2": "Imported unchanged."}}


def boms(*entries: tuple[str, list[dict]]) -> dict[str, dict]:
    """A bill with distributions and their licences."""
    components = [
        {"bom-ref": name, "name": name, "version": "1", "licenses": found}
        for name, found in entries
    ]
    return {"lock-service": sbom.bom("service", components)}


def sentences(*entries: tuple[str, list[dict]]) -> list[str]:
    """What has to be decided about them."""
    psycopg2 = ("psycopg2", [{"license": {"name": "LGPL"}}])
    return licences.check(licences.licences(boms(psycopg2, *entries)), DECISIONS)


def test_allowed_licences_need_no_decision():
    assert not sentences(
        ("a", [{"license": {"id": "MIT"}}]), ("b", [{"expression": "MIT OR Apache-2.0"}])
    )


def test_an_unknown_licence_is_named():
    assert sentences(("a", [])) == ["a 1 (service): unknown"]


def test_one_licence_that_is_not_allowed_is_enough():
    found = [{"license": {"id": "MIT"}}, {"license": {"name": "License :: OSI Approved :: GPL"}}]
    assert sentences(("a", found)) == ["a 1 (service): MIT; License :: OSI Approved :: GPL"]
    assert sentences(("a", [{"expression": "MIT AND GPL-3.0-only"}]))


def test_a_decision_about_what_is_not_locked_is_old():
    assert licences.check([], DECISIONS) == ["psycopg2 is decided, but not locked"]


def test_the_list_has_every_distribution_with_its_categories():
    found = licences.licences(
        boms(("a", [{"license": {"id": "MIT"}}])) | {"lock-mlflow": boms(("a", []))["lock-service"]}
    )
    assert licences.table(found).splitlines()[1] == "a\t1\tMIT\tservice mlflow"


def test_every_decision_has_a_reason():
    decided = licences.read_decisions()["decided"]
    assert decided
    assert all(reason.strip() for reason in decided.values())
