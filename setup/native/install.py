"""Make `.venv` from Pipfile.lock, hashes enforced; quick when nothing changed.

    python3.11 -m setup.native.install

Only the standard library. uv, which installs the rest, gets an environment of its own.
"""

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".local" / "tools"
STAMP = VENV / ".installed"
INPUTS = ("Pipfile.lock", "pyproject.toml")


def main() -> None:
    """Install what is missing and say how long it took."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    began = time.monotonic()
    print("Installing the locked packages into .venv (about half a minute) …", flush=True)
    uv = tools() / "uv"
    make_venv(VENV)
    with requirements_file() as listed:
        options = ["--require-hashes", "--quiet", "--python", VENV / "bin/python"]
        _run(uv, "pip", "sync", *options, listed.name)
    editable = ["--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT]
    _run(uv, "pip", "install", "--python", VENV / "bin/python", *editable)
    STAMP.write_text(wanted, encoding="utf-8")
    print(f"Environment ready in {time.monotonic() - began:.0f} s", flush=True)


def fingerprint() -> str:
    """Changes when the lock, the project's metadata, its place or the Python does."""
    content = b"".join((ROOT / name).read_bytes() for name in INPUTS)
    return hashlib.sha256(content + f"{ROOT} {sys.version}".encode()).hexdigest()


def tools() -> Path:
    """The folder with uv and pipenv in it, installed from the lock's category `tools`."""
    if not (TOOLS / "bin" / "uv").exists():
        make_venv(TOOLS)
        with requirements_file("tools") as listed:
            options = ["--require-hashes", "--disable-pip-version-check", "--quiet"]
            _run(TOOLS / "bin/python", "-m", "pip", "install", *options, "-r", listed.name)
    return TOOLS / "bin"


def make_venv(folder: Path) -> None:
    """A virtual environment of the Python that runs this, anew when there is another in it."""
    if not (folder / "bin" / "python").exists():
        _run(sys.executable, "-m", "venv", "--clear", folder)


def requirements_file(*categories: str):
    """An open temporary file with the locked requirements of `categories` (default: all)."""
    command = [sys.executable, ROOT / "setup" / "requirements.py", *categories]
    lines = subprocess.run(command, check=True, capture_output=True).stdout
    file = tempfile.NamedTemporaryFile(suffix=".txt")  # pylint: disable=consider-using-with
    file.write(lines)
    file.flush()
    return file


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], check=False)
    if done.returncode:
        sys.exit(f"This failed, its reason is above: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
