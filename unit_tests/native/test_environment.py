"""The environment of the native runtime: precedence, folders and secrets."""

import stat

import pytest

from setup.native import environment
from setup.native.environment import (
    EmptySecret,
    keep_source,
    read_dotenv,
    secret,
    settings_from,
)


def test_dotenv_skips_comments_and_strips_quotes(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# help\n\nSERVICE_PORT = 5050\nDATA='a b.csv'\n#SEED=1\n", encoding="utf-8")
    assert read_dotenv(file) == {"SERVICE_PORT": "5050", "DATA": "a b.csv"}


def test_a_missing_dotenv_sets_nothing(tmp_path):
    assert read_dotenv(tmp_path / ".env") == {}


def test_the_environment_goes_before_dotenv_and_dotenv_before_the_default(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("SERVICE_PORT=1\nMLFLOW_PORT=2\n", encoding="utf-8")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    settings = settings_from({"SERVICE_PORT": "3", "MLFLOW_PORT": ""})
    assert (settings.service_port, settings.mlflow_port, settings.airflow_port) == (3, 2, 8080)


def test_local_dir_is_absolute_wherever_the_process_runs(tmp_path):
    assert settings_from({}).local_dir == str(environment.ROOT / ".local")
    assert settings_from({"LOCAL_DIR": str(tmp_path)}).log_dir == f"{tmp_path}/logs"


def test_secrets_are_private_random_and_stay_the_same(tmp_path):
    first = secret(tmp_path, "one")
    assert first == secret(tmp_path, "one") != secret(tmp_path, "two")
    assert len(first) >= 40
    assert stat.S_IMODE((tmp_path / "secrets" / "one").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_secret_is_named_and_not_replaced(tmp_path, content):
    secret(tmp_path, "one")
    (tmp_path / "secrets" / "one").write_text(content, encoding="utf-8")
    with pytest.raises(EmptySecret, match="secrets/one is empty"):
        secret(tmp_path, "one")


def test_the_chosen_source_is_kept_where_the_other_settings_are(tmp_path):
    file, listings = tmp_path / ".env", tmp_path / "cars.csv"
    file.write_text("# ours\nSEED=7\nDATA=/old.csv\n", encoding="utf-8")
    chosen = {"ENV_FILE": str(file), "SOURCE": "file", "DATA": str(listings)}
    keep_source(settings_from(chosen), chosen)
    assert file.read_text() == f"# ours\nSEED=7\nSOURCE=file\nDATA={listings}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    later = settings_from({"ENV_FILE": str(file)})
    assert (later.source, later.data, later.seed) == ("file", str(listings), 7)


def test_without_a_choice_nothing_is_written(tmp_path):
    environ = {"ENV_FILE": str(tmp_path / ".env"), "SOURCE": ""}
    keep_source(settings_from(environ), environ)
    assert not (tmp_path / ".env").exists()


def test_source_and_data_are_one_choice(tmp_path):
    file = tmp_path / ".env"
    file.write_text("SOURCE=file\nDATA=/old.csv\n", encoding="utf-8")
    for given, source, data in (
        ({}, "file", "/old.csv"),
        ({"SOURCE": "sample"}, "sample", ""),
        ({"DATA": "/new.csv"}, "file", "/new.csv"),
        ({"DATA": "s3://bucket/new.csv"}, "file", "s3://bucket/new.csv"),
        ({"SOURCE": "kaggle", "DATA": ""}, "kaggle", ""),
    ):
        settings = settings_from(given | {"ENV_FILE": str(file)})
        assert (settings.source, settings.data) == (source, data), given
