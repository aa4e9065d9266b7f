"""What belongs to a backup in each runtime, and where it is."""

import pytest
import yaml

from setup.backup.databases import ORDER
from setup.backup.runtimes import docker, native
from setup.backup.runtimes.installation import local_parts
from setup.docker.stack import FILES
from setup.native.environment import ROOT
from vehicle_price.settings import Settings

ON_S3 = {"DATA_ROOT": "s3://bucket/listings", "ARTIFACT_ROOT": "s3://bucket/models"}
RUNTIMES = pytest.mark.parametrize("runtime", [native, docker])


@RUNTIMES
def test_both_runtimes_save_the_same_parts(runtime):
    parts = runtime.parts(Settings())
    assert set(parts) == {"outbox", "archive", "artifacts", "listings", "keys", "refused"}
    assert local_parts(parts) == parts


@RUNTIMES
def test_what_is_on_s3_is_not_in_a_backup_and_named(runtime):
    parts = runtime.parts(Settings.from_environment(ON_S3))
    assert set(local_parts(parts)) == {"outbox", "keys", "refused"}
    assert parts["listings"].elsewhere == "s3://bucket/listings"
    assert parts["archive"].elsewhere == "s3://bucket/listings/archive"
    assert parts["artifacts"].elsewhere == "s3://bucket/models"


def test_only_the_file_of_keys_is_saved_of_the_folder_with_secrets():
    part = native.parts(Settings())["keys"]
    assert (part.folder, part.only) == (".local/secrets", ("api_keys.json",))


@pytest.mark.parametrize("side", FILES)
def test_each_part_is_in_a_volume_of_its_container(side):
    services = yaml.safe_load((ROOT / FILES[side]).read_text("utf-8"))["services"]
    for name in docker.SIDES[side]:
        part = docker.parts(Settings())[name]
        volumes = [volume.split(":") for volume in services[part.holder]["volumes"]]
        named = [place for source, place, *_ in volumes if not source.startswith((".", "/", "$"))]
        assert any(f"{part.folder}/".startswith(f"{place}/") for place in named), name


def test_every_part_is_on_one_side():
    assert sorted(name for side in docker.SIDES.values() for name in side) == sorted(
        docker.parts(Settings())
    )


def test_a_prediction_log_elsewhere_is_named_without_its_password(tmp_path):
    own = {"LOCAL_DIR": str(tmp_path)}
    assert not native.databases_elsewhere(Settings.from_environment(own))
    url = "postgresql://service:hidden@db.example.org/vehicle_price"
    settings = Settings.from_environment(own | {"PREDICTION_DATABASE_URL": url})
    found = native.databases_elsewhere(settings)
    assert found == {"vehicle_price": "db.example.org/vehicle_price"}


@pytest.mark.parametrize(
    ("variables", "sides", "where"),
    [
        ({}, ("training", "serving"), None),
        ({}, ("training",), None),
        ({}, ("serving",), "the training side"),
        ({"DATABASE_HOST": "db.rds.amazonaws.com"}, ("training",), "db.rds.amazonaws.com"),
    ],
)
def test_databases_in_containers_of_this_host_are_saved(variables, sides, where):
    found = docker.databases_elsewhere(variables, sides)
    assert found == ({} if where is None else {name: where for name in ORDER})
