"""A folder on S3: files below a prefix of a bucket.

Credentials and region come from the usual AWS chain, another endpoint from AWS_ENDPOINT_URL or
AWS_ENDPOINT_URL_S3.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from vehicle_price.storage.errors import StorageError, StorageUnavailable

# What passes by itself. 501 does not: the server lacks conditional writes.
PASSING_STATUSES = (429, 500, 502, 503, 504)
PASSING_CODES = ("RequestTimeout", "RequestTimeoutException", "SlowDown", "Throttling")

# Options of deltalake besides credentials and addresses.
LOG_OPTIONS = {
    "aws_conditional_put": "etag",  # of two commits of one version the second is refused
    "aws_virtual_hosted_style_request": "false",  # the endpoint does not name the bucket
    "allow_http": "true",  # for an endpoint such as http://127.0.0.1:9000
    "max_retries": "4",
    "retry_timeout": "30s",
}


class Connection:
    """AWS's client of S3, made at the first request, and the session with its credentials."""

    @cached_property
    def session(self) -> Any:
        """The session. It renews temporary credentials before they expire."""
        import boto3  # half a second that a local folder does not need

        return boto3.session.Session()

    @cached_property
    def client(self) -> Any:
        """The client."""
        return self.session.client("s3")


class S3Folder:
    """A prefix of a bucket (see Folder)."""

    def __init__(self, uri: str, connection: Connection | None = None) -> None:
        self.uri = uri
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._connection = connection or Connection()

    def folder(self, name: str) -> "S3Folder":
        """See Folder."""
        return S3Folder(f"{self.uri}/{name}", self._connection)

    def read(self, name: str) -> bytes:
        """See Folder."""
        with self._translated_errors(name):
            return self._connection.client.get_object(**self._object(name))["Body"].read()

    def write(self, name: str, content: bytes) -> None:
        """See Folder."""
        with self._translated_errors(name):
            self._connection.client.put_object(Body=content, **self._object(name))

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """See Folder."""
        with self._translated_errors(prefix):
            pages = self._connection.client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            items = [item for page in pages for item in page.get("Contents", ())]
        now, start = time.time(), len(self._prefix)
        return [(item["Key"][start:], now - item["LastModified"].timestamp()) for item in items]

    def delete(self, names: Sequence[str]) -> None:
        """See Folder."""
        with self._translated_errors("delete"):
            for name in names:
                self._connection.client.delete_object(**self._object(name))

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file of any size to `path`. Raises FileNotFoundError."""
        with self._translated_errors(name):
            self._connection.client.download_file(self._bucket, self._prefix + name, str(path))

    def send(self, path: Path, name: str) -> None:
        """Copy a local file of any size to S3; readers see the whole content or none of it."""
        with self._translated_errors(name), path.open("rb") as file:
            self._connection.client.upload_fileobj(file, self._bucket, self._prefix + name)

    def log_options(self) -> dict[str, str]:
        """See Folder. deltalake itself knows neither profiles nor single sign-on."""
        from botocore.exceptions import NoCredentialsError

        with self._translated_errors("_delta_log"):
            meta = self._connection.client.meta
            credentials = self._connection.session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            keys = credentials.get_frozen_credentials()
        options = {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.token,
            "aws_region": meta.region_name,
            "aws_endpoint_url": meta.endpoint_url,
        }
        return {name: value for name, value in options.items() if value} | LOG_OPTIONS

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    @contextmanager
    def _translated_errors(self, name: str) -> Iterator[None]:
        """Raise AWS's errors as FileNotFoundError, StorageUnavailable or StorageError."""
        from boto3.exceptions import RetriesExceededError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ("NoSuchKey", "404"):
                raise FileNotFoundError(f"{self.uri}/{name}") from error
            if _passes(error):
                raise _unavailable(f"{self.uri}/{name}", error) from error
            raise StorageError(
                f"{self.uri}/{name}: S3 refuses ({error}); {_advice(code)}"
            ) from error
        except RetriesExceededError as error:  # the connection broke again and again
            raise _unavailable(f"{self.uri}/{name}", error) from error
        except BotoCoreError as error:
            if _passes(error):
                raise _unavailable(self.uri, error) from error
            raise StorageError(
                f"{self.uri}: {error}; check the AWS credentials (environment, profile or role), "
                "AWS_REGION and AWS_ENDPOINT_URL"
            ) from error


def _passes(error: Exception) -> bool:
    """Whether an error of AWS's client is one that passes by itself."""
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = str(error.response.get("Error", {}).get("Code", ""))
        return status in PASSING_STATUSES or code in PASSING_CODES
    if isinstance(error, aws.SSLError):
        return False
    return isinstance(error, aws.ConnectionError | aws.HTTPClientError | aws.IncompleteReadError)


def _unavailable(address: str, error: Exception) -> StorageUnavailable:
    return StorageUnavailable(
        f"{address}: S3 does not answer as it should ({error}). Repeat this when it does; if that "
        "takes long, check the network and AWS_ENDPOINT_URL"
    )


def _advice(code: str) -> str:
    if code == "NoSuchBucket":
        return "make the bucket or correct the address"
    if code in ("ExpiredToken", "ExpiredTokenException"):
        return (
            "the temporary credentials in the environment or the profile have ended: get new ones"
        )
    return "the credentials need s3:GetObject, PutObject, DeleteObject and ListBucket there"
