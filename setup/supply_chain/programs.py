"""The checking programs, each of a pinned version: from the lock's category, or built by Go."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from setup.native.environment import ROOT
from setup.native.install import make_venv, requirements_file, tool

FOLDER = ROOT / ".local" / "supply_chain"
VENV = FOLDER / "venv"
CATEGORY = "supply_chain"  # of Pipfile and lock; its packages do not fit into .venv
# Go checks what it fetches against the public checksum database.
GO_PROGRAMS = {
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
    "osv-scanner": "github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.2.4",
}
GO_SECONDS = 900


class CheckFailed(RuntimeError):
    """A check found something, or examined nothing; the message says what."""


class MissingProgram(CheckFailed):
    """A program is not here and cannot be installed."""


def program(name: str) -> str:
    """The path of a program, installed if it is missing. Raises MissingProgram."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in two processes
        if name in GO_PROGRAMS:
            return str(_go_program(name))
        _install_category()
    return str(VENV / "bin" / name)


def run(
    *command: str | Path,
    folder: Path = ROOT,
    environ: Mapping[str, str] | None = None,
    seconds: float = 600,
) -> subprocess.CompletedProcess[str]:
    """A command that has ended, with its output. Raises CheckFailed if it does not end."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1", **(environ or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckFailed(f"{Path(words[0]).name} has not ended after {seconds:.0f} s") from error


def words_of(answer: subprocess.CompletedProcess[str]) -> str:
    """All that a command printed."""
    return f"{answer.stdout}\n{answer.stderr}".strip()


def _install_category() -> None:
    with requirements_file(CATEGORY) as requirements:
        wanted = hashlib.sha256(Path(requirements.name).read_bytes()).hexdigest()
        stamp = VENV / ".installed"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        print("Installing the programs of setup/supply_chain (once, 10 s) …", flush=True)
        make_venv(VENV, "--without-pip")
        options = ["--require-hashes", "--quiet", "--python", VENV / "bin/python"]
        answer = run(tool("uv"), "pip", "sync", *options, requirements.name)
    if answer.returncode:
        raise MissingProgram(f"the packages of {CATEGORY} cannot be installed: {words_of(answer)}")
    stamp.write_text(wanted, encoding="utf-8")


def _go_program(name: str) -> Path:
    source = GO_PROGRAMS[name]
    path = FOLDER / "bin" / f"{name}-{source.rpartition('@')[2]}"
    if path.exists():
        return path
    if not shutil.which("go"):
        raise MissingProgram(f"{name} is built by Go 1.24 or newer: https://go.dev/doc/install")
    print(f"Building {source} (once, up to some minutes) …", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        answer = run("go", "install", source, environ={"GOBIN": folder}, seconds=GO_SECONDS)
        if answer.returncode:
            raise MissingProgram(f"{source} cannot be built: {words_of(answer)}")
        (Path(folder) / name).rename(path)
    return path
