"""The linters of Dockerfiles, shell scripts, workflows and compose files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from setup.supply_chain.files import is_shell_script, project_files
from setup.supply_chain.programs import CheckFailed, program, run, words_of


class Linter(NamedTuple):
    """examines: whether a file, with its path from the root, is one of its files.

    command: what examines all of them; their paths are appended.
    """

    examines: Callable[[Path, Path], bool]
    command: Callable[[], Sequence[str]]


def _is_dockerfile(_: Path, path: Path) -> bool:
    return path.name == "Dockerfile" or path.suffix == ".Dockerfile"


def _is_workflow(_: Path, path: Path) -> bool:
    return path.match(".github/workflows/*.yml")


def _is_compose_file(_: Path, path: Path) -> bool:
    return path.match("docker-compose*.yml")


LINTERS = {
    "hadolint": Linter(_is_dockerfile, lambda: [program("hadolint"), "--no-color"]),
    "shellcheck": Linter(
        is_shell_script, lambda: [program("shellcheck"), "--external-sources", "--color=never"]
    ),
    # It hands the commands in the workflows to shellcheck.
    "actionlint": Linter(
        _is_workflow,
        lambda: [
            program("actionlint"),
            *("-no-color", "-shellcheck", program("shellcheck"), "-pyflakes", ""),
        ],
    ),
    "zizmor": Linter(
        _is_workflow, lambda: [program("zizmor"), "--offline", "--no-progress", "--quiet"]
    ),
    "check-jsonschema": Linter(
        _is_compose_file,
        lambda: [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"],
    ),
}


def lint(name: str, root: Path) -> int:
    """How many files of the project in `root` the linter has examined. Raises CheckFailed."""
    linter = LINTERS[name]
    files = [path for path in project_files(root) if linter.examines(root, path)]
    if not files:
        raise CheckFailed(f"{name}: there is no file to examine in {root}")
    answer = run(*linter.command(), *files, folder=root)
    if answer.returncode:
        raise CheckFailed(f"{name}:\n{words_of(answer)}")
    return len(files)
