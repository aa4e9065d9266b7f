"""Write Pipfile.lock: resolve all categories together with uv, then each category within that.

    python -m setup.lock            keep the locked versions that still fit the Pipfile
    python -m setup.lock --upgrade  use the newest versions
    python -m setup.lock --check    exit 1 when Pipfile.lock does not belong to the Pipfile

Pipenv's own categories do not bind each other; see setup/decisions/0001-one-lock-for-all-parts.md.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from setup.native.install import tool
from setup.requirements import CATEGORIES, LOCK, LOCK_NAMES, OPTIONAL

ROOT = LOCK.parent
TOGETHER = (*CATEGORIES, *OPTIONAL)
SEPARATE = ("tools", "supply_chain")  # each in an environment of its own, so resolved apart


def main(arguments: list[str]) -> int:
    """Write the lock, or with --check compare it; returns the exit code."""
    pipfile = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
    if "--check" in arguments:
        return check(pipfile)
    upgrade = "--upgrade" in arguments or not LOCK.exists()
    present = {} if upgrade else json.loads(LOCK.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        lock = resolve(pipfile, Path(folder), present)
    LOCK.write_text(json.dumps(lock, indent=4) + "\n", encoding="utf-8")
    subprocess.run([tool("pipenv"), "verify"], cwd=ROOT, check=True)
    print(f"{LOCK.name}: " + ", ".join(f"{k} {len(v)}" for k, v in lock.items() if k != "_meta"))
    return 0


def check(pipfile: dict) -> int:
    """0 when the lock has the Pipfile's hash, else 1 after printing the command to run."""
    locked_hash = json.loads(LOCK.read_text(encoding="utf-8"))["_meta"]["hash"]["sha256"]
    if locked_hash == pipfile_hash(pipfile):
        return 0
    print("Pipfile.lock does not belong to this Pipfile: run `make lock`", file=sys.stderr)
    return 1


def resolve(pipfile: dict, folder: Path, present: dict) -> dict:
    """The whole lock: each category's packages with hashes, at the versions of the union of all.

    present: a lock whose versions are kept where they fit.
    """
    specifiers = {
        category: [_specifier(n, v) for n, v in pipfile[category].items()] for category in TOGETHER
    }
    union = compile_(
        sorted({line for lines in specifiers.values() for line in lines}),
        folder,
        pins_of(present, TOGETHER),
    )
    pins = [f"{name}{entry['version']}" for name, entry in union.items()]
    lock = {"_meta": _meta(pipfile)}
    for category in TOGETHER:
        lock_name = LOCK_NAMES.get(category, category)
        lock[lock_name] = compile_(specifiers[category], folder, constraints=pins)
    for category in SEPARATE:
        lines = [_specifier(n, v) for n, v in pipfile[category].items()]
        lock[category] = compile_(lines, folder, pins_of(present, (category,)))
    return lock


def compile_(
    specifiers: list[str], folder: Path, preferred: list[str] = (), constraints: list[str] = ()
) -> dict[str, dict]:
    """Resolve with uv: keep the `preferred` versions where they fit, enforce the `constraints`."""
    in_file, bounds, out_file = folder / "in.txt", folder / "bound.txt", folder / "out.txt"
    in_file.write_text("\n".join(specifiers), encoding="utf-8")
    bounds.write_text("\n".join(constraints), encoding="utf-8")
    out_file.write_text("\n".join(preferred), encoding="utf-8")
    uv = os.environ.get("UV") or str(tool("uv"))
    files = [in_file, "-c", bounds, "-o", out_file]
    command = [uv, "pip", "compile", *files, "--python-version", "3.11"]
    options = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    return parse(out_file.read_text(encoding="utf-8"))


def parse(compiled: str) -> dict[str, dict]:
    """uv's `name==version ; markers --hash=…` blocks as Pipfile.lock entries."""
    entries = {}
    for block in re.split(r"\n(?=\S)", compiled.strip()):
        head, *hashes = re.split(r"\s*\\?\s*--hash=", block.strip())
        name, version, markers = re.match(
            r"([\w.-]+)(?:\[[^]]*\])?(==[^\s;]+)(?:\s*;\s*(.+?))?\s*\\?$", head
        ).groups()
        entry = {"hashes": sorted(hashes), "index": "pypi", "version": version}
        entries[name] = entry | ({"markers": markers} if markers else {})
    return entries


def pins_of(lock: dict, categories: tuple[str, ...]) -> list[str]:
    """The locked versions of some categories as requirements; a new category is in no lock yet."""
    locked = [lock.get(LOCK_NAMES.get(category, category), {}) for category in categories]
    versions = {name: entry["version"] for packages in locked for name, entry in packages.items()}
    return [f"{name}{version}" for name, version in versions.items()]


def pipfile_hash(pipfile: dict) -> str:
    """The hash that `pipenv verify` compares (Pipfile.get_hash of plette)."""
    not_categories = {
        "source",
        "packages",
        "dev-packages",
        "requires",
        "scripts",
        "pipfile",
        "pipenv",
    }
    content = {
        "_meta": {"sources": pipfile["source"], "requires": pipfile["requires"]},
        "default": pipfile["packages"],
        "develop": pipfile["dev-packages"],
    } | {name: values for name, values in pipfile.items() if name not in not_categories}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _meta(pipfile: dict) -> dict:
    return {
        "hash": {"sha256": pipfile_hash(pipfile)},
        "pipfile-spec": 6,
        "requires": pipfile["requires"],
        "sources": pipfile["source"],
    }


def _specifier(name: str, version: str | dict) -> str:
    """A Pipfile entry, `"==1.0"` or `{extras = ["s3"], version = "*"}`, as a requirement."""
    if isinstance(version, dict):
        name, version = f"{name}[{','.join(version['extras'])}]", version["version"]
    return name if version == "*" else f"{name}{version}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
