"""Airflow can read our DAGs quickly, and they explain themselves to whoever starts them."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from vehicle_price.names import FAMILY_NAMES, SOURCE_NAMES

HELPERS = Path(__file__).parents[1] / "helpers"
INSTALLED = {"SOURCE": "file", "DATA": "/listings.csv", "SAMPLE_ROWS": "5000", "SEED": "3"}
ALWAYS = ["retry"] * 4
TWICE = ["default", "fail", "fail", "fail"]
HOUR = 3600


@pytest.fixture(name="parsed", scope="module")
def fixture_parsed(tmp_path_factory) -> dict:
    """The facts of all DAGs, parsed by a fresh process with an empty Airflow home."""
    try:
        version("apache-airflow-task-sdk")
    except PackageNotFoundError:
        pytest.skip("Airflow is not installed")
    environ = (
        os.environ
        | INSTALLED
        | {
            "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
    )
    command = [sys.executable, str(HELPERS / "dag_facts.py")]
    process = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def _tasks_of(parsed: dict) -> list[tuple[str, dict]]:
    return [task for dag in parsed["dags"].values() for task in dag["tasks"].items()]


def _named_tasks(parsed: dict) -> list[tuple[str, str, dict]]:
    dags = parsed["dags"].items()
    return [(dag, *task) for dag, facts in dags for task in facts["tasks"].items()]


def test_every_dag_can_be_read(parsed):
    assert not parsed["errors"]
    assert sorted(parsed["dags"]) == [
        "approve_retraining",
        "ingest_listings",
        "promote_version",
        "prune_listings",
        "roll_back_production",
        "train_vehicle_price",
    ]


def test_parsing_imports_nothing_heavy_and_is_quick(parsed):
    assert not parsed["heavy"]
    assert parsed["seconds"] < 3  # 0.1 s on an idle machine


def test_every_dag_has_documentation_and_tags(parsed):
    for name, dag in parsed["dags"].items():
        assert dag["doc"] and len(dag["doc"].split()) > 30, name
        assert "vehicle-price" in dag["tags"], name


def test_every_task_has_a_docstring_an_owner_and_retries_with_growing_delays(parsed):
    for name, task in _tasks_of(parsed):
        assert task["doc"], name
        assert task["owner"] == "data-science", name
        assert (task["retries"], task["delay"], task["growth"]) == (5, 30, 2), name
        assert task["longest_delay"] == 600, name


def test_every_task_ends_in_time_but_the_one_that_waits_for_a_person(parsed):
    timeouts = {(dag, name): task["timeout"] for dag, name, task in _named_tasks(parsed)}
    assert timeouts.pop(("approve_retraining", "approve")) is None
    long = {("ingest_listings", "ingest")}
    long |= {("train_vehicle_price", name) for name in ("prepare_dataset", "train")}
    assert {key for key, seconds in timeouts.items() if seconds == 3 * HOUR} == long
    assert all(seconds == HOUR for key, seconds in timeouts.items() if key not in long)


@pytest.mark.parametrize(
    ("fault", "decisions"),
    [
        ("source away", ALWAYS),
        ("store away", ALWAYS),
        ("store away, wrapped", ALWAYS),
        ("database away", ALWAYS),
        ("wrong source", ["fail"] * 4),
        ("wrong store", ["fail"] * 4),
        ("contract", ["fail"] * 4),
        ("unknown", TWICE),
        ("too long", TWICE),
    ],
)
def test_what_passes_is_tried_again_wrong_input_is_not_and_the_unknown_twice(
    parsed, fault, decisions
):
    assert parsed["retries"][fault] == decisions


def test_a_nightly_run_announces_what_no_training_has_taken_and_a_manual_run_always(parsed):
    """Whatever is new in its batch: a second attempt finds nothing new, nor does a changed row."""
    assert parsed["announced"] == {
        "scheduled": [True, False, False],
        "manual": [True, True, True],
        "asset_materialization": [True, True, True],
        "backfill": [False, False, False],
    }


def test_a_training_tells_which_dataset_it_has_taken_and_the_nightly_run_looks_there(parsed):
    prepare = parsed["dags"]["train_vehicle_price"]["tasks"]["prepare_dataset"]
    assert prepare["outlets"] == ["training_dataset"]
    for name in ("announce", "announce_sample"):
        assert parsed["dags"]["ingest_listings"]["tasks"][name]["inlets"] == ["training_dataset"]


def test_people_are_told_of_every_dags_failed_run_and_of_its_next_success(parsed):
    for name, dag in parsed["dags"].items():
        assert dag["callbacks"] == ["open_run_incident", "resolve_run_incident"], name


def test_airflow_reads_no_file_without_a_dag(parsed):
    assert len(parsed["files"]) == len(parsed["dags"])
    assert set(parsed["files"].values()) == {1}


def test_training_starts_when_ingest_updates_the_asset_of_its_store(parsed):
    ingest, train = parsed["dags"]["ingest_listings"], parsed["dags"]["train_vehicle_price"]
    downstream = ["announce", "announce_sample", "contract_report"]
    assert ingest["tasks"]["ingest"]["downstream"] == downstream
    assert ingest["tasks"]["announce"]["outlets"] == ["listings"]
    assert ingest["tasks"]["announce_sample"]["outlets"] == ["sample_listings"]
    assert train["assets"] == ["listings", "sample_listings"]
    assert ingest["assets"] == []


def test_training_prepares_then_fits_each_family_then_ends_in_the_gate(parsed):
    tasks = parsed["dags"]["train_vehicle_price"]["tasks"]
    assert tasks["prepare_dataset"]["downstream"] == ["contract_report", "gate", "train"]
    assert tasks["train"]["mapped"] and tasks["train"]["downstream"] == ["every_family", "gate"]
    assert tasks["gate"]["downstream"] == []


def test_a_family_that_fails_stops_the_run_and_not_the_gate(parsed):
    tasks = parsed["dags"]["train_vehicle_price"]["tasks"]
    assert tasks["gate"]["trigger"] == "all_done_min_one_success"
    assert tasks["every_family"]["trigger"] == "all_success"
    assert tasks["every_family"]["downstream"] == []


def test_both_dags_lead_to_the_contract_report_even_after_a_failure(parsed):
    for name in ("ingest_listings", "train_vehicle_price"):
        report = parsed["dags"][name]["tasks"]["contract_report"]
        assert report["links"] == ["Contract report"] and report["trigger"] == "all_done", name
        assert report["downstream"] == [], name


def test_the_training_form_offers_every_family_and_source(parsed):
    params = parsed["dags"]["train_vehicle_price"]["params"]
    assert params["families"]["value"] == list(FAMILY_NAMES)
    assert params["families"]["examples"] == list(FAMILY_NAMES)
    assert params["source"]["enum"] == list(SOURCE_NAMES)
    names = {"dataset", "source", "data", "rows", "families", "seed", "price_shift"}
    assert set(params) == names and params["price_shift"]["value"] == 0.0


def test_a_form_begins_with_the_settings_of_the_installation(parsed):
    for name in ("ingest_listings", "train_vehicle_price"):
        values = {key: p["value"] for key, p in parsed["dags"][name]["params"].items()}
        installed = {"source": "file", "data": "/listings.csv", "rows": 5_000, "seed": 3}
        assert values.items() >= installed.items(), name


def test_a_text_field_may_be_empty_or_must_be_filled_in(parsed):
    """Airflow's page does not start a run while a text field that is empty has the type string."""
    fields = [p for dag in parsed["dags"].values() for p in dag["params"].items()]
    texts = {name: param for name, param in fields if "string" in param.get("type", "")}
    required = [name for name, param in texts.items() if param["type"] == "string"]
    assert set(texts) - set(required) == {"dataset", "data", "since", "until"}
    assert sorted(required) == ["causes", "reason", "run_id"]
    assert all(texts[name]["minLength"] == 1 for name in required)


def test_a_rollback_that_is_tried_again_puts_the_same_version_back(parsed):
    tasks = parsed["dags"]["roll_back_production"]["tasks"]
    assert tasks["plan"]["downstream"] == ["roll_back"]


def test_listings_are_read_at_midnight_and_old_datasets_removed_hours_later(parsed):
    nightly = {name: dag["cron"] for name, dag in parsed["dags"].items() if dag["cron"]}
    assert nightly == {"ingest_listings": "0 0 * * *", "prune_listings": "0 4 * * *"}
    assert parsed["dags"]["prune_listings"]["params"]["dry_run"]["value"] is False


def test_every_field_of_a_form_has_a_title_and_says_what_it_is_for(parsed):
    for dag in parsed["dags"].values():
        for name, param in dag["params"].items():
            assert param["title"], name
            assert len(dag["described"][name]) > 20, name
