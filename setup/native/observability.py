"""Prometheus and Grafana with the files of evidently_service/, on machines that have them.

    python -m setup.native.observability prometheus|grafana

is what supervisord runs. It ends in exec. Neither program is part of `make install`; see
setup/grafana.md.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from setup.native.environment import ROOT, secret, settings_from
from setup.native.preflight import port_is_free, port_user
from vehicle_price.atomic_files import replace_file
from vehicle_price.settings import Settings

FILES = ROOT / "evidently_service"
PROGRAMS = {"prometheus": ("prometheus",), "grafana": ("grafana", "grafana-server")}
WITHOUT = {  # where people look instead
    "prometheus": "GET /metrics has the counters without history",
    "grafana": "Streamlit's page Monitoring has its figures",
}
HOME_PATHS = ("/usr/share/grafana", "/opt/grafana")  # of packages; archives have it beside bin/
# Grafana does not start with a contact point that has no address.
NEED_A_RECEIVER = ("contact-points.yaml", "policies.yaml")


def binary(name: str) -> str | None:
    """Path of Prometheus or Grafana; None where it is not installed."""
    found = (shutil.which(program) for program in PROGRAMS[name])
    return next((path for path in found if path), None)


def can_run(program: str) -> bool:
    """Whether supervisord could start a program: all but those of these that are missing."""
    return program not in PROGRAMS or bool(binary(program))


def startable(settings: Settings) -> list[str]:
    """Those that are installed and whose port is free."""
    return [name for name in PROGRAMS if binary(name) and _port_is_free(settings, name)]


def missing() -> Iterator[str]:
    """A sentence about each one that is not installed."""
    for name in PROGRAMS:
        if not binary(name):
            yield f"{name:<24} not installed; {WITHOUT[name]} (setup/grafana.md)"


def taken_ports(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name, and a sentence, of each one that is installed and whose port another process uses."""
    for name in PROGRAMS:
        if binary(name) and not _port_is_free(settings, name):
            port = _port(settings, name)
            user = f" by {port_user(port)}" if port_user(port) else ""
            setting = f"{name.upper()}_PORT={port + 1000}"
            yield name, f"{name} does not start: port {port} is taken{user}. make build {setting}"


def prometheus(settings: Settings) -> list[str]:
    """Write the configuration with this installation's addresses; the command."""
    folder = Path(settings.local_dir) / "prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "prometheus.yml"
    text = (FILES / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    text = _replaced(text, "127.0.0.1:5000", settings.service_url.partition("://")[2])
    text = _replaced(text, "- rules.yml", f"- {FILES / 'prometheus' / 'rules.yml'}")
    replace_file(configuration, text.encode())
    return [
        str(binary("prometheus")),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address={settings.prometheus_bind_host}:{settings.prometheus_port}",
    ]


def grafana(settings: Settings) -> list[str]:
    """Copy the provisioning files that can be used; the command. Raises SystemExit without
    Grafana's own files."""
    provisioning = Path(settings.local_dir) / "grafana" / "provisioning"
    shutil.rmtree(provisioning, ignore_errors=True)
    without = () if settings.grafana_alert_address else NEED_A_RECEIVER
    shutil.copytree(
        FILES / "grafana" / "provisioning", provisioning, ignore=shutil.ignore_patterns(*without)
    )
    if without:
        print("GRAFANA_ALERT_ADDRESS is not set: alerts are shown, and sent to nobody", flush=True)
    program = str(binary("grafana"))
    server = [program] if Path(program).name == "grafana-server" else [program, "server"]
    return [*server, "--homepath", _home_path(program)]


def grafana_environment(settings: Settings) -> dict[str, str]:
    """The variables of Grafana, and of its provisioning files."""
    local = Path(settings.local_dir)
    return {
        "GF_SERVER_HTTP_ADDR": settings.grafana_bind_host,
        "GF_SERVER_HTTP_PORT": str(settings.grafana_port),
        "GF_PATHS_DATA": str(local / "grafana" / "data"),
        "GF_PATHS_LOGS": str(local / "grafana" / "logs"),
        "GF_PATHS_PLUGINS": str(local / "grafana" / "plugins"),
        "GF_PATHS_PROVISIONING": str(local / "grafana" / "provisioning"),
        "GF_SECURITY_ADMIN_PASSWORD": secret(local, "grafana_admin_password"),
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GRAFANA_DASHBOARDS_DIR": str(FILES / "grafana" / "dashboards"),
        "GRAFANA_DATABASE_ADDRESS": f"127.0.0.1:{settings.postgres_port}",
        "GRAFANA_DATABASE_NAME": "vehicle_price",
        "GRAFANA_DATABASE_USER": "grafana",
        "GRAFANA_DATABASE_PASSWORD": secret(local, "grafana_password"),
        "GRAFANA_PROMETHEUS_URL": f"http://127.0.0.1:{settings.prometheus_port}",
        "GRAFANA_ALERT_TYPE": settings.grafana_alert_type,
        "GRAFANA_ALERT_ADDRESS": settings.grafana_alert_address,
    }


def main(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Replace this process by the program."""
    settings = settings_from(environ)
    (name,) = arguments
    if not binary(name):  # this PATH is the one that supervisord was started with
        sys.exit(f"{name} is not on PATH={environ.get('PATH')}; after a change: make stop build")
    if not _port_is_free(settings, name):
        sys.exit(dict(taken_ports(settings))[name])
    if name == "prometheus":
        command, variables = prometheus(settings), {}
    else:
        command, variables = grafana(settings), grafana_environment(settings)
    os.execvpe(command[0], command, {**environ, **variables})


def _port(settings: Settings, name: str) -> int:
    return int(getattr(settings, f"{name}_port"))


def _port_is_free(settings: Settings, name: str) -> bool:
    return port_is_free(getattr(settings, f"{name}_bind_host"), _port(settings, name))


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"prometheus.yml: expected {old!r} once, found it {text.count(old)} times")
    return text.replace(old, new)


def _home_path(program: str) -> str:
    """The folder with Grafana's pages and defaults."""
    candidates = [Path(program).resolve().parents[1], *map(Path, HOME_PATHS)]
    for folder in candidates:
        if (folder / "conf" / "defaults.ini").exists():
            return str(folder)
    looked_in = ", ".join(map(str, candidates))
    sys.exit(f"{program}: no conf/defaults.ini in {looked_in}; reinstall Grafana")


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
