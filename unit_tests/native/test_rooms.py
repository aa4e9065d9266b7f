"""`python -m setup.check_rooms` accepts this repository and names what breaks a limit elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from setup import check_rooms

CONTRACT = """[[tool.importlinter.contracts]]
name = "layers of the service"
layers = {layers}
"""


@pytest.fixture(name="root")
def fixture_root(tmp_path) -> Path:
    """A repository that keeps every limit, each only just."""
    add_modules(tmp_path / "service" / "routes", 12)
    add_modules(tmp_path / "unit_tests" / "service", 16)
    (tmp_path / "service" / "routes" / "__init__.py").write_text('"""Routes."""\n', "utf-8")
    write_layers(tmp_path, 10)
    return tmp_path


def add_modules(folder: Path, count: int) -> None:
    """So many modules in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"module_{number}.py").touch()


def write_layers(root: Path, rows: int, more: str = "") -> None:
    """A pyproject.toml with one layer list."""
    layers = [f"room_{number}" for number in range(rows)]
    (root / "pyproject.toml").write_text(CONTRACT.format(layers=layers) + more, "utf-8")


def test_this_repository_keeps_the_limits():
    assert check_rooms.problems(check_rooms.ROOT) == []


def test_12_modules_16_test_modules_and_10_layers_are_allowed(root):
    assert check_rooms.problems(root) == []


@pytest.mark.parametrize(
    "folder, count, limit",
    [
        ("service/routes", 13, 12),
        ("src/vehicle_price/storage", 13, 12),
        ("unit_tests/service", 17, 16),
        ("integration_tests", 17, 16),
    ],
)
def test_a_folder_with_one_module_more_is_named_with_what_to_do(root, folder, count, limit):
    add_modules(root / folder, count)
    (problem,) = check_rooms.problems(root)
    assert problem.startswith(f"{folder}: {count} modules, at most {limit} are allowed")
    assert "move those that change together into a folder" in problem


@pytest.mark.parametrize(
    "code, line", [("import os\n", 1), ('"""Routes."""\n\nfrom .predict import x\n', 3)]
)
def test_an_init_file_with_code_is_named_with_its_line(root, code, line):
    (root / "service" / "routes" / "__init__.py").write_text(code, "utf-8")
    (problem,) = check_rooms.problems(root)
    assert problem.startswith(f"service/routes/__init__.py:{line}: ")
    assert "move this code into a module" in problem


def test_an_11th_layer_is_refused(root):
    write_layers(root, 11)
    (problem,) = check_rooms.problems(root)
    assert "'layers of the service' has 11 layers, at most 10" in problem
    assert "into the same row" in problem


def test_an_exception_to_a_layer_list_is_refused(root):
    write_layers(root, 3, 'ignore_imports = ["service.app -> service.http"]\n')
    (problem,) = check_rooms.problems(root)
    assert "ignore_imports" in problem and "lower room" in problem


def test_the_command_prints_each_problem_and_fails(root):
    script = Path(check_rooms.__file__)
    add_modules(root / "service" / "routes", 13)
    (root / "setup").mkdir()
    copied = root / "setup" / script.name
    copied.write_text(script.read_text("utf-8"), "utf-8")
    command = [sys.executable, str(copied)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout.startswith("service/routes: 13 modules")
