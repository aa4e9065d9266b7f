"""What a container does before its program starts."""

import json
import stat

from setup.docker.image import entrypoint, healthcheck


def test_a_secret_is_in_its_file_for_the_owner_only_and_gone_from_the_environment(tmp_path):
    file = tmp_path / "secrets" / "api_key"
    environ = {"API_KEY_FILE": str(file), "API_KEY": "k", "PATH": "/bin"}
    assert entrypoint.write_secrets(environ) == {"API_KEY_FILE": str(file), "PATH": "/bin"}
    assert file.read_text("utf-8") == "k\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_restarted_container_replaces_the_file(tmp_path):
    for secret in ("old", "new"):
        entrypoint.write_secrets({"API_KEY_FILE": str(tmp_path / "key"), "API_KEY": secret})
    assert (tmp_path / "key").read_text("utf-8") == "new\n"


def test_airflows_password_is_written_as_airflow_reads_it(tmp_path):
    file = tmp_path / "passwords.json"
    environ = {"AIRFLOW_PASSWORD_FILE": str(file), "AIRFLOW_PASSWORD": "p"}
    entrypoint.write_secrets(environ | {"AIRFLOW_USERNAME": "ann"})
    assert json.loads(file.read_text("utf-8")) == {"ann": "p"}


def test_several_addresses_are_written_one_on_a_line(tmp_path):
    file = tmp_path / "urls"
    entrypoint.write_secrets({"ALERT_URLS_FILE": str(file), "ALERT_URLS": "json://a mailto://b"})
    assert file.read_text("utf-8") == "json://a\nmailto://b\n"


def test_a_variable_that_compose_left_empty_is_not_set():
    assert entrypoint.write_secrets({"AWS_ENDPOINT_URL": "", "X": "1"}) == {"X": "1"}


def test_compiled_loops_are_copied_where_numba_may_write(tmp_path):
    (tmp_path / "image" / "scorer").mkdir(parents=True)
    (tmp_path / "image" / "scorer" / "loop.nbi").write_bytes(b"code")
    environ = {"COMPILED_LOOPS": str(tmp_path / "image"), "NUMBA_CACHE_DIR": str(tmp_path / "tmp")}
    entrypoint.copy_compiled_loops(environ)
    entrypoint.copy_compiled_loops(environ)  # at a restart
    assert (tmp_path / "tmp" / "scorer" / "loop.nbi").read_bytes() == b"code"


def test_a_process_is_healthy_while_it_runs(tmp_path):
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "cmdline").write_bytes(b"python\0-m\0service.forwarder\0")
    for state, expected in {"S": True, "R": True, "Z": False, "T": False}.items():
        (folder / "stat").write_text(f"7 (python (x)) {state} 1 1", "utf-8")
        assert healthcheck.runs("service.forwarder", tmp_path) is expected
    assert not healthcheck.runs("service.model_sync", tmp_path)
