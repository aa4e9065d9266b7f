"""`python -m setup.supply_chain lint|secrets [FILE…]|sbom|vulnerabilities`.

lint             Dockerfiles, shell scripts, workflows, compose files
secrets          passwords and keys in the given files, else in all
sbom             bills of materials and licences of the lock and of the images that are here
vulnerabilities  the same lock and images against the advisories in ADVISORIES, else of osv.dev
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from setup.native.environment import ROOT
from setup.supply_chain import images, licences, linters, sbom, vulnerabilities
from setup.supply_chain.programs import FOLDER, CheckFailed, MissingProgram
from setup.supply_chain.secrets import check_secrets

SBOM_FOLDER = FOLDER / "sbom"
LICENCES = FOLDER / "licences.tsv"


def main(arguments: Sequence[str]) -> int:
    """Run a command: 1 with what it found, 2 for an unknown command."""
    name, *rest = arguments or [""]
    if name not in COMMANDS or (rest and name != "secrets"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        COMMANDS[name](rest)
    except CheckFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def lint(_: Sequence[str]) -> None:
    """Every linter. Without Go, actionlint is left out, except in continuous integration."""
    counts, failures = [], []
    for name in linters.LINTERS:
        try:
            counts.append(f"{name}: {linters.lint(name, ROOT)} files")
        except MissingProgram as error:
            if name != "actionlint" or os.environ.get("CI") == "true":
                raise
            print(f"actionlint is left out: {error}", file=sys.stderr)
        except CheckFailed as error:
            failures.append(str(error))
    if failures:
        raise CheckFailed("\n".join(failures))
    print(", ".join(counts))


def secrets(names: Sequence[str]) -> None:
    """Look for secrets in the named files, else in all of the project."""
    print(f"detect-secrets: {check_secrets(ROOT, names)} files, nothing that is not accepted")


def make_sbom(_: Sequence[str]) -> None:
    """Write the bills and the list of licences; decide on each licence."""
    known = sbom.installed()
    boms = sbom.lock_boms(known)
    found = licences.licences(boms)
    here = images.references(os.environ)
    boms |= {
        f"image-{name}": images.image_bom(reference, known) for name, reference in here.items()
    }
    sbom.write(SBOM_FOLDER, boms)
    for name, content in boms.items():
        print(f"{name:<26} {len(content['components']):4} components")
    if not here:
        print("No image is here (make images): the bills are those of the lock.")
    LICENCES.write_text(licences.table(found), encoding="utf-8")
    print(f"Bills: {SBOM_FOLDER}. Licences of {len(found)} distributions: {LICENCES}")
    if lines := licences.check(found, licences.read_decisions()):
        lines.insert(0, f"licences that {licences.DECISIONS.name} does not allow:")
        raise CheckFailed("\n".join(lines))


def scan(_: Sequence[str]) -> None:
    """Compare the lock and the images that are here with advisories."""
    advisories = Path(os.environ["ADVISORIES"]) if os.environ.get("ADVISORIES") else None
    bill = SBOM_FOLDER / "lock.cdx.json"
    sbom.write(SBOM_FOLDER, {"lock": sbom.whole_lock()})
    reports = {"Pipfile.lock": vulnerabilities.scan_lock(bill, advisories)}
    for reference in images.references(os.environ).values():
        reports[reference] = vulnerabilities.scan_image(reference, advisories)
    failures = []
    for name, report in reports.items():
        try:
            print(vulnerabilities.verdict(name, vulnerabilities.judge(report)))
        except CheckFailed as error:
            failures.append(str(error))
    if failures:
        raise CheckFailed("\n".join(failures))


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "lint": lint,
    "secrets": secrets,
    "sbom": make_sbom,
    "vulnerabilities": scan,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
