"""`python -m setup.runtime build|preflight|retrain|status|logs|stop`: choose the runtime, pass on.

Only the standard library: `build` installs what the rest needs.
"""

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

from setup.native import install, preflight

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
OLDEST = (3, 10)  # that can read the settings


def main() -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m setup.runtime", description=__doc__)
    commands = ("build", "preflight", "retrain", "status", "logs", "stop")
    parser.add_argument("command", choices=commands)
    parser.add_argument("--train", action="store_true", help="even if a model is in production")
    arguments = parser.parse_args()
    if sys.version_info < OLDEST:
        print(*preflight.python_problems(), sep="\n", file=sys.stderr)
        return 1
    from setup.runtime import choice

    try:
        if arguments.command in ("build", "preflight"):
            return build(arguments.command == "build", arguments.train)
        return pass_on(arguments.command)
    except choice.WrongRuntime as error:
        print(error, file=sys.stderr)
        return 1


def build(starts: bool, train: bool) -> int:
    """Check the conditions and, if it `starts`, install and hand over."""
    from setup.runtime import choice, interrupted

    if reason := interrupted.problem(os.environ):
        print(reason, file=sys.stderr)
        return 1
    runtime, why = choice.to_build(os.environ)
    print(f"Runtime: {runtime} ({why})", flush=True)
    code = importlib.import_module(f"setup.{runtime}.preflight").main()
    if code or not starts:
        return code
    install.main()
    words = ["build", *(["--train"] * train)]
    return subprocess.call([PYTHON, "-m", f"setup.{runtime}", *words], cwd=ROOT)


def pass_on(command: str) -> int:
    """Run a command in each runtime that it is for; the highest exit code."""
    from setup.runtime import choice

    if not PYTHON.exists():
        print("Nothing runs.")
        return 0
    codes = [
        subprocess.call([PYTHON, "-m", f"setup.{runtime}", command], cwd=ROOT)
        for runtime in choice.of_running(os.environ)
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
