"""Settings, .env.example and setup/configuration.md hold the same names, defaults and helps."""

import pytest

from setup import settings_docs
from setup.settings_docs import ROOT
from vehicle_price.settings import Settings, documented


def test_env_example_lists_every_setting_with_its_default():
    written = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert written == settings_docs.env_example(), "run make docs"


def test_the_configuration_page_lists_every_setting_with_its_default():
    page = (ROOT / "setup" / "configuration.md").read_text(encoding="utf-8")
    written = page.partition(settings_docs.BEGIN)[2].partition(settings_docs.END)[0]
    assert written == settings_docs.table(), "run make docs"


def test_every_setting_explains_itself_in_a_sentence():
    for name, _, explained in documented():
        assert explained.endswith("."), name


def test_addresses_follow_the_ports():
    settings = Settings.from_environment({"MLFLOW_PORT": "6001", "SERVICE_PORT": "6000"})
    assert settings.mlflow_tracking_uri == "http://127.0.0.1:6001"
    assert settings.service_url == "http://127.0.0.1:6000"


def test_pages_for_people_follow_the_servers_unless_they_are_set():
    settings = Settings.from_environment(
        {"MLFLOW_TRACKING_URI": "http://a:1", "AIRFLOW_PAGE_URL": "http://b:2"}
    )
    assert settings.mlflow_page_url == "http://a:1"
    assert settings.airflow_page_url == "http://b:2"


def test_folders_follow_local_dir_unless_they_are_set():
    settings = Settings.from_environment({"LOCAL_DIR": "/x", "MODEL_DIR": "/models"})
    assert settings.data_root == "/x/data"
    assert settings.api_key_file == "/x/secrets/api_key"
    assert settings.model_dir == "/models"


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_environment({"SOURCE": ""}) == Settings()


def test_every_default_is_a_value_that_may_be_set():
    defaults = {name: default for name, default, _ in documented()}
    assert Settings.from_environment(defaults) == Settings()


def test_the_address_for_all_listeners_is_gone_and_the_new_ones_are_named():
    with pytest.raises(
        ValueError, match="BIND_HOST is gone: .*SERVICE_BIND_HOST, MLFLOW_BIND_HOST"
    ):
        Settings.from_environment({"BIND_HOST": "0.0.0.0"})


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("10.1.2.3", "10.1.2.3"), ("", "127.0.0.1")]
)
def test_addresses_follow_where_a_listener_can_be_reached(host, reached):
    settings = Settings.from_environment({"SERVICE_BIND_HOST": host})
    assert settings.service_url == f"http://{reached}:5000"
    assert settings.mlflow_bind_host == settings.postgres_bind_host == "127.0.0.1"
