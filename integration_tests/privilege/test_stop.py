"""`make stop` while a client's request is under way: the service answers it before it ends."""

import json
import os
import socket
import subprocess
import threading
import time
from contextlib import closing, contextmanager

import pytest

from integration_tests.helpers.failure_logs import keep_logs
from integration_tests.helpers.ports import free_ports
from integration_tests.helpers.waiting import answers, wait_until
from setup.native import programs, stack
from setup.native.environment import ROOT, VENV, settings_from
from vehicle_price.schema import EXAMPLE

SUPERVISOR_PATIENCE = 10  # seconds that supervisord leaves a program by default
BODY = json.dumps({k: v for k, v in EXAMPLE.items() if v is not None}).encode()
HEAD = (
    "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode()


@contextmanager
def supervised_service(folder):
    """The service as supervisord.conf starts it, without the rest of the platform."""
    ports = free_ports(len(stack.EVERYTHING) + len(stack.LAST))
    names = ("SERVICE", "MLFLOW", "AIRFLOW", "STREAMLIT", "POSTGRES", "EVIDENTLY")
    environ = os.environ | {f"{n}_PORT": str(p) for n, p in zip(names, ports, strict=False)}
    environ |= {"LOCAL_DIR": str(folder), "ENV_FILE": str(folder / ".env"), "WEB_WORKERS": "1"}
    settings = settings_from(environ)
    for name in ("run", "logs"):
        (folder / name).mkdir()
    programs.write_environments(settings, environ)
    own = programs.supervisor_environment(settings, environ)
    command = [VENV / "bin" / "supervisord", "-c", ROOT / "supervisord.conf"]
    subprocess.run(command, env=own, cwd=ROOT, check=True)
    try:
        wait_until(lambda: stack.is_running(settings))
        stack.launch(settings, "service")
        wait_until(lambda: answers(f"{settings.service_url}/health"))
        yield settings
    finally:
        stack.stop(settings)


@pytest.fixture(name="settings")
def _settings(tmp_path):
    with keep_logs(tmp_path), supervised_service(tmp_path) as settings:
        yield settings


def test_a_slow_request_under_way_is_answered_before_the_service_ends(settings):
    with closing(socket.create_connection(("127.0.0.1", settings.service_port))) as client:
        client.settimeout(60)
        client.sendall(HEAD + BODY[:10])
        time.sleep(1)  # so that the service has begun to read it
        stopping = threading.Thread(target=stack.stop, args=(settings,))
        stopping.start()
        # Longer than supervisord waits by default: with `stopwaitsecs` left out the test fails.
        time.sleep(SUPERVISOR_PATIENCE + 2)
        client.sendall(BODY[10:])
        with client.makefile("rb") as file:
            answer = file.read()  # until the service closes the connection
        stopping.join()
    # There is no model here; what counts is a whole answer instead of a closed connection.
    assert answer.startswith(b"HTTP/1.1 503 "), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 503
    assert not stack.is_running(settings)
