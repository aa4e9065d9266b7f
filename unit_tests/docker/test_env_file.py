"""The secrets in `.env`."""

import stat

from setup.docker.env_file import FERNET_KEYS, PLAIN, ensure_secrets
from setup.native.environment import read_dotenv


def test_the_first_call_makes_every_secret_and_the_next_none(tmp_path):
    environ = {"ENV_FILE": str(tmp_path / ".env")}
    made = ensure_secrets(environ)
    assert set(made) == {*PLAIN, *FERNET_KEYS}
    assert len(set(made.values())) == len(made) and min(map(len, made.values())) >= 40
    assert ensure_secrets(environ) == made == read_dotenv(tmp_path / ".env")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_what_the_file_has_stays_and_an_empty_secret_is_replaced(tmp_path):
    path = tmp_path / ".env"
    path.write_text("# mine\nSERVICE_PORT=5050\nAPI_KEY=\nADMIN_KEY=kept\n", "utf-8")
    values = ensure_secrets({"ENV_FILE": str(path)})
    assert values["SERVICE_PORT"] == "5050" and values["ADMIN_KEY"] == "kept"
    assert values["API_KEY"]
    assert path.read_text("utf-8").startswith("# mine\nSERVICE_PORT=5050\nADMIN_KEY=kept\n")


def test_a_secret_of_the_environment_is_not_written(tmp_path):
    path = tmp_path / ".env"
    assert "API_KEY" not in ensure_secrets({"ENV_FILE": str(path), "API_KEY": "from outside"})
    assert "from outside" not in path.read_text("utf-8")
