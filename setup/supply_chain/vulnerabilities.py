"""Known vulnerabilities of the lock and of images: osv-scanner with the advisories of osv.dev.

Green only if every package was compared with advisories: without data, and without packages, the
scan fails.
"""

import json
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from setup.supply_chain.programs import FOLDER, CheckFailed, program, run, words_of

CONFIG = Path(__file__).with_name("osv-scanner.toml")
DOWNLOADED = FOLDER / "advisories"
PYTHON, DEBIAN = "PyPI", "Debian"
FOUND_NOTHING, FOUND_SOMETHING = 0, 1  # osv-scanner's exit codes; the others are faults
SECONDS = 900


class Scan(NamedTuple):
    """packages: how many of each ecosystem. repaired: what an update repairs. others: the rest."""

    packages: Counter[str]
    repaired: list[str]
    others: list[str]


def scan_lock(sbom: Path, folder: Path | None) -> dict:
    """osv-scanner's report on a bill of materials. Raises CheckFailed.

    folder: advisories as osv.dev exports them, `PyPI/all.zip`; None: fetch them.
    """
    return _scan(["source", "--no-resolve", "--lockfile", str(sbom)], sbom.name, [PYTHON], folder)


def scan_image(reference: str, folder: Path | None) -> dict:
    """osv-scanner's report on an image that the Docker engine has. Raises CheckFailed."""
    return _scan(["image", reference], reference, [PYTHON, DEBIAN], folder)


def packages_of_image(reference: str) -> list[dict]:
    """What is installed in an image. Raises CheckFailed."""
    with tempfile.TemporaryDirectory() as empty:
        report, answer = _report(["image", reference], ["--offline-vulnerabilities"], Path(empty))
    packages = [entry["package"] for entry in _entries(report)]
    counts = _count(report)
    if not counts[PYTHON] or not counts[DEBIAN]:
        raise CheckFailed(f"{reference}: packages found: {dict(counts)}\n{words_of(answer)}")
    return packages


def judge(report: Mapping) -> Scan:
    """Sort a report's findings into those that an update repairs and the others."""
    repaired, others = [], []
    for entry in _entries(report):
        package = entry["package"]
        for vulnerability in entry.get("vulnerabilities", []):
            versions = _repairs(vulnerability, package)
            kind = package["ecosystem"].partition(":")[0]
            label = f"{kind} {package['name']} {package['version']}: {vulnerability['id']}"
            if versions:
                repaired.append(f"{label}, repaired in {', '.join(versions)}")
            else:
                others.append(f"{label}, {vulnerability.get('summary', '')}".rstrip(", "))
    return Scan(_count(report), sorted(set(repaired)), sorted(set(others)))


def verdict(name: str, scan: Scan) -> str:
    """What was examined, in words. Raises CheckFailed for each finding that forbids a release.

    Those are all of Python; of Debian those that have an update.
    """
    python = [line for line in scan.others if not line.startswith(f"{DEBIAN} ")]
    if scan.repaired or python:
        raise CheckFailed("\n".join([f"vulnerable: {name}", *scan.repaired, *python]))
    counts = ", ".join(f"{count} packages of {kind}" for kind, count in scan.packages.items())
    waiting = f"; {len(scan.others)} findings without an update" if scan.others else ""
    return f"{name}: {counts}, none with a known vulnerability that has an update{waiting}"


def _scan(words: list[str], name: str, kinds: Sequence[str], folder: Path | None) -> dict:
    options = ["--offline-vulnerabilities"]
    if folder is None:
        options.append("--download-offline-databases")
    with tempfile.TemporaryDirectory() as cache:
        report, answer = _report(words, options, _cache(Path(cache), folder))
    if answer.returncode not in (FOUND_NOTHING, FOUND_SOMETHING):
        reason = [line for line in words_of(answer).splitlines() if "ould not" in line]
        raise CheckFailed(
            f"{name}: no data: osv-scanner could not compare anything. Set ADVISORIES to a folder "
            f"with PyPI/all.zip and Debian/all.zip of osv.dev, or give it network.\n"
            + "\n".join(reason or [words_of(answer)[-2000:]])
        )
    for kind in kinds:
        _require_advisories((folder or DOWNLOADED / "osv-scanner") / kind / "all.zip")
    counts = _count(report)
    if missing := [kind for kind in kinds if not counts[kind]]:
        raise CheckFailed(f"{name}: no data: no package of {', '.join(missing)} was examined")
    return report


def _cache(temporary: Path, folder: Path | None) -> Path:
    """Where osv-scanner looks for advisories: below a folder of its own name."""
    if folder is None:
        DOWNLOADED.mkdir(parents=True, exist_ok=True)
        return DOWNLOADED
    (temporary / "osv-scanner").symlink_to(folder.resolve())
    return temporary


def _report(
    words: list[str], options: list[str], cache: Path
) -> tuple[dict, subprocess.CompletedProcess[str]]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        options = [*options, "--all-packages", "--config", str(CONFIG)]
        options += ["--format", "json", "--output", str(output)]
        answer = run(
            *(program("osv-scanner"), "scan", words[0], *options, *words[1:]),
            environ={"OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(cache)},
            seconds=SECONDS,
        )
        text = output.read_text(encoding="utf-8") if output.exists() else ""
    return json.loads(text or "{}"), answer


def _require_advisories(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as file:
            count = sum(name.endswith(".json") for name in file.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckFailed(f"no data: {path}: {error}") from error
    if not count:
        raise CheckFailed(f"no data: {path} holds no advisory")


def _entries(report: Mapping) -> Iterator[dict]:
    return (entry for result in report.get("results") or () for entry in result["packages"])


def _count(report: Mapping) -> Counter[str]:
    kinds = (entry["package"].get("ecosystem", "") for entry in _entries(report))
    return Counter(kind.partition(":")[0] for kind in kinds)


def _repairs(vulnerability: Mapping, package: Mapping) -> list[str]:
    """The versions without the fault, of the package's own ecosystem."""
    return sorted(
        {
            event["fixed"]
            for affected in vulnerability.get("affected", ())
            if affected["package"]["ecosystem"] == package["ecosystem"]
            for part in affected.get("ranges", ())
            for event in part.get("events", ())
            if "fixed" in event
        }
    )
