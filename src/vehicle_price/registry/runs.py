"""MLflow runs: one per trained model, one per contract report, and the gate's decision on them."""

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.models import infer_signature

from vehicle_price.model import artifact
from vehicle_price.model.valuation import FittedValuation
from vehicle_price.registry.client import SERVING, TWIN, ModelVersion, Registry
from vehicle_price.registry.names import (
    CARD_TAG,
    GATE_REASONS_TAG,
    GATE_TAG,
    MODEL_NAME,
    REPORT_EXPERIMENT,
    REPORT_TAG,
    TRAINING_EXPERIMENT,
    TRAINING_KEY_TAG,
    TRAINING_PROFILE,
)
from vehicle_price.schema import FEATURES

log = logging.getLogger(__name__)

PACKAGE = Path(__file__).parents[1]  # MLflow copies all of it beside the model
REQUIREMENTS = ("numba", "numpy", "pandas")
AIRFLOW_RUN_VARIABLE = "AIRFLOW_CTX_DAG_RUN_ID"  # Airflow sets it for each task
RUN_SUMMARY_TAG = "mlflow.note.content"  # what MLflow shows as the description of a run


@dataclass(frozen=True)
class TrainingRecord:
    """The contents of a training run besides the model.

    summary: one line for the list of versions. dataset: has uri and sha256 among others.
    report: contract report of the ingest that made the dataset.
    training_profile: of the cars that the model which serves has learnt from, as JSON.
    slices: `metrics.slices`. examples: raw listings for the signature.
    figures: file name → picture.
    """

    summary: str
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    dataset: Mapping[str, object]
    report: Mapping[str, object]
    training_profile: Mapping[str, object]
    slices: pd.DataFrame
    examples: pd.DataFrame
    figures: Mapping[str, Figure]


class TrainedModels(NamedTuple):
    """What a version consists of: one recipe, fitted twice.

    serving: on every car. twin: without the test days, so that it can be measured on them.
    """

    serving: FittedValuation
    twin: FittedValuation


class ModelCard(NamedTuple):
    """A version's model card, as Markdown and as a web page."""

    markdown: str
    page: str


def register(registry: Registry, models: TrainedModels, record: TrainingRecord) -> ModelVersion:
    """Log a training as a run and register its models as a new version. Raises RegistryError.

    The run has everything that describes the version before that exists, so that `registered` can
    complete what a killed process has left.
    """
    with registry.reachable():
        mlflow.set_tracking_uri(registry.tracking_uri)
        mlflow.set_experiment(TRAINING_EXPERIMENT)
        run_name = str(record.parameters["family"])
        tags = dict(record.tags) | {RUN_SUMMARY_TAG: record.summary}
        with mlflow.start_run(run_name=run_name, tags=tags):
            _log_record(record)
            number = str(_log_models(models, record))
        _describe(registry, number)
    log.info("registered version %s of %s", number, MODEL_NAME)
    return registry.version_by_number(number)


def registered(registry: Registry, training_key: str) -> ModelVersion | None:
    """The version that an earlier attempt of the same training has registered; None if none has.

    training_key: as in TRAINING_KEY_TAG. Completes a version whose process was killed before it had
    described it; marks the runs of attempts that were killed before they registered one. Raises
    RegistryError.
    """
    client = registry.client
    with registry.reachable():
        experiment = client.get_experiment_by_name(TRAINING_EXPERIMENT)
        if experiment is None:
            return None
        wanted = f"tags.{TRAINING_KEY_TAG} = '{training_key}'"
        for run in client.search_runs([experiment.experiment_id], wanted):
            of_run = f"name = '{MODEL_NAME}' AND run_id = '{run.info.run_id}'"
            versions = client.search_model_versions(of_run)
            if run.info.status == "RUNNING":
                client.set_terminated(run.info.run_id, "FINISHED" if versions else "KILLED")
            if versions:
                _describe(registry, str(versions[0].version))
                return registry.version_by_number(str(versions[0].version))
    return None


def _describe(registry: Registry, number: str) -> None:
    """Give a version the description and the tags of the run that made it."""
    client = registry.client
    run_id = client.get_model_version(MODEL_NAME, number).run_id
    tags = client.get_run(run_id).data.tags
    client.update_model_version(MODEL_NAME, number, tags[RUN_SUMMARY_TAG])
    for tag, value in tags.items():
        if not tag.startswith("mlflow."):
            client.set_model_version_tag(MODEL_NAME, number, tag, value)


def record_decision(
    registry: Registry, numbers: list[str], decision: dict, cards: Mapping[str, ModelCard]
) -> None:
    """Store the gate's decision with every version it judged: as tags, as gate.json and, of the
    versions in `cards`, as model_card.md and model_card.html.

    The best version becomes `challenger` if it is harmless and not promoted; otherwise nothing
    challenges production. Raises RegistryError.
    """
    client = registry.client
    challenges = decision["harmless"] and not decision["promoted"]
    with registry.reachable():
        registry.set_challenger(decision["version"] if challenges else None)
        for number in numbers:
            run_id = client.get_model_version(MODEL_NAME, number).run_id
            client.log_dict(run_id, decision, "gate.json")
            tags = _gate_tags(number, decision)
            if number in cards:
                client.log_text(run_id, cards[number].markdown, "model_card.md")
                client.log_text(run_id, cards[number].page, "model_card.html")
                tags[CARD_TAG] = artifact_page(registry, run_id, "model_card.html")
            for tag, value in tags.items():
                client.set_tag(run_id, tag, value)
                client.set_model_version_tag(MODEL_NAME, number, tag, value)


