"""The preflight finds what would make the start fail, and says what to do about it."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from setup.native import preflight

PORTS = tuple(f"{name}_port" for name in preflight.PORTS)


@pytest.mark.enable_socket  # it listens on the loopback address and talks to nobody
def test_a_taken_port_is_reported_with_its_holder_and_the_setting_to_change():
    with socket.create_server(("127.0.0.1", 0)) as server:
        used_port = server.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed_server:
            free_port = closed_server.getsockname()[1]
        ports = dict.fromkeys(PORTS, free_port) | {"airflow_port": used_port}
        hosts = {name.replace("_port", "_bind_host"): "127.0.0.1" for name in PORTS}
        problems = preflight.port_problems(SimpleNamespace(**hosts, **ports))
    assert len(problems) == 1
    assert f"Port {used_port} is taken by" in problems[0]
    assert f"(pid {os.getpid()})" in problems[0]
    assert f"make build AIRFLOW_PORT={used_port + 1000}" in problems[0]


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 12, 0), (2, 7, 18)])
def test_another_python_is_reported_with_how_to_install_the_right_one(version):
    (problem,) = preflight.python_problems(version)
    assert f"{version[0]}.{version[1]}" in problem
    assert "python3.11-venv" in problem


def test_python_3_11_is_accepted():
    assert not preflight.python_problems((3, 11, 2))


def test_too_little_memory_and_disk_are_reported_in_gigabytes():
    (memory,) = preflight.memory_problems(3 * 2**30)
    (disk,) = preflight.disk_problems(1 * 2**30)
    assert memory.startswith("3.0 GB of memory are available, 4 are needed")
    assert disk.startswith("1.0 GB of disk are free, 4 are needed")


def test_enough_memory_and_disk_are_no_problem():
    assert not preflight.memory_problems(4 * 2**30)
    assert not preflight.disk_problems(4 * 2**30)


def test_a_folder_too_deep_for_a_socket_is_reported(tmp_path):
    assert preflight.path_problems(tmp_path / ("x" * 100))
    assert not preflight.path_problems(Path("/short"))


def test_a_port_that_is_no_number_is_a_problem_and_not_a_crash(monkeypatch):
    monkeypatch.setenv("SERVICE_PORT", "many")
    assert any("SERVICE_PORT='many'" in problem for problem in preflight.problems())


def test_all_problems_are_reported_at_once(monkeypatch, capsys):
    monkeypatch.setattr(preflight, "problems", lambda: ["No memory. Buy some.", "No disk. Too."])
    assert preflight.main() == 1
    assert capsys.readouterr().err.count("No ") == 2
