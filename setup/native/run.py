"""Replace this process by a program of the platform, with that program's variables and no others.

    python -m setup.native.run NAME COMMAND…

is what supervisord runs; people may, for a command with the rights of a running program. Variables
may hold secrets, so they are not in supervisord's environment, which all its processes inherit:
`programs.write_environments` keeps those of each program in a file of its own. Only the standard
library, since every program waits for this.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment_file(local: Path, name: str) -> Path:
    """The file with a program's variables, as JSON."""
    return local / "run" / "environments" / f"{name}.json"


def main(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Replace this process. Raises SystemExit for a program without a file."""
    name, *command = arguments
    file = environment_file(Path(environ.get("LOCAL_DIR") or ROOT / ".local"), name)
    try:
        variables = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"{file} is missing; make stop build writes it")
    os.umask(0o077)
    os.environ["PATH"] = variables["PATH"]  # where execvpe looks
    os.execvpe(command[0], command, variables)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
