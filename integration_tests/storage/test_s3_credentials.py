"""Whatever credentials AWS's client finds reach the files of the store and its Delta log alike."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration_tests.storage.credentials_server import (
    CONTAINER,
    MACHINE,
    PERSON,
    ROLE,
    credentials_server,
)
from integration_tests.storage.s3_server import BUCKET
from unit_tests.helpers.store import DAYS, RAW, checked, one_row, stored
from vehicle_price.storage.dataset import open_dataset, read_listings
from vehicle_price.storage.errors import StorageError
from vehicle_price.storage.staging import stage

FIXED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
INGEST = ("ingest", "--source", "sample", "--rows", "1000")
SIGNED_IN = "the token that a person gets by signing in"


@pytest.fixture(name="credentials")
def _credentials(s3, monkeypatch):
    """A server of temporary credentials; S3 takes no others."""
    for name in FIXED:
        monkeypatch.delenv(name)
    with credentials_server() as server:
        s3.refusal = lambda request: 403 * (not server.knows(request.key, request.token))
        yield server


def as_machine(server, monkeypatch) -> str:
    """The role of a virtual machine."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
    return MACHINE + ROLE


def as_container(server, monkeypatch) -> str:
    """The role of a container."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url + CONTAINER)
    return CONTAINER


def signed_in_person(server, home: Path) -> dict[str, str]:
    """The environment of a person who has signed in with `aws sso login`."""
    cache = home / ".aws/sso/cache"
    cache.mkdir(parents=True)
    token = {"accessToken": SIGNED_IN, "expiresAt": "2999-01-01T00:00:00Z", "region": "us-east-1"}
    name = hashlib.sha1(b"company").hexdigest()
    (cache / f"{name}.json").write_text(json.dumps(token), "utf-8")
    session = {"sso_start_url": "https://company.awsapps.com/start", "sso_region": "us-east-1"}
    profile = {"sso_session": "company", "sso_account_id": "123456789012", "sso_role_name": ROLE}
    sections = {"sso-session company": session, "profile listings": profile}
    lines = [f"[{name}]\n" + ini(values) for name, values in sections.items()]
    (home / "config").write_text("\n".join(lines), "utf-8")
    names = {"AWS_CONFIG_FILE": str(home / "config"), "AWS_PROFILE": "listings"}
    return names | {"HOME": str(home), "AWS_ENDPOINT_URL_SSO": server.url}


def ini(values: dict[str, str]) -> str:
    """The lines of a section."""
    return "".join(f"{name} = {value}\n" for name, value in values.items())


@pytest.mark.parametrize("role", [as_machine, as_container])
def test_the_credentials_of_a_role_reach_the_files_and_the_log(s3, credentials, monkeypatch, role):
    root = f"s3://{BUCKET}/{role.__name__}"
    path = role(credentials, monkeypatch)
    dataset = stored(root, RAW.head(60))
    assert stored(root, one_row(id="late", posting_date=DAYS[2])).rows == dataset.rows + 1
    assert open_dataset(dataset.uri) == dataset
    assert len(read_listings(dataset.uri)) == dataset.rows
    assert path in credentials.asked
    assert s3.seen and not s3.refused


def test_the_credentials_of_a_person_who_has_signed_in_do_too(s3, credentials, tmp_path):
    """In a process of its own: AWS's client looks for the home folder when it is imported."""
    root = f"s3://{BUCKET}/person"
    environ = os.environ | {"DATA_ROOT": root, "LOCAL_DIR": str(tmp_path)}
    environ |= signed_in_person(credentials, tmp_path)
    command = [sys.executable, "-m", "vehicle_price.cli.main", *INGEST]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["uri"].startswith(root)
    assert set(credentials.asked) == {PERSON}
    assert any("/accepted/_delta_log/" in r.path for r in s3.seen if r.method == "PUT")
    assert not s3.refused


def test_credentials_that_end_while_an_ingest_runs_are_replaced(s3, credentials, monkeypatch):
    """First while it stages; then once it has written a day, before it commits."""
    root = f"s3://{BUCKET}/ended"
    as_container(credentials, monkeypatch)
    credentials.seconds = 300
    first = stored(root, RAW.head(60))
    with stage(root, checked(one_row(id="late", posting_date=DAYS[2]))) as staged:
        credentials.revoke()
        known = s3.refusal

        def known_until_a_file_is_written(request):
            status = known(request)
            if request.method == "PUT" and request.path.endswith(".parquet"):
                credentials.revoke()
            return status

        s3.refusal = known_until_a_file_is_written
        dataset = staged.publish({"source": "test"})
    assert dataset.rows == first.rows + 1 and not s3.refused
    assert len({request.key for request in s3.seen}) > 2


def test_credentials_that_have_ended_for_good_are_named(s3, credentials, monkeypatch):
    del s3
    for name, value in zip(FIXED, ("OLD", "secret"), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a token of yesterday")
    with pytest.raises(StorageError, match="ExpiredToken.*temporary credentials.*get new ones"):
        stored(f"s3://{BUCKET}/old", RAW.head(60))
    assert not credentials.asked
