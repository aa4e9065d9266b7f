"""The limits that keep every folder of code readable.

    python -m setup.check_rooms

Prints one line per problem, with what to do about it, and exits with status 1 if there is one.
Only the standard library.
"""

import ast
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ("src", "service", "airflow/dags", "streamlit", "evidently_service", "benchmarks", "setup")
TESTS = ("unit_tests", "integration_tests")
MODULES_IN_CODE, MODULES_IN_TESTS = 12, 16
ROWS_IN_A_LAYER_LIST = 10


def main() -> int:
    """Check the repository; 1 if there is a problem."""
    sentences = problems(ROOT)
    sys.stdout.writelines(f"{sentence}\n" for sentence in sentences)
    return int(bool(sentences))


def problems(root: Path) -> list[str]:
    """Everything under `root` that breaks a limit, in words."""
    return [
        *_full_folders(root, CODE, MODULES_IN_CODE),
        *_full_folders(root, TESTS, MODULES_IN_TESTS),
        *_init_files_with_code(root),
        *_layer_lists(root / "pyproject.toml"),
    ]


def _full_folders(root: Path, tops: tuple[str, ...], limit: int) -> Iterator[str]:
    modules = (path for path in _python_files(root, tops) if path.name != "__init__.py")
    for folder, count in sorted(Counter(path.parent for path in modules).items()):
        if count > limit:
            yield (
                f"{folder.relative_to(root)}: {count} modules, at most {limit} are allowed; "
                "move those that change together into a folder of their own"
            )


def _init_files_with_code(root: Path) -> Iterator[str]:
    for path in _python_files(root, (*CODE, *TESTS)):
        if path.name != "__init__.py":
            continue
        statements = ast.parse(path.read_bytes()).body
        if ast.get_docstring(ast.Module(statements, [])) is not None:
            statements = statements[1:]
        if statements:
            yield (
                f"{path.relative_to(root)}:{statements[0].lineno}: an __init__.py may hold one "
                "docstring only; move this code into a module and import it from there"
            )


def _layer_lists(path: Path) -> Iterator[str]:
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        name, rows = contract["name"], contract.get("layers", [])
        if len(rows) > ROWS_IN_A_LAYER_LIST:
            yield (
                f"{path.name}: {name!r} has {len(rows)} layers, at most {ROWS_IN_A_LAYER_LIST} "
                "are allowed; put rooms that do not import each other into the same row"
            )
        if contract.get("ignore_imports"):
            yield (
                f"{path.name}: {name!r} has ignore_imports; remove the exception and move the "
                "imported code to a lower room"
            )


def _python_files(root: Path, tops: tuple[str, ...]) -> list[Path]:
    return sorted(path for top in tops for path in (root / top).rglob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
