"""Prometheus and Grafana start where they are installed, with this installation's addresses."""

import os
import re
import socket
from pathlib import Path

import pytest
import yaml

from setup.native import observability
from setup.native.environment import settings_from

PROVISIONING = observability.FILES / "grafana" / "provisioning"


@pytest.fixture(name="settings")
def _settings(tmp_path):
    # Port 0 is always free.
    ports = {"PROMETHEUS_PORT": "0", "GRAFANA_PORT": "0", "SERVICE_PORT": "5999"}
    return settings_from({"LOCAL_DIR": str(tmp_path), "ENV_FILE": str(tmp_path / ".env"), **ports})


@pytest.fixture(name="install")
def _install(tmp_path, monkeypatch):
    """A function that makes programs, and only these are found."""
    programs = tmp_path / "grafana-11" / "bin"
    programs.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(programs))

    def install(*names):
        for name in names:
            (programs / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (programs / name).chmod(0o755)
        (programs.parent / "conf").mkdir(exist_ok=True)
        (programs.parent / "conf" / "defaults.ini").touch()

    return install


@pytest.mark.enable_socket  # it looks whether ports of the loopback address are free
def test_programs_that_are_missing_are_named_and_not_started(settings, install):
    install()
    assert [line.split()[0] for line in observability.missing()] == ["prometheus", "grafana"]
    assert any("page Monitoring" in line for line in observability.missing())
    assert not observability.startable(settings)
    assert not observability.can_run("grafana") and observability.can_run("service")
    install("grafana-server")
    assert observability.startable(settings) == ["grafana"]
    assert [line.split()[0] for line in observability.missing()] == ["prometheus"]


@pytest.mark.enable_socket  # it listens on the loopback address and talks to nobody
def test_a_taken_port_is_named_with_the_setting_to_change(tmp_path, install):
    install("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environ = {"PROMETHEUS_PORT": str(port), "LOCAL_DIR": str(tmp_path)}
        settings = settings_from(environ | {"ENV_FILE": str(tmp_path / ".env")})
        assert not observability.startable(settings)
        ((name, sentence),) = observability.taken_ports(settings)
    assert name == "prometheus" and f"PROMETHEUS_PORT={port + 1000}" in sentence
    assert f"port {port} is taken by" in sentence and f"(pid {os.getpid()})" in sentence


def test_prometheus_scrapes_this_installation_with_the_rules_of_the_repository(settings, install):
    install("prometheus")
    command = observability.prometheus(settings)
    file = next(part for part in command if part.startswith("--config.file=")).partition("=")[2]
    configuration = yaml.safe_load(Path(file).read_text("utf-8"))
    (job,) = configuration["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:5999"]}]
    assert configuration["rule_files"] == [str(observability.FILES / "prometheus" / "rules.yml")]
    assert "--web.listen-address=127.0.0.1:0" in command


def test_a_changed_configuration_that_cannot_be_filled_in_is_an_error():
    with pytest.raises(ValueError, match="expected 'b' once, found it 2 times"):
        observability._replaced("a b b", "b", "c")  # pylint: disable=protected-access


def test_grafana_gets_the_files_and_every_variable_that_they_name(settings, install):
    install("grafana")
    command = observability.grafana(settings)
    assert command[1:3] == ["server", "--homepath"] and command[3].endswith("grafana-11")
    variables = observability.grafana_environment(settings)
    text = "".join(path.read_text("utf-8") for path in PROVISIONING.glob("*/*.yaml"))
    named = set(re.findall(r"\$\{(\w+)\}", text))
    assert len(named) > 5 and named <= set(variables)
    assert Path(variables["GRAFANA_DASHBOARDS_DIR"], "overview.json").exists()
    assert variables["GRAFANA_DATABASE_USER"] == "grafana"


def test_grafana_without_a_receiver_starts_and_says_so(settings, install, capsys):
    """A contact point without an address keeps Grafana from starting."""
    install("grafana-server")
    assert observability.grafana(settings)[1] == "--homepath"
    copied = Path(settings.local_dir) / "grafana" / "provisioning" / "alerting"
    assert [path.name for path in copied.iterdir()] == ["rules.yaml"]
    assert "GRAFANA_ALERT_ADDRESS is not set" in capsys.readouterr().out


def test_grafana_with_a_receiver_has_contact_point_and_policies(tmp_path, install):
    install("grafana")
    environ = {"LOCAL_DIR": str(tmp_path), "GRAFANA_ALERT_ADDRESS": "https://example.org/hook"}
    observability.grafana(settings_from(environ | {"ENV_FILE": str(tmp_path / ".env")}))
    copied = tmp_path / "grafana" / "provisioning" / "alerting"
    assert {path.name for path in copied.iterdir()} == {
        path.name for path in (PROVISIONING / "alerting").iterdir()
    }


def test_a_program_that_supervisord_cannot_find_is_named(settings, install):
    install()
    environ = {"LOCAL_DIR": settings.local_dir, "PATH": "/nowhere"}
    with pytest.raises(SystemExit, match="grafana is not on PATH=/nowhere"):
        observability.main(["grafana"], environ)


def test_grafana_without_its_own_files_is_named(settings, tmp_path, install):
    install("grafana")
    (tmp_path / "grafana-11" / "conf" / "defaults.ini").unlink()
    with pytest.raises(SystemExit, match="no conf/defaults.ini"):
        observability.grafana(settings)
