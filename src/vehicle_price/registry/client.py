"""MLflow: runs, registered versions and their aliases. The only module that speaks to it."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pandas as pd
import requests
from matplotlib.figure import Figure
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

from vehicle_price.model import artifact
from vehicle_price.model.valuation import Valuation
from vehicle_price.schema import FEATURES

log = logging.getLogger(__name__)

MODEL_NAME = "vehicle-price"  # also the experiment
REPORTS = "vehicle-price-listings"  # the experiment with a run for each ingest
REPORT_TAG = "contract_report"
PRODUCTION, CHALLENGER, PREVIOUS = "production", "challenger", "previous"
MANIFEST_TAG = "manifest_sha256"
PRICE_JUMP = ("price_jump", "accepted")  # a tag, and what it says
WEBHOOK_NAME = "vehicle-price-service"
WEBHOOK_EVENTS = ("model_version_alias.created", "model_version_alias.deleted")
PACKAGE = Path(__file__).parents[1]
REQUIREMENTS = ("numba", "numpy", "pandas")


class RegistryError(RuntimeError):
    """MLflow is away or refuses; the message says which and what to do."""


@dataclass(frozen=True)
class ModelVersion:
    """One registered version and the run that made it."""

    name: str
    version: str
    run_id: str
    aliases: tuple[str, ...]
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRecord:
    """What a run keeps besides the model.

    summary: one line for the list of versions. dataset: uri and sha256 among its facts.
    report, report_page: contract report on the listings that made the dataset, and as HTML.
    slices: `evaluation.slices`. examples: raw listings for the signature.
    figures: file name → picture.
    """

    summary: str
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    dataset: Mapping[str, object]
    report: Mapping[str, object]
    report_page: str
    slices: pd.DataFrame
    examples: pd.DataFrame
    figures: Mapping[str, Figure]


class Registry:
    """The MLflow server at `tracking_uri`. Every method raises RegistryError when it is away."""

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        with self._reachable():
            self._client = mlflow.MlflowClient(tracking_uri)

    def version(self, alias: str) -> ModelVersion | None:
        """The version with this alias, or None."""
        with self._reachable():
            try:
                found = self._client.get_model_version_by_alias(MODEL_NAME, alias)
            except MlflowException as error:
                # MLflow reports an absent alias of a known model as an invalid parameter.
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
            return self._described(found)

    def numbered(self, version: str) -> ModelVersion:
        """The version with this number."""
        with self._reachable():
            return self._described(self._client.get_model_version(MODEL_NAME, version))

    def fetch(self, version: ModelVersion, folder: Path) -> Path:
        """Download a version's data files into `folder` and check their hashes.

        Returns the folder they are in. Raises artifact.ArtifactError when they are not what was
        registered. Nothing in them is run, and no other file of the model is fetched.
        """
        expected = version.tags.get(MANIFEST_TAG)
        if not expected:
            raise artifact.ArtifactError(
                f"version {version.version}: no tag {MANIFEST_TAG}; not registered by this project"
            )
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"models:/{version.name}/{version.version}/artifacts/valuation"
        mlflow.set_tracking_uri(self.tracking_uri)  # models:/ means the registry of this, too
        with self._reachable(), tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            found = mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=temporary, tracking_uri=self.tracking_uri
            )
            shutil.copytree(found, folder, dirs_exist_ok=True)
        artifact.check_hashes(folder, expected)
        return folder

    def keep_report(self, uri: str, report: Mapping, page: str) -> str:
        """Log a contract report as a run of its own; the address of its page in MLflow."""
        with self._reachable():
            experiment = self._experiment(REPORTS)
            kept = self._client.search_runs([experiment], f"tags.{REPORT_TAG} = '{uri}'")
            run_id = kept[0].info.run_id if kept else self._new_report(experiment, uri, report)
            self._client.log_dict(run_id, dict(report), "contract_report.json")
            self._client.log_text(run_id, page, "contract_report.html")
            self._client.set_terminated(run_id, "FAILED" if report["broken"] else "FINISHED")
        place = f"#/experiments/{experiment}/runs/{run_id}/artifacts/contract_report.html"
        return f"{self.tracking_uri}/{place}"

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return found.experiment_id if found else self._client.create_experiment(name)

    def _new_report(self, experiment: str, uri: str, report: Mapping) -> str:
        provenance = report["provenance"]
        tags = {REPORT_TAG: uri, "broken": "; ".join(report["broken"])}
        run = self._client.create_run(experiment, tags=tags, run_name=str(provenance["origin"]))
        for name, value in provenance.items():
            self._client.log_param(run.info.run_id, name, value)
        for name in ("read", "accepted", "new", "quarantined", "quarantined_share"):
            if report[name] is not None:
                self._client.log_metric(run.info.run_id, name, report[name])
        return run.info.run_id

    def register(self, valuation: Valuation, record: TrainingRecord) -> ModelVersion:
        """Log one trained model as a run and register it as a new version."""
        with self._reachable():
            mlflow.set_tracking_uri(self.tracking_uri)
            mlflow.set_experiment(MODEL_NAME)
            with mlflow.start_run(
                run_name=str(record.parameters["family"]), tags=dict(record.tags)
            ):
                _log_record(record)
                logged, manifest_sha256 = _log_model(valuation, record)
            version = self._client.get_model_version(MODEL_NAME, logged.registered_model_version)
            self._client.update_model_version(MODEL_NAME, version.version, record.summary)
            for name, value in (dict(record.tags) | {MANIFEST_TAG: manifest_sha256}).items():
                self._client.set_model_version_tag(MODEL_NAME, version.version, name, value)
        log.info("registered version %s of %s", version.version, MODEL_NAME)
        return self.numbered(version.version)

    def record_decision(self, versions: list[str], decision: dict) -> None:
        """Keep the gate's decision with every version it judged: as tags, and as gate.json."""
        with self._reachable():
            self._name_challenger(decision)
            for number in versions:
                verdict = _verdict(number, decision)
                run_id = self._client.get_model_version(MODEL_NAME, number).run_id
                self._client.log_dict(run_id, decision, "gate.json")
                for name, value in verdict.items():
                    self._client.set_tag(run_id, name, value)
                    self._client.set_model_version_tag(MODEL_NAME, number, name, value)

    def promote(self, version: str, accept_price_jump: bool = False) -> None:
        """Make `version` the production model; what served becomes `previous`.

        accept_price_jump: the service takes it though its prices are far from the present ones.
        """
        with self._reachable():
            self._client.get_model_version(MODEL_NAME, version)
            if accept_price_jump:
                self._client.set_model_version_tag(MODEL_NAME, version, *PRICE_JUMP)
            serving = self.version(PRODUCTION)
            if serving and serving.version != version:
                self._client.set_registered_model_alias(MODEL_NAME, PREVIOUS, serving.version)
            self._client.set_registered_model_alias(MODEL_NAME, PRODUCTION, version)
        log.info("version %s is in production", version)

    def rollback(self) -> str:
        """Put the previous version back; returns it. Raises RegistryError when there is none."""
        previous = self.version(PREVIOUS)
        if previous is None:
            raise RegistryError("no previous version to go back to; only one was ever promoted")
        self.promote(previous.version)
        return previous.version

    def ensure_webhook(self, url: str, secret: str) -> None:
        """Have the registry send its alias events to `url`, signed with `secret`.

        The one registration has this project's name; it is made, or brought up to date.
        """
        about = {"url": url, "events": list(WEBHOOK_EVENTS), "secret": secret, "status": "ACTIVE"}
        with self._reachable():
            known = self._client.list_webhooks(max_results=100)
            mine = next((hook for hook in known if hook.name == WEBHOOK_NAME), None)
            if mine is None:
                self._client.create_webhook(WEBHOOK_NAME, **about)
            else:
                self._client.update_webhook(mine.webhook_id, **about)
        log.info("webhook %s sends alias events to %s", WEBHOOK_NAME, url)

    def _name_challenger(self, decision: dict) -> None:
        """The best version of the latest run, unless it has become production."""
        if not decision["promoted"]:
            self._client.set_registered_model_alias(MODEL_NAME, CHALLENGER, decision["version"])
        elif self.version(CHALLENGER):
            self._client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)

    def _described(self, found: MlflowVersion) -> ModelVersion:
        run = self._client.get_run(found.run_id)
        return ModelVersion(
            MODEL_NAME,
            str(found.version),
            found.run_id,
            tuple(found.aliases),
            dict(found.tags),
            dict(run.data.metrics),
        )

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, requests.RequestException, OSError) as error:
            raise RegistryError(
                f"MLflow at {self.tracking_uri}: {error}. Is it running (`make status`)?"
            ) from error


