"""Passwords and keys in files of the project: detect-secrets, and the findings that are none."""

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from setup.supply_chain.files import project_files
from setup.supply_chain.programs import CheckFailed, program, run, words_of

ACCEPTED = Path("setup/supply_chain/accepted_secrets.toml")
# Hashes of packages; hashes of accepted findings; pictures.
EXCLUDED = ("Pipfile.lock", ACCEPTED.name, ".png", ".svg")


class Finding(NamedTuple):
    """digest: detect-secrets' hash of what it takes for a secret."""

    file: str
    digest: str
    line: int
    kind: str


def check_secrets(root: Path, names: Sequence[str] = ()) -> int:
    """How many files were examined: `names`, else all of the project. Raises CheckFailed."""
    paths = [Path(name) for name in names] or project_files(root)
    paths = [path for path in paths if not path.name.endswith(EXCLUDED)]
    if not paths and not names:
        raise CheckFailed(f"detect-secrets: there is no file to examine in {root}")
    findings = scan(root, paths) if paths else []
    accepted = accepted_digests((root / ACCEPTED).read_text(encoding="utf-8"))
    lines = [
        f"{found.file}:{found.line}: {found.kind}; if it is none, add {found.digest} with a reason "
        f"to {ACCEPTED}"
        for found in findings
        if found.digest not in accepted.get(found.file, ())
    ]
    if not names:
        lines += _stale(accepted, findings)
    if lines:
        raise CheckFailed("\n".join(["detect-secrets:", *lines]))
    return len(paths)


def scan(root: Path, paths: Iterable[Path]) -> list[Finding]:
    """What detect-secrets takes for a secret in `paths`."""
    answer = run(program("detect-secrets"), "scan", *paths, folder=root)
    if answer.returncode:
        raise CheckFailed(f"detect-secrets does not run: {words_of(answer)}")
    return [
        Finding(name, found["hashed_secret"], found["line_number"], found["type"])
        for name, in_file in json.loads(answer.stdout)["results"].items()
        for found in in_file
    ]


def accepted_digests(text: str) -> dict[str, set[str]]:
    """The accepted digests of each file. Raises CheckFailed for one without a reason."""
    digests: dict[str, set[str]] = {}
    for entry in tomllib.loads(text)["accepted"]:
        if not entry["reason"].strip():
            raise CheckFailed(f"{ACCEPTED}: {entry['file']} has no reason")
        digests.setdefault(entry["file"], set()).update(entry["digests"])
    return digests


def _stale(accepted: dict[str, set[str]], findings: Sequence[Finding]) -> list[str]:
    found = {(finding.file, finding.digest) for finding in findings}
    return [
        f"{ACCEPTED}: {digest} is not found in {name} any more; remove it"
        for name, digests in accepted.items()
        for digest in sorted(digests)
        if (name, digest) not in found
    ]
