"""Kaggle without a network: who signs in, which version is here, and what is said when not."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceError, SourceQuery, SourceUnavailable
from vehicle_price.sources.catalog import SOURCES
from vehicle_price.sources.kaggle import client
from vehicle_price.sources.kaggle import credentials as kaggle_credentials
from vehicle_price.sources.kaggle.client import fetch
from vehicle_price.sources.kaggle.download_errors import Damaged, TransferError, final_error
from vehicle_price.sources.kaggle.zip_cache import Version, begin, publish, read_version, zip_fault


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path, monkeypatch) -> Path:
    """An empty home, and no variable of the real user."""
    for name in list(os.environ):
        if name.startswith(("KAGGLE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write(path: Path, text: str) -> Path:
    """The file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path) -> str:
    """What is said instead of reading."""
    with pytest.raises(SourceError) as caught:
        next(SOURCES["kaggle"].read(SourceQuery(), Settings(download_dir=str(folder))))
    return str(caught.value)


def test_loading_the_sources_neither_loads_nor_asks_kaggle():
    code = "import sys, vehicle_price.sources; print({'kaggle', 'kagglesdk'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_token_stands_over_a_key_and_secrets_are_not_printed(monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    by_key = kaggle_credentials.find()
    monkeypatch.setenv("KAGGLE_API_TOKEN", "secret-token")
    by_token = kaggle_credentials.find()
    assert (by_key.username, by_key.key, by_key.token) == ("someone", "secret-key", "")
    assert (by_token.token, by_token.key, by_token.location) == (
        "secret-token",
        "",
        "KAGGLE_API_TOKEN",
    )
    assert "secret" not in repr((by_key, by_token))


def test_the_place_of_a_key_names_each_part(home, monkeypatch):
    path = write(home / ".kaggle" / "kaggle.json", '{"username": "someone", "key": "old"}')
    assert kaggle_credentials.find().location == str(path)
    monkeypatch.setenv("KAGGLE_KEY", "new")
    assert kaggle_credentials.find().location == f"{path} and KAGGLE_KEY"
    monkeypatch.setenv("KAGGLE_USERNAME", "other")
    credentials = kaggle_credentials.find()
    assert credentials.location == "KAGGLE_USERNAME and KAGGLE_KEY"
    assert (credentials.username, credentials.key) == ("other", "new")


def test_without_any_credentials_every_way_is_named(tmp_path):
    message = refusal(tmp_path)
    for word in ("no credentials found.", "KAGGLE_API_TOKEN", "access_token", "auth login"):
        assert word in message
    assert message.endswith("See setup/setup_kaggle.md")


def test_half_a_key_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    assert "(only KAGGLE_USERNAME is set)" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"username": "someone"}', '"text"'])
def test_a_kaggle_json_that_holds_no_key_is_named(tmp_path, home, text):
    path = write(home / ".kaggle" / "kaggle.json", text)
    assert f"({path} is not readable JSON with username and key)" in refusal(tmp_path)


def test_an_empty_token_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(write(tmp_path / "token", "\n")))
    assert "KAGGLE_API_TOKEN names an empty file" in refusal(tmp_path)


def test_a_token_file_that_is_no_text_is_named(tmp_path, home):
    path = write(home / ".kaggle" / "access_token", "")
    path.write_bytes(b"\xff\xfe\x00")
    assert "access token cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("secret", ["“quoted”", "two\nlines", "zero\u200bwidth", " blank"])
def test_what_was_pasted_with_more_than_the_key_is_refused_unseen(tmp_path, monkeypatch, secret):
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", secret)
    message = refusal(tmp_path)
    assert "KAGGLE_KEY hold characters" in message and secret not in message


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"refresh_token": "a", "access_token_expiration": "soon", "access_token": "b"}'],
)
def test_a_damaged_stored_login_asks_for_a_new_one(tmp_path, home, text):
    write(home / ".kaggle" / "credentials.json", text)
    message = refusal(tmp_path)
    assert "auth login" in message and "Traceback" not in message


@pytest.mark.parametrize("name", ["", "cars", "/cars", "a/", "a/b/c", "a/b/1/2", "https://x/a/b"])
def test_the_name_of_a_dataset_has_an_owner(tmp_path, name):
    with pytest.raises(SourceError, match="expected owner/name"):
        fetch(name, tmp_path)


@pytest.mark.parametrize(("error", "passes"), [(TransferError, True), (Damaged, False)])
def test_a_transfer_that_breaks_may_succeed_later_and_a_damaged_file_stays_damaged(
    tmp_path, monkeypatch, error, passes
):
    def fail(*_):
        raise final_error(error("Kaggle answered 503"), tmp_path / "a.zip", tmp_path / "a.part")

    monkeypatch.setattr(client, "fetch", fail)
    with pytest.raises(SourceError, match="^Kaggle: .*503.*setup_kaggle.md$") as caught:
        next(SOURCES["kaggle"].read(SourceQuery(), Settings(download_dir=str(tmp_path))))
    assert isinstance(caught.value, SourceUnavailable) is passes


def test_versions_are_the_same_only_when_the_server_says_so():
    first = Version('"a"', "Monday", 10)
    assert first.same_as(first)
    assert Version('"a"', "Monday", 0).same_as(first), "a response without a length"
    for other in (Version('"b"', "Monday", 10), Version('"a"', "Tuesday", 10), Version('"a"')):
        assert not other.same_as(first)
    assert not Version("", "", 10).same_as(Version("", "", 10))


def test_a_weak_etag_does_not_vouch_for_bytes():
    assert Version('"a"', "Monday").validator == '"a"'
    assert Version('W/"a"', "Monday").validator == "Monday"
    assert Version('W/"a"').validator == ""


def test_what_is_noted_is_recalled_and_a_damaged_note_is_none(tmp_path):
    partial, whole = tmp_path / "a.zip.part", tmp_path / "a.zip"
    begin(partial, Version('"a"'))
    partial.write_bytes(b"12345")
    assert read_version(partial) == Version('"a"')
    publish(partial, whole, read_version(partial))
    assert read_version(whole) == Version('"a"', "", 5) and read_version(partial) == Version()
    for damaged in ("", "[]", '{"etag": "a", "foreign": 1}', json.dumps(["a", "b", 1])):
        (tmp_path / "a.zip.json").write_text(damaged)
        assert read_version(whole) == Version()


def test_a_new_version_begins_without_the_bytes_of_another(tmp_path):
    partial = tmp_path / "a.zip.part"
    partial.write_bytes(b"of the version before")
    begin(partial, Version('"b"'))
    assert not partial.exists() and read_version(partial) == Version('"b"')


def test_a_zip_is_whole_or_says_why_not(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vehicles.csv", b"id,price\n" * 1000)
    whole = path.read_bytes()
    assert zip_fault(path) == ""
    path.write_bytes(whole[:-50])
    assert "no whole zip" in zip_fault(path)
    path.write_bytes(whole[:500] + b"?" + whole[501:])
    assert "checksum" in zip_fault(path)
