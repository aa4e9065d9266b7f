"""A folder that is local or on S3: whole files, and one replacement that notices others.

The address decides: `s3://bucket/prefix` is S3, everything else a local path. S3 takes its
credentials and its region from the usual AWS chain, another endpoint from AWS_ENDPOINT_URL or
AWS_ENDPOINT_URL_S3.
"""

import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, ContextManager, Protocol

from vehicle_price.atomic_files import lock

log = logging.getLogger(__name__)

LOCK_SECONDS = 600


class StorageError(ValueError):
    """A dataset could not be written or read; the message says what to do."""


class Conflict(Exception):
    """Someone else replaced the file in the meantime."""


class Folder(Protocol):
    """Files below one address. Names are relative, with slashes.

    uri: the address. version of a file: text that changes with its content; "": no such file.
    """

    uri: str

    def read(self, name: str) -> bytes:
        """The content. Raises FileNotFoundError."""

    def read_versioned(self, name: str) -> tuple[bytes, str]:
        """The content and its version; (b"", "") when there is no such file."""

    def write(self, name: str, content: bytes) -> None:
        """Make or overwrite a file; it is there whole or not at all."""

    def replace(self, name: str, content: bytes, version: str) -> None:
        """The same, but raise Conflict unless the file still is at `version`."""

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """(name, seconds since it was written) of every file whose name starts like that."""

    def delete(self, names: Sequence[str]) -> None:
        """Remove files; one that is gone already is fine."""

    def alone(self) -> ContextManager[bool]:
        """Keep other writers out meanwhile; False where that cannot be done (S3)."""


def is_remote(uri: str) -> bool:
    """Whether the address is one of S3."""
    return uri.startswith("s3://")


def open_folder(uri: str) -> Folder:
    """The one place where an address becomes a folder. Nothing is made or asked yet."""
    return S3Folder(uri.rstrip("/")) if is_remote(uri) else LocalFolder(Path(uri))


class LocalFolder:
    """A folder on this machine. Writers take turns with a lock that dies with its process."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.uri = str(self.path)

    def read(self, name: str) -> bytes:
        """See Folder."""
        return (self.path / name).read_bytes()

    def read_versioned(self, name: str) -> tuple[bytes, str]:
        """See Folder."""
        try:
            content = self.read(name)
        except FileNotFoundError:
            return b"", ""
        return content, hashlib.sha256(content).hexdigest()

    def write(self, name: str, content: bytes) -> None:
        """See Folder."""
        place, draft = self.path / name, self.path / f".drafts/{uuid.uuid4().hex}"
        for parent in (place.parent, draft.parent):
            parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, place)

    def replace(self, name: str, content: bytes, version: str) -> None:
        """See Folder. Only safe while alone()."""
        if self.read_versioned(name)[1] != version:
            raise Conflict(name)
        self.write(name, content)

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """See Folder."""
        files = [path for path in (self.path / prefix).rglob("*") if path.is_file()]
        now = time.time()
        return [(str(p.relative_to(self.path)), now - p.stat().st_mtime) for p in files]

    def delete(self, names: Sequence[str]) -> None:
        """See Folder."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """See Folder. Waits LOCK_SECONDS, then raises StorageError."""
        with exclusive(self.path / ".lock"):
            self.delete([name for name, _ in self.names(".drafts/")])
            yield True


@contextmanager
def exclusive(path: Path, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`. Raises StorageError after `timeout` seconds."""
    with ExitStack() as held:
        try:
            held.enter_context(lock(path, timeout))
        except TimeoutError as error:
            raise StorageError(
                f"{path}: another ingest has held it for {timeout:g} s; "
                "end that process or wait, then ingest again"
            ) from error
        yield


class S3Folder:
    """A prefix of a bucket. Writers do not wait: who comes second is told (Conflict)."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._connected: Any = None

    def read(self, name: str) -> bytes:
        """See Folder."""
        return self._get(name)[0]

    def read_versioned(self, name: str) -> tuple[bytes, str]:
        """See Folder."""
        try:
            return self._get(name)
        except FileNotFoundError:
            return b"", ""

    def write(self, name: str, content: bytes) -> None:
        """See Folder."""
        with self._understood(name):
            self._client.put_object(Body=content, **self._at(name))

    def replace(self, name: str, content: bytes, version: str) -> None:
        """See Folder."""
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        try:
            with self._understood(name):
                self._client.put_object(Body=content, **self._at(name), **condition)
        except Conflict:
            # The client sends again when an answer was lost; the first one may have done it.
            if self.read_versioned(name)[0] != content:
                raise

    def names(self, prefix: str) -> list[tuple[str, float]]:
        """See Folder."""
        with self._understood(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            found = [item for page in pages for item in page.get("Contents", ())]
        now, start = time.time(), len(self._prefix)
        return [(item["Key"][start:], now - item["LastModified"].timestamp()) for item in found]

    def delete(self, names: Sequence[str]) -> None:
        """See Folder."""
        with self._understood("delete"):
            for name in names:
                self._client.delete_object(**self._at(name))

    def alone(self) -> ContextManager[bool]:
        """See Folder."""
        return nullcontext(False)

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file of any size to `path`. Raises FileNotFoundError."""
        with self._understood(name):
            self._client.download_file(self._bucket, self._prefix + name, str(path))

    @property
    def _client(self) -> Any:
        if self._connected is None:
            import boto3  # half a second that a local folder does not need

            self._connected = boto3.session.Session().client("s3")
        return self._connected

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    def _get(self, name: str) -> tuple[bytes, str]:
        with self._understood(name):
            answer = self._client.get_object(**self._at(name))
            return answer["Body"].read(), answer["ETag"]

    @contextmanager
    def _understood(self, name: str) -> Iterator[None]:
        """AWS's errors as ours."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ("NoSuchKey", "404"):
                raise FileNotFoundError(f"{self.uri}/{name}") from error
            if code in ("PreconditionFailed", "412", "ConditionalRequestConflict", "409"):
                raise Conflict(name) from error
            raise StorageError(
                f"{self.uri}/{name}: S3 refuses ({error}); {_advice(code)}"
            ) from error
        except BotoCoreError as error:
            raise StorageError(
                f"{self.uri}: {error}; check the AWS credentials (environment, profile or role), "
                "AWS_REGION and AWS_ENDPOINT_URL"
            ) from error


def _advice(code: str) -> str:
    if code == "NoSuchBucket":
        return "make the bucket or correct the address"
    return "the credentials need s3:GetObject, PutObject, DeleteObject and ListBucket there"
