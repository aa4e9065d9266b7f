"""Write Pipfile.lock: resolve all categories together with uv, then each one within that result.

    python -m setup.lock            keep the locked versions that still fit the Pipfile
    python -m setup.lock --upgrade  take the newest ones
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

from setup.requirements import LOCK, LOCK_NAMES, PARTS

ROOT = LOCK.parent
SEPARATE = ("tools",)  # has an environment of its own, so it is not resolved with the others


def main(arguments: list[str]) -> int:
    """Write the lock, or with --check compare it; returns the exit code."""
    pipfile = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
    if "--check" in arguments:
        return check(pipfile)
    keep = {} if "--upgrade" in arguments else locked_versions()
    with tempfile.TemporaryDirectory() as folder:
        lock = resolve(pipfile, Path(folder), keep)
    LOCK.write_text(json.dumps(lock, indent=4) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: " + ", ".join(f"{k} {len(v)}" for k, v in lock.items() if k != "_meta"))
    return 0


def check(pipfile: dict) -> int:
    """0 when the lock carries the Pipfile's hash, else 1 with a line that says what to run."""
    written = json.loads(LOCK.read_text(encoding="utf-8"))["_meta"]["hash"]["sha256"]
    if written == pipfile_hash(pipfile):
        return 0
    print("Pipfile.lock does not belong to this Pipfile: run `make lock`", file=sys.stderr)
    return 1


def resolve(pipfile: dict, folder: Path, keep: dict[str, str]) -> dict:
    """The whole lock: each category's packages with hashes, pinned as in the union of all."""
    wanted = {part: [_specifier(n, v) for n, v in pipfile[part].items()] for part in PARTS}
    preferred = [f"{name}{version}" for name, version in keep.items()]
    union = compile_(
        sorted({line for lines in wanted.values() for line in lines}), folder, preferred
    )
    pins = [f"{name}{entry['version']}" for name, entry in union.items()]
    lock = {"_meta": _meta(pipfile)}
    for part in PARTS:
        lock[LOCK_NAMES.get(part, part)] = compile_(wanted[part], folder, constraints=pins)
    for part in SEPARATE:
        lock[part] = compile_([_specifier(n, v) for n, v in pipfile[part].items()], folder, [])
    return lock


def compile_(
    wanted: list[str], folder: Path, preferred: list[str] = (), constraints: list[str] = ()
) -> dict[str, dict]:
    """Resolve `wanted` with uv; `preferred` versions are kept if they fit, `constraints` must."""
    given, bound, out = folder / "in.txt", folder / "bound.txt", folder / "out.txt"
    given.write_text("\n".join(wanted), encoding="utf-8")
    bound.write_text("\n".join(constraints), encoding="utf-8")
    out.write_text("\n".join(preferred), encoding="utf-8")
    uv = os.environ.get("UV", str(ROOT / ".local/tools/bin/uv"))
    command = [uv, "pip", "compile", given, "-c", bound, "-o", out, "--python-version", "3.11"]
    options = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    return parse(out.read_text(encoding="utf-8"))


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


def locked_versions() -> dict[str, str]:
    """Versions of the present lock, {} when there is none."""
    if not LOCK.exists():
        return {}
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    # A part that is new in the Pipfile is not in the present lock yet.
    parts = [LOCK_NAMES.get(part, part) for part in PARTS]
    return {name: entry["version"] for part in parts for name, entry in lock.get(part, {}).items()}


def pipfile_hash(pipfile: dict) -> str:
    """The hash `pipenv verify` compares (plette's Pipfile.get_hash)."""
    known = {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv"}
    content = {
        "_meta": {"sources": pipfile["source"], "requires": pipfile["requires"]},
        "default": pipfile["packages"],
        "develop": pipfile["dev-packages"],
    } | {name: values for name, values in pipfile.items() if name not in known}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _meta(pipfile: dict) -> dict:
    return {
        "hash": {"sha256": pipfile_hash(pipfile)},
        "pipfile-spec": 6,
        "requires": pipfile["requires"],
        "sources": pipfile["source"],
    }


def _specifier(name: str, wanted: str | dict) -> str:
    """A Pipfile entry, `"==1.0"` or `{extras = ["s3"], version = "*"}`, as a requirement."""
    if isinstance(wanted, dict):
        name, wanted = f"{name}[{','.join(wanted['extras'])}]", wanted["version"]
    return name if wanted == "*" else f"{name}{wanted}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
