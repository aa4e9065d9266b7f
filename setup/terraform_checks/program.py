"""Terraform as a program: where it is, where its provider is, what a command answered."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

PLUGIN_DIR = "/opt/tf-plugins"  # where continuous integration keeps providers
MINIMUM = (1, 11)
COMMAND_SECONDS = 600


class CheckFailed(RuntimeError):
    """A check failed; the message says which and what was answered."""


def problem(environ: Mapping[str, str] = os.environ) -> str:
    """Why the checks cannot run here, '' if they can."""
    if not shutil.which("terraform"):
        return "terraform is not installed: https://developer.hashicorp.com/terraform/install"
    answer = subprocess.run(
        ["terraform", "version", "-json"], capture_output=True, check=False, env=_environ(environ)
    )
    version = json.loads(answer.stdout or b"{}").get("terraform_version", "0.0")
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < MINIMUM:
        return f"terraform is {version}; 1.11 or newer is needed"
    folder = environ.get("TF_PLUGIN_DIR", "")
    if folder and not list(Path(folder).glob("**/terraform-provider-aws*")):
        return f"TF_PLUGIN_DIR={folder} holds no AWS provider; unset it to ask the registry"
    return ""


def plugin_options(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The option of `terraform init` that names a folder of providers; none: the registry."""
    folder = environ.get("TF_PLUGIN_DIR") or (PLUGIN_DIR if Path(PLUGIN_DIR).is_dir() else "")
    return [f"-plugin-dir={folder}"] if folder else []


class Terraform:
    """Terraform in one folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._environ = _environ({**os.environ, **environ})

    def run(self, *words: str, expected: int = 0) -> str:
        """What a command prints. Raises CheckFailed if it ends with another status."""
        command = ["terraform", f"-chdir={self.folder}", *words]
        try:
            answer = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                env=self._environ,
                timeout=COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            name = f"terraform {words[0]} in {self.folder.name}"
            raise CheckFailed(f"{name} has not ended after {COMMAND_SECONDS} s") from error
        if answer.returncode != expected:
            text = f"{answer.stdout}\n{answer.stderr}".strip()
            raise CheckFailed(f"terraform {' '.join(words)} in {self.folder.name}:\n{text}")
        return answer.stdout

    def resources(self) -> list[str]:
        """The managed resources in the state."""
        lines = self.run("state", "list").split("\n")
        return [line for line in lines if line and not re.search(r"(^|\.)data\.", line)]


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    # Its own configuration of the command line would name other mirrors and credentials.
    own = {"TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    return {**environ, **own, "CHECKPOINT_DISABLE": "1"}
