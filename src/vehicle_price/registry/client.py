"""Registered versions and their aliases, over MLflow's API."""

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import requests
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException

from vehicle_price.model import artifact
from vehicle_price.registry.names import (
    CHALLENGER,
    DATA_HASH_TAG,
    MANIFEST_TAG,
    MODEL_NAME,
    MOVED_TO_TAG,
    PREVIOUS,
    PRICE_JUMP_ACCEPTED,
    PRICE_JUMP_TAG,
    PRODUCTION,
    PROMOTED_BY_TAG,
    PROMOTION_REASON_TAG,
    STARTED_BY_TAG,
    TWIN_MANIFEST_TAG,
)
from vehicle_price.transient import TransientError

log = logging.getLogger(__name__)

PAGE_VERSIONS = 1_000  # versions in an answer of MLflow
PASSING_STATUSES = (429, 500, 502, 503, 504)  # MLflow has 500 where it names no other


class RegistryError(RuntimeError):
    """MLflow does not answer or refuses; the message says which and what to do."""


class RegistryUnavailable(RegistryError, TransientError):
    """MLflow does not answer, or reports an internal error; the same call may succeed later."""


@dataclass(frozen=True)
class ModelVersion:
    """One registered version and the run that made it."""

    name: str
    version: str
    run_id: str
    aliases: tuple[str, ...]
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


class Part(NamedTuple):
    """One of the models that a version consists of.

    folder: among the version's artifacts. manifest_tag: the tag that holds its manifest's SHA-256.
    """

    folder: str
    manifest_tag: str


SERVING = Part("valuation", MANIFEST_TAG)  # has learnt from every car
TWIN = Part("twin", TWIN_MANIFEST_TAG)  # the same recipe without the test days, to be measured


