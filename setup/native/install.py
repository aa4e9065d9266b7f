"""Make `.venv` from Pipfile.lock, with hashes; does nothing when nothing has changed.

    python3.11 -m setup.native.install
    python3.11 -m setup.native.install scale   # that optional category as well

Only the standard library. uv, which installs the rest, gets an environment of its own, and so does
Pipenv, which only `make lock` needs.
"""

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".local" / "tools"
STAMP = VENV / ".installed"
WITHOUT_DEPENDENCIES = {"uv": "uv=="}  # the start of the one line that it needs
INPUTS = ("Pipfile.lock", "pyproject.toml")


def main(optional: Sequence[str] = ()) -> None:
    """Install the locked packages unless they are, then the optional categories."""
    _install()
    if optional:
        uv, options = tool("uv"), ["--require-hashes", "--quiet", "--python", VENV / "bin/python"]
        with requirements_file(*optional) as requirements:
            _run(uv, "pip", "install", *options, "--requirements", requirements.name)


def _install() -> None:
    """Install the locked packages unless they are, and print the time it took."""
    inputs_hash = fingerprint()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == inputs_hash:
        return
    started = time.monotonic()
    print("Installing the locked packages into .venv (about half a minute) …", flush=True)
    uv = tool("uv")
    make_venv(VENV, "--without-pip")
    with requirements_file() as requirements:
        options = ["--require-hashes", "--quiet", "--python", VENV / "bin/python"]
        _run(uv, "pip", "sync", *options, requirements.name)
    editable = ["--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT]
    _run(uv, "pip", "install", "--python", VENV / "bin/python", *editable)
    STAMP.write_text(inputs_hash, encoding="utf-8")
    print(f"Environment ready in {time.monotonic() - started:.0f} s", flush=True)


def fingerprint() -> str:
    """A hash of the lock, the project's metadata, its folder and the Python version."""
    content = b"".join((ROOT / name).read_bytes() for name in INPUTS)
    return hashlib.sha256(content + f"{ROOT} {sys.version}".encode()).hexdigest()


def tool(name: str) -> Path:
    """The program uv or pipenv, installed from the lock's category `tools` if it is missing."""
    program = TOOLS / "bin" / name
    if not program.exists():
        make_venv(TOOLS)
        with requirements_file("tools", only=WITHOUT_DEPENDENCIES.get(name, "")) as requirements:
            options = ["--require-hashes", "--disable-pip-version-check", "--quiet"]
            _run(TOOLS / "bin/python", "-m", "pip", "install", *options, "-r", requirements.name)
    return program


def make_venv(folder: Path, *options: str) -> None:
    """Make a virtual environment of the Python that runs this, unless the folder has one."""
    if not (folder / "bin" / "python").exists():
        _run(sys.executable, "-m", "venv", "--clear", *options, folder)


def requirements_file(*categories: str, only: str = ""):
    """An open temporary file with the locked requirements of `categories` (default: all).

    only: the start of the lines to keep.
    """
    command = [sys.executable, ROOT / "setup" / "requirements.py", *categories]
    lines = subprocess.run(command, check=True, capture_output=True).stdout
    file = tempfile.NamedTemporaryFile(suffix=".txt")  # pylint: disable=consider-using-with
    file.writelines(line for line in lines.splitlines(True) if line.startswith(only.encode()))
    file.flush()
    return file


def _run(*command: object) -> None:
    completed = subprocess.run([str(argument) for argument in command], check=False)
    if completed.returncode:
        sys.exit(f"This failed, its reason is above: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main(sys.argv[1:])
