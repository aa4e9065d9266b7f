"""Software bills of materials in CycloneDX: of each category of the lock, and of each image."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from setup.requirements import LOCK, LOCK_NAMES
from setup.supply_chain.programs import VENV, CheckFailed, program, run, words_of

SPEC_VERSION = "1.6"
Components = Mapping[tuple[str, str], dict]  # by name and version


def installed() -> dict[tuple[str, str], dict]:
    """The distributions of .venv and of the checking programs, as cyclonedx-py describes them."""
    components = {}
    for python in (sys.executable, VENV / "bin" / "python"):
        options = ["--output-format", "JSON", "--spec-version", SPEC_VERSION]
        answer = run(
            program("cyclonedx-py"),
            "environment",
            *options,
            "--output-reproducible",
            "--no-validate",
            python,
        )
        if answer.returncode:
            raise CheckFailed(f"cyclonedx-py does not run: {words_of(answer)}")
        for component in json.loads(answer.stdout)["components"]:
            components[canonical(component["name"]), component["version"]] = component
    return components


def lock_boms(known: Components, path: Path = LOCK) -> dict[str, dict]:
    """A bill for each category of the lock. known: what is installed, with licences."""
    lock = json.loads(path.read_text(encoding="utf-8"))
    names = {lock_name: category for category, lock_name in LOCK_NAMES.items()}
    return {
        f"lock-{names.get(category, category)}": bom(
            f"{LOCK.name}, category {names.get(category, category)}",
            [_locked(name, entry, known) for name, entry in packages.items()],
        )
        for category, packages in lock.items()
        if category != "_meta"
    }


def whole_lock(path: Path = LOCK) -> dict:
    """A bill of all categories together."""
    boms = lock_boms({}, path).values()
    components = {one["bom-ref"]: one for content in boms for one in content["components"]}
    return bom(path.name, components.values())


def bom(name: str, components: Iterable[dict]) -> dict:
    """A bill of materials. name: of what consists of the components."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {"component": {"type": "application", "name": name, "bom-ref": "subject"}},
        "components": sorted(components, key=lambda component: component["bom-ref"]),
    }


def distribution(name: str, version: str, known: Components) -> dict:
    """A Python distribution, with its licences where they are known."""
    component = known.get((canonical(name), version), {})
    purl = f"pkg:pypi/{canonical(name)}@{quote(version)}"
    licences = {"licenses": component["licenses"]} if component.get("licenses") else {}
    described = {"description": component["description"]} if "description" in component else {}
    return {
        **{"type": "library", "bom-ref": purl, "name": canonical(name), "version": version},
        **{"purl": purl, **described, **licences},
    }


def debian_package(name: str, version: str, source: str, release: str) -> dict:
    """A package of Debian. source: the package that it is built from. release: such as 12."""
    purl = (
        f"pkg:deb/debian/{quote(name, safe='')}@{quote(version)}"
        f"?distro=debian-{release}&upstream={quote(source, safe='')}"
    )
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def write(folder: Path, boms: Mapping[str, dict]) -> None:
    """Write `<name>.cdx.json` for each bill, valid ones only. Raises CheckFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in boms.items():
        if not content["components"]:
            raise CheckFailed(f"the bill of {name} has no component")
        paths.append(folder / f"{name}.cdx.json")
        paths[-1].write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    validate(paths)


def validate(paths: Iterable[Path]) -> None:
    """Raises CheckFailed for a file that does not follow CycloneDX's schema."""
    program("cyclonedx-py")
    answer = run(VENV / "bin" / "python", Path(__file__).with_name("validate.py"), *paths)
    if answer.returncode:
        raise CheckFailed(f"not valid CycloneDX {SPEC_VERSION}: {words_of(answer)}")


def canonical(name: str) -> str:
    """The name of a distribution as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked(name: str, entry: Mapping, known: Components) -> dict:
    component = distribution(name, entry["version"].removeprefix("=="), known)
    hashes = [
        {"alg": "SHA-256", "content": digest.removeprefix("sha256:")} for digest in entry["hashes"]
    ]
    address = f"https://pypi.org/simple/{canonical(name)}/"
    files = {"type": "distribution", "url": address, "hashes": hashes}
    return {**component, "externalReferences": [files]}
