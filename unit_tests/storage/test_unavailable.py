"""Faults of the store that pass by themselves have a type of their own, and others have not."""

import pytest
from boto3.exceptions import RetriesExceededError
from botocore import exceptions as aws

from unit_tests.helpers.store import RAW, checked
from vehicle_price.pipelines import contract_reports
from vehicle_price.storage.errors import Conflict, StorageError, StorageUnavailable
from vehicle_price.storage.s3 import Connection, S3Folder
from vehicle_price.storage.staging import ATTEMPTS, StagedListings, stage
from vehicle_price.transient import is_transient

ENDPOINT = {"endpoint_url": "http://s3:1"}


class RefusingS3:
    """AWS's client, which answers each request with the same error."""

    def __init__(self, error):
        self.error = error

    def get_object(self, **_):
        """Read a file."""
        raise self.error

    put_object = delete_object = get_object

    def get_paginator(self, _):
        """List files."""
        raise self.error

    def download_file(self, *_):
        """Copy a file."""
        raise self.error


def answer(code: str, status: int) -> aws.ClientError:
    """An answer of S3."""
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return aws.ClientError(response, "PutObject")


def folder_with(error: Exception) -> S3Folder:
    """A folder on an S3 that answers with this error."""
    connection = Connection()
    connection.client = RefusingS3(error)
    return S3Folder("s3://bucket/data", connection)


PASSING = [
    answer("SlowDown", 503),
    answer("503", 503),
    answer("InternalError", 500),
    answer("RequestTimeout", 400),
    aws.EndpointConnectionError(**ENDPOINT),
    aws.ConnectTimeoutError(**ENDPOINT),
    aws.ReadTimeoutError(**ENDPOINT),
    aws.ConnectionClosedError(**ENDPOINT),
    aws.ResponseStreamingError(error="broken"),
    aws.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    RetriesExceededError(aws.ResponseStreamingError(error="broken")),
]
LASTING = [
    answer("AccessDenied", 403),
    answer("NoSuchBucket", 404),
    answer("NotImplemented", 501),
    aws.NoCredentialsError(),
    aws.SSLError(**ENDPOINT, error="certificate"),
]


def raised_by_each_method(error, tmp_path):
    """The error of each method of a folder on an S3 with this error."""
    folder = folder_with(error)
    for call in (
        lambda: folder.read("a"),
        lambda: folder.write("a", b""),
        lambda: folder.names(""),
        lambda: folder.delete(["a"]),
        lambda: folder.fetch("a", tmp_path / "a"),
    ):
        with pytest.raises(StorageError, match="s3://bucket/data") as caught:
            call()
        yield caught.value


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_a_fault_of_s3_that_passes_is_storage_unavailable(error, tmp_path):
    for raised in raised_by_each_method(error, tmp_path):
        assert isinstance(raised, StorageUnavailable) and "Repeat this" in str(raised)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_a_fault_that_a_person_must_repair_is_not(error, tmp_path):
    for raised in raised_by_each_method(error, tmp_path):
        assert not is_transient(raised)


def test_a_report_on_a_refusing_s3_is_not_called_missing(monkeypatch):
    refusing = folder_with(answer("SlowDown", 503))
    monkeypatch.setattr(contract_reports, "open_folder", lambda _: refusing)
    with pytest.raises(StorageUnavailable, match="SlowDown"):
        contract_reports.read("s3://bucket/data/reports/a.json")


def test_an_ingest_that_others_overtake_again_and_again_may_be_repeated(tmp_path, monkeypatch):
    def overtaken(*_):
        raise Conflict("accepted")

    monkeypatch.setattr("vehicle_price.storage.staging.LONGEST_PAUSE", 0)
    monkeypatch.setattr(StagedListings, "_publish_once", overtaken)
    with stage(str(tmp_path), checked(RAW)) as staged:
        with pytest.raises(StorageUnavailable, match=f"quicker {ATTEMPTS} times"):
            staged.publish({"source": "test"})
