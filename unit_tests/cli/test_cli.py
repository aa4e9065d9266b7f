"""`vehicle-price`: explains itself, refuses in one line, does the main job."""

# pylint: disable=protected-access  # argparse shows its options in no other way

import csv
import json
import subprocess
import sys

import pytest

from unit_tests.helpers.main_job import copy_mlflow
from vehicle_price.cli.main import build_parser, main
from vehicle_price.names import FAMILY_NAMES
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import PRODUCTION
from vehicle_price.schema import EXAMPLE

COMMANDS = (
    "sample",
    "ingest",
    "replay",
    "report",
    "data",
    "mongodb",
    "train",
    "predict",
    "promote",
    "rollback",
    "keys",
    "status",
)


@pytest.fixture(name="alone", autouse=True)
def _alone(tmp_path, monkeypatch):
    """A folder of its own for everything, and no server."""
    monkeypatch.chdir(tmp_path)
    for name in ("SOURCE", "DATA", "SEED", "SAMPLE_ROWS", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOCAL_DIR", str(tmp_path / "local"))
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://here")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


@pytest.fixture(name="registry")
def _registry(main_job, mlflow_folder, tmp_path, monkeypatch):
    """Version 1 serves; the command line is told where."""
    settings = copy_mlflow(main_job, tmp_path)
    monkeypatch.chdir(mlflow_folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", settings.mlflow_tracking_uri)
    return Registry(settings.mlflow_tracking_uri)


def refused(capsys, *arguments: str) -> str:
    """Standard error of a command that must fail with status 1 and one line."""
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("vehicle-price: ")
    assert "Traceback" not in output.err and output.err.count("\n") == 1
    return output.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as exited:
        main([command, "--help"])
    stdout = " ".join(capsys.readouterr().out.split())
    assert exited.value.code == 0 and stdout.startswith(f"usage: vehicle-price {command} ")
    assert "Exit status: 0 done" in stdout and "setup/configuration.md" in stdout


def test_every_command_and_option_has_its_own_help():
    commands = next(iter(build_parser()._subparsers._group_actions))
    assert tuple(commands.choices) == COMMANDS
    assert all(choice.help.endswith(".") for choice in commands._choices_actions)
    for parser in commands.choices.values():
        assert parser.description and all(action.help for action in parser._actions)


def test_the_help_lists_all_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    stdout = capsys.readouterr().out
    assert all(f"    {command} " in stdout for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["sample"],
        ["sample", "a.csv", "--rows", "many"],
        ["train", "--family", "astrology"],
        ["train", "--source", "rumour"],
        ["predict"],
        ["promote"],
        ["status", "--verbose"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_end_with_status_2_and_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 2
    assert "usage: vehicle-price" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "absent.csv"], "absent.csv"),
        (["predict", "."], "directory"),
        (["ingest", "--data", "absent.csv"], "absent.csv"),
        (["train", "--source", "file"], "DATA"),
        (["train", "--dataset", "absent"], "absent: no dataset here; run `vehicle-price ingest`"),
        (["sample", "no/such/folder.csv", "--rows", "10"], "no/such"),
        (["sample", "a.csv", "--rows", "0"], "0 rows"),
        (["sample", "a.csv", "--rows", "-1"], "-1 rows"),
        (["ingest", "--source", "sample", "--rows", "0"], "0 rows"),
        (["train", "--rows", "5000001"], "5,000,001 rows"),
        (["promote", "1"], "PostgreSQL"),
        (["rollback"], "PostgreSQL"),
        (["data", "prune", "--yes"], "nowhere://here"),
        (["status"], "nowhere://here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_ends_with_status_1_and_the_reason(arguments, reason, capsys):
    assert reason in refused(capsys, *arguments)


@pytest.mark.parametrize(("name", "value"), [("SOURCE", "rumour"), ("SEED", "abc")])
def test_a_senseless_setting_is_named(name, value, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    assert f"{name}='{value}'" in refused(capsys, "ingest", "--rows", "100")


def test_too_few_listings_to_train_on_are_counted(capsys):
    reason = refused(capsys, "train", "--source", "sample", "--rows", "400")
    assert "different cars" in reason and "at least 500" in reason


def test_a_sample_is_written_and_ingested_from_its_file(capsys, tmp_path):
    assert main(["sample", "cars.csv", "--rows", "300", "--seed", "1"]) == 0
    with (tmp_path / "cars.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 300
    assert main(["ingest", "--data", "cars.csv"]) == 0
    from_file = json.loads(capsys.readouterr().out)
    assert main(["ingest", "--source", "sample", "--rows", "300", "--seed", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == from_file["sha256"]
    assert (
        from_file["rows"] + from_file["quarantined"] == 300
        and from_file["provenance"]["source"] == "file"
    )


def test_a_seed_of_zero_is_a_seed(capsys):
    assert main(["ingest", "--source", "sample", "--rows", "300", "--seed", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"]["seed"] == 0


def test_listings_in_a_file_are_priced_with_the_production_model(registry, tmp_path, capsys):
    assert registry.version(PRODUCTION).version == "1"
    listing = EXAMPLE | {"model": "civic"}
    (tmp_path / "cars.json").write_text(json.dumps([listing, listing | {"year": 2019}]))
    out = tmp_path / "priced.csv"
    assert main(["predict", str(tmp_path / "cars.json"), "--out", str(out)]) == 0
    with out.open(newline="", encoding="utf-8") as file:
        older, newer = csv.DictReader(file)
    assert int(older["low"]) <= int(older["price"]) <= int(older["high"])
    assert int(older["price"]) < int(newer["price"]) and capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["cars.csv", "cars.json"])
def test_a_wrong_listing_in_a_file_is_named_with_row_column_and_limit(name, tmp_path, capsys):
    rows = [EXAMPLE | {"odometer": miles} for miles in (1_000, 600_000)]
    text = json.dumps(rows)
    if name.endswith(".csv"):
        text = "\n".join([",".join(EXAMPLE)] + [",".join(map(str, r.values())) for r in rows])
    (tmp_path / name).write_text(text)
    assert "/1/odometer 600000 is above 500000 miles" in refused(capsys, "predict", name)


def test_promoting_by_hand_and_rolling_back_are_seen_in_the_status(registry, capsys, caplog):
    assert main(["promote", "2"]) == 0 and "the gate was not asked" in caplog.text
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("production  version 2, random_forest, MAE 3,")
    assert lines[1] == "challenger  none"
    assert lines[2].startswith("previous    version 1, xgboost") and "gate: promoted" in lines[2]
    assert main(["rollback"]) == 0 and registry.version(PRODUCTION).version == "1"


def test_an_absent_version_and_an_empty_registry_are_refused(registry, capsys):
    assert "99" in refused(capsys, "promote", "99")
    assert registry.version(PRODUCTION).version == "1"
    assert "no previous version" in refused(capsys, "rollback")


def test_training_ends_with_the_gates_decision(registry, main_job, capsys):
    uri = main_job.dataset["uri"]
    assert main(["train", "--dataset", uri, "--family", FAMILY_NAMES[0]]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [t["family"] for t in answer["trained"]] == [FAMILY_NAMES[0]]
    assert answer["decision"]["promoted"] is False and answer["decision"]["production"] == "1"
    assert registry.version(PRODUCTION).version == "1"


def test_the_help_loads_nothing_heavy():
    code = (
        "import sys; from vehicle_price.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(str({'mlflow', 'pandas', 'xgboost', 'numpy'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "" and "vehicle-price" in done.stdout
