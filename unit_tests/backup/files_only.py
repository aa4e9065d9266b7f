"""An installation of files alone, as the serving side of two hosts has it: real folders and
programs, without a database."""

import os
import shutil
import sys
from pathlib import Path

from setup.backup.commands import Command
from setup.backup.errors import BackupError
from setup.backup.runtimes.installation import Part


class FilesOnly:
    """See setup.backup.runtimes.installation.Installation. fails: whether `start` fails."""

    runtime = "native"
    mlflow_password = "of-the-administrator"
    fernet_key = "of-this-installation"
    way_out = "Move them away"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.databases: tuple[str, ...] = ()
        self.elsewhere: dict[str, str] = {}
        self.parts = {
            "artifacts": Part(str(folder / "artifacts"), elsewhere="s3://bucket/models"),
            "listings": Part(str(folder / "data"), skip=("archive",)),
            "archive": Part(str(folder / "data" / "archive")),
            "keys": Part(str(folder / "secrets"), only=("api_keys.json",)),
        }
        self.done: list[str] = []
        self.fails = False

    def python(self, _part: Part, *words: str) -> Command:
        """See Installation."""
        return Command((sys.executable, *words), dict(os.environ))

    def obstacles(self) -> list[str]:
        """See Installation."""
        return [f"{self.folder}/data exists"] if (self.folder / "data").exists() else []

    def clear(self) -> None:
        """See Installation."""
        self.done.append("clear")
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "secrets" / "api_keys.json").unlink(missing_ok=True)

    def start(self) -> None:
        """See Installation."""
        self.done.append("start")
        if self.fails:
            raise BackupError("PostgreSQL did not start")

    def end(self) -> None:
        """See Installation."""
        self.done.append("end")
