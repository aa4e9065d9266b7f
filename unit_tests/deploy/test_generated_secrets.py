"""The secrets that Terraform generates are those that the compose files demand."""

import re

import pytest

from setup.docker.env_file import FERNET_KEYS
from setup.native.environment import ROOT

COMPOSE_FILES = {
    "training": "docker-compose-airflow.yml",
    "serving": "docker-compose-service.yml",
}
TERRAFORM = ROOT / "terraform"


def demanded(side: str) -> set[str]:
    """What a compose file cannot start without."""
    text = (ROOT / COMPOSE_FILES[side]).read_text(encoding="utf-8")
    return set(re.findall(r"\$\{([A-Z0-9_]+):\?", text))


def generated() -> dict[str, str]:
    """Each generated secret and who reads it."""
    text = (TERRAFORM / "settings.tf").read_text(encoding="utf-8")
    return dict(re.findall(r'^    ([A-Z_]+) += "(shared|training|serving)"$', text, re.M))


@pytest.mark.parametrize("side", COMPOSE_FILES)
def test_every_demanded_secret_is_generated_for_its_side(side: str):
    readable = {name for name, reader in generated().items() if reader in ("shared", side)}
    assert demanded(side) <= readable


def test_no_host_reads_a_secret_that_its_compose_file_does_not_demand():
    expected = {}
    for name in generated():
        readers = [side for side in COMPOSE_FILES if name in demanded(side)]
        expected[name] = "shared" if len(readers) == 2 else "".join(readers)
    # The training host makes the roles, the serving host signs in with them.
    assert generated() == expected


def test_keys_of_32_bytes_are_padded():
    text = (TERRAFORM / "main.tf").read_text(encoding="utf-8")
    padded = re.search(r"padded += (\[.*\])", text)
    assert padded and set(re.findall(r'"(\w+)"', padded[1])) == set(FERNET_KEYS)
