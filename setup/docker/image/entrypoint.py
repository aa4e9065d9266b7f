"""What every container runs first: secrets of the environment into files, then the program.

The settings name files (`API_KEY_FILE`, …), compose hands secrets over as variables (`API_KEY`).
For each variable `X_FILE` whose `X` is set, X is written to that file (mode 0600) and removed from
the environment of the program, and so of its children. Only the standard library; ends in exec, so
that signals reach the program.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

# Both name one file: `AIRFLOW_PASSWORD` alone is not what Airflow reads, {user: password} is.
AIRFLOW_PASSWORD, AIRFLOW_USERNAME = "AIRFLOW_PASSWORD", "AIRFLOW_USERNAME"


def main(command: list[str]) -> None:
    """Write the files and replace this process by `command`."""
    os.umask(0o077)
    environ = write_secrets(os.environ)
    copy_compiled_loops(environ)
    if not command:
        sys.exit("no command: give one, such as `gunicorn -c service/gunicorn.conf.py`")
    os.execvpe(command[0], command, environ)


def write_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without the secrets that now are in the files it names, and without the variables
    that are empty: compose sets those of `.env` that are not there, and boto3 takes them for set.
    """
    remaining = {name: value for name, value in environ.items() if value}
    for name in tuple(remaining):
        variable = name.removesuffix("_FILE")
        if variable == name or not environ.get(variable):
            continue
        write_private(Path(environ[name]), content(variable, environ))
        del remaining[variable]
    return remaining


def content(variable: str, environ: Mapping[str, str]) -> str:
    """What the file of a secret holds. Several addresses are written one on a line."""
    if variable == AIRFLOW_PASSWORD:
        return json.dumps({environ.get(AIRFLOW_USERNAME) or "admin": environ[variable]})
    return "\n".join([*environ[variable].split(), ""])


def write_private(path: Path, text: str) -> None:
    """Write `text` to a file that only this user can read, at no time another one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def copy_compiled_loops(environ: Mapping[str, str]) -> None:
    """Copy the machine code of the build to where it is looked for: numba refuses a folder that it
    cannot write, and the image is read-only."""
    compiled, cache = environ.get("COMPILED_LOOPS"), environ.get("NUMBA_CACHE_DIR")
    if compiled and cache and Path(compiled).is_dir():
        shutil.copytree(compiled, cache, dirs_exist_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