class Registry:
    """The MLflow server at `tracking_uri`; each method raises RegistryError when it is down.

    page_url: the server's address in links for people, "" for the same. client: MLflow's own
    client, for use within `reachable`.
    """

    def __init__(self, tracking_uri: str, page_url: str = "") -> None:
        self.tracking_uri, self.page_url = tracking_uri, page_url or tracking_uri
        with self.reachable():
            self.client = mlflow.MlflowClient(tracking_uri)

    def version(self, alias: str) -> ModelVersion | None:
        """The version with this alias, or None."""
        with self.reachable():
            try:
                version = self.client.get_model_version_by_alias(MODEL_NAME, alias)
            except MlflowException as error:
                # MLflow reports an absent alias of a known model as an invalid parameter.
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                if not self._has_model():  # then MLflow with users refuses to speak of aliases
                    return None
                raise
            return self._with_metrics(version)

    def _has_model(self) -> bool:
        try:
            self.client.get_registered_model(MODEL_NAME)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def version_by_number(self, number: str) -> ModelVersion:
        """The version with this number."""
        with self.reachable():
            return self._with_metrics(self.client.get_model_version(MODEL_NAME, number))

    def started_by(self, starter: str) -> list[ModelVersion]:
        """The versions that a training has registered. starter: as in STARTED_BY_TAG."""
        wanted = f"name = '{MODEL_NAME}' AND tags.`{STARTED_BY_TAG}` = '{starter}'"
        with self.reachable():
            return [self._with_metrics(v) for v in self.client.search_model_versions(wanted)]

    def data_hashes(self) -> set[str]:
        """The hashes of the datasets that any registered version was trained on."""
        hashes, token = set(), None
        with self.reachable():
            while True:
                page = self.client.search_model_versions(
                    f"name = '{MODEL_NAME}'", max_results=PAGE_VERSIONS, page_token=token
                )
                hashes |= {version.tags.get(DATA_HASH_TAG, "") for version in page}
                token = page.token
                if not token:
                    return hashes - {""}

    def fetch(self, version: ModelVersion, folder: Path, part: Part = SERVING) -> Path:
        """Download the files of a part of a version into `folder` and check their hashes.

        Returns `folder`. Raises artifact.ArtifactError when a file is not what was registered.
        Nothing of the version is executed, and no other file of it is downloaded.
        """
        manifest_sha256 = version.tags.get(part.manifest_tag)
        if not manifest_sha256:
            raise artifact.ArtifactError(
                f"version {version.version}: no tag {part.manifest_tag}; not registered by this "
                "project"
            )
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"models:/{version.name}/{version.version}/artifacts/{part.folder}"
        mlflow.set_tracking_uri(self.tracking_uri)  # models:/ resolves against this global
        with self.reachable(), tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            downloaded = mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=temporary, tracking_uri=self.tracking_uri
            )
            shutil.copytree(downloaded, folder, dirs_exist_ok=True)
        artifact.check_hashes(folder, manifest_sha256)
        return folder

    def json_of_run(self, version: ModelVersion, name: str) -> Any | None:
        """A JSON file of the run that made a version; None where the run has no such file.

        Raises json.JSONDecodeError.
        """
        with self.reachable(), tempfile.TemporaryDirectory() as folder:
            files = self.client.list_artifacts(version.run_id)
            if all(file.path != name for file in files):
                return None
            path = self.client.download_artifacts(version.run_id, name, folder)
            content = Path(path).read_text("utf-8")
        return json.loads(content)

    def promote(self, number: str, by: str, reason: str, accept_price_jump: bool = False) -> None:
        """Make a version the production model; the one that served becomes `previous`.

        by, reason: who decided it and why; both are kept with the version.
        accept_price_jump: the service accepts the version though its prices differ widely from
        those of the model that serves.
        """
        tags = {PROMOTED_BY_TAG: by, PROMOTION_REASON_TAG: reason}
        if accept_price_jump:
            tags[PRICE_JUMP_TAG] = PRICE_JUMP_ACCEPTED
        with self.reachable():
            self.client.get_model_version(MODEL_NAME, number)
            for tag, value in tags.items():
                self.client.set_model_version_tag(MODEL_NAME, number, tag, value)
            serving = self.version(PRODUCTION)
            # Both until the move is complete: model-sync may look in between.
            before = [serving.version] if serving else []
            self._set_moved_to([*before, number])
            if serving and serving.version != number:
                self.client.set_registered_model_alias(MODEL_NAME, PREVIOUS, serving.version)
            self.client.set_registered_model_alias(MODEL_NAME, PRODUCTION, number)
            self._set_moved_to([number])
        log.info("version %s is in production, by %s: %s", number, by, reason)

    def _set_moved_to(self, numbers: Sequence[str]) -> None:
        self.client.set_registered_model_tag(MODEL_NAME, MOVED_TO_TAG, ",".join(numbers))

    def rollback(self, by: str, reason: str) -> str:
        """Promote the previous version; returns its number. Raises RegistryError without one.

        by, reason: as in `promote`.
        """
        previous = self.previous_version()
        self.promote(previous, by, f"rollback: {reason}")
        return previous

    def previous_version(self) -> str:
        """The number of the version that served before. Raises RegistryError without one."""
        previous = self.version(PREVIOUS)
        if previous is None:
            raise RegistryError("no previous version to go back to; only one was ever promoted")
        return previous.version

    def was_moved_by_others(self, production: ModelVersion) -> bool:
        """Whether `production` names this version without a decision of this project."""
        with self.reachable():
            moved_to = self.client.get_registered_model(MODEL_NAME).tags.get(MOVED_TO_TAG)
        return moved_to is not None and production.version not in moved_to.split(",")

    def set_challenger(self, number: str | None) -> None:
        """Point the alias `challenger` to a version, or remove the alias."""
        with self.reachable():
            if number:
                self.client.set_registered_model_alias(MODEL_NAME, CHALLENGER, number)
            elif self.version(CHALLENGER):
                self.client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turn the errors of MLflow and its storage into RegistryUnavailable and RegistryError."""
        try:
            yield
        except (MlflowException, requests.RequestException, OSError) as error:
            kind = RegistryUnavailable if _passes(error) else RegistryError
            raise kind(
                f"MLflow at {self.tracking_uri}: {error}. Is it running (`make status`)?"
            ) from error

    def _with_metrics(self, version: MlflowVersion) -> ModelVersion:
        run = self.client.get_run(version.run_id)
        return ModelVersion(
            MODEL_NAME,
            str(version.version),
            version.run_id,
            tuple(version.aliases),
            dict(version.tags),
            dict(run.data.metrics),
        )


def _passes(error: Exception) -> bool:
    """Whether an error of MLflow's client is one that passes by itself."""
    if isinstance(error, MlflowException):
        return error.get_http_status_code() in PASSING_STATUSES
    return isinstance(error, requests.ConnectionError | requests.Timeout)
