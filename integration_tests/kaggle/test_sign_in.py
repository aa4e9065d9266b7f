"""Signing in to Kaggle: each way that its own client knows, and the messages when none works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from integration_tests.kaggle.archives import SMALL, downloaded, read
from integration_tests.kaggle.fake_kaggle import DATASET, FakeKaggle
from vehicle_price.sources.base import SourceError


def write(path: Path, text: str) -> Path:
    """The file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_json(kaggle: FakeKaggle, folder: Path) -> dict[str, str]:
    """A kaggle.json with the right key; needs no variable."""
    write(folder / "kaggle.json", json.dumps({"username": kaggle.username, "key": kaggle.key}))
    return {}


def by_variables(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """KAGGLE_USERNAME and KAGGLE_KEY."""
    del home
    return kaggle.key_environment


def by_json_in_home(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """~/.kaggle/kaggle.json."""
    return write_json(kaggle, home / ".kaggle")


def by_json_in_xdg_folder(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """~/.config/kaggle/kaggle.json."""
    return write_json(kaggle, home / ".config" / "kaggle")


def by_json_elsewhere(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """KAGGLE_CONFIG_DIR; the one in ~/.kaggle does not count."""
    write(home / ".kaggle" / "kaggle.json", '{"username": "other", "key": "wrong"}')
    write_json(kaggle, home / "elsewhere")
    return {"KAGGLE_CONFIG_DIR": str(home / "elsewhere")}


def by_json_and_variable(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """The key in the environment stands over the one in the file."""
    write(home / ".kaggle" / "kaggle.json", json.dumps({"username": kaggle.username, "key": "old"}))
    return {"KAGGLE_KEY": kaggle.key}


def by_token(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """KAGGLE_API_TOKEN, which stands over a key."""
    write_json(kaggle, home / ".kaggle")
    return {"KAGGLE_API_TOKEN": kaggle.token}


def by_token_in_named_file(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """KAGGLE_API_TOKEN with the path of a file."""
    return {"KAGGLE_API_TOKEN": str(write(home / "token", kaggle.token + "\n"))}


def by_token_file(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """~/.kaggle/access_token."""
    write(home / ".kaggle" / "access_token", kaggle.token + "\n")
    return {}


def by_token_file_of_windows(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """~/.kaggle/access_token.txt."""
    write(home / ".kaggle" / "access_token.txt", kaggle.token + "\r\n")
    return {}


def by_token_in_a_notebook(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """The file that Kaggle's own notebooks have."""
    return {
        "KAGGLE_KERNEL_RUN_TYPE": "Interactive",
        "KAGGLE_DATA_PROXY_URL": "http://localhost/proxy",
        "KAGGLE_API_V1_TOKEN": str(write(home / "token", kaggle.token)),
    }


def by_stored_login(kaggle: FakeKaggle, home: Path) -> dict[str, str]:
    """What `kaggle auth login` stores, with a token that has to be renewed."""
    stored = {
        "refresh_token": kaggle.refresh_token,
        "access_token": "too old",
        "access_token_expiration": "2026-01-01T00:00:00+00:00",
        "username": kaggle.username,
        "scopes": [],
    }
    write(home / ".kaggle" / "credentials.json", json.dumps(stored))
    return {}


WAYS = [value for name, value in list(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_of_the_client_signs_in_with_what_the_client_sends(
    signed_out_kaggle, home, way, tmp_path, monkeypatch
):
    for name, value in way(signed_out_kaggle, home).items():
        monkeypatch.setenv(name, value)
    assert downloaded(tmp_path / "downloads") == SMALL
    (authorization,) = [request.authorization for request in signed_out_kaggle.downloads]
    signed_out_kaggle.forget_requests()
    # A process of its own: the client reads its folder when it is imported.
    client = [sys.executable, "-m", "kaggle", "datasets", "download", DATASET, "-p"]
    subprocess.run([*client, str(tmp_path)], check=True, capture_output=True, timeout=60)
    assert {request.authorization for request in signed_out_kaggle.downloads} == {authorization}


def test_without_credentials_nothing_is_asked_and_all_ways_are_named(signed_out_kaggle, tmp_path):
    with pytest.raises(SourceError) as caught:
        read(tmp_path)
    for word in ("KAGGLE_API_TOKEN", "access_token", "KAGGLE_KEY", "auth login", "setup_kaggle.md"):
        assert word in str(caught.value)
    assert not signed_out_kaggle.requests


def test_a_login_that_cannot_be_renewed_asks_for_a_new_one(signed_out_kaggle, home, tmp_path):
    by_stored_login(signed_out_kaggle, home)
    signed_out_kaggle.refresh_token = "another"
    with pytest.raises(SourceError, match="auth login"):
        read(tmp_path)


def test_a_refused_key_says_where_it_is_from_and_is_not_shown(kaggle, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_KEY", "a-wrong-secret")
    with pytest.raises(SourceError, match="401.*KAGGLE_KEY|KAGGLE_KEY.*401") as caught:
        read(tmp_path)
    assert "a-wrong-secret" not in str(caught.value)
    assert len(kaggle.downloads) == 1, "a wrong key is not tried again"