def starter() -> str:
    """What started this process: the Airflow run, or the command line."""
    return os.environ.get(AIRFLOW_RUN_VARIABLE, "command line")


def in_airflow() -> bool:
    """Whether this process is a task of an Airflow run."""
    return AIRFLOW_RUN_VARIABLE in os.environ


def keep_report(registry: Registry, uri: str, report: Mapping, page: str) -> str:
    """Log a contract report as a run of its own; returns the address of its page in MLflow.

    uri: where the report is stored; a second call with it updates the same run.
    Raises RegistryError.
    """
    client = registry.client
    with registry.reachable():
        experiment_id = _experiment_id(registry, REPORT_EXPERIMENT)
        runs = client.search_runs([experiment_id], f"tags.{REPORT_TAG} = '{uri}'")
        run_id = runs[0].info.run_id if runs else _new_report(registry, experiment_id, uri, report)
        client.log_dict(run_id, dict(report), "contract_report.json")
        client.log_text(run_id, page, "contract_report.html")
        client.set_terminated(run_id, "FAILED" if report["broken"] else "FINISHED")
    return artifact_page(registry, run_id, "contract_report.html")


def artifact_page(registry: Registry, run_id: str, name: str) -> str:
    """The address of MLflow's page that shows a run's artifact. Raises RegistryError."""
    with registry.reachable():
        experiment_id = registry.client.get_run(run_id).info.experiment_id
    return f"{registry.page_url}/#/experiments/{experiment_id}/runs/{run_id}/artifacts/{name}"


def _experiment_id(registry: Registry, name: str) -> str:
    experiment = registry.client.get_experiment_by_name(name)
    return experiment.experiment_id if experiment else registry.client.create_experiment(name)


def _new_report(registry: Registry, experiment_id: str, uri: str, report: Mapping) -> str:
    provenance = report["provenance"]
    tags = {REPORT_TAG: uri, "broken": "; ".join(report["broken"])}
    run = registry.client.create_run(experiment_id, tags=tags, run_name=str(provenance["origin"]))
    for name, value in provenance.items():
        registry.client.log_param(run.info.run_id, name, value)
    for name in ("read", "accepted", "new", "quarantined", "quarantined_share"):
        if report[name] is not None:
            registry.client.log_metric(run.info.run_id, name, report[name])
    return run.info.run_id


def _log_record(record: TrainingRecord) -> None:
    mlflow.log_params(dict(record.parameters))
    mlflow.log_metrics(dict(record.metrics))
    with warnings.catch_warnings():
        # MLflow warns each time that two kinds of source match a local path.
        warnings.simplefilter("ignore", UserWarning)
        source = resolve_dataset_source(str(record.dataset["uri"]))
    sha256 = str(record.dataset["sha256"])
    # MLflow shows 36 characters of a digest; the whole digest is in the tags and dataset.json.
    mlflow.log_input(MetaDataset(source, name="listings", digest=sha256[:36]), "training")
    mlflow.log_dict(dict(record.dataset), "dataset.json")
    mlflow.log_dict(dict(record.report), "contract_report.json")
    mlflow.log_dict(dict(record.training_profile), TRAINING_PROFILE)
    mlflow.log_text(record.slices.to_csv(index=False), "slices.csv")
    for name, figure in record.figures.items():
        mlflow.log_figure(figure, f"plots/{name}")


def _log_models(models: TrainedModels, record: TrainingRecord) -> str:
    """Log and register the models; returns the number of the version."""
    examples = record.examples[[c.name for c in FEATURES]].reset_index(drop=True)
    examples = examples.astype({"year": float, "odometer": float})
    with tempfile.TemporaryDirectory() as temporary:
        folders = {part: Path(temporary) / part.folder for part in (SERVING, TWIN)}
        manifests = {
            SERVING.manifest_tag: artifact.save(models.serving, folders[SERVING]),
            TWIN.manifest_tag: artifact.save(models.twin, folders[TWIN]),
        }
        mlflow.set_tags(manifests)
        model_info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(PACKAGE / "registry" / "pyfunc_model.py"),
            artifacts={part.folder: str(folder) for part, folder in folders.items()},
            code_paths=[str(PACKAGE)],
            signature=infer_signature(examples, models.serving.price_frame(examples).astype(float)),
            input_example=examples.head(2),
            pip_requirements=list(REQUIREMENTS),
            registered_model_name=MODEL_NAME,
        )
    return model_info.registered_model_version


def _gate_tags(number: str, decision: dict) -> dict[str, str]:
    if number != decision["version"] and number in decision["measured"]:
        reason = f"version {decision['version']} of the same run is better"
        return {GATE_TAG: "not the best", GATE_REASONS_TAG: reason}
    is_promoted = decision["promoted"] and number == decision["version"]
    verdict = "promoted" if is_promoted else "refused"
    reasons = json.dumps(decision["reasons"], ensure_ascii=False)
    return {GATE_TAG: verdict, GATE_REASONS_TAG: reasons}
