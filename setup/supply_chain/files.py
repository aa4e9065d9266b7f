"""The files of the project: what git has, and what it does not ignore."""

from pathlib import Path

from setup.supply_chain.programs import CheckFailed, run, words_of


def project_files(root: Path) -> list[Path]:
    """Paths from `root`, sorted. Raises CheckFailed outside of a git checkout."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=root)
    if listed.returncode:
        raise CheckFailed(f"the files of {root} cannot be listed: {words_of(listed)}")
    paths = sorted({Path(name) for name in listed.stdout.split("\0") if name})
    return [path for path in paths if (root / path).is_file()]  # one may be deleted but not staged


def is_shell_script(root: Path, path: Path) -> bool:
    """Whether a file has the ending of a shell script, or its first line."""
    if path.suffix == ".sh":
        return True
    with (root / path).open("rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.split()[-1].endswith((b"sh",))