def _log_record(record: TrainingRecord) -> None:
    mlflow.log_params(dict(record.parameters))
    mlflow.log_metrics(dict(record.metrics))
    with warnings.catch_warnings():
        # MLflow has two sources of one name for a local path and says so each time.
        warnings.simplefilter("ignore", UserWarning)
        source = resolve_dataset_source(str(record.dataset["uri"]))
    sha256 = str(record.dataset["sha256"])
    # MLflow shows 36 characters of a digest; the whole one is in the tags and dataset.json.
    mlflow.log_input(MetaDataset(source, name="listings", digest=sha256[:36]), "training")
    mlflow.log_dict(dict(record.dataset), "dataset.json")
    mlflow.log_dict(dict(record.report), "contract_report.json")
    mlflow.log_text(record.report_page, "contract_report.html")
    mlflow.log_text(record.slices.to_csv(index=False), "slices.csv")
    for name, figure in record.figures.items():
        mlflow.log_figure(figure, f"plots/{name}")


def _log_model(valuation: Valuation, record: TrainingRecord) -> tuple[object, str]:
    """Log and register the model; returns MLflow's description and the manifest's SHA-256."""
    examples = record.examples[[c.name for c in FEATURES]].reset_index(drop=True)
    examples = examples.astype({"year": float, "odometer": float})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "valuation"
        manifest_sha256 = artifact.save(valuation, folder)
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(PACKAGE / "registry" / "pyfunc_model.py"),
            artifacts={"valuation": str(folder)},
            code_paths=[str(PACKAGE)],
            signature=infer_signature(examples, valuation.price_frame(examples).astype(float)),
            input_example=examples.head(2),
            pip_requirements=list(REQUIREMENTS),
            registered_model_name=MODEL_NAME,
        )
    return logged, manifest_sha256


def _verdict(number: str, decision: dict) -> dict[str, str]:
    if number != decision["version"]:
        reason = f"version {decision['version']} of the same run is better"
        return {"gate": "not the best", "gate_reasons": reason}
    gate = "promoted" if decision["promoted"] else "refused"
    return {"gate": gate, "gate_reasons": json.dumps(decision["reasons"], ensure_ascii=False)}
