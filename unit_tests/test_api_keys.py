"""Named API keys: made, listed, taken back, and known to a running service at once."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.auth.key_ring import Caller, KeyRing, OwnKeys
from vehicle_price.api_keys import KeyFileError, add_key, read_keys, remove_key
from vehicle_price.cli.main import main
from vehicle_price.settings import Settings

OWN = OwnKeys("own", "own-admin", "own-monitoring")


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "secrets" / "api_keys.json"


def test_a_key_is_kept_as_a_hash_in_a_file_of_its_owner(path):
    key = add_key(path, "dealer")
    assert len(key) >= 40 and key not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_running_service_knows_new_keys_and_forgets_old_ones_at_once(path):
    keys = KeyRing(OWN, path)
    assert keys.caller("own") == Caller("default", "key")
    assert keys.caller("own-admin") == Caller("default-admin", "admin")
    assert keys.caller("own-monitoring") == Caller("default-monitoring", "monitoring")
    dealer, boss = add_key(path, "dealer"), add_key(path, "boss", "admin")
    assert keys.caller(dealer) == Caller("dealer", "key")
    assert keys.caller(boss) == Caller("boss", "admin")
    remove_key(path, "dealer")
    assert keys.caller(dealer) is None and keys.caller(boss) and keys.caller("own")
    path.unlink()
    assert keys.caller(boss) is None


def test_a_damaged_file_takes_no_key_away(path, caplog):
    keys = KeyRing(OWN, path)
    dealer = add_key(path, "dealer")
    assert keys.caller(dealer)
    path.write_text("half a fi", encoding="utf-8")
    assert keys.caller(dealer) and keys.caller("own")
    assert "not a file of API keys" in caplog.text


@pytest.mark.parametrize("given", ["", "guess", "own ", "schlüssel", "\udcff", "x" * 100_000])
def test_what_is_no_key_is_nobodys(given):
    assert KeyRing(OWN).caller(given) is None


@pytest.mark.parametrize("keys", [("", "a", "b"), ("a", "b", ""), ("a", "a", "b"), ("a", "b", "a")])
def test_empty_or_equal_keys_are_refused(keys):
    with pytest.raises(ValueError, match="different keys"):
        KeyRing(OwnKeys(*keys))


@pytest.mark.parametrize(
    "name", ["", "Dealer", "../x", "a b", "default", "default-monitoring", "-x", "x" * 41]
)
def test_a_name_is_short_and_plain(path, name):
    with pytest.raises(KeyFileError, match="cannot be a key's name"):
        add_key(path, name)


def test_a_name_is_used_once_and_only_a_known_one_is_removed(path):
    add_key(path, "dealer")
    with pytest.raises(KeyFileError, match="remove it first"):
        add_key(path, "dealer")
    with pytest.raises(KeyFileError, match="no key named"):
        remove_key(path, "other")
    assert [key.name for key in read_keys(path)] == ["dealer"]


def test_many_can_add_keys_at_once(path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda n: add_key(path, f"k{n}"), range(32)))
    assert len(made) == 32 and len(read_keys(path)) == 32
    assert [p.name for p in path.parent.iterdir() if p.name.endswith(".json")] == [path.name]


def test_the_command_adds_lists_and_removes(path, monkeypatch, capsys):
    monkeypatch.setenv("API_KEYS_FILE", str(path))
    assert main(["keys", "add", "dealer", "--admin"]) == 0
    key = capsys.readouterr().out.strip()
    assert KeyRing(OWN, path).caller(key) == Caller("dealer", "admin")
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert "dealer             admin" in listed and key not in listed
    assert f"default-monitoring monitoring in {Settings().monitoring_key_file}" in listed
    assert main(["keys", "remove", "dealer"]) == 0 and not read_keys(path)
    assert main(["keys", "remove", "dealer"]) == 1
    assert "no key named dealer" in capsys.readouterr().err


def test_the_command_makes_a_key_for_monitoring_only(path, monkeypatch, capsys):
    monkeypatch.setenv("API_KEYS_FILE", str(path))
    assert main(["keys", "add", "data-team", "--monitoring"]) == 0
    key = capsys.readouterr().out.strip()
    assert KeyRing(OWN, path).caller(key) == Caller("data-team", "monitoring")
    with pytest.raises(SystemExit):
        main(["keys", "add", "both", "--monitoring", "--admin"])
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize(
    "entry", [{"sha256": None}, {"sha256": "short"}, {"role": "owner"}, {"name": 5}]
)
def test_an_entry_that_is_no_key_is_reported_and_the_others_stay_valid(path, caplog, entry):
    given = add_key(path, "dealer")
    ring = KeyRing(OWN, path)
    assert ring.caller(given).name == "dealer"
    content = json.loads(path.read_text("utf-8"))
    content["keys"].append(content["keys"][0] | {"name": "other"} | entry)
    path.write_text(json.dumps(content), "utf-8")
    assert ring.caller(given).name == "dealer" and ring.caller("nonsense") is None
    assert "not a file of API keys" in caplog.text
